"""Input sizes that a file states without calling its model: comments, arrays, configurations."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from modellint.discovery.constants import NotConstant, constant, no_name
from modellint.discovery.example_tensors import InputHint, InputTensor
from modellint.source.file import SourceFile

_GROUP = re.compile(
    r"(?:(?P<name>[A-Za-z_]\w*)\s*=\s*)?[(\[](?P<sizes>[^)\]]*)[)\]](?:\s*:\s*(?P<dtype>\w+))?"
)
_BARE = re.compile(r"^(?P<sizes>[\w\s,]+?)(?:\s*:\s*(?P<dtype>\w+))?$")
_SIZE_NAMES = frozenset({"input_size", "input_shape"})

Hints = dict[str, tuple[InputHint, ...]]


def input_comments(source: SourceFile) -> Hints:
    """The `input=` comments by the name of the class or function they stand on."""
    lines = {
        node.lineno: node.name
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef | ast.FunctionDef)
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


def _sizes(text: str) -> tuple[int | None, ...]:
    """The sizes of `1, H, 28`; a letter is a size that is free."""
    parts = [part.strip() for part in text.split(",")]
    return tuple(int(part) if part.isdigit() else None for part in parts if part)


def _assigned_at(tree: ast.Module, line: int) -> str | None:
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name), *_], lineno=first) if first == line:
                return name
    return None


def configured_inputs(tree: ast.Module) -> Hints:
    """The `input_size`s of a file: by class, by factory (timm's default_cfgs), or "" for all."""
    found: Hints = {}

    def add(owner: str, sizes: Any, line: int, word: str) -> None:
        tensor = InputTensor(None, (None, *sizes), "float32")
        hint = InputHint((tensor,), line, f"{word} at line {line}")
        found[owner] = (*found.get(owner, ()), hint)

    for owner, node in _owned(tree, ""):
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


def _owned(node: ast.AST, owner: str) -> Iterator[tuple[str, ast.AST]]:
    for child in ast.iter_child_nodes(node):
        inner = child.name if isinstance(child, ast.ClassDef) else owner
        yield inner, child
        yield from _owned(child, inner)
