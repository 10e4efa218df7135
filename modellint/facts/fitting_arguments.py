"""Which argument of a layer, or which step before it, would let it take what it gets."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from modellint.fixes import After, Before, Change, Fix, Instead, SetArgument
from modellint.graph import Graph, Node
from modellint.graph.operations import (
    CONVOLUTIONS,
    RESHAPES,
    TRANSPOSED,
)

_RECURRENT = frozenset({"lstm", "gru", "rnn_tanh", "rnn_relu"})
_FLATTEN = "{}.flatten(1)"
_TURN = "{}.transpose(1, 2)"


def fitting(graph: Graph, call: Node) -> Fix | None:
    """The change that lets a call take its input; `None` where none is plain.

    `call` is an operation that refuses the sizes that it gets, as `graph.mismatch` has it.
    """
    if not call.inputs or not call.input.outputs:
        return None
    sizes = call.input.output.example
    if call.op in RESHAPES:
        return _flattened(call)
    if call.op == "linear" and sizes:
        return _features(call, sizes)
    if call.op in CONVOLUTIONS | TRANSPOSED:
        return _channels(call, sizes)
    return _of_norm(call, sizes) or _of_recurrent(call, sizes)


def _weight(call: Node) -> tuple[int, ...] | None:
    weight = call.arguments.get("weight")
    return weight.output.example if isinstance(weight, Node) and weight.outputs else None


def _set(call: Node, name: str, value: int, text: str | None = None) -> Fix:
    return Fix(f"{name}={value}", [SetArgument(call, name, value, text)])


def _flattened(call: Node) -> Fix | None:
    """A reshape to rows of a fixed length keeps a row a sample as a flatten does."""
    wanted = call.arguments.get("size", call.arguments.get("shape"))
    if not isinstance(wanted, (tuple, list)) or len(wanted) != 2:
        return None
    if len(call.input.output.example) < 3:
        return None
    return Fix("flatten(1)", [Instead(call, _FLATTEN)])


def _features(call: Node, sizes: tuple[int, ...]) -> Fix | None:
    weight = _weight(call)
    if weight is None or len(weight) != 2:
        return None
    wanted = weight[-1]
    if len(sizes) > 2 and prod(sizes[1:]) == wanted:
        return Fix("flatten(1)", [Before(call, _FLATTEN, "nn.Flatten()")])
    if len(sizes) == 4:
        # A map that nobody flattened: its last axis is no features.
        text = _product(sizes[1:])
        changes: list[Change] = [
            Before(call, _FLATTEN, "nn.Flatten()"),
            SetArgument(call, "in_features", prod(sizes[1:]), text),
        ]
        return Fix(f"flatten(1), in_features={prod(sizes[1:])}", changes)
    return _set(call, "in_features", sizes[-1], _written_features(call))


def _written_features(call: Node) -> str | None:
    """The features of a flattened map as people write them: `32 * 7 * 7`."""
    node = call.input
    while node.op not in RESHAPES and len(node.inputs) == 1 and node.input.outputs:
        if node.input.output.example != node.output.example:
            return None
        node = node.input
    if node.op not in RESHAPES or not node.inputs:
        return None
    before = node.input.output.example
    if len(before) < 3 or prod(before[1:]) != call.input.output.example[-1]:
        return None
    return _product(before[1:])


def _product(sizes: tuple[int, ...]) -> str:
    shown = [str(size) for size in sizes if size != 1]
    return " * ".join(shown or ["1"])


def _channels(call: Node, sizes: tuple[int, ...]) -> Fix | None:
    weight, rank = _weight(call), call.rank
    if weight is None or len(sizes) <= rank:
        return None
    have = sizes[-rank - 1]
    groups = call.arguments.get("groups", 1)
    wanted = weight[0] if call.op in TRANSPOSED else weight[1] * groups
    if have == wanted or have % groups:
        return None
    return _set(call, "in_channels", have)


def _of_norm(call: Node, sizes: tuple[int, ...]) -> Fix | None:
    if len(sizes) < 2:
        return None
    if call.op in ("batch_norm", "instance_norm"):
        wanted = next(_held(call), None)
        if wanted is None or wanted == sizes[1]:
            return None
        if len(sizes) == 3 and sizes[2] == wanted:
            return Fix("transpose(1, 2) around it", [Before(call, _TURN), After(call, _TURN)])
        return _set(call, "num_features", sizes[1])
    if call.op == "group_norm":
        return _set(call, "num_channels", sizes[1])
    if call.op == "layer_norm" and len(call.arguments.get("normalized_shape", ())) == 1:
        return _set(call, "normalized_shape", sizes[-1])
    return None


def _held(norm: Node) -> Iterator[int]:
    """How many channels a norm keeps numbers for."""
    for name in ("running_mean", "weight", "bias"):
        held = norm.arguments.get(name)
        if isinstance(held, Node) and held.outputs and len(held.output.example) == 1:
            yield held.output.example[0]


def _of_recurrent(call: Node, sizes: tuple[int, ...]) -> Fix | None:
    if call.op not in _RECURRENT or len(sizes) not in (2, 3):
        return None
    return _set(call, "input_size", sizes[-1])
