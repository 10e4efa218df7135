"""A call that asks for pretrained weights, as one that asks for none."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from modellint.discovery.arguments import ConstructorCall
from modellint.source.tree_copies import copied
from modellint.source.walking import walk

#: Parameters that ask for weights, as libraries and their users call them.
_FLAGS = (
    "pretrained",
    "weights",
    "encoder_weights",
    "backbone_weights",
    "weights_backbone",
    "pretrained_backbone",
    "backbone_pretrained",
    "encoder_pretrained",
    "use_pretrained",
    "load_pretrained",
    "load_weights",
    "imagenet_pretrained",
    "pretrain",
    "pretrained_weights",
    "pretrained_path",
    "weights_path",
    "weight_path",
    "checkpoint",
    "checkpoint_path",
    "ckpt_path",
    "init_weights_from",
)


def without_weights(
    call: ConstructorCall, namespace: Mapping[str, object]
) -> ConstructorCall | None:
    """The call with the flags that ask for weights set to false; `None` if it has none."""
    named = dict(call.keywords)
    if "**" in named:
        return None
    changed: dict[str, str] = {}
    places: dict[int, str] = {}
    for at, parameter in enumerate(_parameters(call, namespace)):
        name = parameter.name
        if name not in _FLAGS:
            continue
        placed = call.positional[at] if at < len(call.positional) else None
        given = named.get(name, placed)
        if given is None and (parameter.default is parameter.empty or not parameter.default):
            continue
        boolean = isinstance(parameter.default, bool) or given in ("True", "False")
        if placed is not None:
            places[at] = changed[name] = "False" if boolean else "None"
        else:
            named[name] = changed[name] = "False" if boolean else "None"
    if not changed:
        return None
    listed = ", ".join(f"{key}={text}" for key, text in changed.items())
    return replace(
        call,
        positional=tuple(places.get(at, text) for at, text in enumerate(call.positional)),
        keywords=tuple(named.items()),
        node=None if call.node is None else _changed(call.node, places, named),
        origin=f"{call.origin}, with {listed}",
    )


def _changed(node: ast.Call, places: Mapping[int, str], named: Mapping[str, str]) -> ast.Call:
    """The file's own call with other values, which stand where it stands."""
    result = copied(node)
    for at, text in places.items():
        result.args[at] = _at(node, text)
    result.keywords = [
        ast.copy_location(ast.keyword(name, _at(node, text)), node) for name, text in named.items()
    ]
    return result


def _at(node: ast.Call, text: str) -> ast.expr:
    value = ast.parse(text, mode="eval").body
    for inner in walk(value):
        ast.copy_location(inner, node)
    return value


def _parameters(
    call: ConstructorCall, namespace: Mapping[str, object]
) -> tuple[inspect.Parameter, ...]:
    head, *rest = call.callee.split(".")
    callee: Any = namespace.get(head)
    for name in rest:
        callee = getattr(callee, name, None)
    if not callable(callee):
        return ()
    try:
        return tuple(inspect.signature(callee).parameters.values())
    except (TypeError, ValueError):
        return ()
