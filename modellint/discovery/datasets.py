"""The size of the images that a training script loads: CIFAR-10's 32×32, or what it resizes to."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from modellint.discovery.constants import NotConstant, constant
from modellint.discovery.example_tensors import InputHint, InputTensor
from modellint.discovery.names import Names
from modellint.source.walking import nodes_of, walk

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
#: Transforms after which the size is another.
_OTHERS = frozenset(["Pad", "FiveCrop", "TenCrop"])
#: Data sets whose images have any size, and are read with three channels.
_FOLDERS = frozenset(
    """ImageFolder DatasetFolder Flowers102 Food101 Caltech101 Caltech256 OxfordIIITPet CelebA
    Places365 StanfordCars ImageNet Country211 DTD FGVCAircraft""".split()
)
_LIBRARIES = ("torchvision.", "albumentations.")
#: Functions that give a batch another size.
_BY_HAND = frozenset(["interpolate", "pad", "resize", "upsample", "center_crop"])


def dataset_images(tree: ast.Module, names: Names) -> InputHint | None:
    """The images of the one data set that a file loads; `None` where that is not sure.

    Images of any size are known by what they are resized to.
    """
    loaded: dict[tuple[int, int, int], tuple[str, int]] = {}
    resized: list[ast.Call] = []
    cropped: list[ast.Call] = []
    channels: int | None = None
    folders = False
    values = dict(_numbers(tree))
    loose = set(_resized_by_hand(tree))
    for node in nodes_of(tree, ast.Call):
        dotted = names.dotted(node.func) or ""
        module, _, name = dotted.rpartition(".")
        if name in _IMAGES and module.startswith("torchvision.datasets"):
            loaded.setdefault(_IMAGES[name], (name, node.lineno))
        elif name in _FOLDERS and module.startswith("torchvision.datasets"):
            folders = True
        elif name == "Grayscale" and module.startswith("torchvision."):
            channels = _channels(node, values)
        elif name in _OTHERS or id(node) in loose:
            return None
        elif name in _CROPS or name in _RESIZES:
            if not dotted.startswith(_LIBRARIES):
                return None
            (cropped if name in _CROPS else resized).append(node)
    # What is cut has the size that it is cut to, whatever it was before.
    square = bool(cropped) or not folders
    sizes = {_size(node, values, square): node.lineno for node in reversed(cropped or resized)}
    if None in sizes or len(loaded) > 1 or len(sizes) > 1:
        return None
    known_sizes = {size: line for size, line in sizes.items() if size is not None}
    if not loaded and not (known_sizes and folders):
        return None
    if loaded:
        ((known, height, width), (name, line)) = next(iter(loaded.items()))
        height, width = next(iter(known_sizes), (height, width))
        source = f"data set {name} at line {line}"
    else:
        ((height, width), line) = next(iter(known_sizes.items()))
        known, source = 3, f"resized images at line {line}"
    tensor = InputTensor(None, (None, channels or known, height, width), "float32")
    return InputHint((tensor,), line, source, images=True)


def _channels(node: ast.Call, values: Mapping[str, int]) -> int:
    """How many channels what is made grey has."""
    given = [*node.args[:1], *(word.value for word in node.keywords)]
    try:
        number = constant(given[0], _known(values)) if given else 1
    except NotConstant:
        return 1
    return number if isinstance(number, int) else 1


def _resized_by_hand(tree: ast.Module) -> Iterator[int]:
    """The calls outside of classes, by `id`, that give a batch another size."""
    outside = [node for node in tree.body if not isinstance(node, ast.ClassDef)]
    for statement in outside:
        for node in walk(statement):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Attribute) and called.attr in _BY_HAND:
                yield id(node)


def _numbers(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """The module's names that stand for one number."""
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=int() as value)):
                yield name, value


def _known(values: Mapping[str, int]) -> Callable[[str], Any]:
    def known(name: str) -> Any:
        if name not in values:
            raise NotConstant
        return values[name]

    return known


def _size(node: ast.Call, values: Mapping[str, int], square: bool) -> tuple[int, int] | None:
    """The height and width that a transform is given as numbers.

    One number is both sides where images are square, or are cut so; else it is the shorter one.
    """
    named = {word.arg: word.value for word in node.keywords}
    both = [named[side] for side in ("height", "width") if side in named]
    given = [named["size"]] if "size" in named else both or node.args[:1]
    if len(node.args) > 1 and not named.keys() & {"size", "height"}:
        second = node.args[1]
        given = given if isinstance(second, ast.Attribute) else [*given, second]
    try:
        sizes = [constant(one, _known(values)) for one in given]
    except NotConstant:
        return None
    if len(sizes) == 1 and isinstance(sizes[0], int):
        return (sizes[0], sizes[0]) if square else None
    if len(sizes) == 1 and isinstance(sizes[0], tuple | list):
        sizes = list(sizes[0])
    if len(sizes) == 1:
        sizes *= 2
    if len(sizes) == 2 and all(isinstance(size, int) for size in sizes):
        return sizes[0], sizes[1]
    return None
