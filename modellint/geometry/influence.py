"""How much the border of the input counts in what a model computes, against the mean position.

Every position of every output gets the weight 1, and weights flow backward: a window gives each of
its taps 1/k, sums and products hand theirs to all operands, concatenations to the part that owns
the position, and what mixes all positions spreads its weight evenly. One list of weights a node
and axis; the axis is taken alone, as if the net were one-dimensional. Padding receives weight like
any position and loses it, which is what makes borders weak.
"""

from __future__ import annotations

from collections.abc import Sequence

from modellint.geometry.place import Place, State
from modellint.geometry.receptive_fields import map_axes, places, sources
from modellint.geometry.resampling import resampled
from modellint.geometry.window import windows
from modellint.graph import Graph, Node, fact
from modellint.graph.operations import ADAPTIVE_POOLS, SPLITS, TRANSPOSED, WINDOWS

#: Above this many positions along an axis the lists would take longer than the answer is worth.
LARGEST = 4096

Weights = list[float]


@fact
def relative_weights(graph: Graph) -> tuple[Weights | None, ...]:
    """The weight of each position of a map axis, divided by the mean, in the order of `map_axes`.

    `None` where no output depends on the axis in a way that can be followed or the axis is longer
    than `LARGEST`.
    """
    axes = sources(graph)
    found: list[Weights | None] = []
    for axis in map_axes(graph):
        source, dim = axes[axis]
        short = source.output.example[dim] <= LARGEST
        weights = input_weights(graph, axis) if short else None
        mean = sum(weights) / len(weights) if weights else 0.0
        found.append([weight / mean for weight in weights] if weights and mean else None)
    return tuple(found)


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
        _add(held, node, [1.0] * _length(node, _place(known, node, axis)))
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
        held[node.index] = [a + b for a, b in zip(held[node.index], weights, strict=True)]
    else:
        held[node.index] = weights


def _pulled(
    node: Node, operand: Node, here: Place | None, there: Place, weights: Weights
) -> Weights:
    """The weights that an operand receives from the operation that reads it."""
    size = _length(operand, there)
    if here is None or not _located(node, here) or not _located(operand, there):
        total = sum(weights)
        return [total / size] * size
    dim = here.dim or 0
    spatial = dim - (len(node.output.shape) - node.rank) if node.rank else -1
    if spatial >= 0 and node.op in WINDOWS:
        return _from_windows(node, spatial, size, weights)
    if spatial >= 0 and node.op in TRANSPOSED:
        return _from_transposed(node, spatial, size, weights)
    if node.op in ADAPTIVE_POOLS and dim >= len(node.output.shape) - node.rank:
        return _from_bins(size, weights)
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
        return [sum(weights) / size] * size
    if len(weights) == size:
        return weights
    return [sum(weights) / size] * size


def _dim(node: Node) -> int:
    return int(node.arguments.get("dim", 0) or 0) % len(node.output.shape)


def _from_windows(node: Node, spatial: int, size: int, weights: Weights) -> Weights:
    axes = windows(node)
    assert axes is not None
    window = axes[spatial]
    made = [0.0] * size
    for output, weight in enumerate(weights):
        part = weight / window.k
        if part:
            for position in window.taps(output):
                made[position] += part
    return made


def _from_transposed(node: Node, spatial: int, size: int, weights: Weights) -> Weights:
    kernel = node.kernel
    assert kernel is not None
    k, s, d = kernel[spatial], node.stride[spatial], node.dilation[spatial]
    begin = node.padding[spatial][0]
    made = []
    for position in range(size):
        first = position * s - begin
        covered = (first + tap * d for tap in range(k))
        made.append(sum(weights[at] for at in covered if 0 <= at < len(weights)) / k)
    return made


def _from_bins(size: int, weights: Weights) -> Weights:
    made = [0.0] * size
    outputs = len(weights)
    for output, weight in enumerate(weights):
        first, last = output * size // outputs, -(-(output + 1) * size // outputs)
        for position in range(first, last):
            made[position] += weight / (last - first)
    return made


def _from_resampled(node: Node, dim: int, size: int, weights: Weights) -> Weights:
    taps = resampled(node, dim)
    if taps is None:
        return [sum(weights) / size] * size
    made = [0.0] * size
    for weight, read in zip(weights, taps, strict=True):
        for position, part in read:
            made[position] += weight * part
    return made


def _from_padded(node: Node, dim: int, size: int, weights: Weights) -> Weights:
    pairs: Sequence[int] = tuple(map(int, node.arguments.get("pad", ())))
    at = 2 * (len(node.output.shape) - 1 - dim)
    begin = pairs[at] if at + 1 < len(pairs) else 0
    mode = node.arguments.get("mode", "constant")
    made = [0.0] * size
    for output, weight in enumerate(weights):
        position = output - begin
        if not 0 <= position < size:
            if mode == "reflect":
                position = -position if position < 0 else 2 * (size - 1) - position
            elif mode == "replicate":
                position = min(max(position, 0), size - 1)
            elif mode == "circular":
                position %= size
            else:
                continue
        if 0 <= position < size:
            made[position] += weight
    return made


def _from_concatenated(node: Node, operand: Node, dim: int, size: int, weights: Weights) -> Weights:
    if dim != _dim(node):
        return weights
    made = [0.0] * size
    first = 0
    for part in node.arguments.get("tensors", ()):
        length = part.output.example[dim]
        if part is operand:
            for position in range(length):
                made[position] += weights[first + position]
        first += length
    return made


def _from_sliced(node: Node, dim: int, size: int, weights: Weights) -> Weights:
    made = [0.0] * size
    if node.op == "narrow":
        start = int(node.arguments.get("start", 0)) % size if dim == _dim(node) else 0
        step = 1
    else:
        entries = [entry for entry in node.arguments["index"] if entry is not None]
        entry = entries[dim] if dim < len(entries) else slice(None)
        start, _, step = entry.indices(size) if isinstance(entry, slice) else (0, 0, 1)
    for output, weight in enumerate(weights):
        made[start + output * step] += weight
    return made


def _from_part(node: Node, operand: Node, dim: int, size: int, weights: Weights) -> Weights:
    if operand.op not in SPLITS or dim != _dim(operand) or operand.op == "unbind":
        return weights if len(weights) == size else [sum(weights) / size] * size
    first = sum(part.example[dim] for part in operand.outputs[: int(node.arguments["index"])])
    return [0.0] * first + weights + [0.0] * (size - first - len(weights))


def _from_shuffled(size: int, weights: Weights) -> Weights:
    outputs = len(weights)
    if outputs >= size:
        factor = outputs // size
        return [sum(weights[i * factor : (i + 1) * factor]) / factor for i in range(size)]
    factor = size // outputs
    return [weights[i // factor] for i in range(size)]
