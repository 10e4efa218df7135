"""Where the layers of a live module were written, read from the source of its classes.

A live module carries no construction sites. The assignment that creates the attribute in its
owner's class stands for them: `self.conv1 = nn.Conv2d(...)`, or the element of the
`nn.Sequential(...)` assigned there.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from modellint.errors import FileError
from modellint.graph import Site
from modellint.source import SourceFile, read_source

if TYPE_CHECKING:
    from torch import nn

#: The place of a model without source, such as one typed into a prompt.
NOWHERE = Site("<model>", 1)


def model_site(model: nn.Module) -> Site:
    """The line of the model's class, or `NOWHERE` for a class of torch or without source."""
    return _class_site(type(model)) or NOWHERE


def construction_sites(model: nn.Module) -> Mapping[str, Site]:
    """Where each module of a model is built, by path; those without a known place left out."""
    modules = dict(model.named_modules(remove_duplicate=False))
    sites = {}
    for path in modules:
        site = _site(modules, path)
        if site is not None:
            sites[path] = site
    return sites


def _site(modules: Mapping[str, nn.Module], path: str) -> Site | None:
    """The nearest place in the user's own classes: the attribute, or one that contains it."""
    steps = path.split(".") if path else []
    for depth in range(len(steps) - 1, -1, -1):
        owner = modules[".".join(steps[:depth])]
        for source, declared in _declarations(type(owner)):
            value = _assigned(declared, steps[depth])
            if value is not None:
                return _position(source, _element(value, steps[depth + 1 :]))
        if _class_site(type(owner)):
            return _class_site(type(owner))
    return None


def _declarations(owner: type) -> Iterator[tuple[SourceFile, ast.ClassDef]]:
    """The syntax trees of a class and its bases, torch's own left out."""
    for cls in owner.__mro__:
        source = _source(cls)
        if source is None:
            continue
        *_, name = cls.__qualname__.split(".")
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ClassDef) and node.name == name:
                yield source, node
                break


def _assigned(declared: ast.ClassDef, attribute: str) -> ast.expr | None:
    """The last value that a method of the class assigns to `self.attribute`."""
    found = None
    for node in ast.walk(declared):
        match node:
            case ast.Assign(targets=targets, value=value):
                pass
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                targets = [target]
            case _:
                continue
        for target in targets:
            match target:
                case ast.Attribute(value=ast.Name(id="self"), attr=name) if name == attribute:
                    found = value
    return found


def _element(value: ast.expr, steps: list[str]) -> ast.expr:
    """The part of `Sequential(a, b)` or `ModuleList([a, b])` that indices such as `1` name."""
    for step in steps:
        parts: list[ast.expr] = value.args if isinstance(value, ast.Call) else []
        if len(parts) == 1 and isinstance(parts[0], ast.List | ast.Tuple):
            parts = parts[0].elts
        plain = not any(isinstance(part, ast.Starred) for part in parts)
        builds = plain and step.isdigit() and int(step) < len(parts)
        if not builds or not isinstance(parts[int(step)], ast.Call):
            break
        value = parts[int(step)]
    return value


def _position(source: SourceFile, node: ast.expr) -> Site:
    last = node.end_lineno or node.lineno
    return Site(
        source.path,
        node.lineno,
        source.column_of(node.lineno, node.col_offset),
        last,
        source.column_of(last, node.end_col_offset or 0),
    )


def _class_site(cls: type) -> Site | None:
    source = _source(cls)
    for _, declared in _declarations(cls) if source is not None else ():
        return Site(source.path if source else "", declared.lineno)
    return None


def _source(cls: Any) -> SourceFile | None:
    if cls.__module__.partition(".")[0] in ("torch", "builtins"):
        return None
    try:
        path = inspect.getsourcefile(cls)
    except (TypeError, OSError):  # Typed into a prompt, or built by a call of type().
        return None
    return _read(path) if path else None


@lru_cache(maxsize=256)
def _read(path: str) -> SourceFile | None:
    try:
        return read_source(path)
    except FileError:  # Such as the name of a notebook's cell: no file to point at.
        return None
