"""Where the layers of a live module were written, read from the source of its classes.

A live module carries no construction sites. The assignment that creates the attribute in its
owner's class stands for them: `self.conv1 = nn.Conv2d(...)`, or the element of the
`nn.Sequential(...)` assigned there.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from modellint.graph import Site
from modellint.source.classes import definition, source_of
from modellint.source.file import SourceFile, blocks

if TYPE_CHECKING:
    from torch import nn

    from modellint.modules.members import Members

#: The place of a model without source, such as one typed into a prompt.
NOWHERE = Site("<model>", 1)


def model_site(model: nn.Module | type[nn.Module]) -> Site:
    """The line of a model's class, or `NOWHERE` for a class of torch or without source."""
    # Any, since mypy takes the class of a Module for unhashable.
    cls: Any = model if isinstance(model, type) else type(model)
    return _written(cls).site or NOWHERE


def model_source(model: nn.Module) -> SourceFile | None:
    """The file of the model's class; `None` for a class of torch or without source."""
    return source_of(type(model))


def construction_sites(members: Members) -> Mapping[int, tuple[Site | None, Site | None]]:
    """Where each module of a model is built, by its `id`; those without a known place left out."""
    # `layers[0].conv` of a plain list is found as `layers.0.conv` of a ModuleList is.
    plain = [(re.sub(r"\['?(.*?)'?\]", r".\1", path), module) for path, module in members.held]
    modules = dict([*members.registered, *plain])
    sites: dict[int, tuple[Site | None, Site | None]] = {}
    for path, module in modules.items():
        site = _site(modules, path)
        if site is not None:
            sites[id(module)] = (site, None)
    return sites


def _site(modules: Mapping[str, nn.Module], path: str) -> Site | None:
    """The nearest place in the user's own classes: the attribute, or one that contains it."""
    steps: tuple[str, ...] = ()
    while path:
        path, _, last = path.rpartition(".")
        steps = (last, *steps)
        holder = modules.get(path)
        if holder is None:  # A plain list is no module.
            continue
        owner: Any = type(holder)
        found = _place(owner, steps)
        if found is not None:
            return found
    return None


@lru_cache(maxsize=16384)
def _place(owner: type, steps: tuple[str, ...]) -> Site | None:
    """Where a class builds what `steps` lead to from it, else where it is defined."""
    # Most modules of a model are built by a few classes, many times over.
    written = _written(owner)
    found = written.attributes.get(steps[0])
    if found is None:
        return written.site
    source, value = found
    return _position(source, _element(value, steps[1:]))


@dataclass(frozen=True)
class _Class:
    """Where a class is defined, and what its methods and its bases' assign to attributes."""

    site: Site | None
    attributes: Mapping[str, tuple[SourceFile, ast.expr]]


@lru_cache(maxsize=4096)
def _written(cls: type) -> _Class:
    # A model asks for the same few classes hundreds of times, and a tree is slow to search.
    attributes: dict[str, tuple[SourceFile, ast.expr]] = {}
    site = None
    for base in cls.__mro__:
        source, declared = source_of(base), definition(base)
        if source is None or declared is None:
            continue
        if base is cls:
            site = Site(source.path, declared.lineno)
        for attribute, value in _assigned(declared).items():
            attributes.setdefault(attribute, (source, value))
    return _Class(site, attributes)


def _assigned(declared: ast.ClassDef) -> Mapping[str, ast.expr]:
    """The last value that the methods of a class assign to each attribute of `self`."""
    found: dict[str, ast.expr] = {}
    pending = [declared.body[::-1]]
    while pending:
        statements = pending[-1]
        if not statements:
            pending.pop()
            continue
        statement = statements.pop()
        pending.append(list(blocks(statement))[::-1])
        if not isinstance(statement, ast.Assign | ast.AnnAssign) or statement.value is None:
            continue
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        for target in targets:
            match target:
                case ast.Attribute(value=ast.Name(id="self"), attr=name):
                    found[name] = statement.value
    return found


def _element(value: ast.expr, steps: tuple[str, ...]) -> ast.expr:
    """The part of `Sequential(a, b)` or `ModuleList([a, b])` that indices such as `1` name."""
    for step in steps:
        parts: list[ast.expr] = value.args if isinstance(value, ast.Call) else []
        if isinstance(value, ast.List | ast.Tuple):
            parts = value.elts
        if len(parts) == 1 and isinstance(parts[0], ast.List | ast.Tuple):
            parts = parts[0].elts
        plain = not any(isinstance(part, ast.Starred) for part in parts)
        builds = plain and step.isdigit() and int(step) < len(parts)
        if not builds or not isinstance(parts[int(step)], ast.Call):
            break
        value = parts[int(step)]
    return value


def _position(source: SourceFile, node: ast.expr) -> Site:
    return Site(source.path, *source.extent(node))
