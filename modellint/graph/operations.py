"""Families of operations by what they do to positions: what geometry and rules ask of a name.

The names are those of `Node.op`. An operation that is in no family is unknown: whoever asks must
then say nothing rather than guess.
"""

from __future__ import annotations

from modellint.graph.graph import Graph, fact, fact_of_call
from modellint.graph.nodes import Node

CONVOLUTIONS = frozenset({"conv1d", "conv2d", "conv3d"})
TRANSPOSED = frozenset({"conv_transpose1d", "conv_transpose2d", "conv_transpose3d"})
MAX_POOLS = frozenset({"max_pool1d", "max_pool2d", "max_pool3d"})
POOLS = MAX_POOLS | {
    "avg_pool1d", "avg_pool2d", "avg_pool3d", "lp_pool1d", "lp_pool2d", "lp_pool3d",
}  # fmt: skip
#: What slides a window with a stride over a map, towards a smaller map.
WINDOWS = CONVOLUTIONS | POOLS
ADAPTIVE_POOLS = frozenset(
    f"adaptive_{kind}_pool{rank}d" for kind in ("avg", "max") for rank in (1, 2, 3)
)

#: Norms use statistics of other positions, but do not move or mix positions.
NORMS = frozenset(
    "batch_norm layer_norm group_norm instance_norm rms_norm local_response_norm normalize".split()
)

DROPOUTS = frozenset(
    "dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout".split()
)
#: The same values again, perhaps in another format or place.
IDENTITIES = frozenset(
    """clone contiguous detach to type type_as float half double bfloat16 identity alias positive
    requires_grad_ requires_grad lift_fresh cpu cuda""".split()
)

#: One output position for one input position, whatever the value.
ELEMENTWISE = frozenset(
    """relu relu6 leaky_relu elu selu celu gelu silu mish hardswish hardsigmoid hardtanh sigmoid
    logsigmoid tanh softplus softsign softshrink hardshrink tanhshrink threshold prelu rrelu glu
    dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout feature_dropout
    bernoulli neg abs exp log log1p expm1 sqrt rsqrt square pow erf sin cos sign round floor
    ceil reciprocal clamp clip clamp_min clamp_max sigmoid_ nan_to_num float_power clone
    contiguous detach to type type_as float half double bfloat16 identity alias positive
    requires_grad_ requires_grad lift_fresh cpu cuda""".split()
)

#: The same with several operands, which are broadcast against each other.
COMBINING = frozenset(
    """add sub mul div true_divide floor_divide rsub maximum minimum max min where lerp addcmul
    addcdiv fmod remainder multiply subtract divide eq ne lt gt le ge logical_and logical_or
    masked_fill""".split()
)

#: The same elements in the same order under another shape.
RESHAPES = frozenset(
    "view reshape flatten unflatten squeeze unsqueeze view_as reshape_as ravel".split()
)
REORDERINGS = frozenset(
    "permute transpose t T mT mH adjoint swapaxes swapdims movedim moveaxis".split()
)

SPLITS = frozenset("chunk split tensor_split split_with_sizes unbind".split())
REDUCTIONS = frozenset(
    "mean sum amax amin prod std var norm logsumexp argmax argmin all any".split()
)

#: Layers that mix features with weights: what "the last layer with weights" is asked of.
WEIGHTED = (
    CONVOLUTIONS
    | TRANSPOSED
    | frozenset(
        """linear bilinear matmul mm bmm addmm baddbmm einsum lstm gru rnn_tanh rnn_relu lstm_cell
        gru_cell rnn_tanh_cell rnn_relu_cell embedding embedding_bag""".split()
    )
)


@fact_of_call
def varying_inputs(graph: Graph, node: Node) -> tuple[Node, ...]:
    """The inputs of an operation that depend on the model's inputs, each once."""
    found = {source.index: source for source in node.inputs if source.index in graph.varying}
    return tuple(found.values())


def data_readers(graph: Graph, node: Node) -> tuple[Node, ...]:
    """The operations that compute with a node; questions for its dtype or device are left out."""
    readers = graph.readers(node)
    for reader in readers:
        if not reader.outputs:
            return tuple([reader for reader in readers if reader.outputs])
    return readers


@fact
def _results(graph: Graph) -> frozenset[int]:
    return frozenset(node.index for node in (*graph.outputs, *graph.kept))


def only_reader(graph: Graph, node: Node) -> Node | None:
    """The one operation that computes with a node; `None` where several do, or a result is it.

    Nor is one known where the forward stopped inside the module that could have gone on to read it.
    """
    if node.index in _results(graph):
        return None
    readers = data_readers(graph, node)
    if len(readers) != 1 or _is_in_use(graph, node, readers[0]):
        return None
    return readers[0]


def _is_in_use(graph: Graph, node: Node, reader: Node) -> bool:
    """Whether the forward that a node's value was made in did not come to its end."""
    if graph.mismatch is None:
        return False
    owner = node.module if node.type == node.op else node.module.rpartition(".")[0]
    inside = f"{owner}." if owner else ""
    module = graph.modules.get(owner)
    if module is not None and module.type == "Sequential" and reader.module.startswith(inside):
        return False  # It hands each value to the next and keeps none.
    stopped = graph.mismatch.node.module
    return stopped == owner or stopped.startswith(inside)


def descends(graph: Graph, node: Node, ancestor: Node) -> bool:
    """Whether a node depends on another."""
    pending, seen = [node], {node.index}
    while pending:
        here = pending.pop()
        if here is ancestor:
            return True
        for source in here.inputs:
            # Nodes stand in execution order, so what lies before the ancestor leads nowhere.
            if source.index >= ancestor.index and source.index not in seen:
                seen.add(source.index)
                pending.append(source)
    return False


def passed_through(graph: Graph, node: Node) -> Node | None:
    """The one map that an operation hands on position by position; `None` if it does not."""
    if node.op in ELEMENTWISE or node.op in NORMS or node.op in COMBINING:
        sources = varying_inputs(graph, node)
        if len(sources) == 1 and _same_sizes(sources[0], node):
            return sources[0]
    return None


def _same_sizes(source: Node, node: Node) -> bool:
    # glu halves the channels, and broadcasting a gate makes a map of a single value: only the
    # second changes which positions there are.
    if not source.outputs or not node.outputs:
        return False
    before, after = source.output.example, node.output.example
    return before == after or (node.op == "glu" and len(before) == len(after))
