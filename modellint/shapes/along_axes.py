"""Shapes of what works along axes: diagonals, differences, quantiles, turns, norms."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

from modellint.shapes.core import (
    Refused,
    Shape,
    Tensor,
    at_least,
    axes,
    axis,
    broadcast,
    equal,
    op,
    plain,
    show,
)
from modellint.shapes.reductions import reduced
from modellint.symbolic import expressions as ex
from modellint.symbolic.constraints import demand
from modellint.symbolic.dims import expr_of, symbolic


def _lesser(left: int, right: int) -> int:
    """The lesser of two sizes; which one it is holds for these sizes."""
    gap = ex.subtract(expr_of(right), expr_of(left))
    if plain(left) <= plain(right):
        demand(gap, ">=", "branch")
        return left
    demand(ex.subtract(ex.negate(gap), ex.ONE), ">=", "branch")
    return right


@op("diagonal", runs=True)
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """The diagonal of two axes, as a new last axis; the offset leaves out rows or columns."""
    if not isinstance(offset, int):
        return None
    rank = len(input.shape)
    first, second = axis(dim1, rank), axis(dim2, rank)
    rows, columns = input.shape[first], input.shape[second]
    if plain(offset) >= 0:
        columns = columns - offset
    else:
        rows = rows + offset
    for size in (rows, columns):
        if plain(size) <= 0:
            return None
        at_least(size, 1, lambda: Refused(f"diagonal of {show(input.shape)}"))
    rest = tuple(size for at, size in enumerate(input.shape) if at not in (first, second))
    return (*rest, _lesser(rows, columns))


@op("diff", runs=True)
def diff(input: Tensor, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """Differences of neighbours on one axis, n times over; what is put before and after counts."""
    at = axis(dim, len(input.shape))
    size = input.shape[at]
    for more in (prepend, append):
        if more is not None:
            size = size + more.shape[at]
    left = size - n
    if plain(left) < 0:
        return None
    at_least(left, 0, lambda: Refused(f"diff of {symbolic(size)}, {symbolic(n)} times over"))
    return (*input.shape[:at], left, *input.shape[at + 1 :])


@op("quantile", "nanquantile", runs=True)
def quantile(
    input: Tensor,
    q: Any,
    dim: Any = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
    out: Any = None,
) -> Any:
    """One axis (or all) gone, and an axis of the quantiles in front where there are several."""
    several = q.shape if isinstance(q, Tensor) else ()
    return (*several, *reduced(input.shape, dim, keepdim))


@op("nanmean", runs=True)
def nanmean(input: Tensor, dim: Any = None, keepdim: bool = False, **_: Any) -> Any:
    """Some axes gone, as of a mean."""
    return reduced(input.shape, dim, keepdim)


@op("aminmax", runs=True)
def aminmax(input: Tensor, *, dim: Any = None, keepdim: bool = False, **_: Any) -> Any:
    """The least and the greatest, one axis (or all) gone."""
    return [reduced(input.shape, dim, keepdim)] * 2


@op("rot90", runs=True)
def rot90(input: Tensor, k: int = 1, dims: Any = (0, 1)) -> Any:
    """Two axes turned by quarters: they change places at every second."""
    first, second = axes(dims, len(input.shape))
    sizes = list(input.shape)
    if plain(k) % 2:
        sizes[first], sizes[second] = sizes[second], sizes[first]
    return tuple(sizes)


@op("linalg_norm", runs=True)
def norm(
    A: Tensor,  # noqa: N803 - PyTorch calls it so
    ord: Any = None,
    dim: Any = None,
    keepdim: bool = False,
    **_: Any,
) -> Any:
    """Some axes gone; all of them where none is named."""
    return reduced(A.shape, dim, keepdim)


@op("linalg_matrix_norm", runs=True)
def matrix_norm(
    A: Tensor,  # noqa: N803 - PyTorch calls it so
    ord: Any = "fro",
    dim: Any = (-2, -1),
    keepdim: bool = False,
    **_: Any,
) -> Any:
    """The two axes of the matrices gone."""
    return reduced(A.shape, dim, keepdim)


@op("as_strided", runs=True)
def as_strided(input: Tensor, size: Any, stride: Any, storage_offset: Any = None) -> Any:
    """The sizes that are given, whatever the input's are."""
    return tuple(size)


@op("kron", runs=True)
def kron(input: Tensor, other: Tensor) -> Shape:
    """The products of the sizes, the shorter shape filled with ones in front."""
    rank = max(len(input.shape), len(other.shape))
    left, right = (
        (1,) * (rank - len(shape)) + tuple(shape) for shape in (input.shape, other.shape)
    )
    return tuple(one * two for one, two in zip(left, right, strict=True))


@op("trapezoid", "trapz", runs=True)
def trapezoid(y: Tensor, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """One axis gone."""
    if isinstance(x, Tensor) and len(x.shape) != 1:
        return None
    return reduced(y.shape, dim, False)


@op("histc", runs=True)
def histc(input: Tensor, bins: int = 100, min: Any = 0, max: Any = 0) -> Shape:
    """So many counts."""
    return (bins,)


@op("bucketize", runs=True)
def bucketize(input: Any, boundaries: Tensor, **_: Any) -> Any:
    """The place of each value among boundaries."""
    return input.shape if isinstance(input, Tensor) else ()


@op("searchsorted", runs=True)
def searchsorted(sorted_sequence: Tensor, input: Any, **_: Any) -> Any:
    """The place of each value in a sorted row."""
    return input.shape if isinstance(input, Tensor) else ()


@op("linalg_multi_dot", "chain_matmul", runs=True)
def multi_dot(tensors: Any, *others: Tensor) -> Any:
    """The product of several matrices, of which the outer ones may be vectors."""
    every = [*(tensors if isinstance(tensors, (tuple, list)) else (tensors,)), *others]
    shapes = [tensor.shape for tensor in every]
    for left, right in pairwise(shapes):
        equal(
            left[-1],
            right[0],
            partial(Refused, f"product of matrices {show(left)} and {show(right)}"),
        )
    return (*shapes[0][:-1], *shapes[-1][1:])


@op("pdist", runs=True)
def pdist(input: Tensor, p: float = 2.0) -> Shape:
    """One distance for each pair of rows."""
    rows = input.shape[0]
    return (rows * (rows - 1) // 2,)


@op("dstack", runs=True)
def dstack(tensors: Any) -> Any:
    """Tensors of at least three axes, joined along the third."""
    shapes = [_three(tensor.shape) for tensor in tensors]
    depth = shapes[0][2]
    for shape in shapes[1:]:
        for at in range(len(shape)):
            if at != 2:
                equal(
                    shapes[0][at],
                    shape[at],
                    partial(Refused, f"dstack of {show(shapes[0])} and {show(shape)}"),
                )
        depth = depth + shape[2]
    return (*shapes[0][:2], depth, *shapes[0][3:])


def _three(shape: Shape) -> Shape:
    """A shape as `torch.atleast_3d` makes it."""
    if len(shape) >= 3:
        return shape
    return {0: (1, 1, 1), 1: (1, *shape, 1), 2: (*shape, 1)}[len(shape)]


@op("gradient", runs=True)
def gradient(input: Tensor, *, spacing: Any = None, dim: Any = None, edge_order: int = 1) -> Any:
    """A tensor of the input's shape for each axis that is asked for."""
    return [input.shape] * len(axes(dim, len(input.shape)))


@op("cross", "linalg_cross", runs=True)
def cross(input: Tensor, other: Tensor, dim: Any = None, **_: Any) -> Any:
    """The shape that both broadcast to."""
    return broadcast(input.shape, other.shape)
