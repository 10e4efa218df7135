"""How far windows without a centre shift a map, and whether a run of them comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from modellint.geometry.dependence import live
from modellint.geometry.explicit_padding import padding_before, slices_after
from modellint.geometry.window import windows
from modellint.graph import Graph, Node, fact
from modellint.graph.operations import (
    WINDOWS,
    data_readers,
    passed_through,
    varying_inputs,
)

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
