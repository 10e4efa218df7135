"""What `--show-settings` prints: the settings that count, as a `modellint.toml` would say them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from modellint.config.interpreters import Interpreter
from modellint.config.plans import Plan
from modellint.protocol.limits import shown_memory
from modellint.report.lines import printable
from modellint.source.paths import shown_path

#: How many of the files that share their settings are named.
_NAMED = 3


def settings_page(plans: Mapping[str, Plan]) -> str:
    """The settings of each target, by printed path; those that share them once."""
    groups: dict[tuple[str | None, Interpreter], list[str]] = {}
    for path, plan in plans.items():
        groups.setdefault((plan.configuration.path, plan.interpreter), []).append(path)
    pages = [
        "".join(f"{line}\n" for line in _page(paths, plans[paths[0]])) for paths in groups.values()
    ]
    return "\n".join(pages)


def _page(paths: list[str], plan: Plan) -> Iterator[str]:
    rest = len(paths) - _NAMED
    more = f" and {rest} more" if rest > 0 else ""
    configuration = plan.configuration
    yield f"# settings of {', '.join(paths[:_NAMED])}{more}"
    yield f"# from {configuration.shown}"
    yield f"select = {_value([rule.name for rule in plan.on])}"
    yield f"exclude = {_value(configuration.exclude)}"
    yield f"fail-level = {_value(plan.fail_level)}"
    yield f"timeout = {_value(plan.timeout)}"
    yield f"memory = {_value(shown_memory(plan.memory))}"
    folder = str(configuration.folder)
    if configuration.cache_dir is not None:
        yield f"cache-dir = {_value(shown_path(configuration.cache_dir, folder))}"
    python = shown_path(plan.interpreter.path, folder)
    yield f"python = {_value(python)}  # {printable(plan.interpreter.why)}"
    if configuration.preload:
        yield f"preload = {_value(configuration.preload)}"
    yield f"plugins = {_value(shown_path(path, folder) for path in configuration.plugins)}"
    yield from _table("severity", plan.severities)
    for rule in plan.on:
        yield from _table(f"rules.{rule.name}", {**rule.options, **plan.options.get(rule.name, {})})
    yield from _table("per-file-ignores", configuration.per_file_ignores)
    for selector, budget in configuration.budgets.items():
        yield from _table(f"budget.{_value(selector)}", budget)
    for model in configuration.models:
        given = {"args": model.args, "inputs": model.inputs}
        said = {name: value for name, value in given.items() if value}
        yield from _table("[models]", {"path": model.path, "model": model.model, **said})


def _table(name: str, entries: Mapping[str, Any]) -> Iterator[str]:
    if entries:
        yield f"\n[{name}]"
        for key, value in entries.items():
            yield f"{_key(key)} = {_value(value)}"


def _key(name: str) -> str:
    return (
        name
        if name.replace("-", "").replace("_", "").isalnum() and name.isascii()
        else (json.dumps(name))
    )


def _value(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_key(name)} = {_value(item)}" for name, item in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, Iterable):
        return f"[{', '.join(map(_value, value))}]"
    return repr(value)
