"""The sizes that an exported program takes, as its file says them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modellint.exported.program import Given, Program

#: The greatest size of one that has no greatest.
_UNBOUND = 2**31


class NotTaken(ValueError):
    """What a program is given is not what it was exported for."""


def check_sizes(program: Program, given: Mapping[str, Any]) -> None:
    """Refuse inputs that the file does not take: its sizes, equal ones, multiples and ranges.

    The number of samples is left open where it was fixed, as the steps may leave it open. These are
    comparisons as a forward has them, so that a trace learns of them what it learns of those.
    """
    symbols: dict[str, Any] = {}
    for one in program.inputs:
        shape = getattr(given.get(one.name), "shape", ())
        if len(shape) != len(one.axes):
            _refuse(one, f"{len(shape)} axes", str(len(one.axes)))
        for at, (axis, size) in enumerate(zip(one.axes, shape, strict=True)):
            if axis.symbol is not None:
                _check_symbol(program, one, at, size, symbols)
            elif at > 0 and not axis.dynamic and size != axis.example:
                _refuse(one, f"{size} at axis {at}", str(axis.example))


def _check_symbol(
    program: Program, one: Given, at: int, size: Any, symbols: dict[str, Any]
) -> None:
    """Check a size that an expression of one symbol tells."""
    axis, where = one.axes[at], f"{size} at axis {at}"
    steps = size - axis.offset
    if axis.factor > 1 and steps % axis.factor != 0:
        more = f" and {axis.offset}" if axis.offset else ""
        _refuse(one, where, f"a multiple of {axis.factor}{more}")
    whole = steps // axis.factor
    name = str(axis.symbol)
    if name in symbols:
        if whole != symbols[name]:
            _refuse(one, where, "the size that it was said to share")
        return
    symbols[name] = whole
    least, most = program.ranges.get(name, (None, None))
    # An export says at least 2 where it was made with 2 or more, whatever the model takes.
    if least is not None and least > 2 and whole < least:
        _refuse(one, where, f"at least {least * axis.factor + axis.offset}")
    if most is not None and most < _UNBOUND and whole > most:
        _refuse(one, where, f"at most {most * axis.factor + axis.offset}")


def _refuse(one: Given, has: str, takes: str) -> None:
    raise NotTaken(f"{one.name} has {has}, where the export takes {takes}")
