"""Parameters that are called after the size of images: `img_shape=(3, 128, 128)`."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Any

from modellint.discovery.arguments import ConstructorCall
from modellint.discovery.constants import NotConstant, constant, no_name
from modellint.discovery.example_tensors import InputHint
from modellint.discovery.signatures import Parameters
from modellint.discovery.stated_sizes import is_image_name, shape_hint


def shape_hints(parameters: Parameters, calls: Sequence[ConstructorCall]) -> Iterator[InputHint]:
    """The images that a model is made for, as the arguments of each call, or defaults, say."""
    for name in parameters.names:
        if not is_image_name(name):
            continue
        for call in calls:
            node = _given(name, parameters, call)
            hint = None
            if node is not None:
                line = call.line if call.node is not None else parameters.line
                hint = shape_hint(name, _value(node), line, str(call))
            if hint is not None:
                yield hint


def _given(name: str, parameters: Parameters, call: ConstructorCall) -> ast.expr | None:
    """What a call gives for a parameter, by itself or by default."""
    if call.node is None:
        words = dict(call.keywords)
        if name in words:
            return ast.parse(words[name], mode="eval").body
        return parameters.defaults.get(name)
    if any(isinstance(one, ast.Starred) for one in call.node.args):
        return None
    bound = dict(zip(parameters.names, call.node.args, strict=False))
    for word in call.node.keywords:
        if word.arg is None:
            return None
        bound[word.arg] = word.value
    return bound.get(name, parameters.defaults.get(name))


def _value(node: ast.expr) -> Any:
    try:
        return constant(node, no_name)
    except NotConstant:
        return None
