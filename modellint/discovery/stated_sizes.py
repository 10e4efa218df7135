"""Input sizes that a file states without calling its model: comments, arrays, configurations."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from modellint.discovery.constants import NotConstant, constant, no_name
from modellint.discovery.example_tensors import InputHint, InputTensor
from modellint.source.file import SourceFile
from modellint.source.walking import nodes_of, owned_nodes
from modellint.symbolic.specs import is_number

_GROUP = re.compile(
    r"(?:(?P<name>[A-Za-z_]\w*)\s*=\s*)?[(\[](?P<sizes>[^)\]]*)[)\]](?:\s*:\s*(?P<dtype>\w+))?"
)
_BARE = re.compile(r"^(?P<sizes>[\w\s,]+?)(?:\s*:\s*(?P<dtype>\w+))?$")
_SIZE_NAMES = frozenset({"input_size", "input_shape"})

#: Names of a whole shape, and of the side of a square or of both sides.
_SHAPES = frozenset(
    "img_shape image_shape input_shape in_shape obs_shape image_dims img_dims".split()
)
_SIDES = frozenset("img_size image_size im_size imsize img_sz input_resolution resolution".split())
#: Numbers of channels that images have; smaller sides are none.
_CHANNELS = (1, 3, 4)
_LEAST_SIDE = 8

Hints = dict[str, tuple[InputHint, ...]]


def input_comments(source: SourceFile) -> Hints:
    """The `input=` comments by the name of the class or function they stand on."""
    lines = {
        node.lineno: node.name for node in nodes_of(source.tree, ast.ClassDef, ast.FunctionDef)
    }
    found: Hints = {}
    for comment in source.input_comments:
        tensors = tuple(_spelled(comment.text))
        name = lines.get(comment.first_line)
        if name is None:
            # On an assignment, the comment is for the variable's model.
            name = _assigned_at(source.tree, comment.first_line)
        if name is not None and tensors:
            hint = InputHint(tensors, comment.line, f"input= comment at line {comment.line}")
            found[name] = (*found.get(name, ()), hint)
    return found


def _spelled(text: str) -> Iterator[InputTensor]:
    groups = list(_GROUP.finditer(text))
    bare = _BARE.match(text)
    if not groups and bare is not None:
        yield InputTensor(None, _sizes(bare["sizes"]), bare["dtype"] or "float32")
    for group in groups:
        yield InputTensor(group["name"], _sizes(group["sizes"]), group["dtype"] or "float32")


def _sizes(text: str) -> tuple[int | str | None, ...]:
    """The sizes of `1, H, 28`; a name is a size that is free, and the same wherever it stands."""
    parts = [part.strip() for part in text.split(",")]
    return tuple(int(part) if is_number(part) else _name(part) for part in parts if part)


def _name(part: str) -> str | None:
    return part if part.isidentifier() and part not in ("_", "None") else None


def _assigned_at(tree: ast.Module, line: int) -> str | None:
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name), *_], lineno=first) if first == line:
                return name
    return None


def configured_inputs(tree: ast.Module) -> Hints:
    """The `input_size`s of a file: by class, by factory (timm's default_cfgs), or "" for all."""
    found: Hints = {}

    def add(owner: str, sizes: tuple[int, ...], line: int, word: str) -> None:
        shapes: list[tuple[int | None, ...]] = [(None, *sizes)]
        if len(sizes) == 2 and min(sizes) >= _LEAST_SIDE:
            shapes.insert(0, (None, None, *sizes))  # The sides of images, more often than rows.
        for shape in shapes:
            hint = InputHint((InputTensor(None, shape, "float32"),), line, f"{word} at line {line}")
            found[owner] = (*found.get(owner, ()), hint)

    for node, within in owned_nodes(tree, ast.Assign, ast.Dict):
        owner = within or ""
        if isinstance(node, ast.Assign) and _is_named(node, _SIZE_NAMES):
            sizes = _image(node.value)
            if sizes is not None:
                add(owner, sizes, node.lineno, "input_size")
        if isinstance(node, ast.Dict):
            for name, value, line in _configurations(node):
                add(name, value, line, "default_cfg")
    return found


def _configurations(node: ast.Dict) -> Iterator[tuple[str, tuple[int, ...], int]]:
    """`{'input_size': (3, 224, 224)}`, and `{'resnet18.a1': _cfg(input_size=...)}` by name."""
    for key, value in zip(node.keys, node.values, strict=True):
        if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
            continue
        if key.value in _SIZE_NAMES:
            sizes = _image(value)
            if sizes is not None:
                yield "", sizes, key.lineno
        elif isinstance(value, ast.Call):
            for word in value.keywords:
                sizes = _image(word.value) if word.arg in _SIZE_NAMES else None
                if sizes is not None:
                    yield key.value.partition(".")[0], sizes, key.lineno


def _image(node: ast.expr) -> tuple[int, ...] | None:
    """A constant tuple of two to four sizes; a lone number is a layer's width as often as not."""
    try:
        value = constant(node, no_name)
    except NotConstant:
        return None
    if not isinstance(value, tuple | list) or not 2 <= len(value) <= 4:
        return None
    return tuple(value) if all(type(size) is int and size > 0 for size in value) else None


def _is_named(node: ast.Assign, wanted: set[str] | frozenset[str]) -> bool:
    return any(
        (isinstance(target, ast.Name) and target.id in wanted)
        or (isinstance(target, ast.Attribute) and target.attr in wanted)
        for target in node.targets
    )


def is_image_name(name: str) -> bool:
    """Whether a parameter or a variable is called after the size of images."""
    return name.rpartition(".")[2].lower() in _SHAPES | _SIDES


def shape_hint(name: str, value: Any, line: int, built: str | None) -> InputHint | None:
    """The images that a value of such a name says; `None` for what is none, or no such name."""
    last = name.rpartition(".")[2].lower()
    shape = _shape(value) if last in _SHAPES else _sides(value) if last in _SIDES else None
    if shape is None:
        return None
    tensor = InputTensor(None, (None, *shape), "float32")
    source = f"{last} at line {line}"
    return InputHint((tensor,), line, source, images=True, built=built, loose=True)


def _shape(value: Any) -> tuple[int | None, ...] | None:
    """Channels, height and width, in whichever order they are."""
    if not _are_sizes(value) or not 2 <= len(value) <= 3:
        return None
    if len(value) == 2:
        return _sides(value)
    first, *_, last = value
    if last in _CHANNELS and first not in _CHANNELS:
        return last, value[0], value[1]
    return tuple(value)


def _sides(value: Any) -> tuple[int | None, ...] | None:
    sides = (value, value) if type(value) is int else value
    if not _are_sizes(sides) or len(sides) != 2 or min(sides) < _LEAST_SIDE:
        return None
    return None, sides[0], sides[1]


def _are_sizes(value: Any) -> bool:
    return isinstance(value, tuple | list) and all(type(one) is int and one > 0 for one in value)
