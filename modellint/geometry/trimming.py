"""How much of a map its convolutions with too little padding trim, along each path to an output.

Exact at the example's sizes. Where a path leads through maps of different rank, axes are counted
from the last.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from modellint.geometry.dependence import live
from modellint.geometry.explicit_padding import padding_before
from modellint.geometry.window import windows
from modellint.graph import Graph, Node, fact
from modellint.graph.operations import (
    CONVOLUTIONS,
)

# Trims


@dataclass(frozen=True, slots=True)
class Trim:
    """What a convolution that pads too little takes off a map on the way to an output.

    `axes` are those that it trims, `share` the largest (e - s - P) / n among them, P the padding of
    both ends. `total` is the sum
    of such shares along the path with the most of them that leads through this call to an output.
    """

    call: Node
    axes: tuple[int, ...]
    share: Fraction
    total: Fraction


def trimmed_axes(graph: Graph, call: Node) -> dict[int, Fraction]:
    """The axes that a convolution trims, each with (e - s - P) / n; none where a pad stands before.

    Nor any where the kernel is data: as it slides over a map, one looks for it in the other.
    """
    axes = windows(graph.first_like(call))
    if axes is None or call.op not in CONVOLUTIONS:
        return {}
    found = {
        axis: Fraction(window.span - window.s - window.padding, window.n)
        for axis, window in enumerate(axes)
        if window.span - window.s - window.padding >= 2 and window.span < window.n
    }
    if not found:
        return {}
    kernel = call.arguments.get("weight")
    if isinstance(kernel, Node) and kernel.index in graph.varying:
        return {}
    before = padding_before(graph, call).sides
    return {axis: share for axis, share in found.items() if not any(before[axis])}


@fact
def trims(graph: Graph) -> tuple[Trim, ...]:
    """The convolutions that trim their map on the way to an output, in execution order."""
    own: dict[int, dict[int, Fraction]] = {}
    alive = live(graph)
    for call in graph.calls(*CONVOLUTIONS):
        if call.index in alive and (found := trimmed_axes(graph, call)):
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
    alive = alive & graph.varying
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
