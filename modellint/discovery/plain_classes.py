"""Classes that only hold values: what is read of them, and of their instances."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from modellint.discovery.constants import NotConstant, constant
from modellint.discovery.inheritance import bases_of
from modellint.discovery.names import last_name, written_name
from modellint.discovery.namespaces import NamespaceClass
from modellint.discovery.scopes import Function
from modellint.discovery.signatures import parameters_of
from modellint.source.walking import walk


def plain_class(node: ast.ClassDef, lookup: Callable[[str], Any]) -> NamespaceClass:
    """The values of a class of a file, as far as they can be told.

    `lookup` gives the value of a dotted name, that of a base among them.
    """
    values: dict[str, Any] = {}
    fields: tuple[str, ...] = ()
    required: frozenset[str] = frozenset()
    for base in bases_of(node):
        try:
            known = constant(base, lookup)
        except NotConstant:
            continue
        if isinstance(known, NamespaceClass):
            values |= known.values
            fields, required = known.fields, known.required

    def inside(name: str) -> Any:
        if name in values:
            return values[name]
        return lookup(name)

    own = dict(_assigned(node, inside, values))
    init = next(
        (one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"),
        None,
    )
    if init is not None:
        return NamespaceClass(values, construct=partial(_stored, init, dict(values), lookup))
    if _has_fields(node):
        fields = (*fields, *(name for name in own if name not in fields))
        required = (required | own.keys()) - values.keys()
    return NamespaceClass(values, fields, required)


def _assigned(
    node: ast.ClassDef, lookup: Callable[[str], Any], values: dict[str, Any]
) -> Iterator[tuple[str, None]]:
    """The annotated names of a class body; its known values go to `values`."""
    for item in node.body:
        match item:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=kind, value=value):
                if "ClassVar" not in ast.unparse(kind):
                    yield name, None
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                pass
            case _:
                continue
        values.pop(name, None)
        if value is None:
            continue
        try:
            values[name] = constant(_default(value), lookup)
        except NotConstant:
            continue


def _default(node: ast.expr) -> ast.expr:
    """The value that a field begins with: what `field(default=5)` says, or what a factory gives."""
    match node:
        case ast.Call(func=func, keywords=words) if (written_name(func) or "").endswith("field"):
            for word in words:
                if word.arg == "default":
                    return word.value
                if word.arg == "default_factory" and isinstance(word.value, ast.Lambda):
                    return word.value.body
                if word.arg == "default_factory":
                    return ast.copy_location(ast.Call(word.value, [], []), node)
    return node


def _has_fields(node: ast.ClassDef) -> bool:
    marks = [ast.unparse(mark) for mark in node.decorator_list]
    bases = [last_name(base) for base in bases_of(node)]
    data = any("dataclass" in mark or mark.endswith(("define", "frozen")) for mark in marks)
    return data or bool({"NamedTuple", "BaseModel", "BaseSettings"} & set(bases))


def _stored(
    init: Function,
    values: Mapping[str, Any],
    lookup: Callable[[str], Any],
    given: Sequence[Any],
    named: Mapping[str, Any],
) -> dict[str, Any]:
    """The attributes that a constructor stores, as far as they are plain; raises `TypeError`.

    What it stores under conditions and in loops is not known.
    """
    parameters = parameters_of(init, method=True)
    bound = {**dict(zip(parameters.names, given, strict=False)), **named}
    unknown = bound.keys() - set(parameters.names)
    if len(given) > len(parameters.names) or unknown or set(parameters.required) - bound.keys():
        raise TypeError
    for name, default in parameters.defaults.items():
        if name not in bound:
            with suppress(NotConstant):
                bound[name] = constant(default, lookup)
    stored = dict(values)

    def inside(name: str) -> Any:
        head, _, rest = name.partition(".")
        if name in bound:
            return bound[name]
        if head == "self" and rest in stored:
            return stored[rest]
        if head == "self" or head in parameters.names:
            raise NotConstant
        return lookup(name)

    for statement in init.body:
        for node in walk(statement):
            match node:
                case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                    stored.pop(name, None)
                case ast.Name(id=name, ctx=ast.Store()):
                    bound.pop(name, None)
        match statement:
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)]):
                with suppress(NotConstant):
                    stored[name] = constant(statement.value, inside)
            case ast.Assign(targets=[ast.Name(id=name)]):
                with suppress(NotConstant):
                    bound[name] = constant(statement.value, inside)
    return stored
