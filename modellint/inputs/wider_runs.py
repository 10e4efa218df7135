"""Runs that took another way than the example's, where that says the sizes of both.

At 224 a window of 7 needs no padding, so the code that pads does not run and the sizes say nothing
of 225. The way that pads is right for both.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from modellint.contracts.confirming import holds_at
from modellint.errors import FileError, NotAnalysed
from modellint.graph import Graph
from modellint.inputs.assertions import asserted
from modellint.inputs.elsewhere import Together, admitted, telling, with_pins
from modellint.inputs.feeds import Feed
from modellint.inputs.forwards import Forwards, about
from modellint.symbolic.constraints import jointly
from modellint.symbolic.dims import Dim, expr_of
from modellint.symbolic.expressions import Expr

if TYPE_CHECKING:
    from modellint.tracing.forward_run import Traced

#: At how many sizes of the example's own way the wider one must say the same.
_ALIKE = 24
#: Among how many sizes these are chosen.
_CHOICE = 96


def as_wide(forwards: Forwards, feed: Feed, traced: Traced) -> tuple[Graph, Traced | None]:
    """The graph of a run, and the run with another way whose sizes it says, where one is wider."""
    general = _wider_run(forwards, feed, traced)
    graph = forwards.freeze(feed, traced, general)
    if general is None:
        return graph, None
    plain = forwards.freeze(feed, traced)
    if graph.constraints == plain.constraints:
        return graph, general
    if _says_the_same(feed, traced, graph, plain):
        # One run, where it tells most, is for what is of neither way.
        between = next(telling(graph, _between(feed, graph, traced, general)), None)
        if between is None or holds_at(graph, between) is not False:
            return graph, general
    return plain, None


def _wider_run(forwards: Forwards, feed: Feed, traced: Traced) -> Traced | None:
    """A run whose branches hold for more sizes, where the model compared sizes in this one."""
    tape = traced.tape
    # What an operation demands behind a comparison, another way may do without.
    compared = [
        c
        for key, c in tape.constraints.items()
        if (c.origin == "branch" or key in tape.compared) and not asserted(c)
    ]
    pins = tape.pins
    open_ones = any(
        s.name in feed.example and s not in pins for c in compared for s in c.expr.symbols
    )
    # A demand for exactly 224 is seldom met by 225 as well; by 256 it may be.
    for step in (1, 32) if open_ones else (32,):
        sizes = dict(feed.example)
        for constraint in compared:
            for symbol in constraint.expr.symbols:
                if symbol.name in sizes and symbol.name not in feed.batches:
                    sizes[symbol.name] = feed.example[symbol.name] + step
        if all(c.holds(sizes) for c in compared if about(c, sizes)):
            continue
        try:
            # A batch that fits here fits there: what is refused is refused for its sizes.
            other = forwards.run(replace(feed, example=sizes), again=False)
        except (FileError, NotAnalysed):
            continue
        if other.refused is None and other.partial is None:
            return other
    return None


def _says_the_same(feed: Feed, traced: Traced, graph: Graph, plain: Graph) -> bool:
    """Whether the wider sizes are those of the example's own way, wherever that is taken."""
    pairs = _apart(graph, plain)
    if not pairs:
        return True
    own = islice(telling(plain, islice(admitted(feed, plain), _CHOICE)), _ALIKE)
    ours, others = (Together(exprs) for exprs in zip(*pairs, strict=True))
    return all(
        ours.at(values) == others.at(values)
        for values in (with_pins(sizes, traced.tape.pins, feed.example) for sizes in own)
    )


def _apart(graph: Graph, plain: Graph) -> Collection[tuple[Expr, Expr]]:
    """The sizes that two graphs of one model say otherwise, each pair once."""
    # By identity: equal shapes are one object.
    shapes = {
        (id(ours), id(others)): (ours.shape, others.shape)
        for mine, theirs in zip(graph.nodes, plain.nodes, strict=True)
        for ours, others in zip(mine.outputs, theirs.outputs, strict=True)
    }
    return {
        (expr_of(one), expr_of(other))
        for ours, others in shapes.values()
        for one, other in zip(ours, others, strict=True)
        if one is not other and not any(isinstance(s, Dim) and s.unknown for s in (one, other))
    }


def _between(feed: Feed, graph: Graph, traced: Traced, general: Traced) -> Iterator[dict[str, int]]:
    """Sizes that the wider graph admits and that are of neither way that was taken."""
    known = {**feed.example, **graph.symbols}
    ways = [jointly(run.tape.constraints.values(), known) for run in (traced, general)]
    for sizes in islice(admitted(feed, graph), _CHOICE):
        values = with_pins(sizes, general.tape.pins, feed.example)
        if not any(taken(values) for taken in ways):
            yield sizes
