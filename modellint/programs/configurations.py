"""What a project's configurations say: files in JSON, TOML and YAML, and Hydra's tables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from modellint.discovery.plain_functions import NAMESPACES
from modellint.programs.known_calls import Given, Known, Named
from modellint.programs.reading import mapping_of
from modellint.programs.settings_files import NotRead, parsed, read_text
from modellint.programs.values import (
    UNKNOWN,
    Either,
    FilePath,
    Lazy,
    Partial,
    Record,
    Scope,
    Value,
)

if TYPE_CHECKING:
    from modellint.programs.calls import Calls


def composed(reader: Calls, folder: str, name: str) -> Value:
    """A configuration of Hydra's: what a file says over the files that its defaults name."""
    path = os.path.join(folder, name if name.endswith((".yaml", ".yml")) else f"{name}.yaml")  # noqa: PTH118
    reader.modules.consulted.add(path)
    try:
        said = parsed(read_text(path), "yaml")
    except NotRead:
        return UNKNOWN
    if not isinstance(said, dict):
        return UNKNOWN
    listed = said.pop("defaults", [])
    values: dict[str, Any] = {}
    for one in listed if isinstance(listed, list) else []:
        for group, option in one.items() if isinstance(one, dict) else []:
            group = str(group).removeprefix("override ")
            inner = composed(reader, os.path.join(folder, group), str(option))  # noqa: PTH118
            values[group] = inner
        if isinstance(one, str) and one != "_self_":
            inner = composed(reader, folder, one)
            values |= inner.values if isinstance(inner, Record) else {}
    return _over(values, _tables(said).values)


def _over(below: dict[str, Value], above: Mapping[str, Value]) -> Record:
    made = dict(below)
    for key, value in above.items():
        old = made.get(key)
        if isinstance(old, Record) and isinstance(value, Record):
            value = _over(old.values, value.values)
        made[key] = value
    return Record(made, table=True)


def _tables(value: Any) -> Any:
    """What a file says, with tables that answer by attribute as well."""
    if isinstance(value, dict):
        return Record({key: _tables(one) for key, one in value.items()}, table=True)
    return [_tables(one) for one in value] if isinstance(value, list) else value


def _read(form: str) -> Known:
    def read(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
        source = given[0] if given else UNKNOWN
        try:
            text = _text(reader, source, scope)
            value = parsed(text, form)
        except NotRead:
            return UNKNOWN
        return value

    return read


def _settings(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    try:
        return _tables(parsed(_text(reader, given[0] if given else None, scope), "yaml"))
    except NotRead:
        return UNKNOWN


def _text(reader: Calls, source: Value, scope: Scope) -> str:
    if isinstance(source, str) and "\n" in source:
        return source
    path = source.path if isinstance(source, FilePath) else source
    if isinstance(path, Either):
        path = next((one for one in path.options if isinstance(one, str)), None)
    if not isinstance(path, str):
        reader.asked_for_settings = True
        if reader.settings is None:
            raise NotRead("no path")
        reader.modules.consulted.add(reader.settings)
        return read_text(reader.settings)
    for folder in (scope.module.folder, reader.modules.root):
        at = os.path.normpath(os.path.join(folder, path))  # noqa: PTH118
        reader.modules.consulted.add(at)
        if os.path.isfile(at):  # noqa: PTH113
            reader.settings_read.append(at)
            other = reader.settings or ""
            beside = os.path.dirname(other) == os.path.dirname(at)  # noqa: PTH120
            return read_text(other if beside else at)
    raise NotRead(path)


def _namespace(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    values = mapping_of(given[0]) if given else {}
    if values is None or "**" in named:
        return UNKNOWN
    return Record({str(key): _attributed(one) for key, one in {**values, **named}.items()}, True)


def _attributed(value: Value) -> Value:
    if isinstance(value, dict):
        return Record({key: _attributed(one) for key, one in value.items()}, table=True)
    return value


def _instantiate(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    """What Hydra builds of a table with a `_target_`."""
    table = mapping_of(given[0]) if given else None
    target = table.get("_target_") if table else None
    if table is None or not isinstance(target, str):
        return UNKNOWN
    module, _, name = target.rpartition(".")
    callee = reader.imported(Lazy(module, name, scope.module))
    said = {key: one for key, one in table.items() if not str(key).startswith("_")}
    inner = {
        key: _instantiate(reader, [one], {}, scope)
        if "_target_" in (mapping_of(one) or {})
        else one
        for key, one in said.items()
    }
    every = {**inner, **named}
    if table.get("_partial_"):
        return Partial(callee, tuple(given[1:]), every)
    return reader.called(callee, given[1:], every, scope)


#: The calls that read settings, as `library_calls` has them.
CONFIGURATIONS: Mapping[str, Known] = {
    "json.load": _read("json"),
    "json.loads": _read("json"),
    "tomllib.load": _read("toml"),
    "toml.load": _read("toml"),
    **dict.fromkeys(
        "yaml.safe_load yaml.load yaml.full_load yaml.unsafe_load".split(), _read("yaml")
    ),
    "omegaconf.OmegaConf.load": _settings,
    "omegaconf.OmegaConf.create": _namespace,
    "hydra.utils.instantiate": _instantiate,
    "hydra.utils.call": _instantiate,
    **{f"*.{name}": _namespace for name in NAMESPACES},
}
