"""The syntax trees of classes, found in the files that define them."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from modellint.errors import FileError
from modellint.source import SourceFile, read_source


def definitions(cls: Any, known: SourceFile | None = None) -> tuple[ast.ClassDef, ...]:
    """The tree of a class and those of its bases, nearest first; torch's own are left out.

    `known` is a file that was read already, such as one that is not on disk.
    """
    found = (definition(base, known) for base in cls.__mro__)
    return tuple(declared for declared in found if declared is not None)


def definition(cls: Any, known: SourceFile | None = None) -> ast.ClassDef | None:
    """The tree of one class; `None` for torch's own, and for what was typed into a prompt."""
    source = source_of(cls, known)
    if source is None:
        return None
    if source is known:
        return _in_tree(source.tree).get(cls.__name__)
    return _in_file(source.path).get(cls.__name__)


def source_of(cls: Any, known: SourceFile | None = None) -> SourceFile | None:
    """The file that defines a class; `None` for torch's own classes and those without a file."""
    if cls.__module__.partition(".")[0] in ("torch", "builtins"):
        return None
    if known is not None:
        module = sys.modules.get(cls.__module__)
        if getattr(module, "__file__", None) == known.path:
            return known
    try:
        path = inspect.getsourcefile(cls)
    except (TypeError, OSError):  # Typed into a prompt, or built by a call of type().
        return None
    return source_at(path) if path else None


@lru_cache(maxsize=256)
def source_at(path: str) -> SourceFile | None:
    """A file of the user's or of a library's; `None` where there is no such source."""
    try:
        return read_source(path)
    except FileError:  # Such as the name of a notebook's cell, or compiled code.
        return None


@lru_cache(maxsize=256)
def _in_file(path: str) -> Mapping[str, ast.ClassDef]:
    source = source_at(path)
    return _in_tree(source.tree) if source is not None else {}


def _in_tree(tree: ast.Module) -> Mapping[str, ast.ClassDef]:
    """The classes of a file by name; of several of one name the outermost, the first."""
    found: dict[str, ast.ClassDef] = {}
    level: list[ast.stmt] = list(tree.body)
    while level:
        for statement in level:
            if isinstance(statement, ast.ClassDef):
                found.setdefault(statement.name, statement)
        level = [inner for statement in level for inner in blocks(statement)]
    return found


def blocks(statement: ast.stmt) -> Iterator[ast.stmt]:
    """The statements in a statement's blocks; expressions are not searched."""
    for block in ("body", "handlers", "orelse", "finalbody", "cases"):
        for inner in getattr(statement, block, ()):
            if isinstance(inner, ast.stmt):
                yield inner
            else:  # An except or a case has its own block.
                yield from inner.body
