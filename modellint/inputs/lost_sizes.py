"""Finds sizes that left the integers where no trace can follow them, by runs at other sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import islice, zip_longest
from typing import TYPE_CHECKING

from modellint.errors import FileError, NotAnalysed
from modellint.graph import Graph
from modellint.inputs.feeds import Feed
from modellint.inputs.forwards import Forwards, about
from modellint.inputs.size_uses import SizeUses
from modellint.modules.user_files import is_users_file
from modellint.shapes.core import plain
from modellint.symbolic.dims import Dim, evaluate, expr_of
from modellint.symbolic.expressions import Symbol

if TYPE_CHECKING:
    from modellint.tracing.forward_run import Traced

#: What is added to the sizes of an example, in turn: little either way, then what divides evenly.
_STEPS = (-1, 3, -4, 2, 32, 64, -32, 16, -16, 18, 13, 24, 8, 5, 1, -2, -8)
#: How many other sizes a model is run at: what a list of three holds is the same at every third.
_RUNS = 6

_NONE: frozenset[Symbol] = frozenset()

#: By the key of a node, the results and axes that came out otherwise than the graph says.
Lost = Mapping[str, frozenset[tuple[int, int]]]


def without_lost_sizes(
    forwards: Forwards,
    feed: Feed,
    traced: Traced,
    graph: Graph,
    again: Callable[[Lost, str], Graph],
) -> Graph:
    """The graph of a run, `partial` where a size got lost on the way and other sizes show it.

    The run is repeated at other sizes that it admits where its code may lose one. What comes out
    otherwise than the graph says is unknown from then on: `again` makes the graph anew without it.
    """
    if not feed.example or not (_decided(traced) or _may_lose(forwards, traced)):
        return graph
    lost: dict[str, frozenset[tuple[int, int]]] = {}
    elsewhere = list(islice(_runs(forwards, feed, traced, graph), _RUNS))
    for sizes, other in elsewhere:
        for key, axes in differing(graph, other, sizes).items():
            lost[key] = lost.get(key, frozenset()) | axes
    lost = _spread(graph, lost)
    tied = next(_loose(forwards, feed, traced), None)
    if tied is not None:
        reason = f"{tied} stays at the example's size: a size became a plain number on the way"
        return again(lost, graph.partial or reason)
    if not lost and (elsewhere or next(_elsewhere(feed, graph), None) is None):
        return graph
    reason = "a size became a plain number on the way: some hold for the example only"
    return again(lost, graph.partial or reason)


def _decided(traced: Traced) -> bool:
    """Whether the code went a way because of a size of which only the example is known."""
    compared = (c for c in traced.tape.constraints.values() if c.origin == "branch")
    return any(symbol.unknown for constraint in compared for symbol in constraint.expr.symbols)


def _may_lose(forwards: Forwards, traced: Traced) -> bool:
    """Whether code of the user's asked for sizes and may have lost one."""
    every = traced.tape.asking.values()
    asking = [one for one in every if is_users_file(one.code.co_filename)]
    return bool(asking) and SizeUses(forwards.modules).leave(asking)


def _elsewhere(feed: Feed, graph: Graph) -> Iterator[dict[str, int]]:
    """Sizes of all free symbols beside the example's, which the run's demands admit."""
    seen: set[tuple[int, ...]] = set()
    for steps in _moves(len(graph.symbols)):
        sizes = {
            name: 1 + size % 3 if name in feed.batches else max(1, int(size * by) + step)
            for (name, size), (by, step) in zip(graph.symbols.items(), steps, strict=True)
        }
        key = tuple(sizes.values())
        if key not in seen and sizes != graph.symbols:
            seen.add(key)
            if all(c.holds(sizes) for c in graph.constraints if about(c, sizes)):
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


def _runs(
    forwards: Forwards, feed: Feed, traced: Traced, graph: Graph
) -> Iterator[tuple[dict[str, int], Traced]]:
    """Other sizes and what was recorded at them, where the model takes them."""
    for sizes in islice(_elsewhere(feed, graph), 2 * _RUNS):
        chosen = {**feed.example, **sizes}
        for symbol, value in traced.tape.pins.items():
            if symbol.name in chosen and all(s.name in chosen for s in value.symbols):
                chosen[symbol.name] = value.evaluate(chosen)
        other = _run(forwards, feed, chosen)
        if other is not None:
            yield sizes, other


def _run(forwards: Forwards, feed: Feed, sizes: Mapping[str, int]) -> Traced | None:
    """A run at other sizes, or `None` where the model does not take them."""
    if min(sizes.values(), default=1) < 1:
        return None
    try:
        run = forwards.run(replace(feed, example={**sizes}), exact=True, again=False)
    except (FileError, NotAnalysed):
        return None
    return run if run.refused is None else None


def differing(graph: Graph, other: Traced, sizes: Mapping[str, int]) -> Lost:
    """The results and axes of a run at other sizes that are not what the graph says.

    Where the run does something else, that is all from there on.
    """
    values = {**graph.symbols, **sizes}
    found: dict[str, frozenset[tuple[int, int]]] = {}
    apart = False
    for node, record in zip_longest(graph.nodes, other.tape.records):
        if node is None:
            break
        apart = apart or record is None or node.op != record.op
        if node.op in ("input", "parameter", "buffer", "constant"):
            continue
        axes = {
            (number, at)
            for number, mine in enumerate(node.outputs)
            for at, size in enumerate(mine.shape)
            if apart
            or len(record.shapes) != len(node.outputs)
            or len(record.shapes[number]) != len(mine.shape)
            or (_known(size) and evaluate(size, values) != plain(record.shapes[number][at]))
        }
        if axes:
            found[node.key] = frozenset(axes)
    return found


def _spread(graph: Graph, lost: Lost) -> dict[str, frozenset[tuple[int, int]]]:
    """What is lost, and what was computed of it: a floor may agree by chance at all that was tried.

    Of what comes after a lost size, all that is said by the same symbols is lost.
    """
    found = dict(lost)
    behind: dict[int, frozenset[Symbol]] = {}
    for node in graph.nodes:
        symbols = frozenset[Symbol]().union(*(behind.get(s.index, _NONE) for s in node.inputs))
        shapes = [out.shape for out in node.outputs]
        axes = {
            (number, at)
            for number, shape in enumerate(shapes)
            for at, size in enumerate(shape)
            if symbols and not symbols.isdisjoint(expr_of(size).symbols)
        }
        axes |= found.get(node.key, frozenset())
        if axes:
            found[node.key] = frozenset(axes)
            ours = (expr_of(shapes[number][at]).symbols for number, at in axes)
            behind[node.index] = symbols.union(*ours)
        elif symbols:
            behind[node.index] = symbols
    return found


def _known(size: int) -> bool:
    return not (isinstance(size, Dim) and size.unknown)


def _loose(forwards: Forwards, feed: Feed, traced: Traced) -> Iterator[str]:
    """The symbols that a run left no choice although the model runs at other sizes of them."""
    for symbol, value in traced.tape.pins.items():
        name = symbol.name
        if name not in feed.example or value.constant is None:
            continue
        step = 1 if name in feed.batches else 35
        if _run(forwards, feed, {**feed.example, name: feed.example[name] + step}) is not None:
            yield name
