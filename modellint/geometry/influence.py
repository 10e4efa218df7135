"""How much the border of the input counts in what a model computes, against the mean position.

Every position of every output gets the weight 1, and weights flow backward: a window gives each of
its taps 1/k, sums and products hand theirs to all operands, concatenations to the part that owns
the position, and what mixes all positions spreads its weight evenly. One sequence of weights a
node and axis; the axis is taken alone, as if the net were one-dimensional. Padding receives weight
like any position and loses it, which is what makes borders weak. Weights that repeat are held once,
so that a map may be of any size.
"""

from __future__ import annotations

from collections.abc import Sequence

from modellint.geometry.bins import gathered
from modellint.geometry.pieces import Irregular, Pieces, added
from modellint.geometry.place import Place, State
from modellint.geometry.receptive_fields import map_axes, places, sources
from modellint.geometry.resampling import resampled
from modellint.geometry.window import windows
from modellint.graph import Graph, Node, fact
from modellint.graph.operations import ADAPTIVE_POOLS, SPLITS, TRANSPOSED, WINDOWS

#: So many sequences are added at once; more of them one half after the other.
FEW = 32

Weights = Pieces


@fact
def relative_weights(graph: Graph) -> tuple[Weights | None, ...]:
    """The weight of each position of a map axis, divided by the mean, in the order of `map_axes`.

    `None` where no output depends on the axis in a way that can be followed, or the weights of a
    long axis repeat nothing.
    """
    found: list[Weights | None] = []
    for axis in map_axes(graph):
        try:
            weights = input_weights(graph, axis)
        except Irregular:
            weights = None
        found.append(_relative(weights) if weights else None)
    return tuple(found)


def _relative(weights: Weights) -> Weights | None:
    mean = weights.total() / len(weights)
    return weights.mapped(lambda weight: weight / mean) if mean else None


def border_influence(graph: Graph) -> tuple[float | None, ...]:
    """The outermost position's relative weight, the smaller of both ends, a map axis.

    In the order of `map_axes`. 1 means that the border counts as much as the average position, 0
    that nothing reads it. `None` where the weights are not known.
    """
    return tuple(
        None if weights is None else min(weights[0], weights[-1])
        for weights in relative_weights(graph)
    )


def input_weights(graph: Graph, axis: int) -> Weights | None:
    """The weight of each position of one input axis (an index into `sources`)."""
    known = places(graph)
    source, _ = sources(graph)[axis]
    held: dict[int, Weights] = {}
    for node in graph.outputs:
        _add(held, node, Pieces.of(1.0, _length(node, _place(known, node, axis))))
    for node in reversed(graph.nodes):
        weights = held.pop(node.index, None) if node is not source else held.get(node.index)
        if weights is None or node is source:
            continue
        here = _place(known, node, axis)
        if here is not None and here.largest is None:
            return None
        for operand in {given.index: given for given in node.inputs}.values():
            there = _place(known, operand, axis)
            if there is None or not operand.outputs:
                continue
            _add(held, operand, _pulled(node, operand, here, there, weights))
    return held.get(source.index)


def _place(known: object, node: Node, axis: int) -> Place | None:
    assert isinstance(known, dict)
    state: State = known.get(node.index, ())
    return state[axis] if state else None


def _length(node: Node, place: Place | None) -> int:
    """How many weights a node holds: one a position, or a single one where they are mixed.

    What is split holds those of all its pieces.
    """
    if place is None or not _located(node, place):
        return 1
    if node.op in SPLITS and place.dim == _dim(node) and node.op != "unbind":
        return node.input.output.example[place.dim]
    return place.size


def _located(node: Node, place: Place) -> bool:
    return bool(node.outputs) and place.alone(node)


def _add(held: dict[int, Weights], node: Node, weights: Weights) -> None:
    if node.index in held:
        held[node.index] = added([held[node.index], weights])
    else:
        held[node.index] = weights


def _pulled(
    node: Node, operand: Node, here: Place | None, there: Place, weights: Weights
) -> Weights:
    """The weights that an operand receives from the operation that reads it."""
    size = _length(operand, there)
    if here is None or not _located(node, here) or not _located(operand, there):
        return _even(size, weights)
    dim = here.dim or 0
    spatial = dim - (len(node.output.shape) - node.rank) if node.rank else -1
    if spatial >= 0 and node.op in WINDOWS:
        return _from_windows(node, spatial, size, weights)
    if spatial >= 0 and node.op in TRANSPOSED:
        return _from_transposed(node, spatial, size, weights)
    if node.op in ADAPTIVE_POOLS and dim >= len(node.output.shape) - node.rank:
        return gathered(weights, size)
    if node.op == "interpolate":
        return _from_resampled(node, dim, size, weights)
    if node.op == "pad":
        return _from_padded(node, dim, size, weights)
    if node.op in ("cat", "concat", "concatenate"):
        return _from_concatenated(node, operand, dim, size, weights)
    if node.op in ("getitem", "narrow"):
        return _from_sliced(node, there.dim or 0, size, weights)
    if node.op == "unpack":
        return _from_part(node, operand, dim, size, weights)
    if node.op in ("pixel_shuffle", "pixel_unshuffle"):
        return _from_shuffled(size, weights)
    if node.op in ("softmax", "log_softmax", "cumsum") and dim == _dim(node):
        return _even(size, weights)
    return weights if len(weights) == size else _even(size, weights)


def _dim(node: Node) -> int:
    return int(node.arguments.get("dim", 0) or 0) % len(node.output.shape)


def _from_windows(node: Node, spatial: int, size: int, weights: Weights) -> Weights:
    axes = windows(node)
    assert axes is not None
    window = axes[spatial]
    return _swept(weights.spread(window.s), window.k, window.d, window.begin, size, window.k)


def _swept(starts: Weights, count: int, step: int, begin: int, size: int, over: int = 1) -> Weights:
    """The sum of copies of a sequence, each placed `step` behind the one before, over a number."""
    if count == 1:
        return starts.placed(-begin, size)
    if count <= FEW:
        return added([starts.placed(tap * step - begin, size) for tap in range(count)], over)
    found, width, length = starts, 1, len(starts) + (count - 1) * step
    while width < count:
        # Of as many copies as there are already, or those still missing.
        by = min(width, count - width)
        more = found if by == width else _swept(starts, by, step, 0, length)
        found = added([found.placed(0, length), more.placed(width * step, length)])
        width += by
    return added([found.placed(-begin, size)], over)


def _from_transposed(node: Node, spatial: int, size: int, weights: Weights) -> Weights:
    kernel = node.kernel
    assert kernel is not None
    k, s, d = kernel[spatial], node.stride[spatial], node.dilation[spatial]
    end = (size - 1) * s + 1
    padded = weights.placed(node.padding[spatial][0], end + (k - 1) * d)
    return added([padded.every(s, tap * d, end + tap * d) for tap in range(k)], k)


def _from_resampled(node: Node, dim: int, size: int, weights: Weights) -> Weights:
    if node.arguments.get("mode") == "area":
        return gathered(weights, size)
    taps = resampled(node, dim)
    return _even(size, weights) if taps is None else taps.gathered(weights)


def _from_padded(node: Node, dim: int, size: int, weights: Weights) -> Weights:
    pairs: Sequence[int] = tuple(map(int, node.arguments.get("pad", ())))
    at = 2 * (len(node.output.shape) - 1 - dim)
    begin = pairs[at] if at + 1 < len(pairs) else 0
    mode = node.arguments.get("mode", "constant")
    inner = weights.placed(-begin, size)
    before, after = weights[: max(begin, 0)], weights[max(begin + size, 0) :]
    if mode == "reflect":
        ends = (
            before.mirrored().placed(1, size),
            after.mirrored().placed(size - 1 - len(after), size),
        )
    elif mode == "replicate":
        ends = (
            Pieces.of(before.total(), 1).placed(0, size),
            Pieces.of(after.total(), 1).placed(size - 1, size),
        )
    elif mode == "circular":
        ends = before.placed(size - begin, size), after.placed(0, size)
    else:
        return inner
    return added([inner, *ends])


def _from_concatenated(node: Node, operand: Node, dim: int, size: int, weights: Weights) -> Weights:
    if dim != _dim(node):
        return weights
    made = []
    first = 0
    for part in node.arguments.get("tensors", ()):
        length = part.output.example[dim]
        if part is operand:
            made.append(weights[first : first + length])
        first += length
    return added(made)


def _from_sliced(node: Node, dim: int, size: int, weights: Weights) -> Weights:
    if node.op == "narrow":
        start = int(node.arguments.get("start", 0)) % size if dim == _dim(node) else 0
        step = 1
    else:
        entries = [entry for entry in node.arguments["index"] if entry is not None]
        entry = entries[dim] if dim < len(entries) else slice(None)
        start, _, step = entry.indices(size) if isinstance(entry, slice) else (0, 0, 1)
    return weights.spread(step).placed(start, size)


def _from_part(node: Node, operand: Node, dim: int, size: int, weights: Weights) -> Weights:
    if operand.op not in SPLITS or dim != _dim(operand) or operand.op == "unbind":
        return weights if len(weights) == size else _even(size, weights)
    first = sum(part.example[dim] for part in operand.outputs[: int(node.arguments["index"])])
    return weights.placed(first, size)


def _from_shuffled(size: int, weights: Weights) -> Weights:
    outputs = len(weights)
    if outputs >= size:
        factor = outputs // size
        end = size * factor
        return added([weights.every(factor, first, end) for first in range(factor)], factor)
    return weights.repeated(size // outputs).placed(0, size)


def _even(size: int, weights: Weights) -> Weights:
    return Pieces.of(weights.total() / size, size)
