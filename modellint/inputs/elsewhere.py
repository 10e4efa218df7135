"""Sizes beside an example's, and which of them tell most of what one run did not show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from math import lcm

from modellint.graph import Graph
from modellint.inputs.feeds import Feed
from modellint.symbolic.constraints import Constraint, jointly
from modellint.symbolic.dims import Dim, expr_of
from modellint.symbolic.expressions import Expr, Symbol, compiled

#: What is added to the sizes of an example, in turn: little either way, then what divides evenly.
_STEPS = (-1, 3, -4, 2, 32, 64, -32, 16, -16, 18, 13, 24, 8, 5, 1, -2, -8)
#: What is looked at of each size: what code keeps of one may be its remainder, or how large it is.
_REMAINDERS = (2, 3, 4, 5, 6, 7, 8)
#: What has a size's every remainder.
_COMMON = lcm(*_REMAINDERS)
#: The bits of one size: first those of its remainders, then one for how large it is.
_REMAINDER_BITS = sum(_REMAINDERS)
_BITS = _REMAINDER_BITS + 64
#: How many sizes of a model's maps are looked at.
_ASKED = 48


@dataclass(frozen=True)
class Sizes:
    """What a run says of sizes: its free symbols in the example, its demands, and its shapes.

    Each shape is in there once, in the order in which the run made them.
    """

    symbols: Mapping[str, int]
    constraints: Sequence[Constraint]
    shapes: Iterable[tuple[int, ...]]

    @classmethod
    def of(cls, graph: Graph) -> Sizes:
        """Those of a graph."""
        # Equal shapes are one object.
        shapes = {id(out): out.shape for node in graph.nodes for out in node.outputs}
        return cls(graph.symbols, graph.constraints, shapes.values())


def admitted(feed: Feed, said: Sizes | Graph) -> Iterator[dict[str, int]]:
    """Sizes of all free symbols beside the example's, which the run's demands admit."""
    seen: set[tuple[int, ...]] = set()
    admits = jointly(said.constraints, said.symbols)
    for steps in _moves(len(said.symbols)):
        sizes = {
            name: 1 + size % 3 if name in feed.batches else max(1, int(size * by) + step)
            for (name, size), (by, step) in zip(said.symbols.items(), steps, strict=True)
        }
        key = tuple(sizes.values())
        if key not in seen and sizes != said.symbols:
            seen.add(key)
            if admits(sizes):
                yield sizes


def _moves(count: int) -> Iterator[list[tuple[float, int]]]:
    """What sizes are multiplied by and what is added: larger, smaller, together and one by one."""
    # Of many remainders: what code keeps of a size may be only that.
    yield [(1, 35 + 2 * at) for at in range(count)]
    yield [(0.5, -at) for at in range(count)]
    yield [(1, 40 + 5 * (count - at)) for at in range(count)]
    yield [(0.2, at) for at in range(count)]
    yield [(1, 27 + 4 * at) for at in range(count)]
    yield [(1, 52 - at) for at in range(count)]
    for step in _STEPS:
        yield [(1, step)] * count
        yield [(1, step + 3 * at) for at in range(count)]
    yield [(0.5, 0)] * count
    for step in _STEPS:
        for one in range(count):
            yield [(1, step if at == one else 0) for at in range(count)]
    # As small as they may be, and far larger: what code compares may lie between.
    for by, step in ((0, 1), (0, 2), (0, 4), (0.1, 5), (0.3, 1), (4, 3)):
        yield [(by, step + at) for at in range(count)]
        for one in range(count):
            yield [(by, step) if at == one else (1, 0) for at in range(count)]


def with_pins(
    sizes: Mapping[str, int], pins: Mapping[Symbol, Expr], example: Mapping[str, int]
) -> dict[str, int]:
    """Sizes of all symbols of a feed, those that a run tied to others included."""
    chosen = {**example, **sizes}
    for symbol, value in pins.items():
        if symbol.name in chosen and all(s.name in chosen for s in value.symbols):
            chosen[symbol.name] = value.evaluate(chosen)
    return chosen


def telling(said: Sizes, sizes: Iterable[dict[str, int]]) -> Iterator[dict[str, int]]:
    """The same sizes, those first that differ most from the example's and from those before.

    By what the sizes of the model's maps are at them: their remainders, and how large they are.
    """
    asked = Together(_asked(said))
    known = asked.traits(said.symbols)
    left = [(one, asked.traits(one)) for one in sizes]
    while left:
        best = max(left, key=lambda item: (item[1] & ~known).bit_count())
        left.remove(best)
        known |= best[1]
        yield best[0]


def _asked(said: Sizes) -> Sequence[Expr]:
    found: dict[Expr, None] = {}
    for shape in said.shapes:
        for size in shape:
            new = isinstance(size, Dim) and size.expr not in found
            if new and all(s.name in said.symbols for s in expr_of(size).symbols):
                found[expr_of(size)] = None
        if len(found) >= _ASKED:
            break
    return [*found]


class Together:
    """Sizes of a model's maps, evaluated together."""

    def __init__(self, exprs: Sequence[Expr]) -> None:
        self.exprs = exprs
        self.names = tuple(sorted({symbol.name for expr in exprs for symbol in expr.symbols}))
        self.together = compiled(f"[{', '.join(map(repr, exprs))}]", self.names)

    def traits(self, sizes: Mapping[str, int]) -> int:
        """What is told apart of them at these sizes of the inputs, a bit each."""
        found = 0
        for size in reversed(self.at(sizes)):
            found <<= _BITS
            if size is not None:
                large = min(size.bit_length(), 63)
                found |= _remainders()[size % _COMMON] | 1 << _REMAINDER_BITS + large
        return found

    def at(self, sizes: Mapping[str, int]) -> Sequence[int | None]:
        """What they are at these sizes of the inputs; `None` where that would divide by zero."""
        try:
            values: list[int | None] = self.together(*[sizes[name] for name in self.names])
        except ZeroDivisionError:
            return [_evaluated(expr, sizes) for expr in self.exprs]
        return values


def _evaluated(expr: Expr, sizes: Mapping[str, int]) -> int | None:
    try:
        return expr.evaluate(sizes)
    except ZeroDivisionError:
        return None


@cache
def _remainders() -> Sequence[int]:
    """For each number below their common multiple its remainders, a bit each."""
    firsts = [0, *accumulate(_REMAINDERS)]
    pairs = [*zip(firsts, _REMAINDERS, strict=False)]
    return [sum(1 << first + number % by for first, by in pairs) for number in range(_COMMON)]
