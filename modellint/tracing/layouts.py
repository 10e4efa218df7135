"""How torch lays out a result: the strides that an operation on the CPU gives it.

What may be viewed is decided by strides. Where every tensor lies row by row, nearly every result
does, and nothing here is asked. Else the strides follow rules of PyTorch's own, told here for the
operations that make up models: those that work value by value keep the order of axes of their
operands (ATen's TensorIterator), convolutions and pools keep channels last, products and norms over
the last axes begin anew. For what has no rule, the operation itself tells, run on meta.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache, partial
from math import prod
from typing import Any

import torch

from modellint.shapes.core import plain
from modellint.shapes.elementwise import BINARY, COMPARISONS, ON_META, SAME

Sizes = tuple[int, ...]
Strides = tuple[int, ...]


#: What even of tensors that lie row by row makes others, on the CPU or on meta.
TURNED = frozenset(
    """lstm gru rnn_tanh rnn_relu fft_fftn fft_ifftn fft_rfftn
    scaled_dot_product_attention""".split()
)


class Laid(tuple[int, ...]):
    """A shape whose tensor lies otherwise than row by row, and its strides."""

    strides: Strides


@lru_cache(maxsize=4096)
def by_rows(sizes: Sizes) -> Strides:
    """The strides of a tensor that lies row by row."""
    return _in_order(sizes, range(len(sizes))[::-1])


def laid_out(tensor: torch.Tensor) -> Strides | None:
    """The strides of a tensor; `None` where it lies row by row, in its axes of size 1 too.

    Torch calls (N, 1, H, W) contiguous whatever the stride of its channels, and goes by that
    stride all the same when it chooses between rows and channels last.
    """
    if tensor.layout is not torch.strided:
        return None
    sizes = tuple(tensor.shape)
    if 1 not in sizes and tensor.is_contiguous():
        return None
    strides = tensor.stride()
    return None if strides == by_rows(sizes) else strides


def strides_of(operand: Any) -> Strides:
    """The strides of a tensor argument of an operation."""
    shape = operand.shape
    return shape.strides if type(shape) is Laid else by_rows(_plain(shape))


def is_laid(values: Sequence[Any]) -> bool:
    """Whether any tensor lies otherwise than row by row."""
    return Laid in [type(value.shape) for value in values]


def result_strides(
    name: str, bound: Mapping[str, Any], operands: Sequence[Any], sizes: Sizes, index: int = 0
) -> Strides | None:
    """The strides of a result of an operation, `None` where there is no rule for it.

    `bound` are its arguments by name, `operands` the tensors among them in their order, `index`
    is the place of the result among several.
    """
    if name in TURNED and index:
        return by_rows(sizes)
    rule = _RULES.get(name)
    return None if rule is None else rule(bound, operands, sizes)


def _plain(shape: Sequence[int]) -> Sizes:
    return tuple(map(plain, shape))


def _in_order(sizes: Sizes, axes: Sequence[int]) -> Strides:
    """The strides of a dense tensor whose axes lie in this order, the innermost first."""
    strides, step = [0] * len(sizes), 1
    for at in axes:
        strides[at] = step
        step *= max(sizes[at], 1)
    return tuple(strides)


@lru_cache(maxsize=4096)
def _channels_last(sizes: Sizes) -> Strides:
    rank = len(sizes)
    return _in_order(sizes, (1, *range(rank - 1, 1, -1), 0))


@lru_cache(maxsize=4096)
def is_channels_last(sizes: Sizes, strides: Strides) -> bool:
    """Whether ATen's `suggest_memory_format` says channels last, of four axes or five."""
    if len(sizes) not in (4, 5) or strides[1] == 0:
        return False
    least = 0
    for at in (1, *range(len(sizes) - 1, 1, -1), 0):
        if sizes[at] == 0 or strides[at] < least or (at == 0 and least == strides[1]):
            return False
        least = strides[at] * max(sizes[at], 1)
    return True


def _suggests_last(operand: Any) -> bool:
    return is_channels_last(_plain(operand.shape), strides_of(operand))


# -- rules ----------------------------------------------------------------------------------------


def _rows(bound: Mapping[str, Any], operands: Sequence[Any], sizes: Sizes) -> Strides:
    return by_rows(sizes)


def _kept(bound: Mapping[str, Any], operands: Sequence[Any], sizes: Sizes) -> Strides:
    """The argument itself comes back."""
    return strides_of(operands[0])


def _alike(bound: Mapping[str, Any], operands: Sequence[Any], sizes: Sizes) -> Strides:
    """The order of axes that the first operand has, as `preserve_format` keeps it."""
    strides = strides_of(operands[0])
    if _plain(operands[0].shape) == sizes and _is_dense(sizes, strides):
        return strides
    return _in_order(sizes, _order(sizes, [strides]))


def _dropped(bound: Mapping[str, Any], operands: Sequence[Any], sizes: Sizes) -> Strides:
    if not bound.get("training", True):
        return strides_of(operands[0])
    return _iterated(bound, operands, sizes)


def _suggested(bound: Mapping[str, Any], operands: Sequence[Any], sizes: Sizes) -> Strides:
    """Channels last where the map is."""
    return _channels_last(sizes) if _suggests_last(operands[0]) else by_rows(sizes)


def _normed(bound: Mapping[str, Any], operands: Sequence[Any], sizes: Sizes) -> Strides:
    """As suggested; where values lie so already, the strides of axes of size 1 do not count."""
    strides = strides_of(operands[0])
    orders = (by_rows(sizes), _channels_last(sizes)) if len(sizes) in (4, 5) else ()
    for order in orders:
        if lies_as(sizes, strides, order):
            return order
    return _suggested(bound, operands, sizes)


def _joined(bound: Mapping[str, Any], operands: Sequence[Any], sizes: Sizes) -> Strides:
    """Channels last where all parts are."""
    last = len(sizes) in (4, 5) and all(map(_suggests_last, operands))
    return _channels_last(sizes) if last else by_rows(sizes)


def _iterated(bound: Mapping[str, Any], operands: Sequence[Any], sizes: Sizes) -> Strides:
    """The order of axes that TensorIterator finds in its operands, the first deciding first."""
    shapes = tuple([_plain(operand.shape) for operand in operands])
    strides = tuple([strides_of(operand) for operand in operands])
    # A number is a tensor without axes, among other shapes.
    numbers = (bound.get("input"), bound.get("other"))
    alone = not any(isinstance(value, (int, float, complex)) for value in numbers)
    return _iterated_over(shapes, strides, sizes, alone)


@lru_cache(maxsize=4096)
def _iterated_over(
    shapes: tuple[Sizes, ...], strides: tuple[Strides, ...], sizes: Sizes, alone: bool
) -> Strides:
    if alone and all(shape == sizes for shape in shapes):
        whole = _all_alike(sizes, strides)
        if whole is not None:
            return whole
    return _in_order(sizes, _order(sizes, [*map(_spread, shapes, strides, [sizes] * len(shapes))]))


def _normalized(bound: Mapping[str, Any], operands: Sequence[Any], sizes: Sizes) -> Strides | None:
    """As what is divided by its norm, which is repeated along an axis: the dividend decides.

    Unless it says nothing of two of its axes.
    """
    strides = strides_of(operands[0])
    if 0 in strides or 1 in sizes or len({*strides}) < len(strides):
        return None
    return _in_order(sizes, _order(sizes, [strides]))


def _all_alike(sizes: Sizes, strides: Sequence[Strides]) -> Strides | None:
    """The strides that need no search for an order: all of rows, of channels last, or the same."""
    if all(lies_as(sizes, one, by_rows(sizes)) for one in strides):
        return by_rows(sizes)
    if len(sizes) == 4 and all(lies_as(sizes, one, _channels_last(sizes)) for one in strides):
        return _channels_last(sizes)
    if all(one == strides[0] for one in strides) and _is_dense(sizes, strides[0]):
        return strides[0]
    return None


def lies_as(sizes: Sizes, strides: Strides, other: Strides) -> bool:
    """Whether strides are the same but for axes of size 1."""
    each = zip(sizes, strides, other, strict=True)
    return all(stride == wanted or size == 1 for size, stride, wanted in each)


def _is_dense(sizes: Sizes, strides: Strides) -> bool:
    """Whether every place between the first value and the last holds one value."""
    step = 1
    for stride, size in sorted(zip(strides, sizes, strict=True)):
        if size != 1:
            if stride != step:
                return False
            step *= size
    return True


def _spread(shape: Sizes, strides: Strides, sizes: Sizes) -> Strides:
    """Strides of an operand as it is broadcast: 0 along what is repeated."""
    new = len(sizes) - len(shape)
    each = zip(shape, strides, sizes[new:], strict=True)
    return (0,) * new + tuple(0 if have == 1 != size else stride for have, stride, size in each)


def _order(sizes: Sizes, strides: Sequence[Strides]) -> list[int]:
    """The axes from the innermost on: sorted by insertion, since not all can be compared."""
    order = list(range(len(sizes)))[::-1]
    for start in range(1, len(order)):
        place = start
        for before in range(start - 1, -1, -1):
            said = _outer(order[before], order[place], sizes, strides)
            if said > 0:
                order[before], order[place] = order[place], order[before]
                place = before
            elif said < 0:
                break
    return order


def _outer(first: int, second: int, sizes: Sizes, strides: Sequence[Strides]) -> int:
    """Whether an axis lies outside of another (1), inside (-1), or no operand tells (0)."""
    for one in strides:
        if one[first] == 0 or one[second] == 0:
            continue
        if one[first] != one[second]:
            return 1 if one[first] > one[second] else -1
        if sizes[first] > sizes[second]:
            return 1
    return 0


def _convolved(bound: Mapping[str, Any], operands: Sequence[Any], sizes: Sizes) -> Strides:
    """Channels last where the map or the kernel is; a signal is read by rows first."""
    kernel, kernel_strides = _plain(bound["weight"].shape), strides_of(bound["weight"])
    map_sizes, map_strides = _plain(bound["input"].shape), strides_of(bound["input"])
    single = len(map_sizes) < len(kernel)
    if single:
        map_strides = (map_sizes[0] * map_strides[0], *map_strides)
        map_sizes = (1, *map_sizes)
    if len(kernel) == 5 and not _is_by_onednn(bound, map_sizes, kernel):
        return by_rows(sizes)
    if len(kernel) == 3:
        # It is convolved as a map of height 1.
        kernel, kernel_strides = _flat_map(kernel, kernel_strides)
        map_sizes, map_strides = _flat_map(map_sizes, by_rows(map_sizes))
    if not is_channels_last(map_sizes, map_strides) and not is_channels_last(
        kernel, kernel_strides
    ):
        return by_rows(sizes)
    last = _channels_last((1, *sizes) if single else sizes)
    return last[1:] if single else last


def _is_by_onednn(bound: Mapping[str, Any], map_sizes: Sizes, kernel: Sizes) -> bool:
    """Whether a volume goes to oneDNN; ATen's own kernels for volumes know rows alone."""
    return bound["input"].dtype is not torch.float64 and (
        plain(bound.get("groups", 1)) > 1
        or min(kernel[-2:]) > 3
        or map_sizes[0] > 1
        or prod(map_sizes[:4]) > 20480
    )


def _flat_map(sizes: Sizes, strides: Strides) -> tuple[Sizes, Strides]:
    """A signal (N, C, L) as a map (N, C, 1, L)."""
    return (*sizes[:2], 1, sizes[2]), (*strides[:2], sizes[2] * strides[2], strides[2])


def _padded(bound: Mapping[str, Any], operands: Sequence[Any], sizes: Sizes) -> Strides | None:
    if bound.get("mode", "constant") == "circular":
        return by_rows(sizes)
    if all(size <= 0 for size in _plain(bound["pad"])):
        return _alike(bound, operands, sizes)  # A part is cut out and copied.
    return _suggested(bound, operands, sizes)


def _from_real(bound: Mapping[str, Any], operands: Sequence[Any], sizes: Sizes) -> Strides:
    """A transform of real numbers: its last axis innermost, the others in their order."""
    dim = bound.get("dim")
    last = -1 if dim is None else dim[-1]
    return _inside_first(sizes, [last % len(sizes)], strides_of(operands[0]))


def _to_real(
    bound: Mapping[str, Any], operands: Sequence[Any], sizes: Sizes, usual: Sequence[int] = (-1,)
) -> Strides:
    """A transform to real numbers: its axes innermost, the others as those of a dense copy."""
    dim = bound.get("dim")
    dims = usual[::-1] if dim is None else [dim] if isinstance(dim, int) else dim[::-1]
    dense = _alike(bound, operands, _plain(operands[0].shape))
    return _inside_first(sizes, [at % len(sizes) for at in dims], dense)


def _inside_first(sizes: Sizes, inside: Sequence[int], strides: Strides) -> Strides:
    rest = [at for at in range(len(sizes)) if at not in inside]
    return _in_order(sizes, [*inside, *sorted(rest, key=lambda at: (strides[at], -at))])


def _unrolled(bound: Mapping[str, Any], operands: Sequence[Any], sizes: Sizes) -> Strides:
    """Step by step, whichever axis is the batch; packed sequences have but one axis of both."""
    if len(sizes) == 3 and bound.get("batch_first"):
        return _in_order(sizes, (2, 0, 1))
    return by_rows(sizes)


def _attended(bound: Mapping[str, Any], operands: Sequence[Any], sizes: Sizes) -> Strides:
    """The queries' layout, where the fused kernel of the CPU takes them; else rows.

    Torch is asked once what its kernel does, which was not always so.
    """
    query, key, value = (bound[name] for name in ("query", "key", "value"))
    shapes = [_plain(tensor.shape) for tensor in (query, key, value)]
    fused = (
        not bound.get("dropout_p")
        and len(sizes) == 4
        and all(len(shape) == 4 for shape in shapes)
        and all((shape[0], shape[3]) == (shapes[0][0], shapes[0][3]) for shape in shapes)
        and shapes[1][1] == shapes[2][1]
        and (bound.get("enable_gqa") or shapes[0][1] == shapes[1][1])
        and all(strides_of(tensor)[3] == 1 for tensor in (query, key, value))
    )
    if not fused:
        return by_rows(sizes)
    if _attends_by_steps():
        return _in_order(sizes, (3, 1, 2, 0))
    return _alike(bound, [query], sizes)


@cache
def _attends_by_steps() -> bool:
    """Whether the fused kernel lays all heads of a step side by side, as in PyTorch 2.4."""
    heads = torch.zeros(1, 2, 3, 4, device="cpu", dtype=torch.float32)
    made = torch.nn.functional.scaled_dot_product_attention(heads, heads, heads)
    return made.stride() != heads.stride()


_ROWS = """
linear matmul bmm mm mv baddbmm addmm addmv bilinear softmax log_softmax softmin layer_norm
instance_norm cumsum cumprod masked_fill masked_scatter log_sigmoid rrelu one_hot embedding mean
tril triu bernoulli max_pool1d lp_pool3d avg_pool3d adaptive_avg_pool3d adaptive_max_pool3d istft
view_copy nll_loss_nd
""".split()
_SUGGESTED = """
group_norm interpolate pixel_shuffle pixel_unshuffle channel_shuffle
native_channel_shuffle max_unpool2d max_pool2d max_pool2d_with_indices avg_pool2d lp_pool2d
adaptive_avg_pool2d adaptive_max_pool2d max_pool3d max_pool3d_with_indices roll
fft_fftshift fft_ifftshift
""".split()
#: What works value by value by name, and does not by memory.
_NOT_ITERATED = frozenset(
    """instance_norm local_response_norm normalize renorm gumbel_softmax tril triu bernoulli
    log_sigmoid rrelu positive conj resolve_conj resolve_neg fliplr flipud isclose""".split()
).union(ON_META)
_ITERATED = [
    name
    for name in (
        *(*SAME, *BINARY, *COMPARISONS),
        *"""clamp clip where lerp addcmul addcdiv prelu isnan isinf isfinite logical_not signbit
        isposinf isneginf bitwise_not""".split(),
    )
    if name not in _NOT_ITERATED and "dropout" not in name
]

_RULES: Mapping[str, Callable[..., Strides | None]] = {
    **dict.fromkeys(_ITERATED, _iterated),
    **dict.fromkeys(_ROWS, _rows),
    **dict.fromkeys(_SUGGESTED, _suggested),
    **dict.fromkeys(("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout"), _dropped),
    **dict.fromkeys(("feature_dropout", "feature_alpha_dropout"), _dropped),
    **dict.fromkeys(("positive", "resolve_conj", "resolve_neg"), _kept),
    **dict.fromkeys([f"conv{rank}d" for rank in (1, 2, 3)], _convolved),
    **dict.fromkeys([f"conv_transpose{rank}d" for rank in (1, 2, 3)], _convolved),
    **dict.fromkeys(("cat", "concat", "concatenate"), _joined),
    "batch_norm": _normed,
    "normalize": _normalized,
    "pad": _padded,
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu"), _unrolled),
    **dict.fromkeys(("fft_fftn", "fft_ifftn"), _alike),
    "fft_irfft": _to_real,
    "fft_irfft2": partial(_to_real, usual=(-2, -1)),
    "fft_rfftn": _from_real,
    "scaled_dot_product_attention": _attended,
}
