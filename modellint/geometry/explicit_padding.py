"""Explicit padding before a window and slices after it, of whatever kind, an axis at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from modellint.geometry.window import Window, windows
from modellint.graph import Graph, Node, fact, fact_of_call
from modellint.graph.operations import (
    data_readers,
    passed_through,
)

Sides = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Padding:
    """Explicit padding between a map and a window: (begin, end) an axis, and of what kind.

    `zeros` tells that everything added is zero; reflected, replicated or wrapped values are data.
    """

    sides: Sides
    zeros: bool = True

    @property
    def present(self) -> bool:
        """Whether it adds anything."""
        for begin, end in self.sides:  # noqa: SIM110 - as in Node._readable
            if begin > 0 or end > 0:
                return True
        return False

    @property
    def adds_zeros(self) -> bool:
        """Whether it adds zeros, and nothing else, and takes nothing off."""
        return self.zeros and self.present and all(min(pair) >= 0 for pair in self.sides)


@fact_of_call
def padding_before(graph: Graph, call: Node) -> Padding:
    """What explicit pads add in front of a window, through steps that keep positions.

    Concatenation along a spatial axis, the hand-made wrap-around padding, counts too. Cropping by
    a negative pad counts negatively.
    """
    rank = call.rank
    sides = [(0, 0)] * rank
    zeros = True
    node: Node | None = call.input if call.inputs and _may_pad(graph) else None
    while node is not None:
        if node.op == "pad":
            for axis, (begin, end) in enumerate(_pad_sides(node, rank)):
                sides[axis] = (sides[axis][0] + begin, sides[axis][1] + end)
            zeros = zeros and _pads_zeros(node)
            node = node.input
        elif node.op == "cat":
            added = _concatenated_sides(node, rank)
            if added is None:
                break
            axis, begin, end = added
            sides[axis] = (sides[axis][0] + begin, sides[axis][1] + end)
            zeros = False
            break
        else:
            node = passed_through(graph, node)
    return Padding(tuple(sides), zeros)


def padded_windows(
    graph: Graph, call: Node, axes: tuple[Window, ...] | None
) -> tuple[Window, ...] | None:
    """A call's windows, `axes`, where the zeros that explicit pads add count as its own padding."""
    before = padding_before(graph, call)
    if axes is None or not before.adds_zeros:
        return axes
    return windows(call, before.sides)


@fact
def _may_pad(graph: Graph) -> bool:
    """Whether anything in a graph may add positions in front of a window; of most, nothing does."""
    if "pad" in graph.ops or "cat" not in graph.ops:
        return "pad" in graph.ops
    # Most concatenations are of channels: no positions lie along the first two of many dimensions.
    return any(
        (rank := len(node.output.shape)) < 4 or int(node.arguments.get("dim", 0)) % rank > 1
        for node in graph.nodes
        if node.op == "cat" and node.outputs
    )


@fact
def _may_slice(graph: Graph) -> bool:
    """Whether anything in a graph may take positions off a map."""
    return not graph.ops.isdisjoint(("getitem", "narrow", "pad"))


def _pad_sides(node: Node, rank: int) -> Iterator[tuple[int, int]]:
    # torch lists the pairs from the last axis backwards.
    pairs = tuple(map(int, node.arguments.get("pad", ())))
    for axis in range(rank):
        at = 2 * (rank - 1 - axis)
        yield (pairs[at], pairs[at + 1]) if at + 1 < len(pairs) else (0, 0)


def _pads_zeros(node: Node) -> bool:
    return node.arguments.get("mode", "constant") == "constant" and not node.arguments.get("value")


def _concatenated_sides(node: Node, rank: int) -> tuple[int, int, int] | None:
    dims = len(node.output.shape)
    dim = int(node.arguments.get("dim", 0)) % dims
    parts = node.arguments.get("tensors", ())
    if dim < dims - rank or not isinstance(parts, tuple):
        return None
    sizes = [part.output.example[dim] for part in parts]
    largest = sizes.index(max(sizes))
    return dim - (dims - rank), sum(sizes[:largest]), sum(sizes[largest + 1 :])


@fact_of_call
def slices_after(graph: Graph, call: Node) -> Sides:
    """How many positions slices remove behind a window, (begin, end) an axis.

    Followed through steps that keep positions, as long as nothing else reads the map.
    """
    rank = call.rank
    sides = [(0, 0)] * rank
    node = call
    while _may_slice(graph):
        readers = data_readers(graph, node)
        if len(readers) != 1 or node in graph.outputs:
            break
        reader = readers[0]
        cut = _cut(reader, node, rank)
        if cut is not None:
            sides = [(a + c, b + d) for (a, b), (c, d) in zip(sides, cut, strict=True)]
        elif passed_through(graph, reader) is not node:
            break
        node = reader
    return tuple(sides)


def _cut(reader: Node, node: Node, rank: int) -> Sides | None:
    """The positions that a slice takes off at both ends; `None` for any other operation."""
    if not node.outputs:
        return None
    sizes = node.output.example
    spatial = range(len(sizes) - rank, len(sizes))
    if reader.op == "getitem":
        index = reader.arguments.get("index")
        if not isinstance(index, tuple) or not all(isinstance(entry, slice) for entry in index):
            return None
        cuts = []
        for dim in spatial:
            entry = index[dim] if dim < len(index) else slice(None)
            bounds = (entry.start, entry.stop, entry.step)
            if not all(bound is None or isinstance(bound, int) for bound in bounds):
                return None
            start, stop, step = entry.indices(sizes[dim])
            if step != 1:
                return None
            cuts.append((start, sizes[dim] - max(stop, start)))
        return tuple(cuts)
    if reader.op == "narrow":
        dim = int(reader.arguments["dim"]) % len(sizes)
        start = reader.arguments.get("start")
        if dim not in spatial or not isinstance(start, int):
            return None
        begin = start % sizes[dim]
        end = sizes[dim] - begin - reader.output.example[dim]
        return tuple((begin, end) if dim == place else (0, 0) for place in spatial)
    if reader.op == "pad":
        pairs = tuple(_pad_sides(reader, rank))
        if all(begin <= 0 and end <= 0 for begin, end in pairs):
            return tuple((-begin, -end) for begin, end in pairs)
    return None
