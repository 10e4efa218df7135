"""Where maps become feature vectors, and feature vectors become maps.

A flatten in front of a linear layer gives every position weights of its own; a reshape behind one
is how generators and decoders begin.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from modellint.facts.costs import own_parameters
from modellint.geometry.receptive_fields import map_axes, places
from modellint.geometry.window import windows
from modellint.graph import Graph, Node
from modellint.graph.operations import (
    ADAPTIVE_POOLS,
    CONVOLUTIONS,
    REORDERINGS,
    RESHAPES,
    TRANSPOSED,
    WEIGHTED,
    WINDOWS,
    data_readers,
    passed_through,
    varying_inputs,
)


@dataclass(frozen=True, slots=True)
class Flattened:
    """A map whose positions a linear layer takes as features.

    `positions` are the sizes of its spatial axes, `channels` the features at each position.
    `raw` tells that no convolution or pool stands between the model's input and the map; `followed`
    that its positions are places of the input, as geometry follows them, or a window's own, and not
    only by its rank.
    """

    map: Node
    channels: int
    positions: tuple[int, ...]
    raw: bool = False
    followed: bool = False

    @property
    def count(self) -> int:
        """How many positions there are."""
        return prod(self.positions)


def covers_whole_map(call: Node) -> bool:
    """Whether an unpadded convolution reads its whole map at once: a fully connected layer."""
    axes = windows(call) if call.op in CONVOLUTIONS else None
    return axes is not None and all(
        axis.span == axis.n and axis.d == 1 and not axis.padding and axis.o == 1 for axis in axes
    )


def flattened(graph: Graph, call: Node) -> Flattened | None:
    """The map that was flattened into a linear layer's features; `None` if there is none.

    Found through reshapes, activations, dropout and norms. A map with a single position, such as
    after global pooling, counts with one position. A convolution that covers its whole map reads
    it as if it were flattened.
    """
    if covers_whole_map(graph.first_like(call)):
        inside = prod(call.arguments["weight"].output.example[1:]) // prod(call.kernel or ())
        return Flattened(call.input, inside, call.kernel or (), _untouched(graph, call.input))
    node: Node | None = call.input if call.inputs else None
    while node is not None and node.inputs and node.outputs:
        if node.op in RESHAPES and node.input.outputs:
            first = _first_merged(node)
            if first is not None:
                return _described(graph, node.input, first)
            if node.input.output.example[-1:] != node.output.example[-1:]:
                return None
            node = node.input
        else:
            node = passed_through(graph, node)
    return None


def _first_merged(node: Node) -> int | None:
    """The first of the input's dimensions that a reshape makes its output's last one of."""
    before, after = node.input.output.example, node.output.example
    if not after:
        return None
    total = 1
    for dim in range(len(before) - 1, -1, -1):
        total *= before[dim]
        if total >= after[-1]:
            break
    # What is left over are leading dimensions, and more than one was merged.
    while dim > 1 and before[dim - 1] == 1:
        dim -= 1
    return dim if total == after[-1] and dim < len(before) - 1 else None


def _described(graph: Graph, node: Node, first: int) -> Flattened | None:
    sizes = node.output.example
    state = places(graph).get(node.index, ())
    spatial = sorted({
        place.dim
        for axis in map_axes(graph)
        if state and (place := state[axis]) is not None and place.dim is not None
    })  # fmt: skip
    raw = _untouched(graph, node)
    followed = bool(spatial)
    if not spatial:
        # Without windows only the rank tells: (N, C, h, w), or (C, h, w) of one sample.
        if len(sizes) < 4 and not (raw and len(sizes) == 3):
            return None
        followed = _is_window_map(graph, node)
        spatial = list(range(min(first, 1) + 1, len(sizes)))
    inside = [dim for dim in spatial if dim >= first]
    if not inside:
        return None
    positions = tuple(sizes[dim] for dim in inside)
    return Flattened(node, prod(sizes[first:]) // prod(positions), positions, raw, followed)


def _is_window_map(graph: Graph, node: Node | None) -> bool:
    """Whether a window made a map, so that its last dimensions are positions; of no stated size."""
    while node is not None:
        if node.op in WINDOWS:
            sizes = node.output.symbolic
            return len(sizes) == node.rank + 2 and any(isinstance(size, str) for size in sizes[2:])
        node = passed_through(graph, node)
    return False


def _untouched(graph: Graph, node: Node | None) -> bool:
    while node is not None:
        if node.op == "input":
            return True
        if node.op in REORDERINGS or node.op in RESHAPES:
            node = node.input
        else:
            node = passed_through(graph, node)
    return False


def sized_by_input(graph: Graph, node: Node) -> bool:
    """Whether a map's size follows from an input's, with no layer between that sets its own.

    Adaptive pools and interpolation to a stated size give one size whatever comes in.
    """
    pending, seen = [node], {node.index}
    while pending:
        here = pending.pop()
        if here.op == "input":
            return True
        if here.op in ADAPTIVE_POOLS or here.op in ("linear", "embedding"):
            continue
        if here.op == "interpolate" and here.arguments.get("size") is not None:
            continue
        fresh = [source for source in varying_inputs(graph, here) if source.index not in seen]
        seen.update(source.index for source in fresh)
        pending += fresh
    return False


def feeds_weights_only(graph: Graph, call: Node) -> bool:
    """Whether every way from a layer to an output leads through another layer with weights."""
    pending, seen = [call], {call.index}
    while pending:
        node = pending.pop()
        if node in graph.outputs:
            return False
        for reader in data_readers(graph, node):
            if reader.index in seen:
                continue
            seen.add(reader.index)
            if not (reader.op in WEIGHTED and own_parameters(graph, reader)):
                pending.append(reader)
    return True


def unfolded(graph: Graph, node: Node) -> bool:
    """Whether features are reshaped into a map that windows then read, or that is an output."""
    pending = [node]
    seen: set[int] = set()
    while pending:
        here = pending.pop()
        for reader in data_readers(graph, here):
            if reader.index in seen:
                continue
            seen.add(reader.index)
            if reader.op in RESHAPES and _splits(here, reader):
                if _read_as_map(graph, reader):
                    return True
            elif passed_through(graph, reader) is here or reader.op in RESHAPES:
                pending.append(reader)
    return False


def _splits(before: Node, after: Node) -> bool:
    # (N, C·h·w) → (N, C, h, w): the last axis becomes channels and at least one spatial axis.
    sizes = after.output.example
    return (
        len(sizes) > len(before.output.shape)
        and len(sizes) >= 3
        and sizes[-1] < before.output.example[-1]
        and before.output.example[-1] > 1
    )


def _read_as_map(graph: Graph, node: Node) -> bool:
    pending = [node]
    seen: set[int] = set()
    while pending:
        here = pending.pop()
        if here in graph.outputs:
            return True
        for reader in data_readers(graph, here):
            if reader.index in seen:
                continue
            seen.add(reader.index)
            if reader.op in WINDOWS or reader.op in TRANSPOSED or reader.op in ADAPTIVE_POOLS:
                return True
            if reader.op in ("interpolate", "pixel_shuffle", "pad"):
                return True
            if passed_through(graph, reader) is here or reader.op in {"cat", *REORDERINGS}:
                pending.append(reader)
    return False
