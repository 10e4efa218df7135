"""Classes and functions that a file uses and that another file of its project declares.

They are read, as this file is, and not run. Where an import leads nowhere in the project, it is a
library's.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from modellint.discovery.names import Names, read_names, top_level
from modellint.errors import FileError
from modellint.source.file import SourceFile, read_source
from modellint.source.paths import project_root

#: How many files lead to one class: base classes of base classes, and packages that hand on names.
_DEPTH = 6
#: Larger files are data more often than base classes.
_LARGEST = 2_000_000
#: Where what is derived from is no file of the project, by the first part of its name.
_LIBRARIES = frozenset({"torch", "torchvision", "timm", "transformers", "numpy", "typing", "abc"})
#: What no file of a project stands for.
_NOT_THERE = _LIBRARIES | sys.stdlib_module_names


@dataclass(frozen=True)
class OtherClass:
    """A class of another file: its tree, what names mean there, and where it stands."""

    node: ast.ClassDef
    names: Names
    path: str


def declared_behind(dotted: str, path: str) -> tuple[str, str] | None:
    """The file of the project that declares a class or function as a file calls it, and its name.

    `None` for what the file itself declares, and for what is no project's.
    """
    if "." not in dotted or dotted.lstrip(".").partition(".")[0] in _LIBRARIES:
        return None
    found = _declaration_at(dotted, path, _DEPTH)
    return (found[2], found[0].name) if found is not None else None


def classes_behind(
    nodes: Mapping[str, ast.ClassDef], names: Names, path: str
) -> dict[str, OtherClass]:
    """The classes of other files that classes of a file derive from, by their dotted names."""
    found: dict[str, OtherClass] = {}
    pending = [
        (dotted, path, _DEPTH)
        for node in nodes.values()
        for dotted in _bases(node, names)
        if dotted not in nodes
    ]
    while pending:
        dotted, where, depth = pending.pop()
        other = _class_at(dotted, where, depth) if dotted not in found and depth else None
        if other is not None:
            found[dotted] = other
            pending += [(base, other.path, depth - 1) for base in _bases(other.node, other.names)]
    return found


def files_behind(source: SourceFile) -> tuple[str, ...]:
    """The files that decide what a file's classes are made of, those that are not there too.

    That is what they derive from, and what is imported to build them.
    """
    names = read_names(source.tree)
    bases = (
        base
        for node in source.tree.body
        if isinstance(node, ast.ClassDef)
        for base in _bases(node, names)
    )
    imported = (
        one
        for one in names.origins.values()
        if "." in one and one.lstrip(".").partition(".")[0] not in _NOT_THERE
    )
    dotted = dict.fromkeys([*bases, *imported])
    return tuple(dict.fromkeys(file for base in dotted for file in _files(base, source.path)))


def _bases(node: ast.ClassDef, names: Names) -> Iterator[str]:
    for base in node.bases:
        dotted = names.dotted(base.value if isinstance(base, ast.Subscript) else base)
        if dotted is not None and dotted.lstrip(".").partition(".")[0] not in _LIBRARIES:
            yield dotted


def _class_at(dotted: str, path: str, depth: int) -> OtherClass | None:
    """The class of a dotted name as a file sees it: its own, or one that an import leads to."""
    found = _declaration_at(dotted, path, depth)
    if found is None or not isinstance(found[0], ast.ClassDef):
        return None
    return OtherClass(found[0], *found[1:])


_Declaration = tuple[ast.ClassDef | ast.FunctionDef, Names, str]


def _declaration_at(dotted: str, path: str, depth: int) -> _Declaration | None:
    """The class or function of a dotted name as a file sees it, and in which file it stands."""
    module, _, name = dotted.rpartition(".")
    if not module.strip("."):
        # A name of the file itself, or of its package: `from . import Base`.
        own = _declared(path, name) if not module else None
        if own is not None or not module:
            return own
    for file in _files(dotted, path):
        if not os.path.isfile(file):  # noqa: PTH113
            continue
        found = _declared(file, name)
        if found is not None:
            return found
        read = read_file(file)
        handed_on = read[1].origins.get(name) if read is not None else None
        if handed_on is not None and depth > 1:
            return _declaration_at(handed_on, file, depth - 1)
    return None


def _declared(path: str, name: str) -> _Declaration | None:
    read = read_file(path) if os.path.isfile(path) else None  # noqa: PTH113
    if read is None:
        return None
    tree, names = read
    for node in top_level(tree.body):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return node, names, path
    return None


def _files(dotted: str, path: str) -> Iterator[str]:
    """The files that may declare a dotted name, as a file imports it."""
    module, dot, _ = dotted.rpartition(".")
    # Of `..Base` the module is `..`.
    module += dot if not module.strip(".") else ""
    return module_files(module, path) if module else iter(())


def module_files(module: str, path: str) -> Iterator[str]:
    """The files that a module may be, as a file's import names it, the likeliest first."""
    folder = Path(path).absolute().parent
    level = len(module) - len(module.lstrip("."))
    parts = [part for part in module.split(".") if part]
    if level:
        starts = [folder.joinpath(*[".."] * (level - 1))]
    else:
        root = Path(project_root(str(Path(path).absolute())))
        above = [one for one in folder.parents if one == root or root in one.parents]
        starts = [folder, *above, root / "src"]
    for start in starts:
        base = start.joinpath(*parts)
        yield os.path.normpath(f"{base}.py") if parts else os.path.normpath(base / "__init__.py")
        if parts:
            yield os.path.normpath(base / "__init__.py")


def read_file(path: str) -> tuple[ast.Module, Names] | None:
    """A file's tree, and what names mean in it; `None` for one that cannot be read."""
    return _read(path, *_state(path))


def _state(path: str) -> tuple[int, int]:
    state = os.stat(path)  # noqa: PTH116
    return state.st_mtime_ns, state.st_size


@lru_cache(maxsize=64)
def _read(path: str, modified: int, size: int) -> tuple[ast.Module, Names] | None:
    if size > _LARGEST:
        return None
    try:
        tree = read_source(path).tree
    except (FileError, OSError, RecursionError):
        return None
    return tree, read_names(tree)
