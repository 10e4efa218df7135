"""Two layers of weights with nothing non-linear between them, and the one map that they compute.

Followed is the one path from a layer to the next that reads it, along the dimension of its
channels. What is added and multiplied on the way by constants and parameters stays affine.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import prod

from modellint.facts.costs import own_parameters
from modellint.geometry.channels import channel_dim, dim_after
from modellint.graph import Graph, Node
from modellint.graph.operations import (
    CONVOLUTIONS,
    DROPOUTS,
    IDENTITIES,
    REORDERINGS,
    RESHAPES,
    only_reader,
    varying_inputs,
)

LINEAR = ("linear", *sorted(CONVOLUTIONS))
#: What averages positions, which a layer that mixes channels only can be moved across.
_AVERAGES = frozenset(
    """avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d
    adaptive_avg_pool3d mean""".split()
)
_AFFINE = _AVERAGES | RESHAPES | REORDERINGS | IDENTITIES
#: Products of two tensors, in which an attention compares or weighs positions.
_PRODUCTS = frozenset("scaled_dot_product_attention matmul mm bmm baddbmm einsum".split())
_REARRANGES = (
    RESHAPES
    | REORDERINGS
    | IDENTITIES
    | DROPOUTS
    | {"chunk", "split", "split_with_sizes", "unbind", "unpack", "getitem", "select", "narrow",
       "stack", "cat", "mul", "div", "add", "neg", "roll", "expand", "repeat_interleave"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pair:
    """Two layers in a row that are one affine map.

    `flattened` counts the positions that a reshape merged with the first's channels between them
    (else 1); `averaged` tells that positions are averaged there.
    """

    first: Node
    second: Node
    flattened: int = 1
    averaged: bool = False

    @property
    def weights(self) -> int:
        """How many weights the two hold, biases not counted."""
        return prod(_weight(self.first)) + prod(_weight(self.second))

    @property
    def composed(self) -> int | None:
        """How many weights the one map has; `None` where it is no single layer."""
        if self.flattened > 1:
            before = self.first.input.output.example
            return _weight(self.second)[0] * prod(before[-(self.first.rank or 1) - 1 :])
        taps = self._taps()
        return None if taps is None else self._connections() * taps

    def _taps(self) -> int | None:
        """Distinct offsets that the composed kernel reads: those of one, spread by the other's."""
        one, other = self.first, self.second
        if not one.rank or one.rank != other.rank or self.averaged:
            # One of them must mix channels only: it may change places with an average, and does
            # not care whether positions stand in rows.
            first, second = (prod(node.kernel or ()) for node in (one, other))
            return None if first > 1 and second > 1 else first * second
        return prod(
            len({i * d1 + s * j * d2 for i, j in product(range(k1), range(k2))})
            for k1, k2, d1, d2, s in zip(
                one.kernel or (), other.kernel or (), one.dilation, other.dilation, one.stride,
                strict=True,
            )
        )  # fmt: skip

    def _connections(self) -> int:
        """Pairs of an input and an output channel that are connected, groups considered."""
        (inside, per), (between, _), (outside, _) = self._channels()
        groups = int(self.second.arguments.get("groups", 1) or 1)
        width, own = between // groups, max(between // max(inside // per, 1), 1)
        return sum(
            outside // groups * per * ((start + width - 1) // own - start // own + 1)
            for start in range(0, between, width)
        )

    def _channels(self) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
        first, second = _weight(self.first), _weight(self.second)
        groups = int(self.first.arguments.get("groups", 1) or 1)
        return (first[1] * groups, first[1]), (first[0], second[1]), (second[0], 1)

    @property
    def widens(self) -> bool:
        """Whether the two only make a larger kernel: both depthwise, or along different axes."""
        kernels = [node.kernel or () for node in (self.first, self.second)]
        if not all(prod(kernel) > 1 for kernel in kernels):
            return False
        depthwise = all(_weight(node)[1] == 1 for node in (self.first, self.second))
        return depthwise or all(min(pair) == 1 for pair in zip(*kernels, strict=False))


def pairs(graph: Graph) -> tuple[Pair, ...]:
    """The pairs of layers of which the second is the only one to read the first, in order."""
    found = [_pair(graph, call) for call in graph.calls(*LINEAR) if call.outputs]
    return tuple([pair for pair in found if pair is not None])


def _has_weight(graph: Graph, call: Node) -> bool:
    weight = call.arguments.get("weight")
    if not isinstance(weight, Node) or 0 in weight.output.example:
        return False
    known = weight.index not in graph.varying
    return known and bool(call.outputs) and call.index in graph.varying


def _weight(call: Node) -> tuple[int, ...]:
    weight: Node = call.arguments["weight"]
    return weight.output.example


def _pair(graph: Graph, first: Node) -> Pair | None:
    node, dim, flattened, averaged = first, channel_dim(first), 1, False
    while True:
        reader = only_reader(graph, node)
        if reader is None or not reader.outputs:
            return None
        if reader.op in LINEAR:
            reads = channel_dim(reader) if reader.rank else len(node.output.shape) - 1
            if (
                reads != dim
                or not (_has_weight(graph, first) and _has_weight(graph, reader))
                or reader.arguments.get("input") is not node
                or own_parameters(graph, first) & own_parameters(graph, reader)
            ):
                return None
            return Pair(first, reader, flattened, averaged)
        if reader.op in DROPOUTS or _scales(graph, node, reader):
            node = reader
            continue
        averaged = averaged or reader.op in _AVERAGES
        if reader.op not in _AFFINE or not _has_weight(graph, first):
            return None
        after = dim_after(node, dim, reader)
        if after is None:
            flattened = _merged(node, dim, reader)
            if flattened == 1:
                return None
            after = len(reader.output.shape) - 1
        node, dim = reader, after


def _scales(graph: Graph, node: Node, reader: Node) -> bool:
    """Whether it adds or multiplies a constant or parameter, value by value."""
    if reader.op not in ("add", "sub", "rsub", "mul", "div"):
        return False
    once = sum(source is node for source in reader.inputs) == 1
    divided = reader.op == "div" and reader.arguments.get("input") is not node
    alone = varying_inputs(graph, reader) == (node,)
    return once and alone and not divided and reader.output.example == node.output.example


def _merged(node: Node, dim: int, reader: Node) -> int:
    """How many positions a flatten merges with the channels; 1 where it does something else."""
    before, after = node.output.example, reader.output.example
    if reader.op not in RESHAPES or before[:dim] != after[:-1] or len(after) != dim + 1:
        return 1
    return prod(before[dim + 1 :])


def enters_attention(graph: Graph, call: Node) -> bool:
    """Whether what a layer gives is compared or weighed with other values of the same run."""
    return _meets_product(graph, call, forward=True)


def leaves_attention(graph: Graph, call: Node) -> bool:
    """Whether what a layer reads comes out of such a product."""
    return _meets_product(graph, call, forward=False)


def _meets_product(graph: Graph, call: Node, *, forward: bool) -> bool:
    pending, seen = [call], {call.index}
    for node in pending:
        for other in graph.readers(node) if forward else varying_inputs(graph, node):
            if other.index in seen:
                continue
            seen.add(other.index)
            if other.op in _PRODUCTS and len(varying_inputs(graph, other)) > 1:
                return True
            if other.op in _REARRANGES:
                pending.append(other)
    return False
