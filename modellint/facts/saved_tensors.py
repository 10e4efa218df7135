"""What autograd keeps of an operation until the backward pass has been through it.

The table is PyTorch's `derivatives.yaml` in short, for the operations that models are made of: of a
convolution its input and its weight, of a relu its result, of a sum nothing. Its tests compare each
entry with what `torch.autograd.graph.saved_tensors_hooks` sees. Of an operation that is not in it
`saved` says `None`, and whoever asks must say "at least".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from modellint.facts.tensor_bytes import Bytes
from modellint.graph import Node
from modellint.graph.operations import CONVOLUTIONS, MAX_POOLS, TRANSPOSED


@dataclass(frozen=True, slots=True)
class Saved:
    """The tensors that one operation keeps, its own result among them or not.

    `beside` are the bytes that it keeps and nobody else sees: masks, indices, statistics, a copy of
    what it overwrites or of what does not lie as it needs.
    """

    inputs: tuple[Node, ...] = ()
    result: bool = False
    beside: int = 0


NOTHING = Saved()

# An entry: names of arguments, `result`, and `+` what is kept beside. `a<b` is kept where b needs a
# gradient; `a^` in a copy where a does not lie in rows.
_ENTRIES = {
    "input weight": (*CONVOLUTIONS, *TRANSPOSED, "prelu"),
    "input^<weight weight<input": ("linear",),
    "input^<other other^<input": ("matmul", "rmatmul", "linalg_matmul"),
    "input<other other<input": """mul multiply bmm mm mv dot vdot inner outer ger tensordot
        linalg_vecdot""".split(),
    "batch1<batch2 batch2<batch1": ("baddbmm", "addmm", "addmv"),
    "operands": ("einsum",),
    "other input<other": ("div", "true_divide", "divide"),
    "second<third third<second": ("addcmul",),
    "second<third third": ("addcdiv",),
    "input other": ("maximum", "minimum", "fmax", "fmin", "atan2"),
    "0 1": ("mse_loss", "smooth_l1_loss", "huber_loss"),
    "x1 x2 result": ("cdist",),
    "input +channels": ("batch_norm",),
    "input +rows": ("layer_norm",),
    "input +row": ("rms_norm",),
    "input +groups": ("group_norm",),
    "input +instances": ("instance_norm",),
    "input +indices": (
        *MAX_POOLS, "adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d",
    ),
    "input": """avg_pool1d avg_pool2d avg_pool3d relu6 hardtanh leaky_relu elu selu celu gelu silu
        mish hardswish hardsigmoid softplus logsigmoid log_sigmoid glu softshrink hardshrink
        threshold log log1p log2 log10 sin cos abs square erf sinh cosh atan asin acos clamp clip
        clamp_min clamp_max var var_mean embedding embedding_bag""".split(),
    "result": """relu tanh sigmoid softmax log_softmax softmin exp expm1 sqrt rsqrt reciprocal tan
        """.split(),
    "input result": """std prod amax amin norm linalg_vector_norm logsumexp cumprod""".split(),
    "input +like": ("softsign",),
    "input +norms": ("normalize",),
    "+like": ("tanhshrink", "cross_entropy_loss"),
    "+mask": ("dropout",),
    "+noise": ("dropout1d", "dropout2d", "dropout3d"),
    "input grid": ("grid_sample",),
    "index": ("index_select", "gather", "take_along_dim", "scatter", "scatter_add", "index_add"),
    "mask": ("masked_fill", "masked_scatter"),
    "condition": ("where",),
    "+indices": ("topk", "sort", "kthvalue", "cummax", "cummin", "median", "mode", "aminmax"),
    "query key value attn_mask result +sums": ("scaled_dot_product_attention",),
    "input +gates": (
        "lstm gru rnn_tanh rnn_relu lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell".split()
    ),
    "": """add sub subtract rsub neg sum mean nansum nanmean cat concat concatenate stack hstack
        vstack column_stack dstack view reshape flatten ravel unflatten view_as reshape_as
        _unsafe_view view_copy permute transpose swapaxes swapdims T H t mT mH adjoint movedim
        moveaxis squeeze unsqueeze expand broadcast_to expand_as repeat tile contiguous clone detach
        alias data positive identity real imag view_as_real view_as_complex resolve_conj conj to
        type type_as float half double bfloat16 setitem update unpack narrow select split
        split_with_sizes chunk tensor_split unbind diagonal unfold unfold_axis fold interpolate
        pixel_shuffle pixel_unshuffle channel_shuffle native_channel_shuffle roll flip fliplr
        flipud rot90 cumsum tril triu round floor ceil trunc sign affine_grid fill zero copy
        broadcast_tensors meshgrid fft_fft fft_ifft fft_fft2 fft_ifft2 fft_fftn fft_ifftn fft_rfft
        fft_rfft2 fft_rfftn fft_irfft fft_irfft2 fft_irfftn fft_fftshift fft_ifftshift
        constant_pad_nd repeat_interleave lift_fresh as_strided _pack_padded_sequence
        _pad_packed_sequence""".split(),
}  # fmt: skip
#: What is kept in place of that where the result overwrites the input.
_OVER_INPUT = {
    "result": ("leaky_relu", "elu", "selu", "celu", "threshold"),
    "+copy": """relu6 hardtanh silu mish hardswish hardsigmoid softplus log log1p log2 log10 sin cos
        abs square clamp clip clamp_min clamp_max gelu""".split(),
}

_Entry = tuple[tuple[str, bool, str | None], ...]


def _read(entry: str) -> _Entry:
    parts = (part.partition("<") for part in entry.split())
    return tuple((name.rstrip("^"), name.endswith("^"), other or None) for name, _, other in parts)


TABLE: Mapping[str, _Entry] = {
    name: _read(entry) for entry, names in _ENTRIES.items() for name in names
}
_WRITTEN: Mapping[str, _Entry] = {
    name: _read(entry) for entry, names in _OVER_INPUT.items() for name in names
}


def saved(node: Node, needs: frozenset[int] | set[int], sizes: Bytes) -> Saved | None:
    """What an operation keeps, some of whose inputs need a gradient; `None` where nobody knows.

    `needs` holds the indices of the nodes that need one, `sizes` says how large tensors are.
    """
    special = _SPECIAL.get(node.op)
    entry = None if special is None else special(node, sizes)
    if entry is None:
        entry = (writes(node) and _WRITTEN.get(node.op)) or TABLE.get(node.op)
    if entry is None:
        return None
    if not entry:
        return NOTHING
    inputs: list[Node] = []
    result, beside = False, 0
    for name, in_rows, wanted in entry:
        if name == "result":
            result = True
        elif name[0] == "+":
            beside += _BESIDE[name[1:]](node, sizes)
        elif wanted is None or any(one.index in needs for one in _nodes(node, wanted)):
            for one in _nodes(node, name):
                cast = sizes.cast(node, one)
                if cast:
                    beside += cast
                elif in_rows and _copies(node, one, sizes):
                    beside += sizes.of(one)
                else:
                    inputs.append(one)
    return Saved(tuple(inputs), result, beside)


def writes(node: Node) -> bool:
    """Whether the result overwrites the first input: `relu_`, `inplace=True`, `x[0] = y`."""
    return node.writes or node.arguments.get("inplace") is True


def _nodes(node: Node, name: str) -> Iterator[Node]:
    value = node.arguments.get(name)
    if isinstance(value, Node):
        yield value
    elif isinstance(value, tuple):
        for one in value:
            if isinstance(one, Node):
                yield one


def _copies(node: Node, factor: Node, sizes: Bytes) -> bool:
    """Whether a product makes a copy of a factor, to see it as one matrix or a row of them."""
    rank, ranks = len(factor.output.shape), [len(one.output.shape) for one in node.inputs[:2]]
    if rank < 3:
        return False
    if min(ranks) < 3:
        return not sizes.by_rows(factor.output)
    return rank > 3 and not sizes.joins(factor.output, rank - 2)


# Entries that depend on arguments


def _by_index(node: Node, sizes: Bytes) -> _Entry:
    """The tensors among the indices, which say where the gradient goes."""
    return _read("index") if isinstance(node.arguments.get("index"), tuple | Node) else ()


def _power(node: Node, sizes: Bytes) -> _Entry:
    if not isinstance(node.arguments.get("other"), Node):
        return _read("input")
    return _read("input other result")


def _quotient(node: Node, sizes: Bytes) -> _Entry | None:
    """A number over a tensor is the tensor's reciprocal, which is kept, times the number."""
    return None if isinstance(node.arguments.get("input"), Node) else _read("+like")


def _extreme(node: Node, sizes: Bytes) -> _Entry:
    if isinstance(node.arguments.get("dim"), Node):
        return _read("input dim")
    return _read("input result" if node.arguments.get("dim") is None else "+indices")


def _dropped(node: Node, sizes: Bytes) -> _Entry | None:
    return () if node.arguments.get("p") == 0 else None


def _averaged(node: Node, sizes: Bytes) -> _Entry:
    """To one value a channel it is a mean, which keeps nothing."""
    rank = int(node.op[-2])
    return () if set(sizes.sizes(node.output)[-rank:]) == {1} else _read("input")


def _padded(node: Node, sizes: Bytes) -> _Entry:
    mode = node.arguments.get("mode", "constant")
    return _read("input") if mode in ("reflect", "replicate") else ()


def _mixed(node: Node, sizes: Bytes) -> _Entry:
    """A `lerp` by a number keeps nothing."""
    weight = node.arguments.get("third")
    return _read("input<third second<third third") if isinstance(weight, Node) else ()


_SPECIAL: Mapping[str, Callable[[Node, Bytes], _Entry | None]] = {
    "getitem": _by_index,
    "index_put": _by_index,
    "pow": _power,
    **dict.fromkeys(("div", "true_divide", "divide"), _quotient),
    "max": _extreme,
    "min": _extreme,
    **dict.fromkeys(("dropout", "dropout1d", "dropout2d", "dropout3d"), _dropped),
    **dict.fromkeys([f"adaptive_avg_pool{rank}d" for rank in (1, 2, 3)], _averaged),
    "pad": _padded,
    "lerp": _mixed,
}


# What is kept beside


def _normalized(node: Node, sizes: Bytes) -> int:
    """How many rows a layer norm normalises."""
    shape: Any = node.arguments.get("normalized_shape") or ()
    inside = prod(shape) if isinstance(shape, tuple) else int(shape)
    return sizes.numel(node.output) // max(inside, 1)


def _groups(node: Node, sizes: Bytes) -> int:
    batch = sizes.sizes(node.output)[0]
    return 8 * batch * int(node.arguments.get("num_groups", 1))


def _planes(node: Node, sizes: Bytes) -> int:
    return prod(sizes.sizes(node.output)[:2])


def _norms(node: Node, sizes: Bytes) -> int:
    """The norms of a `normalize`, and the same again where they are not too small."""
    dim = node.arguments.get("dim")
    axes = dim if isinstance(dim, tuple) else (dim,)
    now = sizes.sizes(node.output)
    inside = prod(now[at] for at in axes if isinstance(at, int) and -len(now) <= at < len(now))
    return 2 * sizes.of(node) // max(inside, 1)


def _sums(node: Node, sizes: Bytes) -> int:
    """The logarithms of the sums of the exponentials, in float32, one for each query."""
    query = node.arguments.get("query")
    return 4 * prod(sizes.sizes(query.output)[:-1]) if isinstance(query, Node) else 0


def _gates(node: Node, sizes: Bytes) -> int:
    """The gates and states of each step and layer, as cuDNN reserves them, roughly."""
    params = [n for n in _nodes(node, "params") if len(n.output.shape) == 2]
    first = [n for n in node.inputs if n.op == "parameter" and len(n.output.shape) == 2]
    matrices = params or first
    states = 3 if node.op.startswith("lstm") else 1
    steps = prod(sizes.sizes(node.input.output)[:-1])
    rows = sum(n.output.example[0] for n in matrices[::2])
    hidden = sum(n.output.example[-1] for n in matrices[1::2])
    return steps * (rows + states * hidden) * 4


_BESIDE: Mapping[str, Callable[[Node, Bytes], int]] = {
    "channels": lambda node, sizes: 8 * sizes.sizes(node.output)[1],
    "rows": lambda node, sizes: 8 * _normalized(node, sizes),
    "row": lambda node, sizes: 4 * _normalized(node, sizes),
    "groups": _groups,
    "instances": lambda node, sizes: 8 * _planes(node, sizes),
    "indices": lambda node, sizes: 8 * sizes.numel(node.output),
    "mask": lambda node, sizes: sizes.numel(node.output),
    "noise": lambda node, sizes: sizes.width(node) * _planes(node, sizes),
    "like": lambda node, sizes: sizes.of(node),
    "copy": lambda node, sizes: sizes.of(node),
    "norms": _norms,
    "sums": _sums,
    "gates": _gates,
}
