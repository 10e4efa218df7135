"""The size of the images that a training script loads: CIFAR-10's 32×32, unless it resizes them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from modellint.discovery.constants import NotConstant, constant
from modellint.discovery.example_tensors import InputHint, InputTensor
from modellint.discovery.names import Names

#: Channels, height and width of torchvision's data sets whose images are all of one size.
_IMAGES: Mapping[str, tuple[int, int, int]] = {
    **dict.fromkeys(["MNIST", "FashionMNIST", "KMNIST", "QMNIST", "EMNIST"], (1, 28, 28)),
    **dict.fromkeys(["CIFAR10", "CIFAR100", "SVHN"], (3, 32, 32)),
    "STL10": (3, 96, 96),
    "USPS": (1, 16, 16),
}
#: Transforms whose first argument is the size of what they give; crops come after resizing.
_CROPS = frozenset(["CenterCrop", "RandomCrop", "RandomResizedCrop"])
_RESIZES = frozenset(["Resize", "Scale"])
#: Transforms after which the size, or the number of channels, is another.
_OTHERS = frozenset(["Pad", "FiveCrop", "TenCrop", "Grayscale", "RandomGrayscale"])
#: Functions that give a batch another size.
_BY_HAND = frozenset(["interpolate", "pad", "resize", "upsample", "center_crop"])


def dataset_images(tree: ast.Module, names: Names) -> InputHint | None:
    """The images of the one data set that a file loads; `None` where that is not sure."""
    loaded: dict[tuple[int, int, int], tuple[str, int]] = {}
    resized: set[tuple[int, int]] = set()
    cropped: set[tuple[int, int]] = set()
    values = dict(_numbers(tree))
    loose = set(_resized_by_hand(tree))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        module, _, name = (names.dotted(node.func) or "").rpartition(".")
        if name in _IMAGES and module.startswith("torchvision.datasets"):
            loaded.setdefault(_IMAGES[name], (name, node.lineno))
        elif name in _OTHERS or id(node) in loose:
            return None
        elif name in _CROPS or name in _RESIZES:
            size = _size(node, values) if module.startswith("torchvision.") else None
            if size is None:
                return None
            (cropped if name in _CROPS else resized).add(size)
    sizes = cropped or resized
    if len(loaded) != 1 or len(sizes) > 1:
        return None
    ((channels, height, width), (name, line)) = next(iter(loaded.items()))
    height, width = next(iter(sizes), (height, width))
    tensor = InputTensor(None, (None, channels, height, width), "float32")
    return InputHint((tensor,), line, f"data set {name} at line {line}", images=True)


def _resized_by_hand(tree: ast.Module) -> Iterator[int]:
    """The calls outside of classes, by `id`, that give a batch another size."""
    outside = [node for node in tree.body if not isinstance(node, ast.ClassDef)]
    for statement in outside:
        for node in ast.walk(statement):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Attribute) and called.attr in _BY_HAND:
                yield id(node)


def _numbers(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """The module's names that stand for one number."""
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=int() as value)):
                yield name, value


def _size(node: ast.Call, values: Mapping[str, int]) -> tuple[int, int] | None:
    """The height and width that a transform is given as numbers."""

    def known(name: str) -> Any:
        if name not in values:
            raise NotConstant
        return values[name]

    given = [*node.args[:1], *(word.value for word in node.keywords if word.arg == "size")]
    try:
        size = constant(given[0], known) if given else None
    except NotConstant:
        return None
    sides = (size, size) if isinstance(size, int) else size
    if isinstance(sides, tuple | list) and len(sides) == 2:
        height, width = sides
        if isinstance(height, int) and isinstance(width, int):
            return height, width
    return None
