"""Lists, tuples and dictionaries that are written out, with what is known of their parts."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from modellint.discovery.constants import NotConstant, as_expression
from modellint.discovery.example_tensors import Example, Held, Nest, Plain
from modellint.discovery.names import written_name
from modellint.discovery.plain_functions import is_plain
from modellint.discovery.scopes import Value


def of_parts(kind: str, parts: Mapping[Any, Value]) -> Value:
    """A list, tuple or dictionary of known parts."""
    value = Value(parts=parts, kind=kind, held=nest(kind, parts))
    constants = {key: part.constant for key, part in parts.items()}
    written = {key: part.expression for key, part in parts.items()}
    if NotConstant not in constants.values():
        known = constants if kind == "dict" else list(constants.values())
        value.constant = tuple(known) if kind == "tuple" else known
    if None not in written.values():
        inside = [one for one in written.values() if one is not None]
        if kind == "dict":
            keys: list[ast.expr | None] = [ast.Constant(key) for key in written]
            value.expression = ast.Dict(keys, inside)
        elif kind in ("list", "tuple"):
            make = ast.List if kind == "list" else ast.Tuple
            value.expression = make(inside, ast.Load())
    return value


def plain_value(constant: Any, node: ast.expr) -> Value:
    """A constant as the value of an expression, in its place."""
    value = Value(constant=constant)
    with suppress(NotConstant):
        value.expression = as_expression(constant, node)
    return value


def pair(first: Value, second: Value) -> Value:
    """Two values that are unpacked together."""
    return Value(parts={0: first, 1: second})


def added(node: ast.Call) -> Mapping[ast.expr | None, ast.expr] | None:
    """What a method adds to its list or dictionary, by key, if that is all that it does."""
    match node:
        case ast.Call(func=ast.Attribute(attr="append"), args=[one], keywords=[]):
            return {None: one}
        case ast.Call(func=ast.Attribute(attr="update"), args=[], keywords=words):
            named: dict[ast.expr | None, ast.expr] = {
                ast.Constant(word.arg): word.value for word in words if word.arg
            }
            return named if len(named) == len(words) else None
        case ast.Call(func=ast.Attribute(attr="update"), args=[ast.Dict(keys=keys, values=values)]):
            return dict(zip(keys, values, strict=True)) if None not in keys else None
    return None


def nest(kind: str, parts: Mapping[Any, Value] | None) -> Nest | None:
    """The container of tensors that parts make; each of them must be known."""
    if not parts:
        return None
    items: list[tuple[Any, Held]] = []
    for key, part in parts.items():
        held = held_of(part)
        if held is None:
            return None
        items.append((key, held))
    if not any(isinstance(held, Example | Nest) for _, held in items):
        return None
    return Nest(kind, tuple(items))


def held_of(value: Value) -> Held | None:
    """What a call is given by a value: a tensor, a container of some, or what is plain."""
    if value.held is not None:
        return value.held
    known = value.constant is not NotConstant and is_plain(value.constant)
    return Plain(repr(value.constant)) if known else None


def kind_of(node: ast.expr) -> str:
    """The type of what is written out, or the class that is called; empty for what is neither."""
    match node:
        case ast.Call(func=func):
            return written_name(func) or ""
        case ast.Dict() | ast.DictComp():
            return "dict"
        case ast.Tuple():
            return "tuple"
        case ast.List() | ast.ListComp() | ast.BinOp(left=ast.List()):
            return "list"
    return ""
