"""A project's configuration: one TOML file, read, with every key and type checked.

What it says of rules is checked in `modellint.config.plans`, when the rules are known. Nothing here
imports torch or a rule.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any, get_args

from modellint.config.selection import unknown
from modellint.errors import UsageError
from modellint.protocol.limits import parse_memory
from modellint.results.report import FailLevel
from modellint.rules import SEVERITIES, Severity
from modellint.source.paths import regular_bytes, shown_path
from modellint.symbolic.specs import parse_input

PYPROJECT = "pyproject.toml"
OWN_FILE = "modellint.toml"
_TABLE = "tool.modellint"

#: How long the names of modules to preload may be together.
_NAMES = 2000
_AMOUNT = re.compile(r"(\d+(?:_\d+)*(?:\.\d+)?)\s*([kKMGT]?)(i?)(B?)\Z")
_POWERS = {"": 0, "k": 1, "K": 1, "M": 2, "G": 3, "T": 4}


@dataclass(frozen=True)
class StatedModel:
    """How to build and feed one model: keyword arguments, and shapes as `--input` takes them."""

    path: str
    model: str
    args: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Configuration:
    """What one file says; `None` and empty where it says nothing.

    `path` is the file's own, `None` where there is none. `plugins` and `cache_dir` are absolute,
    `python`, other paths and patterns as written: relative to `folder`. `budgets` and
    `per_file_ignores` are by path, or by `path::Model`.
    """

    path: str | None = None
    select: tuple[str, ...] | None = None
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    fail_level: FailLevel | None = None
    timeout: float | None = None
    memory: int | None = None
    cache_dir: str | None = None
    preload: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    python: str | None = None
    severity: Mapping[str, Severity] = field(default_factory=dict)
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    per_file_ignores: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    budgets: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    models: tuple[StatedModel, ...] = ()

    @property
    def folder(self) -> Path:
        """The folder that its paths are relative to."""
        return Path(self.path).parent if self.path is not None else Path.cwd()

    @property
    def shown(self) -> str:
        """The file as messages name it."""
        return shown_path(self.path) if self.path is not None else "no configuration"

    def wrong(self, key: str, what: str) -> UsageError:
        """The error for a key of this file, named as one finds it there."""
        table = _TABLE if Path(self.path or "").name == PYPROJECT else ""
        where = ".".join(part for part in (table, key) if part)
        return UsageError(f"{self.shown}: {where} {what}".replace(":  ", ": "))


def read_configuration(path: str) -> Configuration:
    """Read a file; raise `UsageError` naming file and key for what it must not say.

    A `pyproject.toml` must have the table `[tool.modellint]`.
    """
    found = table_in(path)
    if found is None:
        raise UsageError(f"{shown_path(path)}: has no table [{_TABLE}]")
    return _configuration(path, found)


def table_in(path: str) -> Mapping[str, Any] | None:
    """The table that a file holds for modellint; `None` for a `pyproject.toml` without one."""
    try:
        data = regular_bytes(path)
    except OSError as error:
        raise UsageError(f"{shown_path(path)}: cannot be read: {error.strerror}") from error
    own = Path(path).name != PYPROJECT
    # Most projects have none, and their files need not even be valid for other tools' sake.
    if not own and b"modellint" not in data:
        return None
    try:
        content = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{shown_path(path)}: is no valid TOML: {error}") from error
    if own:
        return content
    tools = content.get("tool", {})
    found = tools.get("modellint") if isinstance(tools, dict) else None
    if found is not None and not isinstance(found, dict):
        raise UsageError(f"{shown_path(path)}: {_TABLE} must be a table")
    return found


def _configuration(path: str, table: Mapping[str, Any]) -> Configuration:
    bare = Configuration(path)
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in _KEYS:
            if key == "tool":
                raise bare.wrong(key, f"does not belong here: keys stand without {_TABLE}")
            raise bare.wrong("", unknown("key", key, _KEYS))
        name, read = _KEYS[key]
        values[name] = read(_Value(bare, key, value))
    return Configuration(path, **values)


@dataclass(frozen=True)
class _Value:
    """A value with the key that it stands at, for whoever must say what is wrong with it."""

    configuration: Configuration
    key: str
    value: Any

    def must_be(self, what: str) -> UsageError:
        return self.configuration.wrong(self.key, f"must be {what}, not {self.value!r}")

    def at(self, name: str, value: Any) -> _Value:
        shown = name if re.fullmatch(r"[\w-]+", name) else f'"{name}"'
        return _Value(self.configuration, f"{self.key}.{shown}", value)

    def entries(self) -> list[tuple[str, _Value]]:
        if not isinstance(self.value, dict):
            raise self.must_be("a table")
        return [(name, self.at(name, value)) for name, value in self.value.items()]

    def items(self, what: str) -> list[_Value]:
        if not isinstance(self.value, list):
            raise self.must_be(what)
        return [
            _Value(self.configuration, f"{self.key}[{index}]", value)
            for index, value in enumerate(self.value)
        ]


def _text(given: _Value) -> str:
    if not isinstance(given.value, str) or not given.value.strip():
        raise given.must_be("a text")
    return given.value


def _texts(given: _Value) -> tuple[str, ...]:
    return tuple(_text(item) for item in given.items("a list of texts"))


def _one_of(known: Sequence[str]) -> Callable[[_Value], str]:
    def read(given: _Value) -> str:
        if given.value not in known:
            raise given.must_be(f"one of {', '.join(known)}")
        return str(given.value)

    return read


def _positive(given: _Value) -> float:
    value = given.value
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
        raise given.must_be("a positive number")
    return float(value)


def _memory(given: _Value) -> int:
    text = _text(given)
    try:
        return parse_memory(text)
    except UsageError as error:
        raise given.configuration.wrong(given.key, f"is wrong: {error}") from error


def _path(given: _Value) -> str:
    return str(given.configuration.folder / _text(given))


def _modules(given: _Value) -> tuple[str, ...]:
    names = _texts(given)
    for name in names:
        if not all(part.isidentifier() for part in name.split(".")):
            raise given.must_be('a list of modules, as an import names them, such as "timm"')
    if sum(map(len, names)) > _NAMES:
        raise given.must_be("a list of a few modules")
    return names


def _paths(given: _Value) -> tuple[str, ...]:
    return tuple(str(given.configuration.folder / text) for text in _texts(given))


def _table_of(read: Callable[[_Value], Any]) -> Callable[[_Value], dict[str, Any]]:
    def read_all(given: _Value) -> dict[str, Any]:
        return {name: read(entry) for name, entry in given.entries()}

    return read_all


def _any(given: _Value) -> Any:
    return given.value


def _budgets(given: _Value) -> dict[str, dict[str, int]]:
    return {_selector(entry, name): _budget(entry) for name, entry in given.entries()}


def _selector(given: _Value, name: str) -> str:
    path, mark, model = name.rpartition("::")
    if not mark or not path or not model.isidentifier():
        raise given.configuration.wrong(given.key, "must name a model, as in path/to/net.py::Net")
    return name


def _budget(given: _Value) -> dict[str, int]:
    found = {}
    for written, entry in given.entries():
        name = written.replace("-", "_")
        if name not in _AMOUNTS:
            raise given.configuration.wrong(given.key, unknown("key", written, _AMOUNTS))
        found[name] = _AMOUNTS[name](entry)
    return found


def _count(given: _Value) -> int:
    """A number such as 5000000, "5M" or "1.5G"; thousands, not 1024s."""
    return _amount(given, 'a number such as 5000000 or "5M"', bytes_=False)


def _bytes(given: _Value) -> int:
    """A number of bytes such as 64000000, "64 MB" or "64 MiB"."""
    return _amount(given, 'a number of bytes such as "64MB" or "64MiB"', bytes_=True)


def _amount(given: _Value, what: str, *, bytes_: bool) -> int:
    value = given.value
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    match = _AMOUNT.match(value.strip()) if isinstance(value, str) else None
    if match is None or (not bytes_ and (match[3] or match[4])):
        raise given.must_be(what)
    base = 1024 if match[3] else 1000
    amount = round(float(match[1]) * int(base ** _POWERS[match[2]]))
    if amount <= 0:
        raise given.must_be(what)
    return amount


_AMOUNTS: Mapping[str, Callable[[_Value], int]] = {
    "parameters": _count,
    "macs": _count,
    "activation_memory": _bytes,
    "training_memory": _bytes,
}


def _models(given: _Value) -> tuple[StatedModel, ...]:
    models = tuple(_model(item) for item in given.items("a list of tables"))
    for model in models:
        if sum((one.path, one.model) == (model.path, model.model) for one in models) > 1:
            what = f"speaks of {model.path}::{model.model} twice"
            raise given.configuration.wrong(given.key, what)
    return models


def _model(given: _Value) -> StatedModel:
    values: dict[str, Any] = {}
    for name, entry in given.entries():
        if name not in _OF_A_MODEL:
            raise given.configuration.wrong(given.key, unknown("key", name, _OF_A_MODEL))
        values[name] = _OF_A_MODEL[name](entry)
    for name in ("path", "model"):
        if name not in values:
            raise given.configuration.wrong(given.key, f"needs the key {name!r}")
    return StatedModel(**values)


def _arguments(given: _Value) -> dict[str, Any]:
    found = {}
    for name, entry in given.entries():
        if not name.isidentifier():
            raise entry.configuration.wrong(entry.key, "is no name of an argument")
        if not _is_literal(entry.value):
            raise entry.must_be("a number, a text, true, false, a list or a table of them")
        is_file = isinstance(entry.value, str) and entry.value.endswith((".yaml", ".yml"))
        if is_file and not (entry.configuration.folder / entry.value).is_file():
            raise entry.configuration.wrong(entry.key, f"names {entry.value}, which is no file")
        found[name] = entry.value
    return found


def _is_literal(value: Any) -> bool:
    """Whether Python reads back what it prints; dates, infinities and NaN it does not."""
    if isinstance(value, dict):
        return all(map(_is_literal, value.values()))
    if isinstance(value, list):
        return all(map(_is_literal, value))
    return isinstance(value, str | int) or (isinstance(value, float) and isfinite(value))


def _inputs(given: _Value) -> tuple[str, ...]:
    for item in given.items("a list of shapes"):
        try:
            parse_input(_text(item))
        except UsageError as error:
            raise item.configuration.wrong(item.key, f"is no input: {error}") from error
    return tuple(given.value)


_OF_A_MODEL: Mapping[str, Callable[[_Value], Any]] = {
    "path": _text,
    "model": _text,
    "args": _arguments,
    "inputs": _inputs,
}

#: Each key of the table: the field that holds it, and how its value is read and checked.
_KEYS: Mapping[str, tuple[str, Callable[[_Value], Any]]] = {
    "select": ("select", _texts),
    "extend-select": ("extend_select", _texts),
    "ignore": ("ignore", _texts),
    "exclude": ("exclude", _texts),
    "fail-level": ("fail_level", _one_of(get_args(FailLevel))),
    "timeout": ("timeout", _positive),
    "memory": ("memory", _memory),
    "cache-dir": ("cache_dir", _path),
    "preload": ("preload", _modules),
    "plugins": ("plugins", _paths),
    "python": ("python", _text),
    "severity": ("severity", _table_of(_one_of(SEVERITIES))),
    "rules": ("options", _table_of(_table_of(_any))),
    "per-file-ignores": ("per_file_ignores", _table_of(_texts)),
    "budget": ("budgets", _budgets),
    "models": ("models", _models),
}
