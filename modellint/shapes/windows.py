"""Shapes of what slides a window: convolutions, pools, unfold, padding."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

from modellint.shapes.core import (
    OPS,
    Out,
    Refused,
    Shape,
    Tensor,
    Unsure,
    at_least,
    equal,
    fitting,
    numel,
    op,
    per_axis,
    plain,
    show,
)
from modellint.symbolic import expressions as ex
from modellint.symbolic.constraints import demand
from modellint.symbolic.dims import Dim, dim, expr_of, symbolic
from modellint.symbolic.expressions import Expr


def _spatial(name: str, input: Tensor, rank: int) -> tuple[Shape, int, Shape]:
    """The leading sizes, the channels and the spatial sizes of a map, batched or not."""
    shape = input.shape
    if len(shape) not in (rank + 1, rank + 2):
        raise Refused(
            f"{name} takes an input of {rank + 1} (unbatched) or {rank + 2} axes, "
            f"and gets {show(shape)}",
        )
    return shape[: -rank - 1], shape[-rank - 1], shape[-rank:]


def _windows(
    name: str, size: int, kernel: int, stride: int, padding: int, dilation: int, ceil: bool = False
) -> int:
    """How many places a window has on an axis.

    With `ceil` a last window may hang over the end by less than a stride, but must not start in
    the padding behind the input.
    """
    span = dilation * (kernel - 1) + 1
    if plain(stride) <= 0:
        raise Refused(f"{name} has stride {stride}")
    over = stride - 1 if ceil else 0
    left, places = _slots(size, padding - span + over, stride)
    at_least(
        left,
        0,
        lambda: Refused(
            f"a window of {span} does not fit on {symbolic(size)}"
            + (f" with {padding} of padding" if plain(padding) else ""),
            f"the {name} needs at least {span - plain(padding) - over} here",
        ),
    )
    if plain(padding) + over >= span:
        _not_empty(name, size)
    if ceil and stride + padding // 2 > span:
        # As many as start before the end; fewer than those that reach over it, by at most one.
        return (size + padding // 2 + stride - 1) // stride
    return places


def _slots(size: int, more: int, stride: int) -> tuple[int, int]:
    """size + more, and (size + more) // stride + 1."""
    if type(size) is Dim and type(more) is int and type(stride) is int:
        first, second = _slot_expressions(size.expr, more, stride)
        left = size.value + more
        return dim(left, first), dim(left // stride + 1, second)
    return size + more, (size + more) // stride + 1


@lru_cache(maxsize=1 << 14)
def _slot_expressions(size: Expr, more: int, stride: int) -> tuple[Expr, Expr]:
    left = ex.add(size, ex.constant(more))
    return left, ex.add(ex.floor_divide(left, ex.constant(stride)), ex.ONE)


def _not_empty(name: str, *sizes: int) -> None:
    """Demand that the map has pixels, which padding does not replace."""
    for size in sizes:
        at_least(size, 1, lambda: Refused(f"{name} gets an empty map"))


def _convolution(rank: int) -> None:
    name = f"conv{rank}d"

    @op(name)
    def conv(
        input: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Shape:
        batch, channels, sizes = _spatial(name, input, rank)
        out, per_group, *kernel = _kernel(weight, rank)
        _dividing(groups, out)
        equal(channels, per_group * groups, lambda: _channels(name, channels, per_group * groups))
        _bias(name, bias, out)
        strides, dilations = per_axis(stride, rank), per_axis(dilation, rank)
        if padding == "same":
            if any(s != 1 for s in strides):
                raise Refused(f"{name} with padding='same' takes no stride, and has {stride}")
            _not_empty(name, *sizes)
            return (*batch, out, *sizes)
        pads = per_axis(0 if padding == "valid" else padding, rank)
        places = (
            _windows(name, n, k, s, 2 * p, d)
            for n, k, s, p, d in zip(sizes, kernel, strides, pads, dilations, strict=True)
        )
        return (*batch, out, *places)

    @op(f"conv_transpose{rank}d")
    def conv_transpose(
        input: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        dilation: Any = 1,
    ) -> Shape:
        batch, channels, sizes = _spatial(f"conv_transpose{rank}d", input, rank)
        into, per_group, *kernel = _kernel(weight, rank)
        _dividing(groups, into)
        equal(channels, into, lambda: _channels(f"conv_transpose{rank}d", channels, into))
        _bias(f"conv_transpose{rank}d", bias, per_group * groups)
        _not_empty(f"conv_transpose{rank}d", *sizes)
        if any(plain(s) <= 0 for s in per_axis(stride, rank)):
            raise Refused(f"conv_transpose{rank}d has stride {stride}")
        places = tuple(
            (n - 1) * s - 2 * p + d * (k - 1) + extra + 1
            for n, k, s, p, d, extra in zip(
                sizes,
                kernel,
                per_axis(stride, rank),
                per_axis(padding, rank),
                per_axis(dilation, rank),
                per_axis(output_padding, rank),
                strict=True,
            )
        )
        for size in places:
            at_least(size, 1, lambda: Refused("the transposed convolution's output is empty"))
        return (*batch, per_group * groups, *places)


def _kernel(weight: Tensor, rank: int) -> Shape:
    if len(weight.shape) != rank + 2:
        raise Unsure
    return weight.shape


def _dividing(groups: int, channels: int) -> None:
    if plain(groups) < 1:
        raise Unsure
    left = channels % groups
    if isinstance(left, Dim):
        demand(left.expr, "==")
    if plain(left):
        raise Refused(f"{groups} groups do not divide {symbolic(channels)} channels")


def _bias(name: str, bias: Tensor | None, channels: int) -> None:
    if bias is not None and bias.shape != (channels,):
        raise Refused(f"{name} to {symbolic(channels)} channels has a bias {show(bias.shape)}")


def _channels(name: str, channels: int, expected: int) -> Refused:
    refused = Refused(
        f"{name} expects {symbolic(expected)} channels and gets {symbolic(channels)}",
        fitting("in_channels", channels, expected),
    )
    refused.lacking = plain(expected) - plain(channels)
    return refused


def _smaller(size: int, window: int) -> Refused:
    return Refused(f"avg_pool3d has a window of {window} on {symbolic(size)}, without its padding")


def _pool(rank: int) -> None:
    def places(
        name: str,
        input: Tensor,
        kernel_size: Any,
        stride: Any,
        padding: Any,
        dilation: Any,
        up: bool,
    ) -> Shape:
        batch, channels, sizes = _spatial(name, input, rank)
        kernel = per_axis(kernel_size, rank)
        strides = per_axis(stride, rank) if stride not in (None, (), []) else kernel
        pads, dilations = per_axis(padding, rank), per_axis(dilation, rank)
        for k, p in zip(kernel, pads, strict=True):
            if 2 * plain(p) > plain(k):
                raise Refused(
                    f"{name} pads {p} on a window of {k}: PyTorch allows half the window",
                    f"padding should be at most {plain(k) // 2}",
                )
        windows = zip(sizes, kernel, strides, pads, dilations, strict=True)
        return (
            *batch,
            channels,
            *(_windows(name, n, k, s, 2 * p, d, up) for n, k, s, p, d in windows),
        )

    @op(f"max_pool{rank}d")
    def max_pool(
        input: Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Any:
        shape = places(f"max_pool{rank}d", input, kernel_size, stride, padding, dilation, ceil_mode)
        return [shape, Out(shape, "int64")] if return_indices else shape

    OPS[f"max_pool{rank}d_with_indices"] = OPS[f"max_pool{rank}d"]

    @op(f"avg_pool{rank}d")
    def avg_pool(
        input: Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: Any = None,
    ) -> Shape:
        if divisor_override == 0:
            raise Unsure
        if rank == 3:
            # The kernel for volumes compares with the map alone, whatever the padding.
            for size, window in zip(input.shape[-3:], per_axis(kernel_size, 3), strict=False):
                at_least(size, window, partial(_smaller, size, window))
        return places(f"avg_pool{rank}d", input, kernel_size, stride, padding, 1, ceil_mode)

    @op(f"lp_pool{rank}d")
    def lp_pool(
        input: Tensor, norm_type: Any, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
    ) -> Shape:
        if norm_type == 0:
            raise Unsure
        return places(f"lp_pool{rank}d", input, kernel_size, stride, 0, 1, ceil_mode)

    def adaptive(name: str, input: Tensor, output_size: Any) -> Shape:
        batch, channels, sizes = _spatial(name, input, rank)
        _not_empty(name, *sizes)
        wanted = per_axis(output_size, rank) if output_size is not None else (None,) * rank
        kept = (n if o is None else o for n, o in zip(sizes, wanted, strict=True))
        return (*batch, channels, *kept)

    @op(f"adaptive_avg_pool{rank}d")
    def adaptive_avg_pool(input: Tensor, output_size: Any) -> Shape:
        return adaptive(f"adaptive_avg_pool{rank}d", input, output_size)

    @op(f"adaptive_max_pool{rank}d")
    def adaptive_max_pool(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
        shape = adaptive(f"adaptive_max_pool{rank}d", input, output_size)
        return [shape, Out(shape, "int64")] if return_indices else shape

    OPS[f"adaptive_max_pool{rank}d_with_indices"] = OPS[f"adaptive_max_pool{rank}d"]


for _rank in (1, 2, 3):
    _convolution(_rank)
    _pool(_rank)


_BORDERS = ("reflect", "replicate", "circular")


def _border_pads(rank: int) -> tuple[int, int]:
    """How many numbers pad a map of so many axes with its own values: batched, and not."""
    return 2 * (rank - 2), 2 * (rank - 1)


@op("pad", "constant_pad_nd")
def pad(input: Tensor, pad: Any, mode: str = "constant", value: Any = None) -> Shape:
    """Sizes after padding; `pad` counts from the last axis, (begin, end) each."""
    sizes = list(input.shape)
    pads = tuple(pad)
    if mode != "constant" and (mode not in _BORDERS or len(pads) not in _border_pads(len(sizes))):
        raise Unsure
    if len(pads) % 2 or len(pads) // 2 > len(sizes):
        raise Refused(f"pad {pads} does not fit a tensor of {len(sizes)} axes")
    for index in range(len(pads) // 2):
        begin, end = pads[2 * index], pads[2 * index + 1]
        at = -1 - index
        if mode == "replicate":
            _not_empty("replicate padding", sizes[at])
        if mode in ("reflect", "circular"):
            least = max(plain(begin), plain(end)) + (1 if mode == "reflect" else 0)
            size = sizes[at]
            at_least(
                size,
                least,
                lambda size=size, least=least: Refused(  # type: ignore[misc]
                    f"{mode} padding needs at least {least} and gets {symbolic(size)}"
                ),
            )
        sizes[at] = _padded(sizes[at], begin + end)
        at_least(sizes[at], 0, lambda: Refused(f"padding {pads} leaves a negative size"))
    return tuple(sizes)


def _padded(size: int, by: int) -> int:
    """A size with so many positions more.

    What is padded by its remainder, `H + H % 2`, is said as what is rounded up, `2*((H + 1) // 2)`:
    of the other form, `2*H - 2*(H // 2)`, each halving would keep both.
    """
    if isinstance(by, Dim) and isinstance(size, Dim) and by.expr == expr_of(size % 2):
        return (size + 1) // 2 * 2
    return size + by


def _positive(kernel: Any, dilation: Any, padding: Any) -> None:
    """What a kernel checks of these: torch says it, not a rule."""
    positive = (*per_axis(kernel, 2), *per_axis(dilation, 2))
    if min(map(plain, positive)) < 1 or min(map(plain, per_axis(padding, 2))) < 0:
        raise Unsure


@op("unfold")
def unfold(
    input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Shape:
    """im2col: (N, C, H, W) → (N, C·k·k, places)."""
    batch, channels, sizes = _spatial("unfold", input, 2)
    kernel = per_axis(kernel_size, 2)
    _positive(kernel, dilation, padding)
    each = zip(
        sizes, kernel, per_axis(stride, 2), per_axis(padding, 2), per_axis(dilation, 2), strict=True
    )
    places = tuple(_windows("unfold", n, k, s, 2 * p, d) for n, k, s, p, d in each)
    return (*batch, channels * numel(kernel), numel(places))


@op("fold")
def fold(
    input: Tensor,
    output_size: Any,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> Shape:
    """col2im: (N, C·k·k, places) → (N, C, H, W)."""
    *batch, rows, columns = input.shape
    kernel, sizes = per_axis(kernel_size, 2), per_axis(output_size, 2)
    _positive(kernel, dilation, padding)
    each = zip(
        sizes, kernel, per_axis(stride, 2), per_axis(padding, 2), per_axis(dilation, 2), strict=True
    )
    places = tuple(_windows("fold", n, k, s, 2 * p, d) for n, k, s, p, d in each)
    equal(
        columns,
        numel(places),
        lambda: Refused(f"fold expects {symbolic(numel(places))} blocks, gets {symbolic(columns)}"),
    )
    equal(
        rows % numel(kernel),
        0,
        lambda: Refused(f"fold by {show(kernel)} of {symbolic(rows)} rows"),
    )
    return (*batch, rows // numel(kernel), *sizes)


def _unpooling(rank: int) -> Any:
    def max_unpool(
        input: Tensor,
        indices: Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        output_size: Any = None,
    ) -> Shape:
        """(…, C, H, W) → the size before the pool: (H - 1)*s - 2p + k where none is said."""
        outer = _spatial(f"max_unpool{rank}d", input, rank)[0]
        outer = input.shape[: len(outer) + 1]
        said = (kernel_size, kernel_size if stride is None else stride, padding)
        if any(isinstance(one, tuple) and len(one) != rank for one in said):
            raise Unsure
        strides = per_axis(said[1], rank)
        if (
            "int64" not in str(indices.dtype)
            or len(indices.shape) != len(input.shape)
            or min(map(plain, strides)) < 1
        ):
            raise Unsure
        kernel = per_axis(kernel_size, rank)
        pads = per_axis(padding, rank)
        each = zip(input.shape[-rank:], kernel, strides, pads, strict=True)
        usual = tuple((size - 1) * s - 2 * p + k for size, k, s, p in each)
        if output_size is None:
            return (*outer, *usual)
        wanted = tuple(output_size)[-rank:]
        near = zip(map(plain, wanted), map(plain, usual), map(plain, strides), strict=True)
        if len(output_size) not in (rank, rank + 2) or any(abs(n - u) >= s for n, u, s in near):
            raise Unsure
        return (*outer, *wanted)

    return max_unpool


for _rank in (1, 2, 3):
    op(f"max_unpool{_rank}d")(_unpooling(_rank))
