"""Shapes of what only rearranges: views, other orders of axes, repetition."""

from __future__ import annotations

from typing import Any

from modellint.shapes.core import (
    OPS,
    Refused,
    Shape,
    Tensor,
    axes,
    axis,
    equal,
    fitting,
    numel,
    op,
    plain,
    show,
    spread,
)
from modellint.symbolic import expressions as ex
from modellint.symbolic.constraints import demand
from modellint.symbolic.dims import Dim, dim, expr_of, fresh, symbolic


@op("view_copy")
@op("view", "reshape", runs=True)
def view(input: Tensor, *shape: Any, dtype: Any = None) -> Any:
    """The given shape; a -1 takes what is left, the batch where it can only be that."""
    if dtype is not None or (shape and not isinstance(shape[0], int)):
        # view(dtype): the last axis is reinterpreted, the rank stays.
        return None
    total = numel(input.shape)
    unknown = [index for index, size in enumerate(shape) if plain(size) == -1]
    if not unknown:
        rest = numel(shape)
        equal(total, rest, lambda: _view_refusal(input.shape, shape))
        return tuple(shape)
    at = unknown[0]
    rest = numel((*shape[:at], *shape[at + 1 :]))
    if plain(rest) == 0:
        raise _view_refusal(input.shape, shape)
    whole = ex.divide_exactly(expr_of(total), expr_of(rest))
    if whole is not None:
        inferred: int = dim(plain(total) // plain(rest), whole)
    elif plain(total) % plain(rest):
        demand(ex.subtract(expr_of(total % rest), ex.ZERO), "==")
        raise _view_refusal(input.shape, shape)
    elif at == 0 and isinstance(input.shape[0], Dim) and _keeps(input.shape[0], total, rest):
        # view(-1, 400): only sizes that keep the batch are meant; others fold it.
        inferred = input.shape[0]
        demand(ex.subtract(expr_of(total), expr_of(rest * inferred)), "==")
    else:
        demand(expr_of(total % rest), "==")
        inferred = total // rest
    return (*shape[:at], inferred, *shape[at + 1 :])


def _keeps(batch: int, total: int, rest: int) -> bool:
    return plain(total) // plain(rest) == plain(batch)


def _view_refusal(before: Shape, after: Shape) -> Refused:
    total = symbolic(numel(before))
    message = f"a view of {show(before)} ({total} values) as {show(after)} does not fit"
    return Refused(message, _keeping_batch(before, after))


def _keeping_batch(before: Shape, after: Shape) -> str | None:
    """What would fit in place of the features in `view(-1, 400)`, where that flattens a batch."""
    if len(after) != 2 or len(before) < 2 or not (after[0] is before[0] or plain(after[0]) == -1):
        return None
    return fitting("the last size", numel(before[1:]), after[1]) + (
        "; flatten(1) takes it from the map"
    )


@op("view_as", "reshape_as", runs=True)
def view_as(input: Tensor, other: Tensor) -> Shape:
    """The other's shape, for as many values."""
    shape: Shape = view(input, *other.shape)
    return shape


@op("flatten", runs=True)
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Shape:
    """Axes start to end as one."""
    shape = input.shape
    if not shape:
        return (1,)
    start, end = axis(start_dim, len(shape)), axis(end_dim, len(shape))
    return (*shape[:start], numel(shape[start : end + 1]), *shape[end + 1 :])


OPS["ravel"] = OPS["flatten"]


@op("unflatten", runs=True)
def unflatten(input: Tensor, dim: int, sizes: Any) -> Shape:
    """One axis as several."""
    at = axis(dim, len(input.shape))
    inner = view(Tensor((input.shape[at],), None), *sizes)
    return (*input.shape[:at], *inner, *input.shape[at + 1 :])


@op("permute", runs=True)
def permute(input: Tensor, *dims: int) -> Shape:
    """Axes in another order."""
    if len(dims) != len(input.shape):
        raise Refused(f"permute{dims} of a tensor with {len(input.shape)} axes")
    return tuple(input.shape[axis(d, len(input.shape))] for d in dims)


@op("transpose", "swapaxes", "swapdims", runs=True)
def transpose(input: Tensor, dim0: int, dim1: int) -> Shape:
    """Two axes exchanged."""
    shape = list(input.shape)
    first, second = axis(dim0, len(shape)), axis(dim1, len(shape))
    shape[first], shape[second] = shape[second], shape[first]
    return tuple(shape)


@op("T", "H", "t", runs=True)
def reversed_axes(input: Tensor) -> Shape:
    """All axes in the opposite order; it is meant for matrices."""
    return input.shape[::-1]


@op("mT", "mH", "adjoint", runs=True)
def turned(input: Tensor) -> Shape:
    """The last two axes exchanged."""
    if len(input.shape) < 2:
        return input.shape
    return (*input.shape[:-2], input.shape[-1], input.shape[-2])


@op("movedim", "moveaxis", runs=True)
def movedim(input: Tensor, source: Any, destination: Any) -> Shape:
    """Axes moved to other places."""
    rank = len(input.shape)
    moved = dict(zip(axes(destination, rank), axes(source, rank), strict=True))
    rest = iter([index for index in range(rank) if index not in moved.values()])
    return tuple(input.shape[moved[at] if at in moved else next(rest)] for at in range(rank))


@op("squeeze", runs=True)
def squeeze(input: Tensor, dim: Any = None) -> Shape:
    """Without axes of size 1; a size that is 1 only in the example is demanded to be so."""
    chosen = axes(dim, len(input.shape))
    kept = []
    for index, size in enumerate(input.shape):
        if index in chosen and plain(size) == 1:
            demand(ex.subtract(expr_of(size), ex.ONE), "==", "branch")
            continue
        if index in chosen and isinstance(size, Dim):
            demand(ex.subtract(size.expr, ex.constant(2)), ">=", "branch")
        kept.append(size)
    return tuple(kept)


@op("unsqueeze", runs=True)
def unsqueeze(input: Tensor, dim: int) -> Shape:
    """A new axis of size 1."""
    at = axis(dim, len(input.shape) + 1)
    return (*input.shape[:at], 1, *input.shape[at:])


@op("expand", "broadcast_to", runs=True)
def expand(input: Tensor, *size: int) -> Shape:
    """Axes of size 1 repeated without memory; -1 keeps an axis."""
    extra = len(size) - len(input.shape)
    if extra < 0:
        raise Refused(f"expand of {show(input.shape)} to {show(size)}: fewer axes")
    kept = list(size)
    for index, old in enumerate(input.shape):
        new = size[extra + index]
        if plain(new) == -1:
            kept[extra + index] = old
        else:
            spread(
                old,
                new,
                lambda: Refused(f"expand of {show(input.shape)} to {show(size)} does not fit"),
            )
    return tuple(kept)


@op("expand_as", runs=True)
def expand_as(input: Tensor, other: Tensor) -> Shape:
    """The other's shape, by repetition of axes of size 1."""
    shape: Shape = expand(input, *other.shape)
    return shape


@op("repeat", "tile", runs=True)
def repeat(input: Tensor, *repeats: int) -> Shape:
    """Every axis repeated."""
    longer = max(len(repeats), len(input.shape))
    times = (1,) * (longer - len(repeats)) + tuple(repeats)
    sizes = (1,) * (longer - len(input.shape)) + tuple(input.shape)
    return tuple(size * by for size, by in zip(sizes, times, strict=True))


@op("repeat_interleave", runs=True)
def repeat_interleave(
    input: Tensor, repeats: Any = None, dim: Any = None, output_size: Any = None
) -> Any:
    """One axis with each element repeated."""
    if not isinstance(repeats, int):
        return None
    if dim is None:
        return (numel(input.shape) * repeats,)
    at = axis(dim, len(input.shape))
    return (*input.shape[:at], input.shape[at] * repeats, *input.shape[at + 1 :])


@op("contiguous", "detach", "clone", "data", "real", "imag", runs=True)
def alias(input: Tensor, **_: Any) -> Shape:
    """The same shape."""
    return input.shape


@op("view_as_real", runs=True)
def view_as_real(input: Tensor) -> Shape:
    """Complex numbers as a last axis of two."""
    return (*input.shape, 2)


@op("view_as_complex", runs=True)
def view_as_complex(input: Tensor) -> Shape:
    """A last axis of two as complex numbers."""
    return input.shape[:-1]


def unknown_like(example: tuple[int, ...], inputs: list[Shape]) -> Shape:
    """Sizes of which only the example is known; plain where no input varies."""
    if any(isinstance(size, Dim) for shape in inputs for size in shape):
        return tuple(fresh(size) for size in example)
    return example
