"""Which models of a file are parts of others."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from modellint.discovery.constructions import Constructions
from modellint.source.walking import walk


def owners(built: Constructions) -> dict[str, str]:
    """Each class or factory that is a part of another model, with that model's name."""
    reaches = built.declared.reaches
    classes = built.declared.classes
    claimed: dict[str, str] = {}

    def claim(part: str, owner: str, model: str) -> None:
        cyclic = model in reaches.get(part, frozenset()) and not _later(classes, model, part)
        if part != model and part not in claimed and not cyclic:
            claimed[part] = owner

    for name, declared in classes.items():
        if declared.skip is not None:
            continue
        for part in sorted(reaches[name]):
            inherited = name in _ancestors_of(built, part) and part not in _named_in(built, name)
            if (part in classes or part in built.factories) and not inherited:
                claim(part, name, name)
    for name, model in built.factories.items():
        for part in sorted(reaches[name]):
            if part in classes and part != model and part not in _ancestors_of(built, model):
                claim(part, model if model in classes else name, model)
    for name in _called_makers(built):
        for part in sorted(reaches[name]):
            if part in classes:
                claim(part, name, name)
    variables = _parts_in_variables(built)
    for found in built.evidence.constructions:
        if found.node is None:
            continue
        for argument in [*found.node.args, *(word.value for word in found.node.keywords)]:
            for node in walk(argument):
                if isinstance(node, ast.Name) and (
                    node.id in classes or node.id in built.factories
                ):
                    claim(node.id, built.factories.get(found.callee, found.callee), found.callee)
                elif isinstance(node, ast.Name) and node.id in variables:
                    claim(variables[node.id], found.callee, found.callee)
    return {part: owner for part, owner in claimed.items() if _stands(built, part, owner)}


def users(built: Constructions) -> dict[str, str]:
    """Module-level names that a model of the file uses, with that model's name."""
    used: dict[str, str] = {}
    for name in [*built.declared.classes, *built.factories]:
        for other in built.declared.reaches[name]:
            used.setdefault(other, name)
    for one in built.evidence.constructions:
        arguments = one.node.args if one.node is not None else []
        for argument in arguments:
            for node in walk(argument):
                if isinstance(node, ast.Name) and one.variable != node.id:
                    used.setdefault(node.id, one.variable or one.callee)
    return used


def _called_makers(built: Constructions) -> list[str]:
    """Functions that return a library's class and that the module calls for a model."""
    return [
        name
        for name, model in built.makers.items()
        if name not in built.factories
        and model not in built.declared.classes
        and any(one.where == "module" and one.variable for one in built.shown(name))
    ]


def _parts_in_variables(built: Constructions) -> dict[str, str]:
    """Variables that hold a model which is never called by itself, with its class."""
    return {
        one.variable: one.callee
        for one in built.evidence.constructions
        if one.variable is not None
        and one.callee in built.declared.classes
        and not built.evidence.hints.get(one.callee)
    }


def _ancestors_of(built: Constructions, name: str) -> set[str]:
    found: set[str] = set()
    pending = [name]
    while pending:
        declared = built.declared.classes.get(pending.pop())
        if declared is None:
            continue
        fresh = [base for base in declared.bases if base not in found]
        found.update(fresh)
        pending += fresh
    return found


def _named_in(built: Constructions, name: str) -> set[str]:
    node = built.declared.classes[name].node
    return {inner.id for inner in walk(node) if isinstance(inner, ast.Name)}


def _stands(built: Constructions, part: str, owner: str) -> bool:
    """Whether a claim holds: a part of what cannot be built is its own model if shown alone."""
    if part in built.factories or owner not in built.declared.classes:
        return True
    buildable = bool(built.calls[owner]) or owner in built.factories.values()
    return buildable or not built.shown(part)


def _later(classes: Mapping[str, object], model: str, part: str) -> bool:
    """Whether of two classes that use each other `model` is declared last: the outer one."""
    order = list(classes)
    return model in order and part in order and order.index(model) > order.index(part)
