"""Sizes to try next, from what a run demanded of its sizes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from modellint.symbolic.constraints import Constraint
from modellint.symbolic.equalities import LIMIT

#: Sides that data sets have, the likelier first, for pictures of one channel and for others.
_COMMON = {1: (28, 32, 64, 224), 3: (32, 224, 64, 28, 256, 299)}


#: Sizes that are tried where none up to the limit will do: seconds of sound are long.
_LONG = tuple(1 << power for power in range(11, 21))


#: Sizes below this are none that a picture has: there every map of a network may be one pixel.
_COLLAPSED = 16


def _joins(demand: Constraint) -> bool:
    """Whether a demand is that two maps which meet have one size; maps of one pixel always have."""
    op = demand.reason.partition(" at ")[0]
    return demand.relation == "==" and op in ("add", "sub", "mul", "cat", "stack")


def _hold(
    demands: Iterable[Constraint], example: Mapping[str, int], names: Sequence[str], size: int
) -> bool:
    values = {**example, **dict.fromkeys(names, size)}
    return all(demand.holds(values) for demand in demands)


def solutions(
    constraints: Sequence[Constraint], example: Mapping[str, int], free: Sequence[str]
) -> Iterator[dict[str, int]]:
    """Sizes that satisfy the constraints: square ones first, common ones before the smallest.

    Where sizes need only be small enough, the greatest come first: a sequence of one token says
    little. There are none where maps that meet agree only when little is left of both. Symbols
    outside `free` keep the example's sizes.
    """
    relevant = [
        c
        for c in constraints
        if c.origin == "operation"
        and any(s.name in free for s in c.expr.symbols)
        and all(s.name in example for s in c.expr.symbols)
    ]
    involved = [n for n in free if any(s.name == n for c in relevant for s in c.expr.symbols)]
    if not involved:
        return
    square = []
    for size in range(1, LIMIT + 1):
        if _hold(relevant, example, involved, size):
            square.append(size)
    if square[:1] == [1] and all(c.relation == ">=" for c in relevant):
        square.sort(reverse=True)
    elif square[:1] == [1] and square[-1] < _COLLAPSED and any(map(_joins, relevant)):
        return
    if not square:
        square = [size for size in _LONG if _hold(relevant, example, involved, size)]
    common = _COMMON[1 if example.get("C") == 1 else 3]
    for size in dict.fromkeys([*(side for side in common if side in square), *square]):
        yield {**example, **dict.fromkeys(involved, size)}
    if len(involved) < 2:
        return
    first, second = involved[-2:]
    for one in range(1, 257):
        for other in range(1, 257):
            values = {**example, first: one, second: other}
            if one != other and all(c.holds(values) for c in relevant):
                yield values
