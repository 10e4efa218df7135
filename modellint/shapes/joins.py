"""Shapes of what joins several tensors."""

from __future__ import annotations

from typing import Any

from modellint.shapes.core import Refused, Shape, Tensor, axis, broadcast, equal, numel, op, show
from modellint.symbolic.dims import same, symbolic


@op("cat", "concat", "concatenate", dtype="promote")
def cat(tensors: Any, dim: int = 0) -> Shape:
    """One axis adds up, the others must be equal; empty 1-d tensors do not count."""
    shapes = [t.shape for t in tensors if t.shape != (0,)]
    if not shapes:
        return (0,)
    first = shapes[0]
    at = axis(dim, len(first))
    total = first[at]
    for shape in shapes[1:]:
        if len(shape) != len(first):
            raise Refused(f"cat joins {show(first)} with {show(shape)}: other numbers of axes")
        for index, (left, right) in enumerate(zip(first, shape, strict=True)):
            # A model joins what it has made by halves: most are the very same size.
            if index != at and not same(left, right):
                equal(
                    left,
                    right,
                    lambda left=left, right=right, shape=shape: Refused(  # type: ignore[misc]
                        f"cat on axis {at} joins {show(first)} with {show(shape)}: "
                        f"{symbolic(left)} against {symbolic(right)}"
                    ),
                )
        total = total + shape[at]
    merged = list(first)
    for index, size in enumerate(first):
        if type(size) is not int and index != at:
            merged[index] = next((s[index] for s in shapes if type(s[index]) is int), size)
    merged[at] = total
    return tuple(merged)


@op("stack", dtype="promote")
def stack(tensors: Any, dim: int = 0) -> Shape:
    """A new axis; all shapes must be equal."""
    first = tensors[0].shape
    for other in tensors[1:]:
        _alike("stack", first, other.shape)
    at = axis(dim, len(first) + 1)
    return (*first[:at], len(tensors), *first[at:])


def _alike(name: str, first: Shape, second: Shape) -> None:
    if len(first) != len(second):
        raise Refused(f"{name} joins {show(first)} with {show(second)}")
    for left, right in zip(first, second, strict=True):
        equal(left, right, lambda: Refused(f"{name} joins {show(first)} with {show(second)}"))


@op("cross_entropy_loss", "nll_loss_nd", runs=True)
def cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: int = 1, *_: Any
) -> Any:
    """(N, C, …) against a class each, (N, …), or their probabilities, (N, C, …)."""
    probable = len(target.shape) == len(input.shape)
    at = 1 if len(input.shape) > 1 else 0
    places = (*input.shape[:at], *input.shape[at + 1 :])
    classes = input.shape if probable else places
    if len(classes) != len(target.shape):
        raise Refused(f"the loss of {show(input.shape)} against {show(target.shape)}")
    _alike("the loss", classes, target.shape)
    if not probable and "float" in str(target.dtype):
        raise Refused("the loss takes a class each and gets floats", integers=True)
    return places if reduction == 0 else ()


@op("hstack", runs=True)
def hstack(tensors: Any) -> Shape:
    """Joined on axis 1, or on the only axis."""
    return cat(tensors, dim=0 if len(tensors[0].shape) == 1 else 1)


@op("column_stack", runs=True)
def column_stack(tensors: Any) -> Shape:
    """Joined on axis 1, columns made of vectors."""
    shapes = [t.shape if len(t.shape) > 1 else (*t.shape, 1) for t in tensors]
    return cat([Tensor(shape, None) for shape in shapes], dim=1)


@op("vstack", "row_stack", runs=True)
def vstack(tensors: Any) -> Shape:
    """Joined on axis 0, rows made of vectors."""
    shapes = [t.shape if len(t.shape) > 1 else (1, *t.shape) for t in tensors]
    return cat([Tensor(shape, None) for shape in shapes], dim=0)


@op("broadcast_tensors", runs=True)
def broadcast_tensors(*tensors: Any) -> list[Shape]:
    """All at their common shape."""
    shape = broadcast(*(t.shape for t in tensors))
    return [shape] * len(tensors)


@op("meshgrid", runs=True)
def meshgrid(*tensors: Any, indexing: str = "ij") -> list[Shape]:
    """A grid of every tensor's values; `xy` exchanges the first two axes."""
    sizes = [numel(t.shape) for t in tensors]
    if indexing == "xy" and len(sizes) > 1:
        sizes[0], sizes[1] = sizes[1], sizes[0]
    return [tuple(sizes)] * len(tensors)
