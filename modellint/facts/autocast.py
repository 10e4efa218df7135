"""Which operations autocast computes in another dtype, and how wide each result is then.

PyTorch's lists for CUDA: products in half of the bytes, what sums many values in float32, and the
rest in what its operands have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from modellint.graph import Graph, Node
from modellint.graph.operations import CONVOLUTIONS, TRANSPOSED

_HALVED = (
    CONVOLUTIONS
    | TRANSPOSED
    | frozenset(
        """linear matmul rmatmul mm bmm mv addmm addmv baddbmm addbmm einsum linalg_multi_dot
        chain_matmul prelu scaled_dot_product_attention lstm gru rnn_tanh rnn_relu lstm_cell
        gru_cell rnn_tanh_cell rnn_relu_cell""".split()
    )
)
_WHOLE = frozenset(
    """softmax log_softmax softmin layer_norm group_norm rms_norm norm linalg_vector_norm exp expm1
    log log10 log1p log2 pow rsqrt reciprocal sum prod cumsum cumprod softplus cosine_similarity
    pdist cdist renorm logsumexp sinh cosh tan acos asin erfinv mse_loss cross_entropy_loss
    nll_loss_nd l1_loss smooth_l1_loss""".split()
)
#: The bytes of a number of float32, and of half of it.
_FULL, _HALF = 4, 2


@dataclass(frozen=True, slots=True)
class Casts:
    """The dtypes of a forward under autocast, in bytes of a number.

    `results` has the width of each result that is not that of the trace, `computed` the width that
    an operation computes in, both by the index of the node.
    """

    results: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))
    computed: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))


NO_CASTS = Casts()


def casts(graph: Graph) -> Casts:
    """What autocast to half of the bytes makes of a forward."""
    results: dict[int, int] = {}
    computed: dict[int, int] = {}
    for node in graph.nodes:
        if not node.outputs or not node.inputs or node.output.dtype != "float32":
            continue
        if node.op in _HALVED:
            results[node.index] = computed[node.index] = _HALF
        elif node.op in _WHOLE:
            computed[node.index] = _FULL
        elif _is_halved(node, results):
            results[node.index] = _HALF
    return Casts(results, computed)


def _is_halved(node: Node, results: Mapping[int, int]) -> bool:
    """Whether an operation gives what it gets: all its operands in half, but for a norm's own."""
    if node.op in ("to", "float"):
        return False
    operands = [one for one in node.inputs if one.outputs and one.output.dtype == "float32"]
    if node.op in ("batch_norm", "instance_norm"):
        operands = operands[:1]
    return bool(operands) and all(
        one.index in results or (not one.output.shape and one.op == "constant") for one in operands
    )
