"""Sizes to try a contract at: the edges of what it admits, and some of the whole range.

All are drawn alike in each run, and mostly the same ones again where the demands change a little.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice, pairwise

from modellint.contracts.contract import admitted_sizes
from modellint.symbolic.constraints import Constraint
from modellint.symbolic.equalities import LIMIT

Values = Mapping[str, int]

#: How many sizes of each kind are drawn, beside the edges.
_FEW = 2
#: How many sizes on the outer side of the first and the last one that is admitted.
_NEXT = 6
#: Where values are computed, a greater map takes its time.
_SMALL = 64
#: From how many sizes, the least first, one is drawn together with those of other symbols.
_FIRST = (None, 4, _SMALL, 16)
#: How many sizes are looked at for ways of the code that none took, and how many then are tried.
_DRAWN = 400
_APART = 16


def reach(example: int, exact: bool) -> int:
    """The greatest size to try; where values are computed, not far beyond the example's."""
    return max(LIMIT, 2 * example) if exact else max(_SMALL, 2 * example)


def drawn_sizes(name: str, demands: Sequence[Constraint], example: Values, exact: bool) -> set[int]:
    """Sizes of one symbol inside and outside of the demands, the others keeping the example's."""
    limit = reach(example[name], exact)
    valid = {*admitted_sizes(name, demands, example, limit)}
    if not valid:
        return set()
    edges = [
        size
        for pair in pairwise(range(1, limit + 1))
        if (pair[0] in valid) is not (pair[1] in valid)
        for size in pair
    ]
    least, most = min(valid), max(valid)
    chosen = {1, least, *edges[:4], *edges[-2:]}
    # What refuses the first size outside may take the next but one: it looks at its remainder.
    chosen.update(range(max(1, least - _NEXT), least))
    chosen.update(range(most + 1, min(limit, most + _NEXT) + 1))
    for few, largest in ((_FEW, limit), (1, min(limit, _SMALL))):
        order = _shuffled(name, largest)
        chosen.update(islice((size for size in order if size in valid), few))
        chosen.update(islice((size for size in order if size not in valid), few))
    # Demands that follow remainders are seen at some of them only.
    order = _shuffled(name, min(limit, _SMALL))
    for divisor in (3, 4):
        for remainder in range(divisor):
            alike = [size for size in order if size % divisor == remainder]
            chosen.update(islice((size for size in alike if size in valid), 1))
            chosen.update(islice((size for size in alike if size not in valid), 1))
    return chosen


def _shuffled(name: str, limit: int) -> list[int]:
    sizes = list(range(1, limit + 1))
    random.Random(f"{name} {limit}").shuffle(sizes)
    return sizes


def drawn_together(
    demands: Sequence[Constraint], example: Values, exact: bool
) -> Iterator[dict[str, int]]:
    """Sizes of all symbols at once: some that satisfy the demands, and some that do not.

    Each is one that its symbol may have beside the example's others, so that those which do not
    satisfy the demands break what ties several symbols. All are large or small at first: the
    smaller side of a map says nothing of the greater.
    """
    if len(example) < 2:
        return
    valid = {
        name: admitted_sizes(name, demands, example, reach(example[name], exact))
        for name in example
    }
    left = {True: 3 * _FEW, False: _FEW}
    drawn = random.Random("together")
    for number in range(100):
        alike = _FIRST[number : number + 1]
        values = {
            name: drawn.choice(sizes[: drawn.choice(alike or _FIRST)]) if sizes else example[name]
            for name, sizes in valid.items()
        }
        holds = all(demand.holds(values) for demand in demands)
        if left[holds]:
            left[holds] -= 1
            yield values
    # What is an edge of one symbol only beside some sizes of another: `H % 2 == 0 or W > 1`.
    for name, sizes in valid.items():
        for parity in (0, 1):
            others = {other: _of(parity, valid[other]) for other in valid if other != name}
            if not sizes or None in others.values():
                continue
            values = {name: sizes[0], **{other: size for other, size in others.items() if size}}
            if all(demand.holds(values) for demand in demands):
                yield values


def drawn_apart(
    demands: Sequence[Constraint],
    compared: Sequence[Constraint],
    tried: Iterable[Values],
    example: Values,
    exact: bool,
) -> Iterator[dict[str, int]]:
    """Sizes within the demands at which comparisons come out together as at none of those tried.

    Code that does something where `H % 6 or W % 6` does nothing at one of 36 sizes.
    """
    if not compared:
        return
    counts = Counter(_outcomes(compared, values) for values in tried)
    valid = {
        name: admitted_sizes(name, demands, example, reach(example[name], exact))
        for name in example
    }
    drawn = random.Random("apart")
    left = _APART
    for _ in range(_DRAWN):
        first = drawn.choice(_FIRST)
        values = {
            name: drawn.choice(sizes[:first]) if sizes else example[name]
            for name, sizes in valid.items()
        }
        if not all(demand.holds(values) for demand in demands):
            continue
        outcomes = _outcomes(compared, values)
        if counts[outcomes] < _FEW:
            counts[outcomes] += 1
            left -= 1
            yield values
            if not left:
                return


def _outcomes(compared: Iterable[Constraint], values: Values) -> tuple[bool, ...]:
    return tuple(comparison.holds(values) for comparison in compared)


def _of(parity: int, sizes: Sequence[int]) -> int | None:
    """A size of a parity among those that are admitted, neither the least nor a large one."""
    alike = [size for size in sizes[:_SMALL] if size % 2 == parity]
    return alike[len(alike) // 2] if alike else None


def solving(demands: Iterable[Constraint], example: Values, exact: bool) -> dict[str, int] | None:
    """Sizes that satisfy all that a run demanded and compared, as near to the example as may be."""
    about = [c for c in demands if {symbol.name for symbol in c.expr.symbols} <= example.keys()]
    near = []
    for name in example:
        valid = admitted_sizes(name, about, example, reach(example[name], exact))
        near += [{**example, name: size} for size in valid]
    near.sort(key=lambda values: sum(abs(values[name] - example[name]) for name in example))
    drawn = random.Random("solving")
    far = (
        {name: drawn.randint(1, reach(size, exact)) for name, size in example.items()}
        for _ in range(_DRAWN)
    )
    every = chain(near, far)
    return next((values for values in every if all(c.holds(values) for c in about)), None)


def beyond(
    comparison: Constraint,
    demands: Sequence[Constraint],
    others: Sequence[Constraint],
    example: Values,
    exact: bool,
) -> dict[str, int] | None:
    """Sizes near the example's that satisfy the demands and break a comparison, few others."""
    found: list[tuple[int, int, dict[str, int]]] = []
    for name in sorted(symbol.name for symbol in comparison.expr.symbols):
        valid = admitted_sizes(name, demands, example, reach(example[name], exact))
        valid.sort(key=lambda size: abs(size - example[name]))
        broken = (
            values
            for values in ({**example, name: size} for size in valid)
            if not comparison.holds(values)
        )
        for values in islice(broken, _FEW):
            more = sum(not other.holds(values) for other in others)
            found.append((more, abs(values[name] - example[name]), values))
    return min(found, key=lambda one: one[:2])[2] if found else None
