"""Shapes of what sums, searches or orders along axes."""

from __future__ import annotations

from typing import Any

from modellint.shapes.core import (
    Out,
    Refused,
    Shape,
    Tensor,
    Unsure,
    at_least,
    axes,
    axis,
    broadcast,
    op,
)
from modellint.symbolic.dims import symbolic


def reduced(shape: Shape, dim: Any, keepdim: bool) -> Shape:
    """A shape with some axes gone, or kept as 1; `None` stands for all."""
    gone = axes(dim, len(shape))
    if keepdim:
        return tuple(1 if index in gone else size for index, size in enumerate(shape))
    return tuple(size for index, size in enumerate(shape) if index not in gone)


@op("mean")
def mean(input: Tensor, dim: Any = None, keepdim: bool = False, dtype: Any = None, **_: Any) -> Any:
    """The mean over some axes, or over all."""
    shape = reduced(input.shape, dim, keepdim)
    return shape if dtype is None else Out(shape, dtype)


@op("sum", "prod", "nansum", runs=True)
def total(
    input: Tensor, dim: Any = None, keepdim: bool = False, dtype: Any = None, **_: Any
) -> Shape:
    """A sum or product over some axes, or over all."""
    return reduced(input.shape, dim, keepdim)


@op("logsumexp", runs=True)
def logsumexp(input: Tensor, dim: Any, keepdim: bool = False) -> Shape:
    """One value for each place that remains; of no axis releases of torch think differently."""
    if dim is None or (isinstance(dim, tuple | list) and not dim):
        raise Unsure
    return reduced(input.shape, dim, keepdim)


@op("amax", "amin", "any", "all", "argmax", "argmin", "count_nonzero", runs=True)
def along(input: Tensor, dim: Any = None, keepdim: bool = False, **_: Any) -> Shape:
    """One value for each place that remains."""
    return reduced(input.shape, dim, keepdim)


@op("max", "min", runs=True)
def extreme(input: Tensor, dim: Any = None, keepdim: bool = False, **_: Any) -> Any:
    """Over all values; along an axis with the places; or elementwise of two."""
    if isinstance(dim, Tensor):
        return broadcast(input.shape, dim.shape)
    if dim is None:
        return ()
    shape = reduced(input.shape, dim, keepdim)
    return [shape, shape]


@op("sort", runs=True)
def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """Values and places, of the same shape."""
    axis(dim, len(input.shape))
    return [input.shape, input.shape]


@op("argsort", runs=True)
def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Shape:
    """Places, of the same shape."""
    axis(dim, len(input.shape))
    return input.shape


@op("topk", runs=True)
def topk(
    input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True
) -> list[Shape]:
    """The k greatest of an axis, and their places."""
    at = axis(dim, len(input.shape))
    _among(input.shape[at], k)
    shape = (*input.shape[:at], k, *input.shape[at + 1 :])
    return [shape, shape]


def _among(size: int, k: int) -> None:
    """Demand that an axis has a k-th value."""
    at_least(size - k, 0, lambda: Refused(f"the {symbolic(k)} greatest of {symbolic(size)} values"))


@op("cummax", "cummin", runs=True)
def cumulative(input: Tensor, dim: int) -> list[Shape]:
    """Values and places, of the same shape."""
    return [input.shape, input.shape]


@op("kthvalue", runs=True)
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> list[Shape]:
    """The k-th smallest along an axis, with the places."""
    if input.shape:
        _among(input.shape[axis(dim, len(input.shape))], k)
    shape = reduced(input.shape, dim, keepdim)
    return [shape, shape]


@op("mode", runs=True)
def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> list[Shape]:
    """The most frequent along an axis, with the places."""
    return kthvalue(input, 1, dim, keepdim)


@op("median", "nanmedian", runs=True)
def median(input: Tensor, dim: Any = None, keepdim: bool = False) -> Any:
    """Over all values, or along an axis with the places."""
    if dim is None:
        return ()
    shape = reduced(input.shape, dim, keepdim)
    return [shape, shape]


@op("var", "std", runs=True)
def spread(
    input: Tensor, dim: Any = None, unbiased: Any = True, keepdim: bool = False, **_: Any
) -> Shape:
    """The variance over some axes, or over all."""
    return reduced(input.shape, None if isinstance(dim, bool) else dim, keepdim)


@op("var_mean", "std_mean", runs=True)
def spread_and_mean(
    input: Tensor, dim: Any = None, unbiased: Any = True, keepdim: bool = False, **_: Any
) -> list[Shape]:
    """The variance and the mean."""
    shape = reduced(input.shape, None if isinstance(dim, bool) else dim, keepdim)
    return [shape, shape]


@op("norm", runs=True)
def norm(input: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, **_: Any) -> Shape:
    """A norm over some axes, or over all."""
    return reduced(input.shape, dim, keepdim)


@op("linalg_vector_norm", runs=True)
def vector_norm(x: Tensor, ord: Any = 2, dim: Any = None, keepdim: bool = False, **_: Any) -> Shape:
    """A vector norm over some axes, or over all."""
    return reduced(x.shape, dim, keepdim)
