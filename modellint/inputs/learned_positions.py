"""Learned positions that are one too few or too many for every square image.

A ViT with as many positions as patches forgets its class token: no square image fits, and 208×240
does by chance.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from modellint.shapes import Refused
from modellint.shapes.core import fitting, plain
from modellint.symbolic import expressions as ex
from modellint.symbolic.dims import expr_of
from modellint.symbolic.equalities import LIMIT
from modellint.tracing.tape import Record

if TYPE_CHECKING:
    from modellint.tracing.forward_run import Traced

_JOINS = frozenset(["add", "sub", "mul"])


def square_one_off(traced: Traced) -> int | None:
    """The least side of a square image whose positions are one off a parameter's; else `None`.

    `traced` is a run that refused the sum of both.
    """
    found = _meeting(traced)
    if found is None:
        return None
    _, arriving, own = found
    gap = ex.subtract(expr_of(arriving), expr_of(own))
    if {symbol.name for symbol in gap.symbols} != {"H", "W"}:
        return None
    sides = range(1, LIMIT + 1)
    return next((s for s in sides if abs(gap.evaluate({"H": s, "W": s})) == 1), None)


def with_positions_named(traced: Traced) -> Traced:
    """The run with a help that tells how many positions the parameter should have."""
    found = _meeting(traced)
    if found is None or traced.refused is None:
        return traced
    name, arriving, own = found
    record, refusal = traced.refused
    helped = fitting(f"the positions of {name}", arriving, own)
    return replace(traced, refused=(record, Refused(refusal.message, helped)))


def _meeting(traced: Traced) -> tuple[str, int, int] | None:
    """The name of a parameter that does not fit what it is joined with, and both sizes."""
    if traced.refused is None or traced.refused[0].op not in _JOINS:
        return None
    inputs = traced.refused[0].inputs
    if len(inputs) != 2:
        return None
    data, own = sorted(inputs, key=lambda record: not record.varying)
    if own.varying or not data.varying or own.op not in ("parameter", "buffer"):
        return None
    apart = _apart(data, own)
    return (own.path[0], *apart[0]) if len(apart) == 1 and own.path else None


def _apart(data: Record, own: Record) -> list[tuple[int, int]]:
    """The sizes of two tensors that do not broadcast, axis by axis from the last."""
    pairs = zip(reversed(data.shapes[0]), reversed(own.shapes[0]), strict=False)
    return [(a, b) for a, b in pairs if plain(b) not in (1, plain(a)) and plain(a) != 1]
