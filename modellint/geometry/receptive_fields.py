"""Where the axes of the model's inputs lie in every node, and how far each position there sees.

One pass in execution order, an axis at a time. For each axis of each input, a node has a `Place`:
the dimension along which the axis still runs, and how many positions of the input one position
there depends on (the receptive field) along the path with the widest and the narrowest windows.
An operation that is not known here loses the axes it touches: they are unknown from there on.

Norms are taken as position by position, though their statistics may see more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil

from modellint.geometry.axis_moves import MOVING
from modellint.geometry.field_growth import WIDENING
from modellint.geometry.place import (
    Number,
    Place,
    State,
    Step,
    are_aligned,
    forgotten,
    joined,
)
from modellint.graph import Graph, Node, fact
from modellint.graph.operations import COMBINING, ELEMENTWISE, NORMS, TRANSPOSED, WINDOWS

_SLIDING = WINDOWS | TRANSPOSED


@fact
def sources(graph: Graph) -> tuple[tuple[Node, int], ...]:
    """The axes that places speak of: each dimension of each input."""
    return tuple(
        (given.node, dim)
        for given in graph.inputs
        if given.node.outputs
        for dim in range(len(given.node.output.shape))
    )


@fact
def places(graph: Graph) -> Mapping[int, State]:
    """The places of all axes in every node that depends on an input, by the node's index."""
    axes = sources(graph)
    nothing: State = (None,) * len(axes)
    found: dict[int, State] = {}
    # Equal places are one object, so that what equal layers make of them is told by identity.
    one: dict[State, State] = {}
    known: dict[tuple[int, ...], State] = {}
    whole = [source.output.example[dim] for source, dim in axes]
    varying = graph.varying
    for node in (given.node for given in graph.inputs):
        found[node.index] = tuple(
            Place(dim, node.output.example[dim]) if source is node else None for source, dim in axes
        )
    for node in graph.computed:
        index, op = node.index, node.op
        if index not in varying:
            continue
        if not node.outputs:
            found[index] = nothing
            continue
        step = _STEPS.get(op, forgotten)
        reading = [(source, found[source.index]) for source in node.inputs if source.index in found]
        first, before = reading[0]
        if step is joined and are_aligned(node, reading):
            found[index] = before
            continue
        of = [id(found[source.index]) if source.index in found else 0 for source in node.inputs]
        alike = (-1 if node.like is None else node.like, *of)
        made = None if node.like is None else known.get(alike)
        if made is None:
            if node.op in _SLIDING and first is node.inputs[0]:
                # They look at that operand alone, and at windows that equal layers share.
                equal = graph.first_like(node)
                made = step(equal, [(equal.inputs[0], before)], whole)
            else:
                made = step(node, reading, whole)
            # What changes nothing keeps the same object: a join of both has nothing to do.
            made = before if made == before else one.setdefault(made, made)
            known[alike] = made
        found[index] = made
    return found


@fact
def map_axes(graph: Graph) -> tuple[int, ...]:
    """The axes, as indices into `sources`, that some window slides along: those of maps."""
    found: set[int] = set()
    known = places(graph)
    seen: set[tuple[int, int, int]] = set()
    for node in graph.computed:
        if node.op not in _SLIDING or node.index not in known:
            continue
        state = known.get(node.input.index, ())
        # At the same places a window of as many axes says the same.
        said = id(state), id(node.input.output), node.rank
        if said in seen:
            continue
        seen.add(said)
        for axis, place in enumerate(state):
            if axis not in found and _slides(node, place):
                found.add(axis)
    return tuple(sorted(found))


def receptive_field(graph: Graph, node: Node) -> tuple[int, ...] | None:
    """How many positions of the input one position of the node sees, a spatial axis.

    Along the path with the widest windows; an operation that mixes all positions sees them all.
    `None` where the model has no spatial axes or they cannot be followed to this node.
    """
    state = places(graph).get(node.index)
    if not state:
        return None
    # By identity: what hands positions on hands on its places, too.
    known, key = _fields(graph), id(state)
    if key not in known:
        known[key] = _seen(graph, node, lambda place: place.largest)
    return known[key]


@fact
def _fields(graph: Graph) -> dict[int, tuple[int, ...] | None]:
    """The receptive fields that were asked for, by the `id` of the places that they follow from."""
    return {}


def smallest_receptive_field(graph: Graph, node: Node) -> tuple[int, ...] | None:
    """The same along the path with the narrowest windows (through the shortcuts)."""
    return _seen(graph, node, lambda place: None if place.largest is None else place.smallest)


def _seen(
    graph: Graph, node: Node, field: Callable[[Place], Number | None]
) -> tuple[int, ...] | None:
    state = places(graph).get(node.index)
    if not state:
        return None
    found = []
    for axis in map_axes(graph):
        place = state[axis]
        if place is None:
            continue
        seen = field(place)
        if seen is None:
            return None
        found.append(ceil(seen))
    return tuple(found) or None


def _slides(node: Node, place: Place | None) -> bool:
    if place is None or place.dim is None or not place.alone(node.input):
        return False
    return place.dim >= len(node.input.output.shape) - node.rank


_STEPS: Mapping[str, Step] = {
    **dict.fromkeys(ELEMENTWISE | NORMS | COMBINING, joined),
    **dict.fromkeys(("expand", "broadcast_to", "expand_as", "embedding"), joined),
    **WIDENING,
    **MOVING,
}
