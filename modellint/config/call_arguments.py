"""The arguments of a call in Python, checked: what is wrong is said with the argument's name."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar, get_args

from modellint.errors import UsageError, shown
from modellint.rules import Rule

T = TypeVar("T", bound=str)


def words(name: str, value: Any) -> tuple[str, ...]:
    """Names of rules and categories: one text, which may hold commas, or several; rules count."""
    if value is None:
        return ()
    if isinstance(value, Rule):
        return (value.name,)
    if isinstance(value, str):
        return tuple(part.strip() for part in str(value).split(",") if part.strip())
    found: list[str] = []
    for one in _several(name, value, 'names of rules or categories, such as "even-kernel"'):
        if not isinstance(one, str | Rule):
            raise UsageError(f"{name}: {shown(one)} is no name of a rule or a category")
        found += words(name, one)
    return tuple(found)


def paths(name: str, value: Any) -> tuple[str, ...]:
    """Paths: one, or several."""
    if isinstance(value, str | os.PathLike):
        value = [value]
    if callable(getattr(type(value), "forward", None)) or isinstance(value, type):
        raise UsageError(f"{name}: {shown(value)}; modellint.lint takes a model, and this files")
    each = _several(name, value, 'paths, such as "models/" or "net.py::Net"')
    return tuple(_path(name, one) for one in each)


def path(name: str, value: Any) -> str | None:
    """One path, or none."""
    return None if value is None else _path(name, value)


def _path(name: str, value: Any) -> str:
    if not isinstance(value, str | os.PathLike):
        raise UsageError(f"{name}: {shown(value)} is no path; give a text or a pathlib.Path")
    try:
        written = os.fspath(value)
    except Exception as error:  # Whatever code of the user's does.
        raise UsageError(f"{name}: {shown(value)} tells no path") from error
    if not isinstance(written, str) or "\0" in written:
        raise UsageError(f"{name}: {written!r} is no path; give a text or a pathlib.Path")
    return written


def flag(name: str, value: Any) -> bool:
    """True or false, and nothing that only counts as such."""
    if not isinstance(value, bool):
        raise UsageError(f"{name}: {shown(value)} is neither True nor False")
    return value


def seconds(name: str, value: Any) -> float | None:
    """A time in seconds, or none."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise UsageError(f"{name}: {shown(value)} is no number of seconds")
    return value


def count(name: str, value: Any) -> int | None:
    """A whole number, or none."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise UsageError(f"{name}: {shown(value)} is no whole number")
    return value


def text(name: str, value: Any, like: str) -> str | None:
    """A text, or none."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise UsageError(f"{name}: {shown(value)} is no text; write it as {like!r}")
    return value


def one_of(name: str, value: Any, literal: Any) -> Any:
    """One of the values of a `Literal`, the nearest being named for any other."""
    known = get_args(literal)
    if isinstance(value, str) and value in known:
        return value
    near = get_close_matches(value, known, n=1) if isinstance(value, str) else []
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
    raise UsageError(f"{name}: there is no {shown(value)}; {hint}")


def options_by_rule(name: str, value: Any) -> Mapping[str, Mapping[str, Any]]:
    """Options of rules: by rule, then by the option's name."""
    like = '{"even-kernel": {"option": 1}}'
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise UsageError(f"{name}: {shown(value)} is no dict; write {like}")
    found: dict[str, Mapping[str, Any]] = {}
    for rule, given in value.items():
        of = rule.name if isinstance(rule, Rule) else rule
        if not isinstance(of, str):
            raise UsageError(f"{name}: {shown(of)} is no name of a rule; write {like}")
        if not isinstance(given, Mapping) or not all(isinstance(one, str) for one in given):
            raise UsageError(f"{name}: {of} has {shown(given)}, no dict of options; write {like}")
        found[str(of)] = {str(option): given[option] for option in given}
    return found


def _several(name: str, value: Any, what: str) -> list[Any]:
    if isinstance(value, bytes | Mapping | type) or not isinstance(value, Iterable):
        raise UsageError(f"{name}: {shown(value)}; give {what}")
    if not hasattr(type(value), "__len__"):
        raise UsageError(f"{name}: {shown(value)} may have no end; give a list of {what}")
    try:
        return [*value]
    except Exception as error:  # Whatever code of the user's does, and a tensor without axes.
        raise UsageError(f"{name}: {shown(value)} cannot be read; give {what}") from error
