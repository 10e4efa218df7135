"""Arguments that a configuration states: what is nested answers by attribute, YAML files are read.

`args = {cfg = {width = 32}}` gives an object with `cfg.width` and `cfg["width"]`;
`args = {cfg = "conf/net.yaml"}` one with what the file says.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from modellint.errors import NotAnalysed

_TABLE, _FILE = "_modellint_table", "_modellint_file"


class MissingSetting(AttributeError):
    """A model asks for what a stated table does not say."""


class MissingKey(KeyError):
    """A model asks for a key that a stated table has not."""


class Table(dict[str, Any]):
    """A table of a configuration, whose values are attributes too; `vars` gives them as well."""

    def __init__(self, values: Mapping[str, Any] = {}) -> None:
        super().__init__(values)
        self.__dict__ = self

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise MissingSetting(name)

    def __missing__(self, key: object) -> NoReturn:
        raise MissingKey(key)


def nested(tree: ast.expr, folder: str) -> tuple[ast.expr, Mapping[str, Callable[..., Any]]]:
    """A call whose tables and files are made, and the names that it uses for that."""
    if isinstance(tree, ast.Call):
        for word in tree.keywords:
            match word.value:
                case ast.Constant(value=str(name)) if name.endswith((".yaml", ".yml")):
                    path = str(Path(folder, name))
                    word.value = _called(_FILE, ast.Constant(path))
    result: ast.expr = _Tables().visit(tree)
    return result, {_TABLE: Table, _FILE: read_yaml}


class _Tables(ast.NodeTransformer):
    def visit_Dict(self, node: ast.Dict) -> ast.AST:
        """Make a table of each dictionary."""
        self.generic_visit(node)
        return _called(_TABLE, node)


def _called(name: str, argument: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(name, ast.Load()), [argument], [])


def read_yaml(path: str) -> Any:
    """What a YAML file says, by OmegaConf or PyYAML: those of the project.

    Raises `NotAnalysed` where neither is installed, and for a file that is no YAML.
    """
    reader = _imported("omegaconf")
    if reader is not None:
        return reader.OmegaConf.load(path)
    reader = _imported("yaml")
    if reader is None:
        raise NotAnalysed(
            f"needs PyYAML or OmegaConf to read {path}, which this Python does not have: install "
            "one beside its torch",
            elsewhere=True,
        )
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - seen as read, as any file is
            return tables(reader.safe_load(file))
    except (reader.YAMLError, UnicodeDecodeError) as error:
        raise NotAnalysed(f"{path} is no valid YAML: {error}") from error


def _imported(name: str) -> Any:
    """A package of the project's, if it is installed there."""
    try:
        return import_module(name)
    except ImportError:
        return None


def tables(value: Any) -> Any:
    """A value with all dictionaries in it as tables."""
    if isinstance(value, dict):
        return Table({key: tables(inner) for key, inner in value.items()})
    return [tables(inner) for inner in value] if isinstance(value, list) else value
