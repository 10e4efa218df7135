"""Values of parameters that the code itself admits: `assert depth in (18, 34)`, keys of a table."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

from modellint.discovery.constants import NotConstant, constant, no_name
from modellint.discovery.names import written_name
from modellint.discovery.scopes import own_nodes
from modellint.discovery.signatures import Parameters
from modellint.source.walking import walk


def admitted_value(name: str, parameters: Parameters, tables: Mapping[str, ast.Dict]) -> str | None:
    """The first value that a parameter may have by its annotation or the code, written out.

    `tables` are the dictionaries that the module writes out, by name.
    """
    literal = _literal(parameters.annotations.get(name, ""))
    if literal is not None or parameters.node is None:
        return literal
    known = {**tables, **dict(_tables(parameters.node))}
    for node in own_nodes(parameters.node):
        for values in _admitted(node, name, known):
            first = next(iter(values), None)
            text = None if first is None else _written(first)
            if text is not None:
                return text
    return None


def module_tables(body: Iterable[ast.stmt]) -> dict[str, ast.Dict]:
    """The dictionaries that statements write out, by name."""
    return {
        target.id: node.value
        for node in body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _tables(function: ast.AST) -> Iterator[tuple[str, ast.Dict]]:
    for node in walk(function):
        match node:
            case ast.Assign(targets=[target], value=ast.Dict() as table):
                name = written_name(target)
                if name is not None:
                    yield name, table


def _admitted(node: ast.AST, name: str, tables: Mapping[str, ast.Dict]) -> Iterator[list[ast.expr]]:
    """The values of a name that a piece of code goes on with, where it raises for others."""
    match node:
        case ast.Assert(test=test):
            yield _equal(test, name) or _among(test, name, ast.In, tables)
        case ast.If(test=test, body=[ast.Raise()]):
            yield _among(test, name, ast.NotIn, tables)
        case ast.If():
            yield _chain(node, name)
        case ast.Match(subject=ast.Name(id=found), cases=cases) if found == name:
            values = [one.pattern.value for one in cases if isinstance(one.pattern, ast.MatchValue)]
            last = cases[-1].body
            yield values if isinstance(last[0], ast.Raise) else []
        case ast.Subscript(value=owner, slice=ast.Name(id=found), ctx=ast.Load()) if found == name:
            table = owner if isinstance(owner, ast.Dict) else tables.get(written_name(owner) or "")
            yield [key for key in table.keys if key is not None] if table is not None else []


def _among(
    test: ast.expr, name: str, kind: type[ast.cmpop], tables: Mapping[str, ast.Dict]
) -> list[ast.expr]:
    """The values of `name in (18, 34)`, and of `name in TABLE.keys()`."""
    match test:
        case ast.BoolOp(op=ast.And(), values=[first, *_]):
            return _among(first, name, kind, tables)
        case ast.Compare(left=left, ops=[op], comparators=[ast.Call(args=[inner])]):
            return _among(ast.Compare(left, [op], [inner]), name, kind, tables)
        case ast.Compare(left=left, ops=[op], comparators=[ast.Call(func=ast.Attribute() as keys)]):
            inner = keys.value if keys.attr == "keys" else keys
            return _among(ast.Compare(left, [op], [inner]), name, kind, tables)
        case ast.Compare(left=left, ops=[op], comparators=[ast.Name(id=table)]) if table in tables:
            return _among(ast.Compare(left, [op], [tables[table]]), name, kind, tables)
        case ast.Compare(left=ast.Name(id=found), ops=[op], comparators=[many]):
            listed = isinstance(many, ast.List | ast.Tuple | ast.Set | ast.Dict)
            if found == name and isinstance(op, kind) and listed:
                return [one for one in _elements(many) if one is not None]
    return []


def _elements(node: ast.expr) -> list[ast.expr] | list[ast.expr | None]:
    if isinstance(node, ast.Dict):
        return node.keys
    return node.elts if isinstance(node, ast.List | ast.Tuple | ast.Set) else []


def _equal(test: ast.expr, name: str) -> list[ast.expr]:
    """The values of `name == 18 or name == 34`."""
    match test:
        case ast.BoolOp(op=ast.Or(), values=values):
            return [found for one in values for found in _equal(one, name)]
        case ast.Compare(left=ast.Name(id=found), ops=[ast.Eq()], comparators=[value]):
            return [value] if found == name else []
    return []


def _chain(node: ast.If, name: str) -> list[ast.expr]:
    """The values of `if name == 18: ... elif name == 34: ... else: raise`."""
    values: list[ast.expr] = []
    while True:
        equal = _equal(node.test, name) or _among(node.test, name, ast.In, {})
        values += equal
        if not equal:
            return []
        match node.orelse:
            case [ast.If() as following]:
                node = following
            case [ast.Raise(), *_]:
                return values
            case _:
                return []


def _literal(annotation: str) -> str | None:
    """The first of the values that a `Literal[...]` lists."""
    try:
        node = ast.parse(annotation, mode="eval").body
    except (SyntaxError, ValueError):
        return None
    match node:
        case ast.Subscript(value=kind, slice=values) if (written_name(kind) or "").endswith(
            "Literal"
        ):
            return _written(values.elts[0] if isinstance(values, ast.Tuple) else values)
    return None


def _written(node: ast.expr) -> str | None:
    """A plain value as code; `None` for what is none."""
    try:
        return repr(constant(node, no_name))
    except NotConstant:
        return None
