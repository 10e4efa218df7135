"""Which input offsets a run of stride-1 windows reaches, and whether they leave holes.

A run begins at a map and leads through convolutions and pools with stride 1 and what hands maps on
position by position, along parallel branches that are joined again. It ends where something else
reads the map: a strided window, a resampling, a reduction, the output. A position at the end
depends on the position of the first map at each reachable offset; all of them are found, by masks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from modellint.geometry.channels import dim_after
from modellint.geometry.window import Window, windows
from modellint.graph import Graph, Node, fact
from modellint.graph.operations import (
    COMBINING,
    CONVOLUTIONS,
    ELEMENTWISE,
    NORMS,
    REORDERINGS,
    WINDOWS,
    varying_inputs,
)


@dataclass(frozen=True, slots=True)
class Reach:
    """The offsets that one axis of a run reaches: bit `i` is the offset `least + i`."""

    least: int = 0
    mask: int = 1

    def through(self, window: Window, dilation: int) -> Reach:
        """After one more window, with this dilation."""
        found = 0
        for tap in range(window.k):
            found |= self.mask << tap * dilation
        return Reach(self.least - window.begin, found)

    def shifted(self, by: int) -> Reach:
        """After a pad, or a slice if negative, at the beginning of the axis."""
        return Reach(self.least - by, self.mask)

    def united(self, other: Reach) -> Reach:
        """What either of two branches reaches."""
        least = min(self.least, other.least)
        mine = self.mask << self.least - least
        return Reach(least, mine | other.mask << other.least - least)

    @property
    def span(self) -> int:
        """How many offsets there are from the first to the last."""
        return self.mask.bit_length()

    @property
    def count(self) -> int:
        """How many of them are reached."""
        return self.mask.bit_count()

    @property
    def gap(self) -> int:
        """How far apart neighbours lie at most; 1 where there is no hole."""
        digits = f"{self.mask:b}"
        return 1 + max(map(len, digits.split("1")))


@dataclass(frozen=True, slots=True)
class Run:
    """A run with its end: what reaches it, an axis, and the dilated convolutions of its branches.

    `first` is the map that it begins at, `last` the node whose map leaves it. `axes` holds, by
    number, the axes along which one path leads through two dilated windows.
    """

    first: Node
    last: Node
    axes: Mapping[int, Reach]
    dilated: tuple[Node, ...]

    @property
    def gap(self) -> int:
        """The widest step between neighbouring offsets, of all axes; 1 where there is no hole."""
        return max(reach.gap for reach in self.axes.values())


@dataclass(frozen=True, slots=True)
class _State:
    """A run as far as a node; `most` is how many dilated windows one path led through, an axis.

    `dims` are the node's dimensions along which the axes lie: the last ones unless it was permuted.
    """

    first: Node
    axes: tuple[Reach, ...]
    most: tuple[int, ...]
    dims: tuple[int, ...]
    dilated: tuple[Node, ...] = ()

    @property
    def begun(self) -> bool:
        """Whether the run has led through a window or pad."""
        return self.axes != (Reach(),) * len(self.axes)

    def joined(self, other: _State) -> _State:
        """Two branches that began at the same map, as one."""
        axes = tuple(a.united(b) for a, b in zip(self.axes, other.axes, strict=True))
        dilated = tuple(dict.fromkeys(self.dilated + other.dilated))
        most = tuple(map(max, self.most, other.most))
        return _State(self.first, axes, most, self.dims, dilated)


@fact
def dilated_runs(graph: Graph) -> tuple[Run, ...]:
    """The runs that lead through two dilated convolutions on one path, once for each end."""
    dilated = [call for call in graph.calls(*CONVOLUTIONS) if _is_dilated(graph.first_like(call))]
    if len(dilated) < 2:
        return ()
    ranks = sorted({call.rank for call in dilated})
    return tuple(run for rank in ranks for run in _Runs(graph, rank).ended())


def without_holes(graph: Graph, run: Run) -> tuple[Node, int] | None:
    """A dilated convolution of a run and the dilation that it would need to leave no hole."""
    for call in run.dilated:
        for dilation in range(max(call.dilation) - 1, 0, -1):
            changed = _Runs(graph, call.rank, {call.index: dilation}).ended()
            if all(other.gap == 1 for other in changed if other.last is run.last):
                return call, dilation
    return None


def _is_dilated(call: Node) -> bool:
    if max(call.dilation) == 1 or call.kernel is None:
        return False
    axes = zip(call.dilation, call.kernel, call.stride, strict=True)
    return any(d > 1 and k > 1 and s == 1 for d, k, s in axes)


class _Runs:
    """The runs of maps with so many spatial axes, with other dilations for some convolutions."""

    def __init__(self, graph: Graph, rank: int, instead: Mapping[int, int] | None = None) -> None:
        self.rank = rank
        self.instead = instead or {}
        self.graph = graph
        self.states: dict[int, _State] = {}
        self.continued: set[int] = set()
        self.ends: list[tuple[tuple[Node, ...], _State]] = []
        for node in graph.nodes:
            if node.index in graph.varying and node.outputs:
                self._visit(node)
        for node in graph.outputs:
            if node.index in self.states:
                self.ends.append(((node,), self.states[node.index]))

    def ended(self) -> Iterator[Run]:
        """Runs where they end; maps that all lead on in their run are no end of it."""
        seen = set()
        for maps, state in self.ends:
            chained = {at: state.axes[at] for at, most in enumerate(state.most) if most > 1}
            last = next((node for node in maps if node.index not in self.continued), None)
            if chained and last is not None and last.index not in seen:
                seen.add(last.index)
                yield Run(state.first, last, chained, state.dilated)

    def _visit(self, node: Node) -> None:
        reading = [
            (source, self.states[source.index])
            for source in varying_inputs(self.graph, node)
            if source.index in self.states
        ]
        maps = [(source, state) for source, state in reading if _is_spread_out(source, state)]
        together: dict[tuple[int, tuple[int, ...]], tuple[tuple[Node, ...], _State]] = {}
        for source, state in maps:
            begins = state.first.index, state.dims
            read, known = together.get(begins, ((), state))
            joined = state if known is state else known.joined(state)
            together[begins] = (*read, source), joined
        behind: _State | None = None
        if len(together) == 1:
            ((_, joined),) = together.values()
            behind = self._behind(node, maps[0][0], joined)
        if behind is None:
            self.ends += together.values()
            rank = len(node.output.shape)
            dims = tuple(range(max(rank - self.rank, 0), rank))
            behind = _State(node, (Reach(),) * self.rank, (0,) * self.rank, dims)
        else:
            self.continued.update(source.index for source, _ in maps)
        self.states[node.index] = behind

    def _behind(self, node: Node, source: Node, state: _State) -> _State | None:
        """The run behind one more operation; `None` where it ends."""
        before, after = source.output.example, node.output.example
        if node.op in REORDERINGS and state.begun:
            moved = tuple(dim_after(source, dim, node) for dim in state.dims)
            dims = tuple(dim for dim in moved if dim is not None)
            return replace(state, dims=dims) if len(dims) == self.rank else None
        last = state.dims == tuple(range(len(before) - self.rank, len(before)))
        if node.op in WINDOWS:
            return self._windowed(node, state) if last else None
        if len(before) != len(after):
            return None
        if node.op == "pad":
            return self._padded(node, state) if last else None
        if any(before[dim] != after[dim] for dim in state.dims):
            return None
        # A linear layer on the channels, which were moved to the end, is a convolution of one tap.
        mixes = node.op == "linear" and state.begun and len(before) - 1 not in state.dims
        return state if mixes or node.op in _CARRYING else None

    def _windowed(self, node: Node, state: _State) -> _State | None:
        alike = self.graph.first_like(node)
        axes = windows(alike)
        if axes is None or node.rank != self.rank or any(axis.s > 1 for axis in axes):
            return None
        other = self.instead.get(node.index)
        moved = tuple(
            reach.through(axis, min(axis.d, other or axis.d))
            for reach, axis in zip(state.axes, axes, strict=True)
        )
        if not (node.op in CONVOLUTIONS and _is_dilated(alike)):
            return replace(state, axes=moved)
        most = tuple(
            count + (axis.d > 1 and axis.k > 1)
            for count, axis in zip(state.most, axes, strict=True)
        )
        return _State(state.first, moved, most, state.dims, (*state.dilated, node))

    def _padded(self, node: Node, state: _State) -> _State:
        pairs = tuple(map(int, node.arguments.get("pad", ())))
        moved = tuple(
            reach.shifted(pairs[at] if at < len(pairs) else 0)
            for reach, at in zip(state.axes, range(2 * self.rank - 2, -1, -2), strict=True)
        )
        return replace(state, axes=moved)


def _is_spread_out(source: Node, state: _State) -> bool:
    """Whether an operand has positions, not one value for all of them, as a gate has."""
    return any(source.output.example[dim] > 1 for dim in state.dims)


#: What hands maps on position by position; of concatenations, those along features.
_CARRYING = ELEMENTWISE | NORMS | COMBINING | {"cat", "concat", "chunk", "split", "unpack"}
