"""Puts an `nn.ModuleList` or `nn.ModuleDict` around a plain container of modules."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, cast

from modellint.fixes.changes import Contain
from modellint.fixes.edits import Edit
from modellint.fixes.names import class_of, spelled
from modellint.fixes.sites import NoEdit, Text
from modellint.graph import Graph
from modellint.source.callees import called_name
from modellint.source.classes import own_attribute

#: What registers what a display holds.
_REGISTERING: Mapping[type[ast.expr], str] = {
    ast.List: "ModuleList",
    ast.ListComp: "ModuleList",
    ast.Tuple: "ModuleList",
    ast.Dict: "ModuleDict",
    ast.DictComp: "ModuleDict",
}


_LISTS = frozenset(_REGISTERING.values())


def contained(change: Contain, graph: Graph, text: Text) -> Iterator[Edit]:
    """The edits that register what a plain container holds; raise `NoEdit` where none do."""
    try:
        yield from _contained_there(change.module.path, graph, text)
    except NoEdit:
        yield from _contained_here(change, text)


def _contained_there(path: str, graph: Graph, text: Text) -> Iterator[Edit]:
    """The edits around what is assigned to the attribute that is a plain list or dict.

    In the class of what holds it, or where a file that does not define that assigns it.
    """
    whole, _, key = path.partition("[")
    holder, _, name = whole.rpartition(".")
    if key.count("[") or not key.endswith("]"):
        raise NoEdit("the container is filled elsewhere")
    values: list[ast.expr] = []
    with suppress(NoEdit):
        values = [*_assigned(name, class_of(holder, graph, text), within=True)]
    values = values or [*_assigned(name, text.source.tree, within=False)]
    if len(values) != 1:
        raise NoEdit("the container is filled elsewhere")
    kind = "ModuleList" if key[:-1].isdigit() else "ModuleDict"
    yield from _around(values[0], kind, text)


def _around(value: ast.expr, kind: str, text: Text) -> Iterator[Edit]:
    """The edits that put an `nn.ModuleList` or `nn.ModuleDict` around an expression."""
    bare = isinstance(value, ast.Tuple) and not text.text_of(value).startswith("(")
    line, column, end_line, end_column = text.source.extent(value)
    yield text.inserted(line, column, spelled(f"nn.{kind}(", text) + "(" * bare)
    yield text.inserted(end_line, end_column, ")" + ")" * bare)


def _assigned(name: str, scope: ast.AST, *, within: bool) -> Iterator[ast.expr]:
    """What is assigned to an attribute and registers nothing; `within` a class, to `self`'s."""
    for node in ast.walk(scope):
        if not isinstance(node, (ast.Assign, ast.AnnAssign)) or node.value is None:
            continue
        if isinstance(node.value, ast.Call) and called_name(node.value) in _LISTS:
            continue
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            named = isinstance(target, ast.Attribute) and target.attr == name
            if named and (not within or own_attribute(target) == name):
                yield node.value


def _contained_here(change: Contain, text: Text) -> Iterator[Edit]:
    call = text.call_at(change.module.construction)
    node: ast.AST = call
    outer: ast.expr | None = None
    while not isinstance(node, (ast.stmt, ast.Lambda)):
        node = text.parents[node]
        if type(node) in _REGISTERING:
            outer = cast("ast.expr", node)
        elif isinstance(node, ast.Call):
            break
    if outer is None:
        raise NoEdit("the container is filled elsewhere")
    for one in ast.walk(outer):
        holds_calls = any(isinstance(child, ast.Call) for child in ast.walk(one))
        if type(one) in _REGISTERING and holds_calls and _is_held(one, outer, text):
            kind = _REGISTERING[cast("Any", type(one))]
            yield from _around(cast("ast.expr", one), kind, text)


def _is_held(node: ast.AST, outer: ast.AST, text: Text) -> bool:
    """Whether only displays stand between a node and the outermost."""
    while node is not outer:
        node = text.parents[node]
        if type(node) not in _REGISTERING:
            return False
    return True
