"""Where a module lies, and which file defines a name of it, without an import of either.

Runs in the interpreter of a project, which alone knows where its modules are, or looks into folders
from outside of it; needs nothing but the standard library. Packages hand on names of their modules;
these are followed as far as import statements say so.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

#: How often a name may be handed on.
_DEEPEST = 12


Find = Callable[[str, Sequence[str] | None], ModuleSpec | None]
"""Finds a module by its whole name, in the folders of its package or, for `None`, at the top."""


@dataclass(frozen=True)
class ModuleFile:
    """A module: its name, its file (`None` for a namespace), the folders of a package."""

    name: str
    path: str | None
    folders: tuple[str, ...] = ()


def main(folders: str, name: str, member: str) -> None:
    """Print what a module and one of its names stand for, as JSON in the last line.

    `folders` are those of the project, as JSON, which come first on the path.
    """
    sys.path[:] = [*json.loads(folders), *filter(None, sys.path)]
    sys.stdout.write("\n" + json.dumps(answer(name, member, as_imported)))


def answer(name: str, member: str, find: Find) -> dict[str, object]:
    """What a module and one of its names stand for: `path`, `folders` and the name in that file.

    `missing` is the part of the module's name that nothing is found for.
    """
    found = module_file(name, find)
    told: dict[str, object] = {"path": None, "folders": [], "missing": None, "name": member}
    if isinstance(found, str):
        return {**told, "missing": found}
    path, defined = _defining(found, member, find, 0) if member else (found.path, "")
    return {
        **told,
        "path": path or found.path,
        "folders": [*found.folders],
        "name": defined or member,
    }


def module_file(name: str, find: Find) -> ModuleFile | str:
    """A module by its dotted name; the part of the name that nothing is found for, if so."""
    path: Sequence[str] | None = None
    spec: ModuleSpec | None = None
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        inside = ".".join(parts[:count])
        spec = None if count > 1 and path is None else find(inside, path)
        if spec is None:
            return inside
        found = spec.submodule_search_locations
        path = None if found is None else [*found]
    assert spec is not None
    has_file = spec.has_location and spec.origin is not None
    return ModuleFile(name, spec.origin if has_file else None, tuple(path or ()))


def as_imported(name: str, path: Sequence[str] | None) -> ModuleSpec | None:
    """What the import system finds, as it would before it loads it."""
    for finder in sys.meta_path:
        find = _in_folders if finder is PathFinder else getattr(finder, "find_spec", None)
        found: ModuleSpec | None = None if find is None else find(name, path)
        if found is not None:
            return found
    return None


def _in_folders(name: str, path: Sequence[str] | None) -> ModuleSpec | None:
    # By its last part: of a namespace in another the whole name asks for the outer one's module,
    # which nobody has imported.
    return PathFinder.find_spec(name.rpartition(".")[2], path)


def within(folders: Sequence[str]) -> Find:
    """What finds the modules of some folders, and asks nothing that was installed there."""

    def find(name: str, path: Sequence[str] | None) -> ModuleSpec | None:
        return _in_folders(name, folders if path is None else path)

    return find


def _defining(module: ModuleFile, name: str, find: Find, depth: int) -> tuple[str | None, str]:
    """The file that defines a name of a module, and the name that it has there, if any does."""
    tree = _tree(module.path)
    if tree is None or depth > _DEEPEST:
        return None, ""
    statements = [*_at_top(tree)]
    if any(name in _bound(one) for one in statements):
        return module.path, name
    for one in statements:
        if isinstance(one, ast.ImportFrom):
            for alias in one.names:
                if alias.name != "*" and (alias.asname or alias.name) == name:
                    return _handed_on(module, one, alias.name, find, depth)
    for one in reversed(statements):
        if isinstance(one, ast.ImportFrom) and one.names[0].name == "*":
            found = _handed_on(module, one, name, find, depth)
            if found[0] is not None:
                return found
    return None, ""


def _handed_on(
    module: ModuleFile, statement: ast.ImportFrom, name: str, find: Find, depth: int
) -> tuple[str | None, str]:
    source = module_file(_absolute(module, statement), find)
    return (None, "") if isinstance(source, str) else _defining(source, name, find, depth + 1)


def _absolute(module: ModuleFile, statement: ast.ImportFrom) -> str:
    """The name of the module that a statement imports from."""
    if not statement.level:
        return statement.module or ""
    parts = module.name.split(".")
    # A package is the first folder of its own relative imports.
    up = statement.level - bool(module.folders)
    base = parts[: len(parts) - up] if up else parts
    return ".".join([*base, *filter(None, [statement.module])])


def _tree(path: str | None) -> ast.Module | None:
    try:
        return None if path is None else ast.parse(Path(path).read_bytes())
    except (OSError, ValueError, SyntaxError, RecursionError):
        return None


def _at_top(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements of a module that bind its names, those behind an `if` or `try` included."""
    pending: list[ast.stmt] = [*reversed(tree.body)]
    while pending:
        one = pending.pop()
        yield one
        if isinstance(one, ast.If | ast.Try | ast.With):
            inside = [node for node in ast.iter_child_nodes(one) if isinstance(node, ast.stmt)]
            for handler in getattr(one, "handlers", ()):
                inside += handler.body
            pending += reversed(inside)


def _bound(statement: ast.stmt) -> set[str]:
    """The names that a statement defines itself."""
    if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return {statement.name}
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        targets = [statement.target]
    return {node.id for one in targets for node in ast.walk(one) if isinstance(node, ast.Name)}
