"""The syntax trees of classes, found in the files that define them."""

from __future__ import annotations

import ast
import inspect
import os
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from modellint.errors import FileError
from modellint.source.executed import text_of
from modellint.source.file import SourceFile, parse_cell, read_source

Method = ast.FunctionDef | ast.AsyncFunctionDef


def definitions(cls: Any, known: SourceFile | None = None) -> tuple[ast.ClassDef, ...]:
    """The tree of a class and those of its bases, nearest first; torch's own are left out.

    `known` is a file that was read already, such as one that is not on disk.
    """
    found = (definition(base, known) for base in cls.__mro__)
    return tuple(declared for declared in found if declared is not None)


def definition(cls: Any, known: SourceFile | None = None) -> ast.ClassDef | None:
    """The tree of one class; `None` for torch's own, and for what was typed into a prompt."""
    source = source_of(cls, known)
    return source.classes.get(cls.__name__) if source is not None else None


def methods(declared: Iterable[ast.ClassDef]) -> Iterator[Method]:
    """The methods that classes define, in their order."""
    for cls in declared:
        for part in cls.body:
            if isinstance(part, Method):
                yield part


def own_attribute(node: ast.AST) -> str | None:
    """The attribute that `self.attribute` names; `None` for any other expression."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return node.attr if node.value.id == "self" else None
    return None


def module_of(cls: type) -> str:
    """The module that a class says it is of; empty where user code has put something else there."""
    found = cls.__module__
    return found if isinstance(found, str) else ""


def source_of(cls: Any, known: SourceFile | None = None) -> SourceFile | None:
    """The file, or the cell of a kernel, that defines a class.

    `None` for torch's own classes and for those of code that nobody kept.
    """
    if module_of(cls).partition(".")[0] in ("torch", "builtins"):
        return None
    if known is not None:
        module = sys.modules.get(module_of(cls))
        if getattr(module, "__file__", None) == known.path:
            return known
    try:
        path = inspect.getsourcefile(cls)
    except (TypeError, OSError):  # Typed into a cell or a prompt, or built by a call of type().
        path = _compiled_as(cls)
    return source_at(path) if path else None


def _compiled_as(cls: type) -> str | None:
    """The name that the code of a class was compiled under, by its methods."""
    for value in vars(cls).values():
        method = inspect.unwrap(getattr(value, "fget", None) or getattr(value, "__func__", value))
        code = getattr(method, "__code__", None)
        # Others are borrowed, or made by a decorator.
        if code is None or method.__qualname__ != f"{cls.__qualname__}.{code.co_name}":
            continue
        if text_of(code.co_filename) is not None:
            return str(code.co_filename)
    return None


def source_at(path: str) -> SourceFile | None:
    """A file of the user's or of a library's as it is now; `None` where there is no such source.

    Of what a kernel ran it is the cell.
    """
    try:
        state = os.stat(path)  # noqa: PTH116 - asked for every class and finding
    except OSError:  # Such as the name of a kernel's cell.
        text = text_of(path)
        return None if text is None else _executed(path, text)
    return _read_once(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=256)
def _executed(path: str, text: str) -> SourceFile | None:
    try:
        return parse_cell(path, text)
    except FileError:  # What ran is Python, but not all of it need be.
        return None


@lru_cache(maxsize=256)
def _read_once(path: str, written: int, size: int) -> SourceFile | None:
    try:
        return read_source(path)
    except FileError:  # Such as compiled code.
        return None
