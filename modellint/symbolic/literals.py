"""Floats that ask the size on their right, as the sizes themselves ask what is on theirs.

Python lets the left operand compute first, and a plain float takes an int as it is: of
`0.5 * x.shape[2]` only a number would be left.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from modellint.symbolic.dims import Dim, Ratio


class Literal(float):
    """A float as the code has it; with sizes it makes sizes, with other numbers such floats."""

    def __neg__(self) -> Literal:
        return Literal(float.__neg__(self))

    def __hash__(self) -> int:
        return float.__hash__(self)


def _asking(name: str, operation: Callable[[Any, Any], Any]) -> None:
    plain = getattr(float, name)

    def combined(self: Literal, other: Any) -> Any:
        if type(other) is Dim or type(other) is Ratio:
            return operation(Ratio.of(float.__add__(self, 0.0)), other)
        made = plain(self, other)
        return Literal(made) if type(made) is float else made

    setattr(Literal, name, combined)


def _reflected(name: str) -> None:
    plain = getattr(float, name)

    def combined(self: Literal, other: Any) -> Any:
        made = plain(self, other)
        return Literal(made) if type(made) is float else made

    setattr(Literal, name, combined)


for _name in "add sub mul truediv floordiv mod pow lt le gt ge eq ne".split():
    _asking(f"__{_name}__", getattr(operator, f"__{_name}__"))
for _name in "radd rsub rmul rtruediv rfloordiv rmod rpow".split():
    _reflected(f"__{_name}__")
