"""Shapes of what writes into a tensor: scattering, copies, assignments to a part."""

from __future__ import annotations

from typing import Any

from modellint.shapes.core import (
    Refused,
    Shape,
    Tensor,
    axis,
    equal,
    numel,
    op,
    plain,
    show,
    spread,
)
from modellint.shapes.selections import getitem, reached


@op("index_fill", "index_put")
def written(input: Tensor, *rest: Any, **_: Any) -> Shape:
    """The input's shape: values are written into it."""
    return input.shape


@op("scatter", "scatter_add", "scatter_reduce")
def scatter(input: Tensor, dim: int, index: Tensor, src: Any = None, *_: Any, **__: Any) -> Shape:
    """The input's shape; an index reaches over it on the axis alone, and not over the source."""
    reached("scatter", input.shape, index.shape, axis(dim, len(input.shape)))
    if isinstance(src, Tensor) and src.shape:
        reached("scatter", src.shape, index.shape, None)
    return input.shape


@op("index_add", "index_copy")
def indexed(input: Tensor, dim: int, index: Tensor, source: Tensor, **_: Any) -> Shape:
    """The input's shape; the source has it too, but for as many as the index on one axis."""
    wanted = list(input.shape)
    if wanted and len(source.shape) == len(wanted):
        wanted[axis(dim, len(wanted))] = numel(index.shape)
        for have, want in zip(source.shape, wanted, strict=True):
            equal(
                have,
                want,
                lambda: Refused(
                    f"what is written should be {show(wanted)}, is {show(source.shape)}"
                ),
            )
    return input.shape


@op("copy")
def copy(input: Tensor, src: Any, *_: Any, **__: Any) -> Shape:
    """The input's shape, to which the source broadcasts."""
    if isinstance(src, Tensor):
        taken(input.shape, src.shape)
    return input.shape


def taken(target: Shape, source: Shape) -> None:
    """Demand that what is written broadcasts to where it is written."""

    def refused() -> Refused:
        return Refused(f"what is written is {show(source)}, and takes the place of {show(target)}")

    extra = len(source) - len(target)
    if any(plain(size) != 1 for size in source[: max(extra, 0)]):
        raise refused()
    for size, place in zip(reversed(source), reversed(target), strict=False):
        spread(size, place, refused)


@op("setitem")
def setitem(input: Tensor, index: Any, value: Any) -> Shape:
    """The tensor that is written to keeps its shape, and the value broadcasts to the place."""
    place = getitem(input, index)
    if place is not None and isinstance(value, Tensor):
        taken(place, value.shape)
    return input.shape
