"""Makes what other files of a project build a model with: settings, objects, classes by name.

A class of another file is the one that the file itself imports, where it does; else the slice of
that file is loaded that the class needs, as it is of any file that is linted. No script runs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from modellint.discovery.arguments import MAKERS, ConstructorCall
from modellint.discovery.candidates import Candidate
from modellint.errors import FileError, NotAnalysed
from modellint.source.file import read_source

if TYPE_CHECKING:
    from modellint.building.loader import LoadedModule


class UnreadSetting(Exception):
    """A model asks for a setting that was not read where it is built."""


class Entries(dict[Any, Any]):
    """A dictionary of which some entries were not read: asking for one raises."""

    def __init__(self, values: Mapping[Any, Any], missing: list[str]) -> None:
        super().__init__(values)
        self.missing = missing

    def __missing__(self, key: object) -> NoReturn:
        if str(key) in self.missing or "" in self.missing:
            raise UnreadSetting(str(key))
        raise KeyError(key)

    def get(self, key: Any, default: Any = None) -> Any:
        """The entry of a key, or the default where there is known to be none."""
        if key not in self and (str(key) in self.missing or "" in self.missing):
            raise UnreadSetting(str(key))
        return super().get(key, default)


class Settings:
    """Settings that answer by attribute; those that were not read raise."""

    def __init__(self, values: Mapping[str, Any], missing: list[str]) -> None:
        self.__dict__.update(values)
        _MISSING[id(self.__dict__)] = missing

    def __getattr__(self, name: str) -> NoReturn:
        _refuse(self, name)

    def __contains__(self, name: object) -> bool:
        return name in self.__dict__

    def __repr__(self) -> str:
        return f"Settings({self.__dict__})"


class Table(dict[str, Any]):
    """Settings that answer by attribute and by key; those that were not read raise."""

    def __init__(self, values: Mapping[str, Any], missing: list[str]) -> None:
        super().__init__(values)
        self.__dict__ = self
        _MISSING[id(self)] = missing

    def __getattr__(self, name: str) -> NoReturn:
        _refuse(self, name)

    def __missing__(self, key: str) -> NoReturn:
        if key in _MISSING.get(id(self), ()):
            raise UnreadSetting(key)
        raise KeyError(key)


#: What was not read of settings, by the `id` of what holds them: their attributes are the model's.
_MISSING: dict[int, list[str]] = {}


def _refuse(owner: Any, name: str) -> NoReturn:
    if name in _MISSING.get(id(owner.__dict__), ()):
        raise UnreadSetting(name)
    raise AttributeError(name)


def project_makers(loaded: LoadedModule) -> dict[str, Callable[..., Any]]:
    """The functions that calls which were read elsewhere are written with, by their names."""

    def named(path: str, name: str) -> Any:
        return _of_file(loaded, path, name)

    return {
        MAKERS["library"]: _library,
        MAKERS["name"]: named,
        MAKERS["settings"]: lambda values, table, missing: (Table if table else Settings)(
            values, missing
        ),
        MAKERS["entries"]: Entries,
        MAKERS["object"]: _object,
    }


def _library(dotted: str) -> Any:
    module, _, name = dotted.rpartition(".")
    value: Any = import_module(module.partition(".")[0])
    for part in module.split(".")[1:]:
        value = getattr(value, part)
    return getattr(value, name)


def _object(cls: Any, attributes: Any, held: Mapping[Any, Any] | None) -> Any:
    """An object of a class with the attributes that its constructor was seen to set."""
    if cls is None:
        return attributes if held is None else held
    if issubclass(cls, tuple):
        return cls(**vars(attributes))
    if hasattr(cls, "model_construct"):
        return cls.model_construct(**vars(attributes))
    made = cls.__new__(cls)
    if held is not None:
        made.update(held)
    for name, value in vars(attributes).items():
        object.__setattr__(made, name, value)
    return made


def _of_file(loaded: LoadedModule, path: str, name: str) -> Any:
    """What a file of the project calls by a name."""
    for module in [*sys.modules.values()]:
        file = getattr(module, "__dict__", {}).get("__file__")
        if isinstance(file, str) and _is_same(file, path) and name in vars(module):
            return vars(module)[name]
    # Each is loaded once, so that its classes are the same wherever they are named.
    known = loaded.others.get(path)
    if known is None or name not in known:
        known = loaded.others[path] = {**(known or {}), **_loaded(loaded, path, name)}
    if name not in known:
        raise NotAnalysed(f"{name} could not be loaded from {path}")
    return known[name]


def _is_same(file: str, path: str) -> bool:
    return Path(file).name == Path(path).name and Path(file).absolute() == Path(path)


def _loaded(loaded: LoadedModule, path: str, name: str) -> dict[str, Any]:
    from modellint.building.loader import load

    call = ConstructorCall(name, (), (), True, 1, "")
    try:
        source = read_source(path)
    except FileError as error:
        raise NotAnalysed(f"{path} cannot be read: {error}") from error
    argv = sys.argv
    try:
        other = load(source, [Candidate(name, "class", 1, 1, name, (call,))], root=loaded.root)
    finally:
        sys.argv = argv
    obstacle = other.obstacle(name)
    if obstacle is not None:
        raise NotAnalysed(f"{name} of {path}: {obstacle}") from obstacle
    return other.namespace


__all__ = ["UnreadSetting", "project_makers"]
