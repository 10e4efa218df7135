"""Finds sizes that left the integers where no trace can follow them, by runs at other sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from modellint.errors import FileError, NotAnalysed
from modellint.graph import Graph
from modellint.inputs.feeds import Feed
from modellint.inputs.forwards import Forwards, about
from modellint.inputs.size_uses import SizeUses
from modellint.modules.user_files import is_users_file
from modellint.symbolic.dims import evaluate

if TYPE_CHECKING:
    from modellint.tracing.forward_run import Traced

#: What is added to the sizes of an example, in turn; no two share a factor that code divides by.
_STEPS = (35, 18, 32, 64, 16, 13, 24, 8, 5, 3, 2, 1, -1, -2, -5, -8)
#: How many other sizes a model is run at: what a list of three holds is the same at every third.
_RUNS = 4

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
    asking = [one for one in traced.tape.asking.values() if is_users_file(one.code.co_filename)]
    if not asking or not feed.example or not SizeUses(forwards.modules).leave(asking):
        return graph
    lost: dict[str, frozenset[tuple[int, int]]] = {}
    elsewhere = list(islice(_runs(feed, graph), _RUNS))
    for sizes, other in elsewhere:
        for key, axes in differing(graph, other, sizes).items():
            lost[key] = lost.get(key, frozenset()) | axes
    tied = next(_loose(forwards, feed, traced), None)
    if tied is not None:
        reason = f"{tied} stays at the example's size: a size became a plain number on the way"
        return again(lost, graph.partial or reason)
    if not lost and (elsewhere or next(_elsewhere(feed, graph), None) is None):
        return graph
    reason = "a size became a plain number on the way: some hold for the example only"
    return again(lost, graph.partial or reason)


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
    yield [(1, 35 + 2 * at) for at in range(count)]
    yield [(0.5, -at) for at in range(count)]
    yield [(0.2, at) for at in range(count)]
    for step in _STEPS:
        yield [(1, step)] * count
        yield [(1, step + 2 * at) for at in range(count)]
    yield [(0.5, 0)] * count
    for step in _STEPS:
        for one in range(count):
            yield [(1, step if at == one else 0) for at in range(count)]


def _runs(feed: Feed, graph: Graph) -> Iterator[tuple[dict[str, int], Graph]]:
    """Other sizes and the graphs of runs at them, where the model takes them."""
    for sizes in islice(_elsewhere(feed, graph), 2 * _RUNS):
        other = graph.rerun(sizes) if graph.rerun is not None else None
        if other is not None and other.mismatch is None:
            yield sizes, other


def differing(graph: Graph, other: Graph, sizes: Mapping[str, int]) -> Lost:
    """The results and axes of a run at other sizes that are not what the graph says."""
    values = {**graph.symbols, **sizes}
    theirs = {node.key: node for node in other.nodes}
    found: dict[str, frozenset[tuple[int, int]]] = {}
    for node in graph.nodes:
        if node.op in ("input", "parameter", "buffer", "constant"):
            continue
        twin = theirs.get(node.key)
        if twin is None or len(twin.outputs) != len(node.outputs):
            axes = {(n, at) for n, out in enumerate(node.outputs) for at in range(len(out.shape))}
        else:
            axes = {
                (number, at)
                for number, (mine, made) in enumerate(zip(node.outputs, twin.outputs, strict=True))
                for at, size in enumerate(mine.shape)
                if len(made.shape) != len(mine.shape)
                or (_known(size) and evaluate(size, values) != made.example[at])
            }
        if axes:
            found[node.key] = frozenset(axes)
    return found


def _known(size: int) -> bool:
    return not getattr(size, "unknown", False)


def _loose(forwards: Forwards, feed: Feed, traced: Traced) -> Iterator[str]:
    """The symbols that a run left no choice although the model runs at other sizes of them."""
    for symbol, value in traced.tape.pins.items():
        name = symbol.name
        if name not in feed.example or value.constant is None:
            continue
        step = 1 if name in feed.batches else 35
        other = replace(feed, example={**feed.example, name: feed.example[name] + step})
        try:
            run = forwards.run(other, exact=True, again=False)
        except (FileError, NotAnalysed):
            continue
        if run.refused is None:
            yield name
