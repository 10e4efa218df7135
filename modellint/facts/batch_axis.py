"""Which axis counts the samples, followed quickly as long as it stays whole and unmixed.

Nearly every forward leaves the axis of the batch alone. That is seen by one number an operation;
only where it is not does `modellint.facts.axes` follow all axes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from modellint.facts.axis_parts import name_of
from modellint.facts.axis_results import dim_of
from modellint.geometry.axis_moves import permutation
from modellint.graph import Graph, Node
from modellint.graph.operations import (
    ADAPTIVE_POOLS,
    COMBINING,
    CONVOLUTIONS,
    ELEMENTWISE,
    POOLS,
    REDUCTIONS,
    REORDERINGS,
    RESHAPES,
    SPLITS,
    TRANSPOSED,
)
from modellint.symbolic.dims import same

#: Where the axis of the batch is behind an operation that has it at a place of its first operand
#: that depends on an input; `None` where it may have been mixed, or is not followed.
Move = Callable[[Node, Node, int], int | None]


def stays_whole(graph: Graph, batches: frozenset[str]) -> bool:
    """Whether no operation mixes samples, as far as this tells."""
    places: dict[int, int] = {}
    varying = graph.varying
    for node in graph.nodes:
        if node.index not in varying or not node.outputs:
            continue
        if node.op == "input":
            own = [at for at, size in enumerate(node.output.shape) if name_of(size) in batches]
            if len(own) != 1:
                return False
            places[node.index] = own[0]
            continue
        move = MOVES.get(node.op)
        several = node.op in _OF_SEVERAL
        first: Node | None = None
        place = 0
        rank = len(node.output.shape)
        for source in node.inputs:
            if source.index not in varying or not source.outputs:
                continue
            if first is None:
                first, place = source, places[source.index]
            elif (
                not several
                # Counted from the last, as operands are broadcast.
                or places[source.index] - len(source.output.shape)
                != place - len(first.output.shape)
            ):
                return False
        moved = None if move is None or first is None else move(node, first, place)
        if moved is None or not 0 <= moved < rank:
            return False
        places[node.index] = moved
    return True


def _kept(node: Node, source: Node, place: int) -> int:
    return place + len(node.output.shape) - len(source.output.shape)


def _over(node: Node, source: Node, place: int) -> int | None:
    """What slides over the last axes behind the channels."""
    spatial = node.rank or len(source.output.shape) - 2
    return place if place < len(source.output.shape) - spatial - 1 else None


def _before_last(count: int) -> Move:
    def move(node: Node, source: Node, place: int) -> int | None:
        same_rank = len(node.output.shape) == len(source.output.shape)
        return place if same_rank and place < len(source.output.shape) - count else None

    return move


def _product(node: Node, source: Node, place: int) -> int | None:
    operands = [one for one in node.inputs if one.outputs]
    both = sum(not _is_own(one) for one in operands) > 1
    if both or operands[0] is not source:
        return _before_last(2)(node, source, place)
    return _before_last(1)(node, source, place)


def _is_own(node: Node) -> bool:
    return node.op in ("parameter", "buffer", "constant")


def _along(default: int | None) -> Move:
    """Softmax and its kin."""

    def move(node: Node, source: Node, place: int) -> int | None:
        dim = dim_of(node, len(source.output.shape), default)
        return None if dim is None or dim == place else place

    return move


def _reduced(node: Node, source: Node, place: int) -> int | None:
    given = node.arguments.get("dim", node.arguments.get("axis"))
    dims = given if isinstance(given, (tuple, list)) else (given,)
    rank = len(source.output.shape)
    if not dims or not all(type(dim) is int for dim in dims):
        return None
    gone = {dim % rank for dim in dims}
    if place in gone:
        return None
    return place if node.arguments.get("keepdim") else place - sum(dim < place for dim in gone)


def _reshaped(node: Node, source: Node, place: int) -> int | None:
    """The same elements in the same order: what stands before the batch and it are as before."""
    before = source.output.shape[: place + 1]
    after = node.output.shape[: place + 1]
    return place if len(before) == len(after) and all(map(same, before, after)) else None


def _permuted(node: Node, source: Node, place: int) -> int | None:
    order = permutation(node, len(source.output.shape))
    return None if order is None else order.index(place)


def _joined(node: Node, source: Node, place: int) -> int | None:
    return None if dim_of(node, len(node.output.shape), 0) in (None, place) else place


def _stacked(node: Node, source: Node, place: int) -> int | None:
    dim = dim_of(node, len(node.output.shape), 0)
    return None if dim is None else place + (dim <= place)


def _divided(node: Node, source: Node, place: int) -> int | None:
    dim = dim_of(node, len(source.output.shape), 0)
    if dim is None or dim == place:
        return None
    return place - (dim < place) if node.op in ("unbind", "select") else place


def _indexed(node: Node, source: Node, place: int) -> int | None:
    index = node.arguments.get("index")
    entries = index if isinstance(index, tuple) else (index,)
    before = after = 0
    for entry in entries:
        if entry is not None and not isinstance(entry, (int, slice)):
            return None
        if entry is not None and before == place:
            return after if entry == slice(None) else None
        before += entry is not None
        after += entry is None or isinstance(entry, slice)
    return place - before + after


def _normed(node: Node, source: Node, place: int) -> int | None:
    shape = node.arguments.get("normalized_shape")
    return _before_last(len(shape) if isinstance(shape, (tuple, list)) else 1)(node, source, place)


def _recurrent(node: Node, source: Node, place: int) -> int | None:
    if len(source.output.shape) != 3 or "batch_sizes" in node.arguments:
        return None
    return place if place == (0 if node.arguments.get("batch_first") else 1) else None


def _unpacked(node: Node, source: Node, place: int) -> int | None:
    if source.op in ("lstm", "gru", "rnn_tanh", "rnn_relu") and node.arguments.get("index") != 0:
        return 1
    return _kept(node, source, place)


def _extreme(node: Node, source: Node, place: int) -> int | None:
    several = sum(bool(one.outputs) for one in node.inputs) > 1
    return _kept(node, source, place) if several else _reduced(node, source, place)


#: What depends on the inputs by several operands, the samples of each at the same places.
_OF_SEVERAL = COMBINING | frozenset(
    """max min cat concat concatenate stack matmul bmm mm scaled_dot_product_attention""".split()
)

MOVES: Mapping[str, Move] = {
    **dict.fromkeys([*ELEMENTWISE, *COMBINING], _kept),
    **dict.fromkeys(("sqrt", "cos", "sin", "batch_norm", "logical_not", "zeros_like"), _kept),
    **dict.fromkeys([*CONVOLUTIONS, *TRANSPOSED, *POOLS, *ADAPTIVE_POOLS, "interpolate"], _over),
    **dict.fromkeys(("pad", "constant_pad_nd", "expand"), _reshaped),
    **dict.fromkeys(("pixel_shuffle", "pixel_unshuffle"), _before_last(3)),
    "group_norm": lambda node, source, place: place if place == 0 else None,
    "instance_norm": lambda node, source, place: place if place < 2 else None,
    **dict.fromkeys(("layer_norm", "rms_norm"), _normed),
    **dict.fromkeys(("softmax", "log_softmax", "cumsum", "glu"), _along(-1)),
    "normalize": _along(1),
    **dict.fromkeys(REDUCTIONS, _reduced),
    "max": _extreme,
    "min": _extreme,
    "linear": _before_last(1),
    **dict.fromkeys(("matmul", "bmm", "mm"), _product),
    "scaled_dot_product_attention": _before_last(2),
    **dict.fromkeys(RESHAPES, _reshaped),
    **dict.fromkeys(REORDERINGS, _permuted),
    **dict.fromkeys(("cat", "concat", "concatenate"), _joined),
    "stack": _stacked,
    **dict.fromkeys([*SPLITS, "narrow", "select"], _divided),
    "getitem": _indexed,
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu"), _recurrent),
    "unpack": _unpacked,
    "embedding": lambda node, source, place: place,
}
