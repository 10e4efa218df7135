"""Runs that took another way than the example's, where that says the sizes of both.

At 224 a window of 7 needs no padding, so the code that pads does not run and the sizes say nothing
of 225. The way that pads is right for both.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from modellint.contracts.confirming import Verdict, compared
from modellint.errors import FileError, NotAnalysed
from modellint.graph import Graph
from modellint.inputs.assertions import asserted
from modellint.inputs.elsewhere import Sizes, Together, admitted, telling, with_pins
from modellint.inputs.feeds import Feed
from modellint.inputs.forwards import Forwards, about
from modellint.symbolic.constraints import jointly
from modellint.symbolic.dims import Dim, expr_of, same
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
    own = _Own(feed, traced)
    if graph.constraints == own.constraints:
        return graph, general
    if own.is_said_by(graph):
        # One run, where it tells most, is for what is of neither way.
        between = _between(feed, graph, traced, general)
        tried = next(telling(Sizes.of(graph), between), None)
        if tried is None or _holds_at(forwards, feed, traced, graph, tried):
            return graph, general
    return forwards.freeze(feed, traced), None


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


class _Own:
    """What a run says of its sizes by itself, told without a graph of it."""

    def __init__(self, feed: Feed, traced: Traced) -> None:
        from modellint.tracing.final_sizes import Final, demanded

        self.feed = feed
        self.traced = traced
        final = Final(traced.tape.pins, {**feed.example, **traced.tape.unknowns})
        self.constraints = tuple(demanded(traced.tape))
        #: By the identity of a shape as it was recorded: equal shapes are one object.
        self.shapes: dict[int, tuple[int, ...]] = {}
        for record in traced.tape.records:
            for shape in record.shapes:
                if id(shape) not in self.shapes:
                    self.shapes[id(shape)] = tuple([final.size(size) for size in shape])
        self.symbols = final.shown

    def is_said_by(self, graph: Graph) -> bool:
        """Whether the sizes of a wider graph are the run's own, wherever its way is taken."""
        pairs = self._apart_from(graph)
        if not pairs:
            return True
        said = Sizes(self.symbols, self.constraints, self.shapes.values())
        own = islice(telling(said, islice(admitted(self.feed, said), _CHOICE)), _ALIKE)
        ours, others = (Together(exprs) for exprs in zip(*pairs, strict=True))
        pins = self.traced.tape.pins
        return all(
            ours.at(values) == others.at(values)
            for values in (with_pins(sizes, pins, self.feed.example) for sizes in own)
        )

    def _apart_from(self, graph: Graph) -> Collection[tuple[Expr, Expr]]:
        """The sizes that a graph of the run says otherwise, each pair once."""
        shapes = {
            (id(theirs), id(ours)): (theirs.shape, self.shapes[id(ours)])
            for node, record in zip(graph.nodes, self.traced.tape.records, strict=True)
            for theirs, ours in zip(node.outputs, record.shapes, strict=True)
        }
        return {
            (expr_of(one), expr_of(other))
            for theirs, ours in shapes.values()
            for one, other in zip(theirs, ours, strict=True)
            if not same(one, other)
            and not any(isinstance(size, Dim) and size.unknown for size in (one, other))
        }


def _holds_at(
    forwards: Forwards, feed: Feed, traced: Traced, graph: Graph, sizes: Mapping[str, int]
) -> bool:
    """Whether layers have the sizes the graph says in a run at others, if that takes them."""
    chosen = with_pins(sizes, traced.tape.pins, feed.example)
    other = forwards.run_at(feed, chosen)
    if other is None:
        return True
    said = forwards.outline(replace(feed, example=chosen), other)
    verdict = compared(graph, said.results, said.layers, {**graph.symbols, **sizes})
    return verdict is Verdict.AGREES


def _between(feed: Feed, graph: Graph, traced: Traced, general: Traced) -> Iterator[dict[str, int]]:
    """Sizes that the wider graph admits and that are of neither way that was taken."""
    known = {**feed.example, **graph.symbols}
    ways = [jointly(run.tape.constraints.values(), known) for run in (traced, general)]
    for sizes in islice(admitted(feed, graph), _CHOICE):
        values = with_pins(sizes, general.tape.pins, feed.example)
        if not any(taken(values) for taken in ways):
            yield sizes
