"""The parameters of constructors and factories, as far as they are declared."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field

from modellint.discovery.scopes import Function


@dataclass(frozen=True)
class Parameters:
    """A constructor's or factory's parameters, `self` left out; `node` is what declares them."""

    names: tuple[str, ...]
    required: tuple[str, ...]
    defaults: Mapping[str, ast.expr]
    line: int
    annotations: Mapping[str, str] = field(default_factory=dict)
    node: Function | None = field(default=None, compare=False, repr=False)


def parameters_of(node: Function, *, method: bool) -> Parameters:
    """The parameters of a function, without the first of a method."""
    arguments = node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults: dict[str, ast.expr] = {}
    for argument, default in zip(reversed(positional), reversed(arguments.defaults), strict=False):
        defaults[argument.arg] = default
    for argument, given in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if given is not None:
            defaults[argument.arg] = given
    listed = [one.arg for one in (positional[1:] if method else positional)]
    listed += [one.arg for one in arguments.kwonlyargs]
    required = tuple(name for name in listed if name not in defaults)
    annotations = {
        one.arg: ast.unparse(one.annotation).strip("'\"")
        for one in [*positional, *arguments.kwonlyargs]
        if one.annotation is not None
    }
    return Parameters(tuple(listed), required, defaults, node.lineno, annotations, node)
