"""What a call gives to a model: tensors, alone or in containers, and whatever else it needs."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from modellint.discovery.constants import NotConstant, constant
from modellint.discovery.displays import held_of
from modellint.discovery.example_tensors import (
    Argument,
    Example,
    Held,
    InputTensor,
    Nest,
    Slot,
)
from modellint.discovery.expression_reader import ExpressionReader, Model
from modellint.discovery.names import last_name
from modellint.discovery.scopes import Value

#: Functions that are given a model and its inputs, by their last name.
SHOWERS = frozenset(
    """export trace add_graph profile FlopCountAnalysis flop_count draw_graph summary
    get_model_complexity_info count_ops thop_profile""".split()
)
#: Libraries whose `summary` takes sizes with the batch; the others' take them without.
WITH_BATCH = ("torchinfo", "torchvision")
_CONTAINERS = ("list", "dict", "tuple")
_INPUT_WORDS = ("input_size", "input_data", "inputs", "args")


#: An argument's name, where it has one, and what it is, where that is known.
Offered = tuple[str | None, Held | None]


class Given(NamedTuple):
    """The tensors of a call in order, and its arguments where they are not these alone."""

    tensors: tuple[InputTensor, ...]
    arguments: tuple[Argument, ...] = ()


def of_call(node: ast.Call, reader: ExpressionReader) -> Given | None:
    """What a call gives; `None` where something of it is not known."""
    held: list[Offered] = []
    for argument in node.args:
        if not isinstance(argument, ast.Starred):
            held.append((None, held_of(reader.value(argument))))
            continue
        value = reader.value(argument.value)
        parts = reader.parts(value, argument.value)
        if parts is None:
            return None
        held += [(None, held_of(part)) for part in parts]
    for word in node.keywords:
        value = reader.value(word.value)
        if word.arg is not None:
            held.append((word.arg, held_of(value)))
        else:
            held += _named(value)
    return arranged(held)


def part_of_call(node: ast.Call, reader: ExpressionReader) -> Given | None:
    """The tensors that are known of a call of which something is not; `None` where none is.

    They are those before the first that is not known, and those with a name.
    """
    tensors: list[InputTensor] = []
    for argument in node.args:
        held = None if isinstance(argument, ast.Starred) else held_of(reader.value(argument))
        if not isinstance(held, Example):
            break
        tensors.append(InputTensor(None, held.shape, held.dtype, held.of))
    for word in node.keywords:
        held = held_of(reader.value(word.value)) if word.arg is not None else None
        if isinstance(held, Example):
            tensors.append(InputTensor(word.arg, held.shape, held.dtype, held.of))
    known = [one for one in tensors if one.of is None and None not in one.shape]
    return Given(tuple(tensors)) if tensors and known == tensors else None


def unread_container(node: ast.Call, reader: ExpressionReader) -> str | None:
    """What container a call gives of which not all is known: `list`, `dict`, or a class."""
    for argument in [*node.args, *(word.value for word in node.keywords if word.arg)]:
        value = reader.value(argument)
        if value.kind in _CONTAINERS and held_of(value) is None:
            return value.kind
    return None


def of_value(value: Value, spread: bool = True) -> Given | None:
    """What a value gives that holds all inputs of a model: those of a list or tuple in order.

    A dictionary's are by name. Else, or unless `spread`, it is the one input.
    """
    nest = value.held
    if isinstance(nest, Nest) and spread and nest.kind in ("list", "tuple"):
        return arranged([(None, inner) for _, inner in nest.items])
    if isinstance(nest, Nest) and spread and nest.kind == "dict":
        return arranged(_named(value))
    return arranged([(None, nest)])


def arranged(given: Sequence[Offered]) -> Given | None:
    """Arguments as the tensors in them, and what holds these; `None` where one is not known."""
    tensors: list[InputTensor] = []

    def slotted(held: Held, name: str | None) -> Held:
        if isinstance(held, Nest):
            return Nest(held.kind, tuple((key, slotted(one, name)) for key, one in held.items))
        if not isinstance(held, Example):
            return held
        tensors.append(InputTensor(name, held.shape, held.dtype, held.of))
        return Slot(len(tensors) - 1)

    arguments = tuple(Argument(name, slotted(held, name)) for name, held in given if held)
    if not tensors or len(arguments) < len(given):
        return None
    alone = all(isinstance(argument.held, Slot) for argument in arguments)
    return Given(tuple(tensors), () if alone else arguments)


def _named(value: Value) -> list[Offered]:
    if isinstance(value.held, Nest) and value.held.kind == "dict":
        return [(str(key), held) for key, held in value.held.items]
    if value.parts is not None:
        return [(str(key), held_of(part)) for key, part in value.parts.items()]
    return [(None, None)]


def of_shower(node: ast.Call, reader: ExpressionReader) -> tuple[Model, Given, str] | None:
    """The model that a call like `summary(net, (3, 32, 32))` is about, and with what it runs."""
    last = last_name(node.func)
    if isinstance(node.func, ast.Attribute):
        last = node.func.attr
    if last not in SHOWERS or not node.args:
        return None
    model = reader.model(node.args[0])
    if model is None:
        return None
    word = "summary" if last in ("summary", "get_model_complexity_info") else "call"
    for given in _offered(node):
        value = reader.value(given)
        shown = of_value(value, spread=not isinstance(given, ast.List))
        if shown is None and word == "summary":
            sizes = _sizes(given, node, reader)
            shown = Given(sizes) if sizes else None
        if shown is not None:
            return model, shown, word
    return None


def _offered(node: ast.Call) -> Iterator[ast.expr]:
    named = {keyword.arg: keyword.value for keyword in node.keywords}
    yield from node.args[1:2]
    yield from (named[word] for word in _INPUT_WORDS if word in named)


def _sizes(
    node: ast.expr, call: ast.Call, reader: ExpressionReader
) -> tuple[InputTensor, ...] | None:
    """The shapes that a summary is told."""
    try:
        sizes = constant(node, reader.constant_of)
    except NotConstant:
        return None
    if not isinstance(sizes, tuple | list) or not sizes:
        return None
    named: Mapping[str | None, ast.expr] = {word.arg: word.value for word in call.keywords}
    origin = reader.names.dotted(call.func) or ""
    batch: tuple[int | None, ...] = (None,)
    if origin.startswith(WITH_BATCH) and "batch_dim" not in named:
        batch = ()
    every = sizes if isinstance(sizes[0], tuple | list) else [sizes]
    if not all(isinstance(size, int) for one in every for size in one):
        return None
    return tuple(InputTensor(None, (*batch, *one), "float32") for one in every)
