"""Which positions of every map some output of the model depends on, a dimension at a time.

One pass backward from the outputs. A node holds one mask a dimension of its output: position `i`
of a dimension is read if any element there is. An operation's step says what the positions that
count of its output read in each operand; what several readers read is united. Where readers read
different channels and different rows, all those rows of all those channels count as read, and an
operation that is not known here reads everything: what is called unread here is not read.

Norms are taken as position by position, though their statistics may see more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from modellint.geometry import piece_steps, steps, window_steps
from modellint.geometry.pieces import Irregular
from modellint.geometry.steps import Masks, Step, sizes_of, whole_of
from modellint.geometry.window import windows
from modellint.graph import Graph, Node, fact
from modellint.graph.operations import (
    ADAPTIVE_POOLS,
    COMBINING,
    CONVOLUTIONS,
    ELEMENTWISE,
    NORMS,
    POOLS,
    REDUCTIONS,
    REORDERINGS,
    RESHAPES,
    SPLITS,
    TRANSPOSED,
    WINDOWS,
)


@fact
def read_masks(graph: Graph) -> Mapping[int, Masks]:
    """The positions read of every node that an output depends on, by the node's index.

    Bit `i` of the mask of a dimension stands for position `i`, at the example's sizes. A node with
    several outputs is listed in the terms of its input if it splits it, else of its first output.
    """
    return _Backward(graph).held


@fact
def read_directly(graph: Graph) -> Mapping[int, Masks]:
    """The same where all of what is computed of a map counts, wherever any of it does.

    What is read directly but does not reach an output was left out later. Pads, pieces and what
    hands maps on position by position are seen through.
    """
    return _Backward(graph, read_masks(graph)).held


@fact
def opaque(graph: Graph) -> frozenset[int]:
    """The indices of the operations that count as reading everything, since they are not known."""
    return frozenset(
        node.index
        for node in graph.computed
        if node.inputs
        and node.index in graph.varying
        and node.op not in STEPS
        and node.op not in MIXING
    )


def _loses_nothing(graph: Graph, node: Node) -> bool:
    """Whether all of its operands is read where all of its output is."""
    if node.op in WINDOWS:
        axes = windows(graph.first_like(node))
        return axes is not None and not any(axis.unread for axis in axes)
    return node.op not in LOSING


class _Backward:
    """The masks of one graph, gathered from its outputs to its inputs.

    With `live`, whatever computes with a map reads for all of its output, if it is in there.
    """

    def __init__(self, graph: Graph, live: Mapping[int, Masks] | None = None) -> None:
        self.held: dict[int, Masks] = {}
        #: All of each node that was asked for, and of each shape.
        self.whole: dict[int, Masks] = {}
        self.wholes: dict[tuple[int, ...], Masks] = {}
        varying = self.varying = graph.varying
        for node in graph.outputs:
            self._hold(node, self._whole(node))
        for node in reversed(graph.computed):
            masks = self.held.get(node.index)
            if live and node.index in live and node.op not in HANDING_ON:
                masks = self._whole(node)
            if masks is None or node.index not in varying:
                continue
            step = STEPS.get(node.op)
            if step is None or (masks is self._whole(node) and _loses_nothing(graph, node)):
                self._hold_all(node.inputs)
                continue
            try:
                reading = list(step(node, masks))
            except Irregular:
                self._hold_all(node.inputs)
                continue
            for operand, read in reading:
                if operand.index in varying:
                    self._hold(operand, read)

    def _hold_all(self, operands: Sequence[Node]) -> None:
        """Note that all of some nodes is read."""
        for node in operands:
            if node.index in self.varying and node.outputs:
                self._hold(node, self._whole(node))

    def _whole(self, node: Node) -> Masks:
        """All of a node; the same value for all nodes of one shape."""
        masks = self.whole.get(node.index)
        if masks is None:
            sizes = sizes_of(node)
            masks = self.wholes.get(sizes)
            if masks is None:
                masks = self.wholes[sizes] = whole_of(node)
            self.whole[node.index] = masks
        return masks

    def _hold(self, node: Node, read: Masks) -> None:
        known, whole = self.held.get(node.index), self._whole(node)
        if known is whole or 0 in read:
            return
        if read is whole:
            self.held[node.index] = whole
            return
        if len(read) != len(whole):
            read = whole
        elif known is not None:
            read = tuple([a | b for a, b in zip(known, read, strict=True)])
        self.held[node.index] = whole if read == whole else read


#: What computes nothing of neighbours: positions go through it one by one.
HANDING_ON = (
    ELEMENTWISE | NORMS | COMBINING | RESHAPES | REORDERINGS | SPLITS
    | {"pad", "getitem", "narrow", "select", "unpack", "cat", "concat", "concatenate", "stack"}
)  # fmt: skip

#: Known to read everything of every operand: recurrent layers, and where values decide.
MIXING = frozenset(
    """lstm gru rnn_tanh rnn_relu lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell grid_sample
    embedding embedding_bag index_select gather take bilinear addmm baddbmm addbmm mv dot nms
    nonzero unique fold fractional_max_pool2d max_unpool2d""".split()
)

#: What only has the shape of its operand.
SHAPED = frozenset(
    """zeros_like ones_like empty_like full_like rand_like randn_like new_zeros new_ones new_empty
    new_full new_tensor""".split()
)

STEPS: Mapping[str, Step] = {
    **dict.fromkeys(SHAPED, steps.unread),
    **dict.fromkeys(ELEMENTWISE | NORMS | COMBINING, steps.pointwise),
    **dict.fromkeys(("expand", "broadcast_to", "expand_as"), steps.pointwise),
    "glu": steps.gated,
    **dict.fromkeys(("max", "min"), steps.extreme),
    **dict.fromkeys(REORDERINGS, steps.permuted),
    **dict.fromkeys(RESHAPES, steps.reshaped),
    "linear": steps.mixing(default=-1),
    **dict.fromkeys(("softmax", "log_softmax", "softmin", "cumsum", "topk", "sort"),
                    steps.mixing("dim", default=-1)),
    "channel_shuffle": steps.mixing(default=1),
    **dict.fromkeys(REDUCTIONS, steps.reduced),
    **dict.fromkeys(("matmul", "mm", "bmm"), steps.product),
    "einsum": steps.einsum,
    "scaled_dot_product_attention": steps.attention,
    **dict.fromkeys(CONVOLUTIONS | POOLS, window_steps.windowed),
    **dict.fromkeys(TRANSPOSED, window_steps.transposed),
    **dict.fromkeys(ADAPTIVE_POOLS, window_steps.binned),
    "interpolate": window_steps.resampled,
    "unfold": window_steps.unfolded,
    "pad": window_steps.padded,
    **dict.fromkeys(("pixel_shuffle", "pixel_unshuffle"), window_steps.shuffled),
    **dict.fromkeys(("cat", "concat", "concatenate"), piece_steps.concatenated),
    "stack": piece_steps.stacked,
    "getitem": piece_steps.indexed,
    "setitem": piece_steps.written,
    **dict.fromkeys(("narrow", "select"), piece_steps.narrowed),
    **dict.fromkeys(SPLITS, piece_steps.split),
    "unpack": piece_steps.unpacked,
    **dict.fromkeys(("roll", "flip"), piece_steps.moved),
}  # fmt: skip

#: Whose operands may be left unread in part although all of the output counts.
LOSING = (
    CONVOLUTIONS | POOLS | TRANSPOSED
    | SHAPED
    | {"interpolate", "unfold", "pad", "getitem", "narrow", "select", "unpack"}
)  # fmt: skip
