"""Where the channels of a layer lie in what is made of them.

Rules that ask what a bias or a matrix of a layer comes to further on follow its channels: through
reshapes and reorderings they change their dimension, and a flatten merges them with positions.
"""

from __future__ import annotations

from modellint.geometry.axis_moves import permutation, strides_of
from modellint.graph import Node
from modellint.graph.operations import (
    ADAPTIVE_POOLS,
    CONVOLUTIONS,
    IDENTITIES,
    POOLS,
    REORDERINGS,
    RESHAPES,
    TRANSPOSED,
)


def channel_dim(call: Node) -> int:
    """The dimension of its output that a linear layer, convolution or pool has its channels in."""
    dims = len(call.output.shape)
    if call.op in CONVOLUTIONS or call.op in TRANSPOSED or call.rank:
        return dims - call.rank - 1
    return dims - 1


def dim_after(source: Node, dim: int, node: Node) -> int | None:
    """Where a dimension of `source` lies in an operation that only rearranges or pools it.

    `None` where it is merged with others, pooled over, or where the operation does something else.
    """
    if not source.outputs or not node.outputs:
        return None
    before, after = source.output.example, node.output.example
    if node.op in RESHAPES:
        return _in_reshaped(before, dim, after)
    if node.op in REORDERINGS:
        order = permutation(node, len(before))
        return order.index(dim) if order is not None else None
    if node.op in IDENTITIES:
        return dim
    if node.op in POOLS or node.op in ADAPTIVE_POOLS:
        return dim if dim < len(before) - node.rank else None
    if node.op == "interpolate":
        return dim if dim < 2 else None
    if node.op == "mean":
        return _in_reduced(node, len(before), dim)
    return None


def _in_reshaped(before: tuple[int, ...], dim: int, after: tuple[int, ...]) -> int | None:
    if before[dim] == 1:
        return None
    stride = strides_of(before)[dim]
    for place, step in enumerate(strides_of(after)):
        if step == stride and after[place] == before[dim]:
            return place
    return None


def _in_reduced(node: Node, rank: int, dim: int) -> int | None:
    given = node.arguments.get("dim")
    if given is None or given == ():
        return None
    gone = {int(d) % rank for d in (given if isinstance(given, (tuple, list)) else (given,))}
    if dim in gone:
        return None
    return dim if node.arguments.get("keepdim") else dim - sum(d < dim for d in gone)
