"""A tensor as the table of shapes sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modellint.symbolic.dims import symbolic

Shape = tuple[int, ...]


class Tensor:
    """A tensor as the table sees it: its sizes and its dtype (opaque here)."""

    __slots__ = ("dtype", "shape")

    def __init__(self, shape: Shape, dtype: Any) -> None:
        self.shape = shape
        self.dtype = dtype

    def __repr__(self) -> str:
        return f"Tensor({show(self.shape)}, {self.dtype})"


def show(shape: Sequence[int]) -> str:
    """A shape as messages print it."""
    inside = ", ".join(str(symbolic(size)) for size in shape)
    return f"({inside},)" if len(shape) == 1 else f"({inside})"
