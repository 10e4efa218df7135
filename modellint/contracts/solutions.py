"""Sizes to try next, from what a run demanded of its sizes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from math import gcd

from modellint.symbolic.constraints import Constraint
from modellint.symbolic.equalities import LIMIT, isolated

#: Sides that data sets have, the likelier first, for pictures of one channel and for others.
_COMMON = {1: (28, 32, 64, 224), 3: (32, 224, 64, 28, 256, 299)}


#: Sizes that are tried where none up to the limit will do: seconds of sound are long.
_LONG = tuple(1 << power for power in range(11, 21))

#: Lengths of sound that data sets have: a second, or half of one, at common rates.
_SAMPLED = (16000, 8000, 22050, 44100, 48000, 32000)


#: How many proportions of two sides are told apart between a square and one twice as long.
_COARSE = 8


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
    little. Those that no picture has come last. There are none where maps that meet agree only when
    little is left of both. Symbols outside `free` keep the example's sizes.
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
    square.sort(key=lambda size: size < _COLLAPSED)
    if not square:
        sampled = _SAMPLED if len(involved) == 1 else ()
        long = [*sampled, *_LONG, *_long_enough(relevant, example, involved)]
        square = [size for size in long if _hold(relevant, example, involved, size)]
    common = _COMMON[1 if example.get("C") == 1 else 3]
    for size in dict.fromkeys([*(side for side in common if side in square), *square]):
        yield {**example, **dict.fromkeys(involved, size)}
    if len(involved) < 2:
        return
    yield from ({**example, **pair} for pair in _oblong(relevant, example, involved[-2:]))


def followed(
    demand: Constraint, example: Mapping[str, int], free: Collection[str]
) -> dict[str, int]:
    """The sizes that an equality of several asks of those that are free: `P = R // 2`.

    Where all stand for the same, as the channels of two images that are put together, they are one
    size if that fits, or nearly one; else one of them follows from the others.
    """
    names = sorted(symbol.name for symbol in demand.expr.symbols)
    if len(names) < 2:
        return {}
    kinds = {name.rstrip("0123456789") for name in names}
    if len(kinds) == 1 and set(names) <= set(free) and not demand.holds(example):
        for size in range(1, LIMIT + 1):
            alike = dict.fromkeys(names, size)
            if demand.holds({**example, **alike}):
                return alike
        shared = _shared(demand, example, names)
        if shared:
            return shared
    for symbol in sorted(demand.expr.symbols, key=lambda one: one.key):
        value = isolated(demand.expr, symbol) if symbol.name in free else None
        size = 0 if value is None else value.evaluate(example)
        if size > 0:
            return {symbol.name: size}
    return {}


def _shared(demand: Constraint, example: Mapping[str, int], names: Sequence[str]) -> dict[str, int]:
    """Sizes of several parts that are as alike as their sum allows, if there are any."""
    first, *others = names
    found: dict[str, int] = {}
    for size in range(1, LIMIT + 1):
        parts = dict.fromkeys(others, size)
        symbol = next(one for one in demand.expr.symbols if one.name == first)
        value = isolated(demand.expr, symbol)
        rest = 0 if value is None else value.evaluate({**example, **parts})
        if rest < size:
            break
        if demand.holds({**example, **parts, first: rest}):
            found = {**parts, first: rest}
    return found


def _long_enough(
    demands: Sequence[Constraint], example: Mapping[str, int], names: Sequence[str]
) -> Iterator[int]:
    """The least length at which so many positions are left, each with several channels.

    A layer that reads the positions themselves (no channels: a factor of 1) is no layer for that.
    """
    for demand in demands:
        factors = [abs(factor) for monomial, factor in demand.expr.terms if monomial]
        if demand.relation != "==" or len(names) > 1 or gcd(*factors) == 1:
            continue

        def value(size: int, demand: Constraint = demand) -> int:
            return demand.expr.evaluate({**example, **dict.fromkeys(names, size)})

        sign = 1 if value(_LONG[-1]) > value(LIMIT) else -1
        yield bisect_left(range(_LONG[-1]), 0, LIMIT, key=lambda size: sign * value(size))


def _oblong(
    demands: Sequence[Constraint], example: Mapping[str, int], names: Sequence[str]
) -> list[dict[str, int]]:
    """The pairs of two sizes that satisfy the demands, the nearest to a square first."""
    first, second = names

    def holds(one: int, other: int) -> bool:
        values = {**example, first: one, second: other}
        return one != other and all(demand.holds(values) for demand in demands)

    found = [(one, other) for one in range(1, 257) for other in range(1, 257) if holds(one, other)]
    found += [pair for pair in _crossings(demands, example, names) if holds(*pair)]
    found.sort(key=lambda pair: (max(pair) * _COARSE // min(pair), pair))
    return [{first: one, second: other} for one, other in dict.fromkeys(found)]


def _crossings(
    demands: Sequence[Constraint], example: Mapping[str, int], names: Sequence[str]
) -> Iterator[tuple[int, int]]:
    """For each greater first size the least second one at which an equality may turn true.

    What only grows with a size crosses zero once, so that halving finds where.
    """
    first, second = names
    wanted = [
        demand
        for demand in demands
        if demand.relation == "==" and {first, second} <= {s.name for s in demand.expr.symbols}
    ]
    for one in range(1, LIMIT + 1) if wanted else ():

        def value(other: int, one: int = one) -> int:
            return wanted[0].expr.evaluate({**example, first: one, second: other})

        try:
            sign = 1 if value(LIMIT) > value(1) else -1
            sizes = range(1, LIMIT + 1)
            yield one, 1 + bisect_left(sizes, 0, key=lambda other: sign * value(other))
        except ZeroDivisionError:
            continue
