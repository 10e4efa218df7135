"""The batches that a `DataLoader` gives of data that the file itself makes up."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from modellint.discovery.constants import NotConstant
from modellint.discovery.displays import of_parts
from modellint.discovery.example_tensors import Example
from modellint.discovery.names import top_level
from modellint.discovery.scopes import Function, Value

TENSORS, LOADER = "TensorDataset", "DataLoader"


def items(tree: ast.Module) -> dict[str, Function]:
    """The `__getitem__` of each class of a file that is no part of another, by its name."""
    return {
        node.name: item
        for node in top_level(tree.body)
        if isinstance(node, ast.ClassDef)
        for item in node.body
        if isinstance(item, ast.FunctionDef) and item.name == "__getitem__"
    }


def batches(
    node: ast.Call, read: Callable[[ast.expr], Value], sample: Callable[[str], Value | None]
) -> Mapping[Any, Value] | None:
    """The one batch that stands for all of a loader; `None` where its data are not known.

    `sample` gives what a class of data of the file gives for one index.
    """
    words = {word.arg: word.value for word in node.keywords}
    data = words.get("dataset", node.args[0] if node.args else None)
    if data is None:
        return None
    size = words.get("batch_size", node.args[1] if len(node.args) > 1 else None)
    given = 1 if size is None else read(size).constant
    count = given if type(given) is int else None
    known = read(data)
    if known.kind.rpartition(".")[2] == TENSORS and known.parts:
        rows = {key: _rows(part) for key, part in known.parts.items()}
        batch = of_parts("tuple", {key: _batched(one, count) for key, one in rows.items()})
        return {0: batch}
    one = sample(known.kind)
    return None if one is None else {0: _batched(one, count)}


def _rows(value: Value) -> Value:
    """One row of a tensor."""
    held = value.held
    if not isinstance(held, Example) or held.of is not None or not held.shape:
        return Value()
    return Value(held=replace(held, shape=held.shape[1:]))


def _batched(value: Value, count: int | None) -> Value:
    """What samples like one are put together to."""
    if value.parts is not None:
        kind = value.kind if value.kind in ("list", "dict") else "tuple"
        return of_parts(kind, {key: _batched(part, count) for key, part in value.parts.items()})
    if isinstance(value.held, Example) and value.held.of is None:
        return Value(held=replace(value.held, shape=(count, *value.held.shape)))
    number = value.constant if value.constant is not NotConstant else None
    if isinstance(number, int | float):
        return Value(held=Example((count,), "int64" if isinstance(number, int) else "float64"))
    return Value()
