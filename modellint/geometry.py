"""Convolutions among their neighbours: pads before, slices after, trims and shifts along a path.

Everything is exact at the example's sizes, an axis at a time, and one pass over the graph. Axes of
a call are counted from its first spatial axis; where a path leads through maps of different rank,
from the last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from modellint.graph import Graph, Node, fact, fact_of_call
from modellint.gridding import Run, dilated_runs, without_holes
from modellint.influence import border_influence
from modellint.masks import full, positions, ranges
from modellint.operations import (
    CONVOLUTIONS,
    WINDOWS,
    data_readers,
    passed_through,
    varying_inputs,
)
from modellint.positions import map_axes, places, receptive_field, smallest_receptive_field
from modellint.productivity import Saturated, saturated, unseen
from modellint.reading import read_masks
from modellint.sizes import Size, nearest_sizes, next_size
from modellint.twins import neighbours
from modellint.unread import Unread, loses, unfollowed_reader, unread_after
from modellint.windows import Window, windows

__all__ = [
    "Padding",
    "Run",
    "Saturated",
    "Size",
    "Trim",
    "Unread",
    "Window",
    "border_influence",
    "dilated_runs",
    "drift",
    "ends_in_global_max",
    "leading_to",
    "full",
    "live",
    "loses",
    "map_axes",
    "nearest_sizes",
    "neighbours",
    "next_size",
    "padding_before",
    "places",
    "positions",
    "ranges",
    "read_masks",
    "receptive_field",
    "saturated",
    "slices_after",
    "smallest_receptive_field",
    "trims",
    "unfollowed_reader",
    "unread_after",
    "unseen",
    "windows",
    "without_holes",
]

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
        return any(begin > 0 or end > 0 for begin, end in self.sides)


def makers(graph: Graph, call: Node) -> tuple[Node, ...]:
    """For each varying input of a call, the layer that gave it its size, or the model's input."""
    found = []
    for source in varying_inputs(graph, call):
        node = source
        while not node.is_layer and node.op != "input":
            above = varying_inputs(graph, node)
            if not above:
                break
            node = above[0]
        found.append(node)
    return tuple(dict.fromkeys(found))


@fact_of_call
def padding_before(graph: Graph, call: Node) -> Padding:
    """What explicit pads add in front of a window, through steps that keep positions.

    Concatenation along a spatial axis, the hand-made wrap-around padding, counts too. Cropping by
    a negative pad counts negatively.
    """
    rank = call.rank
    sides = [(0, 0)] * rank
    zeros = True
    node: Node | None = call.input if call.inputs else None
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
    while True:
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


@fact
def live(graph: Graph) -> frozenset[int]:
    """The indices of the nodes that an output depends on, the outputs included."""
    return leading_to(graph, graph.outputs)


def leading_to(graph: Graph, ends: Iterable[Node]) -> frozenset[int]:
    """The indices of the nodes that some nodes depend on, those included."""
    found = {node.index for node in ends}
    for node in reversed(graph.nodes):
        inputs = node.inputs
        if inputs and node.index in found:
            for source in inputs:
                found.add(source.index)
    return frozenset(found)


# Trims


@dataclass(frozen=True, slots=True)
class Trim:
    """What a valid convolution takes off a map on the way to an output.

    `axes` are those that it trims, `share` the largest (e - s) / n among them. `total` is the sum
    of such shares along the path with the most of them that leads through this call to an output.
    """

    call: Node
    axes: tuple[int, ...]
    share: Fraction
    total: Fraction


def trimmed_axes(graph: Graph, call: Node) -> dict[int, Fraction]:
    """The axes that a convolution trims, each with (e - s) / n; none where padding is explicit."""
    axes = windows(call)
    if axes is None or call.op not in CONVOLUTIONS:
        return {}
    before = padding_before(graph, call).sides
    return {
        axis: Fraction(window.span - window.s, window.n)
        for axis, window in enumerate(axes)
        if not window.padding
        and not any(before[axis])
        and window.span - window.s >= 2
        and window.span < window.n
    }


@fact
def trims(graph: Graph) -> tuple[Trim, ...]:
    """The convolutions that trim their map on the way to an output, in execution order."""
    own: dict[int, dict[int, Fraction]] = {}
    for call in graph.calls(*CONVOLUTIONS):
        found = trimmed_axes(graph, call) if call.index in live(graph) else {}
        if found:
            own[call.index] = found
    if not own:
        return ()
    # The heaviest way to a node and from it to an output, for each axis counted from the last.
    zero = (Fraction(0),) * 3
    up: dict[int, tuple[Fraction, ...]] = {}
    down: dict[int, tuple[Fraction, ...]] = {}

    def of(node: Node) -> tuple[Fraction, ...]:
        mine = own.get(node.index, {})
        return tuple(mine.get(node.rank - 1 - place, Fraction(0)) for place in range(3))

    for node in graph.nodes:
        if node.index in graph.varying:
            ways = [up[source.index] for source in node.inputs if source.index in up]
            heaviest = _heaviest(ways) if ways else zero
            up[node.index] = _sum(heaviest, of(node)) if node.index in own else heaviest
    alive = live(graph) & graph.varying
    for node in reversed(graph.nodes):
        if node.index in alive:
            ways = [down[reader.index] for reader in graph.readers(node) if reader.index in down]
            heaviest = _heaviest(ways) if ways else zero
            down[node.index] = _sum(heaviest, of(node)) if node.index in own else heaviest
    found_trims = []
    for node in graph.nodes:
        if node.index not in own:
            continue
        through = [
            a + b - c
            for a, b, c in zip(up[node.index], down.get(node.index, zero), of(node), strict=True)
        ]
        mine = own[node.index]
        total = max(through[node.rank - 1 - axis] for axis in mine)
        found_trims.append(Trim(node, tuple(mine), max(mine.values()), total))
    return tuple(found_trims)


def _heaviest(ways: list[tuple[Fraction, ...]]) -> tuple[Fraction, ...]:
    first = ways[0]
    if all(way is first for way in ways):  # As nearly everywhere: most steps trim nothing.
        return first
    return tuple(map(max, zip(*ways, strict=True)))


def _sum(left: tuple[Fraction, ...], right: tuple[Fraction, ...]) -> tuple[Fraction, ...]:
    return tuple(a + b for a, b in zip(left, right, strict=True))


# Shifts


@dataclass(frozen=True, slots=True)
class Drift:
    """What a run of windows does to the grid on one axis, until the next join.

    `straight` tells that the shifts of all windows in the run add up to nothing wherever it ends;
    `growth` is the most positions that the run's stride-1 windows add in sum.
    """

    straight: bool = True
    growth: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class _Run:
    shift: Fraction = Fraction(0)
    growth: Fraction = Fraction(0)
    jump: Fraction = Fraction(1)


@fact
def _drifts(graph: Graph) -> Mapping[int, tuple[Drift, ...]]:
    # Runs are trees: they start at a join or input and fork, but never meet again before the next
    # join. So one pass down gives the sums from the start, and one up what they are at the ends.
    runs: dict[int, tuple[_Run, ...]] = {}
    follows: dict[int, int] = {}
    for node in graph.nodes:
        if node.index not in graph.varying:
            continue
        sources = [source for source in varying_inputs(graph, node) if source.index in runs]
        source = sources[0] if len(sources) == 1 else None
        moved = None if source is None else _moved(graph, node, source, runs[source.index])
        if source is None or moved is None:
            runs[node.index] = (_Run(),) * 3
        else:
            runs[node.index] = moved
            follows[node.index] = source.index
    ends: dict[int, tuple[Drift, ...]] = {}
    outputs = {node.index for node in graph.outputs}
    for node in reversed(graph.nodes):
        if node.index not in runs:
            continue
        here = tuple(Drift(not run.shift, run.growth) for run in runs[node.index])
        reached = []
        for reader in data_readers(graph, node):
            if follows.get(reader.index) == node.index:
                reached.append(ends[reader.index])
            elif reader.index in live(graph):
                reached.append(here)
        if node.index in outputs or not reached:
            reached.append(here)
        ends[node.index] = tuple(
            Drift(all(d.straight for d in axis), max(d.growth for d in axis))
            for axis in zip(*reached, strict=True)
        )
    return ends


def _moved(
    graph: Graph, node: Node, source: Node, runs: tuple[_Run, ...]
) -> tuple[_Run, ...] | None:
    """The run's sums behind one more operation; `None` where the run ends before it."""
    if node.op in ("pad", "getitem", "narrow", "unpack") or passed_through(graph, node) is source:
        # Pads and slices count with the window that they belong to.
        keeps = node.outputs and len(node.output.shape) == len(source.output.shape)
        return runs if keeps else None
    if node.op not in WINDOWS:
        return None
    axes = windows(node)
    if axes is None:
        return None
    before, after = padding_before(graph, node).sides, slices_after(graph, node)
    made = list(runs)
    for axis, window in enumerate(axes):
        place = node.rank - 1 - axis
        run = runs[place]
        if window.s > 1:
            # A strided window chooses its own grid.
            made[place] = _Run(run.shift, run.growth, run.jump * window.s)
            continue
        shift = Fraction(window.span - 1, 2) - window.begin - before[axis][0] + after[axis][0]
        growth = window.growth + sum(before[axis]) - sum(after[axis])
        made[place] = _Run(run.shift + shift * run.jump, run.growth + growth * run.jump, run.jump)
    return tuple(made)


def drift(graph: Graph, call: Node, axis: int) -> Drift:
    """What the run of windows that a call belongs to does to the grid, on one axis of the call.

    A run reaches from one join (a sum, product or concatenation of maps) to the next. Strided
    windows choose their own grid and neither shift nor grow it.
    """
    found = _drifts(graph).get(call.index)
    return found[call.rank - 1 - axis] if found else Drift()


def ends_in_global_max(graph: Graph, call: Node, axis: int) -> bool:
    """Whether a map goes straight into the maximum over a whole axis, which has no positions."""
    node = call
    dim = len(call.output.shape) - call.rank + axis
    while True:
        readers = data_readers(graph, node)
        if len(readers) != 1:
            return False
        reader = readers[0]
        sizes = node.output.example
        if reader.op in ("max", "amax"):
            given = reader.arguments.get("dim")
            chosen = given if isinstance(given, (tuple, list)) else (given,)
            return given is None or dim in {
                int(d) % len(sizes) for d in chosen if isinstance(d, int)
            }
        if reader.op.startswith(("max_pool", "adaptive_max_pool")):
            return dim >= len(sizes) - reader.rank and reader.output.example[dim] == 1
        if reader.op == "squeeze" and sizes[dim] > 1:
            # A text model's Conv2d over (words, width) leaves a width of 1 and drops it.
            given = reader.arguments.get("dim")
            chosen = given if isinstance(given, (tuple, list)) else (given,)
            gone = {int(d) % len(sizes) for d in chosen if isinstance(d, int)}
            dim -= sum(
                size == 1 and (given is None or place in gone)
                for place, size in enumerate(sizes[:dim])
            )
        elif passed_through(graph, reader) is not node:
            return False
        node = reader
