"""Input sizes near the example's at which a map has a size that is wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from modellint.graph import Graph
from modellint.symbolic.dims import Dim, evaluate

#: How many sizes of an input are tried, smaller or larger ones.
REACH = 1024


@dataclass(frozen=True, slots=True)
class Size:
    """One size of one symbol of the model's inputs, as `H = 225`."""

    symbol: str
    value: int


def nearest_sizes(graph: Graph, size: int, wanted: Callable[[int], bool]) -> tuple[Size, ...]:
    """The next smaller and next larger size of the input with which a size is as wanted.

    Neither smaller than half nor further than `REACH`. The other symbols keep their sizes, and
    what the model demands of its input holds. Empty where the size does not depend on one symbol
    alone, or none near does.
    """
    symbol = _symbol(graph, size)
    if symbol is None:
        return ()
    here = graph.symbols[symbol]
    below = _first(graph, size, symbol, range(here - 1, max(here // 2, here - REACH), -1), wanted)
    above = _first(graph, size, symbol, range(here + 1, here + REACH), wanted)
    return tuple(found for found in (below, above) if found is not None)


def next_size(graph: Graph, size: int, wanted: Callable[[int], bool]) -> Size | None:
    """The next larger size of the input with which a size is as wanted."""
    symbol = _symbol(graph, size)
    if symbol is None:
        return None
    here = graph.symbols[symbol]
    return _first(graph, size, symbol, range(here + 1, here + REACH), wanted)


def _symbol(graph: Graph, size: int) -> str | None:
    if not isinstance(size, Dim) or size.unknown:
        return None
    names = [symbol.name for symbol in size.expr.symbols]
    return names[0] if len(names) == 1 and names[0] in graph.symbols else None


def _first(
    graph: Graph, size: int, symbol: str, values: Iterable[int], wanted: Callable[[int], bool]
) -> Size | None:
    demands = [
        demand
        for demand in graph.constraints
        if {used.name for used in demand.expr.symbols} <= graph.symbols.keys()
    ]
    for value in values:
        sizes = {**graph.symbols, symbol: value}
        # What the model refuses may make maps of no size, of which nobody can be asked.
        if all(demand.holds(sizes) for demand in demands) and wanted(evaluate(size, sizes)):
            return Size(symbol, value)
    return None
