"""Which convolutions can still add context to what their inputs see of the image."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from modellint.geometry.backward_masks import read_masks
from modellint.geometry.place import Number, Place
from modellint.geometry.receptive_fields import map_axes, places, sources
from modellint.graph import Graph, Node, fact
from modellint.graph.operations import CONVOLUTIONS, TRANSPOSED, varying_inputs


@dataclass(frozen=True, slots=True)
class Saturated:
    """A convolution whose input already sees the whole image.

    `seen` are the positions of the model's input that each of its positions depends on, along the
    narrowest path, and `image` how many there are, an axis.
    """

    call: Node
    seen: tuple[int, ...]
    image: tuple[int, ...]


@fact
def saturated(graph: Graph) -> tuple[Saturated, ...]:
    """The convolutions wider than one position whose every input sees all of the model's input.

    Left out are those of maps that were enlarged before or are enlarged later: there they work on
    detail. In execution order.
    """
    axes = map_axes(graph)
    if not axes:
        return ()
    image = tuple(source.output.example[dim] for source, dim in (sources(graph)[a] for a in axes))
    found = []
    for call in graph.calls(*CONVOLUTIONS):
        kernel = graph.first_like(call).kernel
        if kernel is None or max(kernel) == 1:
            continue
        if not _may_see_all(graph, call, axes[0], image[0]):
            continue
        inputs = [_places(graph, source, axes) for source in varying_inputs(graph, call)]
        narrowest = [min(map(_smallest, column)) for column in zip(*inputs, strict=True)]
        whole = all(seen >= size for seen, size in zip(narrowest, image, strict=True))
        if whole and _slides(call, inputs[0]) and call.index in read_masks(graph):
            found.append(Saturated(call, tuple(map(ceil, narrowest)), image))
    if not found:
        return ()
    enlarged = _near_enlargement(graph)
    return tuple(entry for entry in found if entry.call.index not in enlarged)


@fact
def unseen(graph: Graph) -> Node | None:
    """The first convolution to be judged whose inputs see nobody knows how much of the image."""
    axes = map_axes(graph)
    for call in graph.calls(*CONVOLUTIONS):
        kernel = graph.first_like(call).kernel
        if kernel is None or max(kernel) == 1:
            continue
        for source in varying_inputs(graph, call):
            if any(place and place.largest is None for place in _places(graph, source, axes)):
                return call
    return None


def _may_see_all(graph: Graph, call: Node, axis: int, size: int) -> bool:
    # One place tells of nearly all layers that they do not.
    state = places(graph).get(call.input.index, ())
    return bool(state) and _smallest(state[axis]) >= size


def _places(graph: Graph, node: Node, axes: tuple[int, ...]) -> list[Place | None]:
    state = places(graph).get(node.index, ())
    return [state[axis] if state else None for axis in axes]


def _smallest(place: Place | None) -> Number:
    """How much of an axis is seen for certain."""
    return 0 if place is None or place.largest is None else place.smallest


def _slides(call: Node, inputs: list[Place | None]) -> bool:
    """Whether each axis of the window is one of the image's; a gate's window is over features."""
    sizes = call.input.output.example
    along = {place.dim for place in inputs if place is not None and place.alone(call.input)}
    first = len(sizes) - call.rank
    return all(
        k == 1 or first + axis in along for axis, k in enumerate(call.kernel or ())
    )  # fmt: skip


def _near_enlargement(graph: Graph) -> set[int]:
    """The nodes behind or in front of an operation that enlarges a map."""
    behind: set[int] = set()
    before: set[int] = set()
    if not graph.ops.intersection(_ENLARGING):
        return behind
    for node in graph.computed:
        if _enlarges(node) or any(source.index in behind for source in node.inputs):
            behind.add(node.index)
    for node in reversed(graph.computed):
        if _enlarges(node) or node.index in before:
            before.update(source.index for source in node.inputs)
    return behind | before


#: What may make a map larger.
_ENLARGING = TRANSPOSED | {"interpolate", "pixel_shuffle"}


def _enlarges(node: Node) -> bool:
    if node.op in TRANSPOSED:
        return max(node.stride) > 1
    if node.op == "interpolate":
        # From a single position it is a broadcast.
        sizes = zip(node.input.output.example[2:], node.output.example[2:], strict=True)
        return any(1 < before < after for before, after in sizes)
    return node.op == "pixel_shuffle"
