"""Which argument of a layer, or which step before it, would let it take what it gets."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import NamedTuple

from modellint.contracts.nearby_sizes import next_size
from modellint.facts.remedies import remedy
from modellint.fixes import (
    After,
    Before,
    Change,
    Fix,
    Instead,
    SetArgument,
    SetNumber,
    one_or_each,
)
from modellint.graph import Graph, Module, Node
from modellint.graph.operations import (
    CONVOLUTIONS,
    ELEMENTWISE,
    POOLS,
    RESHAPES,
    TRANSPOSED,
)

_RECURRENT = frozenset({"lstm", "gru", "rnn_tanh", "rnn_relu"})
_PRODUCTS = frozenset({"matmul", "mm", "bmm"})
#: What gives features as the last axis, whatever axes there are.
_FEATURES_LAST = frozenset({"linear", "layer_norm", "permute", "transpose", "movedim"})
_FLATTEN = "{}.flatten(1)"
_TURN = "{}.transpose(1, 2)"


class Fitting(NamedTuple):
    """What lets a call take its input: as a change, in words, and the module that is at fault.

    `help` is `None` where the refusal's own words say it, `module` where the call is.
    """

    fix: Fix
    help: str | None = None
    module: Module | None = None
    told: str | None = None


def fitting(graph: Graph, call: Node) -> Fitting | None:
    """What lets a call take its input; `None` where nothing plain does.

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
        return _channels(call, sizes) or _window(graph, call, sizes)
    if call.op in POOLS:
        return _window(graph, call, sizes)
    if call.op in _PRODUCTS:
        return _of_product(graph, call)
    found = _of_norm(call, sizes) or _of_recurrent(call, sizes)
    if found is None and (joined := remedy(graph, call)) is not None and joined.fix is not None:
        return Fitting(joined.fix, joined.help)
    return found


def _weight(call: Node) -> tuple[int, ...] | None:
    weight = call.arguments.get("weight")
    return weight.output.example if isinstance(weight, Node) and weight.outputs else None


def _set(call: Node, name: str, value: int, now: int, text: str | None = None) -> Fitting:
    return Fitting(Fix(f"{name}={value}", [SetArgument(call, name, value, text, now)]))


def _flattened(call: Node) -> Fitting | None:
    """A reshape to rows of a fixed length keeps a row a sample as a flatten does."""
    wanted = call.arguments.get("size", call.arguments.get("shape"))
    if not isinstance(wanted, (tuple, list)) or len(wanted) != 2:
        return None
    if len(call.input.output.example) < 3:
        return None
    return Fitting(Fix("flatten(1)", [Instead(call, _FLATTEN)]))


def _features(call: Node, sizes: tuple[int, ...]) -> Fitting | None:
    weight = _weight(call)
    if weight is None or len(weight) != 2:
        return None
    wanted = weight[-1]
    if len(sizes) > 2 and prod(sizes[1:]) == wanted:
        fix = Fix("flatten(1)", [Before(call, _FLATTEN, "nn.Flatten()")])
        return Fitting(fix, f"flatten(1) before {call.key} gives it {wanted:,} features")
    if len(sizes) == 4:
        # A map that nobody flattened, unless its features were moved to its last axis.
        text = _product(sizes[1:])
        changes: list[Change] = [
            Before(call, _FLATTEN, "nn.Flatten()"),
            SetArgument(call, "in_features", prod(sizes[1:]), text),
        ]
        features = prod(sizes[1:])
        told = f"flatten(1) before {call.key} gives it {features:,} features, here {wanted:,}"
        flat = Fix(f"flatten(1), in_features={features}", changes)
        if not _has_features_last(call.input):
            return Fitting(flat, told)
    return _set(call, "in_features", sizes[-1], wanted, _written_features(call))


def _has_features_last(node: Node) -> bool:
    """Whether the last axis of a map is that of its features, as behind a `permute`."""
    while node.op in ELEMENTWISE and node.inputs:
        node = node.input
    return node.op in _FEATURES_LAST


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


def _channels(call: Node, sizes: tuple[int, ...]) -> Fitting | None:
    weight, rank = _weight(call), call.rank
    groups = call.arguments.get("groups", 1)
    if weight is None or len(weight) != rank + 2 or len(sizes) not in (rank + 1, rank + 2):
        return None
    if not isinstance(groups, int) or groups < 1:
        return None
    have = sizes[-rank - 1]
    wanted = weight[0] if call.op in TRANSPOSED else weight[1] * groups
    if have == wanted or have % groups:
        return None
    return _set(call, "in_channels", have, wanted)


def _window(graph: Graph, call: Node, sizes: tuple[int, ...]) -> Fitting | None:
    """A kernel as large as the map, for one that does not fit on it."""
    kernel, rank = call.kernel, call.rank
    if kernel is None or call.type == call.op or any(map(any, call.padding)):
        return None
    if not len(kernel) == len(call.dilation) == rank <= len(sizes):
        return None
    fits = [min(k, n) for k, n in zip(kernel, sizes[-rank:], strict=True)]
    if fits == [*kernel] or any(d != 1 for d in call.dilation):
        return None
    size = one_or_each(fits)
    fix = Fix(f"kernel_size={size}", [SetArgument(call, "kernel_size", size)])
    told = f"kernel_size={size} covers the map"
    axis = next(at for at, (k, n) in enumerate(zip(kernel, fits, strict=True)) if k > n)
    least = next_size(
        graph, call.input.output.shape[axis - rank], lambda size: size >= kernel[axis]
    )
    if least is not None:
        told = f"inputs from {least.symbol} = {least.value} fit; here {told}"
    return Fitting(fix, told)


def _of_product(graph: Graph, call: Node) -> Fitting | None:
    """A block whose own matrix is made for another number of features than it gets."""
    held = call.inputs[1] if len(call.inputs) == 2 else None
    if held is None or held.parameter is None or len(held.output.example) != 2:
        return None
    module = graph.modules.get(held.parameter.name.rpartition(".")[0])
    wanted, have = held.output.example[0], call.input.output.example[-1]
    if module is None or wanted == have:
        return None
    fix = Fix(f"{have} in place of {wanted}", [SetNumber(module, wanted, have)])
    built = f"{module.path} ({module.type}) is built with {wanted} and gets {have}"
    return Fitting(fix, f"build {module.path} with {have}", module, built)


def _of_norm(call: Node, sizes: tuple[int, ...]) -> Fitting | None:
    if len(sizes) < 2:
        return None
    if call.op in ("batch_norm", "instance_norm"):
        wanted = next(_held(call), None)
        if wanted is None or wanted == sizes[1]:
            return None
        if len(sizes) == 3 and sizes[2] == wanted:
            fix = Fix("transpose(1, 2) around it", [Before(call, _TURN), After(call, _TURN)])
            told = f"transpose(1, 2) before {call.key} and behind it: its channels are axis 1"
            return Fitting(fix, told)
        return _set(call, "num_features", sizes[1], wanted)
    if call.op == "group_norm":
        return _set(call, "num_channels", sizes[1], next(_held(call), 0))
    shape = call.arguments.get("normalized_shape", ())
    if call.op == "layer_norm" and isinstance(shape, (tuple, list)) and len(shape) == 1:
        return _set(call, "normalized_shape", sizes[-1], shape[0])
    return None


def _held(norm: Node) -> Iterator[int]:
    """How many channels a norm keeps numbers for."""
    for name in ("running_mean", "weight", "bias"):
        held = norm.arguments.get(name)
        if isinstance(held, Node) and held.outputs and len(held.output.example) == 1:
            yield held.output.example[0]


def _of_recurrent(call: Node, sizes: tuple[int, ...]) -> Fitting | None:
    if call.op not in _RECURRENT or len(sizes) not in (2, 3):
        return None
    return _set(call, "input_size", sizes[-1], 0)
