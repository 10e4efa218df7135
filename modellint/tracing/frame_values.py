"""Reads what stands at a place of a frame, and what containers hold, without running user code.

An attribute may be a property, a list may have an `__iter__` of its own: what a class could answer
in a way of its own is not asked.
"""

from __future__ import annotations

import ast
from collections import OrderedDict
from collections.abc import Iterator
from types import FrameType
from typing import Any

#: Stands for what is not there, or cannot be read so.
NOTHING = object()


def held(node: ast.expr, frame: FrameType) -> Any:
    """What is at a place now, as far as reading it runs no code of the user's."""
    match node:
        case ast.Name(id=name):
            return frame.f_locals.get(name, NOTHING)
        case ast.Attribute(value=of, attr=name):
            return attribute(held(of, frame), name)
        case ast.Subscript(value=of, slice=key):
            holder = held(of, frame)
            at = key.value if isinstance(key, ast.Constant) else held(key, frame)
            if type(at) is int and type(holder) is list and -len(holder) <= at < len(holder):
                return holder[at]
            if type(at) in (int, str) and type(holder) in (dict, OrderedDict):
                return holder.get(at, NOTHING)
    return NOTHING


def attribute(held: Any, name: str) -> Any:
    """An attribute that an object holds itself; no property, and nothing that a class computes."""
    try:
        own = object.__getattribute__(held, "__dict__")
    except AttributeError:
        return NOTHING
    if type(own) is not dict:
        return NOTHING
    for table in (own, own.get("_buffers"), own.get("_parameters"), own.get("_modules")):
        if type(table) is dict and name in table:
            return table[name]
    return NOTHING


def items(held: Any, kind: type, name: str) -> Iterator[tuple[str, Any]]:
    """What a container holds, with what it is called."""
    prefix = f"{name}." if name else ""
    if issubclass(kind, tuple):
        fields = kind.__dict__.get("_fields")
        names = [one for one in fields if type(one) is str] if type(fields) is tuple else []
        named = len(names) == tuple.__len__(held)
        for at, item in enumerate(tuple.__iter__(held)):
            yield f"{prefix}{names[at]}" if named else f"{name}[{at}]", item
    elif issubclass(kind, list):
        for at, item in enumerate(list.__iter__(held)):
            yield f"{name}[{at}]", item
    elif issubclass(kind, dict):
        for key, item in dict.items(held):
            yield f"{prefix}{key}" if type(key) is str else f"{name}[{_key(key)}]", item
    else:
        tables = (base.__dict__.get("__dataclass_fields__") for base in kind.__mro__)
        for field in next((table for table in tables if type(table) is dict), ()):
            item = attribute(held, field)
            if item is not NOTHING:
                yield f"{prefix}{field}", item


def _key(key: Any) -> str:
    return repr(key) if type(key) in (int, bool, float, type(None)) else type(key).__name__
