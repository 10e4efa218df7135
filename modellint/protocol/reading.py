"""The one reader of messages: nothing is built of what does not fit its type.

A file may patch what writes its messages, or write into every descriptor that is open: what
arrives is as foreign as what the network sends. A type is a `TypedDict`, a list, a mapping, a tuple
of fixed length, a `Literal`, a union or an atom; `Annotated[int, n]` is at least n, and
`Annotated[list[...], n]` has as many entries.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from modellint.protocol.frames import content
from modellint.protocol.messages import Kinds

#: No number of a report is larger: what counts it may be asked for it as a float.
_LARGEST = 10**300

Check = Callable[[Any], None]
"""Raises `Foreign` for a value that is not of its type."""


class Foreign(ValueError):
    """What arrived is no message of modellint's; the text says where it stops being one."""

    def __init__(self, *where: str) -> None:
        super().__init__(*where)
        self.where = list(where)

    def __str__(self) -> str:
        return f"no message has such a {''.join(reversed(self.where)) or 'form'}"


def read_message(data: bytes, kinds: Kinds) -> Any:
    """The message of one frame; raise `Foreign` unless it is one of those that may arrive."""
    try:
        message = content(data)
    except (ValueError, RecursionError) as error:
        raise Foreign("text") from error
    kind = message.get("type") if type(message) is dict else None
    if type(kind) is not str or kind not in kinds:
        raise Foreign("type")
    return read(message, kinds[kind])


def read(value: Any, kind: Any) -> Any:
    """The value itself; raise `Foreign` unless it is of the type."""
    _check_of(kind)(value)
    return value


@cache
def _check_of(kind: Any) -> Check:
    if kind is Any:
        return lambda value: None
    if is_typeddict(kind):
        return _mapping_of(kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _at_least(_check_of(arguments[0]), arguments[1])
    if origin in (Union, UnionType):
        return _one_of([*map(_check_of, arguments)])
    if origin is Literal:
        return _among(frozenset(arguments))
    if origin is list:
        return _list_of(arguments[0])
    if origin is tuple:
        return _entries_of([*map(_check_of, arguments)])
    if origin is dict:
        return _table_of(_check_of(arguments[1]))
    return _ATOMS[kind]


def _exactly(kind: type) -> Check:
    def check(value: Any) -> None:
        # Not isinstance: to Python `True` is an int.
        if type(value) is not kind:
            raise Foreign

    return check


def _number(value: Any) -> None:
    if type(value) not in (int, float) or not -_LARGEST < value < _LARGEST:
        raise Foreign


_ATOMS: dict[Any, Check] = {
    str: _exactly(str),
    bool: _exactly(bool),
    NoneType: _exactly(NoneType),
    int: _exactly(int),
    float: _number,
}


def _at_least(check: Check, least: int) -> Check:
    def bounded(value: Any) -> None:
        check(value)
        if not least <= (len(value) if type(value) is list else value) < _LARGEST:
            raise Foreign

    return bounded


def _one_of(checks: list[Check]) -> Check:
    def check(value: Any) -> None:
        for one in checks[:-1]:
            try:
                return one(value)
            except Foreign:
                continue
        # What is said of a value that fits none is where it stops to fit the last.
        return checks[-1](value)

    return check


def _among(values: frozenset[Any]) -> Check:
    def check(value: Any) -> None:
        if type(value) is not str or value not in values:
            raise Foreign

    return check


def _list_of(kind: Any) -> Check:
    inner = _check_of(kind)
    # The sizes of a tensor, thousands of times: all at once, by their types.
    atoms = frozenset(get_args(kind) if get_origin(kind) is UnionType else (kind,))
    known = atoms if atoms <= {int, str} else frozenset()

    def check(value: Any) -> None:
        if type(value) is not list:
            raise Foreign
        if known and known.issuperset(map(type, value)):
            return
        at = 0
        try:
            for at, item in enumerate(value):  # noqa: B007 - the handler says where
                inner(item)
        except Foreign as error:
            error.where.append(f"[{at}]")
            raise

    return check


def _entries_of(checks: list[Check]) -> Check:
    def check(value: Any) -> None:
        if type(value) is not list or len(value) != len(checks):
            raise Foreign
        at = 0
        try:
            for at, one in enumerate(checks):
                one(value[at])
        except Foreign as error:
            error.where.append(f"[{at}]")
            raise

    return check


def _table_of(inner: Check) -> Check:
    def check(value: Any) -> None:
        if type(value) is not dict:
            raise Foreign
        key = ""
        try:
            for key in value:
                inner(value[key])
        except Foreign as error:
            error.where.append(f"[{key!r}]")
            raise

    return check


def _mapping_of(kind: Any) -> Check:
    hints = get_type_hints(kind, include_extras=True)
    optional = {name for name, hint in hints.items() if get_origin(hint) is NotRequired}
    checks = {
        name: _check_of(get_args(hint)[0] if name in optional else hint)
        for name, hint in hints.items()
    }
    required = checks.keys() - optional

    def check(value: Any) -> None:
        if type(value) is not dict or not required <= value.keys() <= checks.keys():
            raise Foreign
        key = ""
        try:
            for key, item in value.items():
                checks[key](item)
        except Foreign as error:
            error.where.append(f".{key}")
            raise

    return check
