"""The rules of plugin files as their syntax trees tell them: nothing of a plugin runs.

For what only speaks of rules: `--rules`, `--explain`, `--show-settings`, `--list`, what pytest
collects. A rule that no tree shows, since a loop makes it or its category is computed, is left out.
"""

from __future__ import annotations

import ast
import inspect
import os
from collections.abc import Iterator, Mapping
from inspect import Parameter, Signature
from pathlib import Path
from types import FunctionType
from typing import Any, NoReturn

from modellint.errors import FileError, ModellintError, PluginError
from modellint.linting.plugins import LoadedRule, check_plugin
from modellint.rules import Category, Rule, rule
from modellint.source.file import read_source

#: What decorates a rule, by its whole name.
_DECORATORS = frozenset({"modellint.rule", "modellint.rules.rule"})
_CATEGORIES = frozenset({"modellint.Category", "modellint.rules.Category"})
_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


def rules_written_at(path: Path, origin: str) -> list[LoadedRule]:
    """The rules that a file or a folder of modules defines, as `load_rules` would find them.

    Raises `PluginError` where there is nothing to read, or no Python.
    """
    check_plugin(path, origin)
    return [
        LoadedRule(one, origin, str(file))
        for file in _modules(path, origin)
        for one in _rules(file, origin)
    ]


def _modules(path: Path, origin: str) -> Iterator[Path]:
    """The source files of a plugin, those of packages below it included."""
    if not os.path.isdir(path):  # noqa: PTH112
        yield path
        return
    try:
        inside = sorted(path.iterdir())
    except OSError as error:
        reason = error.strerror or error
        raise PluginError(f"plugin {origin} does not load: {path}: {reason}") from error
    for inner in inside:
        # By os.path: Path's raises where a folder may not be looked into.
        package = os.path.isfile(inner / "__init__.py")  # noqa: PTH113
        if package or (inner.suffix == ".py" and os.path.isfile(inner)):  # noqa: PTH113
            yield from _modules(inner, origin)


def _rules(file: Path, origin: str) -> Iterator[Rule]:
    try:
        tree = read_source(file).tree
    except FileError as error:
        raise PluginError(f"plugin {origin} does not load: {error}; repair it") from error
    names = dict(_imported(tree))
    made: dict[str, Rule] = {}
    for statement in tree.body:
        if isinstance(statement, _FUNCTION):
            found = _rule(statement, names)
            if found is not None:
                made[statement.name] = found
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            _add_example(statement.value, made)
    yield from made.values()


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """What names of a file mean, where an import says it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                yield (alias.asname, alias.name) if alias.asname else (top, top)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _whole_name(node: ast.expr, names: Mapping[str, str]) -> str:
    """The name that an expression means, imports followed; empty where it is no name."""
    if isinstance(node, ast.Attribute):
        return f"{_whole_name(node.value, names)}.{node.attr}"
    return names.get(node.id, node.id) if isinstance(node, ast.Name) else ""


def _rule(
    function: ast.FunctionDef | ast.AsyncFunctionDef, names: Mapping[str, str]
) -> Rule | None:
    """The rule that a function becomes by its decorator, if it becomes one."""
    for call in function.decorator_list:
        if not isinstance(call, ast.Call) or _whole_name(call.func, names) not in _DECORATORS:
            continue
        given = {keyword.arg or "": _value(keyword.value) for keyword in call.keywords}
        categories = [*call.args, *(k.value for k in call.keywords if k.arg == "category")]
        category = _category(categories[0], names) if categories else None
        known = {
            name: given[name]
            for name in ("default", "aliases", "supersedes", "reads")
            if given.get(name) is not None
        }
        try:
            return rule(Category(category or ""), **known)(_stub(function))
        except (TypeError, ValueError, ModellintError):  # Loading it says what is wrong with it.
            return None
    return None


def _category(node: ast.expr, names: Mapping[str, str]) -> str | None:
    if isinstance(node, ast.Attribute) and _whole_name(node.value, names) in _CATEGORIES:
        return str(Category[node.attr].value) if node.attr in Category.__members__ else None
    value = _value(node)
    return value if isinstance(value, str) else None


def _stub(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Any:
    """A function of the same name, page and options, which does nothing but say that it is none."""

    def unloaded(*_: Any, **__: Any) -> NoReturn:
        raise PluginError(f"the rule {function.name} was read, not loaded: it cannot be asked")

    assert isinstance(unloaded, FunctionType)
    unloaded.__name__ = function.name
    unloaded.__doc__ = ast.get_docstring(function)
    options = zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    unloaded.__signature__ = Signature(  # type: ignore[attr-defined]
        [
            Parameter(
                option.arg,
                Parameter.KEYWORD_ONLY,
                default=None if default is None else _value(default),
            )
            for option, default in options
        ]
    )
    return unloaded


def _add_example(call: ast.Call, rules: Mapping[str, Rule]) -> None:
    """Give a rule the example that a call such as `even_kernel.flags(...)` adds."""
    target = call.func
    if not isinstance(target, ast.Attribute) or not isinstance(target.value, ast.Name):
        return
    if target.value.id not in rules or target.attr not in ("flags", "allows"):
        return
    arguments = [_value(argument) for argument in call.args]
    keywords = {keyword.arg or "": _value(keyword.value) for keyword in call.keywords}
    add = getattr(rules[target.value.id], target.attr)
    try:
        inspect.signature(add).bind(*arguments, **keywords)
        add(*arguments, **keywords)
    except (TypeError, ValueError, ModellintError):  # Computed, or wrong: loading it says so.
        return


def _value(node: ast.expr) -> Any:
    """The value of a literal; `None` for what has to be run."""
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
