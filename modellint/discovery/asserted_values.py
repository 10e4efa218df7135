"""Values that a function says its parameters may have: what it asserts, compares, looks up.

`assert depth in (18, 34)` names two; so do `if depth not in SETTINGS: raise`, `SETTINGS[depth]`
with a table of the file, `Literal["small", "large"]`, and comparisons of which the last raises.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from modellint.discovery.names import top_level, written_name
from modellint.discovery.scopes import Function, own_nodes

Tables = Mapping[str, ast.expr]
"""The displays that a module binds to names: dictionaries, lists, tuples and sets."""

_DISPLAYS = (ast.Dict, ast.List, ast.Tuple, ast.Set)


class Asserted(NamedTuple):
    """A value that the code admits for a parameter, as text, and the line that says so."""

    text: str
    line: int


def tables_of(tree: ast.Module) -> Tables:
    """The displays of a module by name."""
    found: dict[str, ast.expr] = {}
    for node in top_level(tree.body):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                if isinstance(value, _DISPLAYS):
                    found[name] = value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                if isinstance(value, _DISPLAYS):
                    found[name] = value
    return found


def asserted_values(function: Function, tables: Tables) -> dict[str, Asserted]:
    """The first value that the code admits for each parameter of which it says any."""
    found: dict[str, Asserted] = {}
    for name, value in _literals(function):
        found.setdefault(name, value)
    for node in own_nodes(function):
        for name, options, line in _admitted(node, tables):
            first = next(_constants(options), None)
            if first is not None:
                found.setdefault(name, Asserted(ast.unparse(first), line))
    return found


def _literals(function: Function) -> Iterator[tuple[str, Asserted]]:
    arguments = function.args
    for one in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
        match one.annotation:
            case ast.Subscript(value=kind, slice=options):
                if (written_name(kind) or "").rpartition(".")[2] == "Literal":
                    first = next(_constants(options), None)
                    if first is not None:
                        yield one.arg, Asserted(ast.unparse(first), one.lineno)


def _admitted(node: ast.AST, tables: Tables) -> Iterator[tuple[str, ast.expr, int]]:
    """What a statement or expression says of a name: the values it may have, and where."""
    match node:
        case ast.Assert(test=test):
            for name, options in _compared(test, ast.In, ast.Eq):
                yield name, _table(options, tables), node.lineno
        case ast.If(test=test, body=[*_, ast.Raise()]):
            for name, options in _compared(test, ast.NotIn, ast.NotEq):
                yield name, _table(options, tables), node.lineno
        case ast.If(test=test) if _raises_at_last(node):
            for name, options in _compared(test, ast.In, ast.Eq):
                yield name, _table(options, tables), node.lineno
        case ast.Subscript(value=table, slice=ast.Name(id=name), ctx=ast.Load()):
            found = _table(table, tables)
            if isinstance(found, ast.Dict):
                yield name, found, node.lineno
        case ast.Match(subject=ast.Name(id=name), cases=cases):
            for case in cases:
                if isinstance(case.pattern, ast.MatchValue):
                    yield name, case.pattern.value, node.lineno


def _compared(test: ast.expr, within: type, equal: type) -> Iterator[tuple[str, ast.expr]]:
    parts = test.values if isinstance(test, ast.BoolOp) else [test]
    for part in parts:
        match part:
            case ast.Compare(left=ast.Name(id=name), ops=[op], comparators=[options]):
                one = isinstance(op, equal) and isinstance(options, ast.Constant)
                if one or isinstance(op, within):
                    yield name, options


def _raises_at_last(node: ast.If) -> bool:
    """Whether a chain of conditions ends in raising, so that one of them has to hold."""
    while len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
        node = node.orelse[0]
    return bool(node.orelse) and isinstance(node.orelse[-1], ast.Raise)


def _table(node: ast.expr, tables: Tables) -> ast.expr:
    """The display that an expression stands for, as `SETTINGS` and `SETTINGS.keys()` do."""
    match node:
        case ast.Call(func=ast.Attribute(value=inner, attr="keys")):
            return _table(inner, tables)
        case ast.Call(func=ast.Name(id="list" | "tuple" | "set" | "sorted"), args=[inner]):
            return _table(inner, tables)
        case ast.Name(id=name):
            return tables.get(name, node)
    return node


def _constants(node: ast.expr) -> Iterator[ast.Constant]:
    items: list[ast.expr | None] = [node]
    if isinstance(node, ast.Dict):
        items = list(node.keys)
    elif isinstance(node, ast.List | ast.Tuple | ast.Set):
        items = list(node.elts)
    for item in items:
        if isinstance(item, ast.Constant) and isinstance(item.value, str | int | float):
            yield item
