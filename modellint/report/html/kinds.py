"""What kind of operation a step is, for its colour; its name is always beside it."""

from __future__ import annotations

from modellint.graph import STEPS
from modellint.graph.operations import (
    ADAPTIVE_POOLS,
    COMBINING,
    CONVOLUTIONS,
    NORMS,
    POOLS,
    REDUCTIONS,
    TRANSPOSED,
)
from modellint.results.picture import PARAMETER

_FAMILIES: dict[str, frozenset[str]] = {
    "end": frozenset({"input", "output"}),
    "parameter": frozenset({PARAMETER}),
    "convolution": CONVOLUTIONS,
    "upsampling": TRANSPOSED
    | frozenset("interpolate grid_sample pixel_shuffle pixel_unshuffle fold max_unpool2d".split()),
    "linear": frozenset("linear bilinear matmul mm bmm addmm baddbmm einsum".split()),
    "attention": frozenset({"scaled_dot_product_attention"}),
    "memory": frozenset(
        "lstm gru rnn_tanh rnn_relu lstm_cell gru_cell embedding embedding_bag".split()
    ),
    "norm": NORMS,
    "pool": POOLS | ADAPTIVE_POOLS | REDUCTIONS | frozenset({"fractional_max_pool2d", "pad"}),
    "activation": STEPS | frozenset({"prelu"}),
    "join": COMBINING | frozenset("cat concat concatenate stack hstack vstack dstack".split()),
}
#: An operation of several families is of the first.
_KINDS = {op: kind for kind, ops in reversed(_FAMILIES.items()) for op in ops}


def kind_of(op: str) -> str:
    """The kind of an operation; `other` where it is in no family."""
    return _KINDS.get(op, "other")
