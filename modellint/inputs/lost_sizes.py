"""Finds sizes that left the integers where no trace can follow them, by runs at other sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import islice, zip_longest
from typing import TYPE_CHECKING

from modellint.graph import Graph
from modellint.inputs.elsewhere import Sizes, admitted, telling, with_pins
from modellint.inputs.feeds import Feed
from modellint.inputs.forwards import Forwards, about
from modellint.inputs.size_operands import Level
from modellint.inputs.size_uses import SizeUses
from modellint.modules.user_files import is_users_file
from modellint.shapes.core import plain
from modellint.symbolic import expressions as ex
from modellint.symbolic.dims import Dim, evaluate, expr_of
from modellint.symbolic.expressions import Symbol

if TYPE_CHECKING:
    from modellint.tracing.forward_run import Traced
    from modellint.tracing.keyed import Outline

#: How many other sizes a model is run at, and how many of its operations more runs may take: the
#: more sizes, the less of what is lost comes out alike by chance.
_RUNS = 6
_MOST = 24
#: At how many where only nobody can tell whether it may lose one: a single run agrees by chance
#: now and then.
_UNCLEAR = 2
_OPERATIONS = 1500
#: Among how many sizes those are chosen that tell most.
_CHOICE = 96

_NONE: frozenset[Symbol] = frozenset()
_NO_AXES: frozenset[tuple[int, int]] = frozenset()

#: By the key of a node, the results and axes that came out otherwise than the graph says.
Lost = Mapping[str, frozenset[tuple[int, int]]]


def without_lost_sizes(
    forwards: Forwards,
    feed: Feed,
    traced: Traced,
    graph: Graph,
    general: Traced | None,
    again: Callable[[Lost, str], Graph],
) -> Graph:
    """The graph of a run, `partial` where a size got lost on the way and other sizes show it.

    The run is repeated at other sizes that it admits where its code may lose one. What comes out
    otherwise than the graph says is unknown from then on: `again` makes the graph anew without it.
    Where the graph says the sizes of another way too, which `general` took, runs may do otherwise
    because of a comparison that they record.
    """
    loses = Level.NONE
    if feed.example:
        loses = Level.SURELY if _decided(traced) else _may_lose(forwards, traced)
    if not loses:
        return graph
    lost: Lost = {}
    loose, before = graph, -1
    elsewhere = False
    while len(loose.constraints) != before:
        for sizes, other in _runs(forwards, feed, traced, loose, loses):
            elsewhere = True
            other_way = general is not None and _took_another_way(feed, other)
            theirs = forwards.outline(replace(feed, example=sizes), other) if other_way else None
            # The sizes of another way may be in symbols that this one has pinned.
            whole = with_pins(sizes, traced.tape.pins, feed.example)
            lost = _joined(lost, differing(graph, other, whole, theirs))
        lost = _spread(graph, lost)
        before, loose = len(loose.constraints), _loosened(traced, graph, lost)
        if lost and loses is not Level.SURELY:
            loses, before = Level.SURELY, -1  # One is lost: more runs tell of all that is.
    tied = next(_loose(forwards, feed, traced), None)
    if tied is not None:
        reason = f"{tied} stays at the example's size: a size became a plain number on the way"
        return again(lost, graph.partial or reason)
    if not lost and (elsewhere or next(admitted(feed, graph), None) is None):
        return graph
    reason = "a size became a plain number on the way: some hold for the example only"
    return again(lost, graph.partial or reason)


def _joined(lost: Lost, more: Lost) -> Lost:
    return {key: lost.get(key, _NO_AXES) | more.get(key, _NO_AXES) for key in {**lost, **more}}


def _loosened(traced: Traced, graph: Graph, lost: Lost) -> Graph:
    """The graph without what its code compared of sizes that were lost before.

    What a comparison said of those it did not say of the sizes of the inputs.
    """
    nodes = [node for node in graph.nodes if node.key in lost]
    if not nodes:
        return graph
    sizes = (node.outputs[at].shape[axis] for node in nodes for at, axis in lost[node.key])
    symbols = _NONE.union(*(expr_of(size).symbols for size in sizes))
    pins = traced.tape.pins
    void = {
        (ex.substitute(expr, pins), relation)
        for (expr, relation), after in traced.tape.compared.items()
        if after > nodes[0].index and not symbols.isdisjoint(expr.symbols)
    }
    left = (
        c for c in graph.constraints if c.origin != "branch" or (c.expr, c.relation) not in void
    )
    return replace(graph, constraints=tuple(left))


def _decided(traced: Traced) -> bool:
    """Whether the code went a way, or counted, by a size of which only the example is known."""
    compared = (c for c in traced.tape.constraints.values() if c.origin != "operation")
    return any(symbol.unknown for constraint in compared for symbol in constraint.expr.symbols)


def _may_lose(forwards: Forwards, traced: Traced) -> Level:
    """Whether code of the user's asked for sizes and may have lost one."""
    every = traced.tape.asking.values()
    asking = [one for one in every if is_users_file(one.code.co_filename)]
    if not asking:
        return Level.NONE
    return SizeUses(forwards.modules, traced.tape.handings).leave(asking)


def _runs(
    forwards: Forwards, feed: Feed, traced: Traced, graph: Graph, loses: Level
) -> Iterator[tuple[dict[str, int], Traced]]:
    """Other sizes and what was recorded at them, where the model takes them."""
    many = max(_RUNS, min(_MOST, _OPERATIONS // len(graph.nodes)))
    runs = many if loses is Level.SURELY else _UNCLEAR
    for sizes in islice(telling(Sizes.of(graph), islice(admitted(feed, graph), _CHOICE)), 2 * runs):
        other = forwards.run_at(feed, with_pins(sizes, traced.tape.pins, feed.example))
        if other is not None:
            yield sizes, other
            runs -= 1
            if not runs:
                return


def _took_another_way(feed: Feed, other: Traced) -> bool:
    """Whether the code went where it does not go at the example, and the run tells why."""
    constraints = other.tape.constraints.values()
    return any(
        constraint.origin == "branch"
        and about(constraint, feed.example)
        and not constraint.holds(feed.example)
        for constraint in constraints
    )


def differing(
    graph: Graph, other: Traced, sizes: Mapping[str, int], theirs: Outline | None = None
) -> Lost:
    """The results and axes of a run at other sizes that are not what the graph says.

    Where the run does something else, that is all from there on; or, if it is one that may do so,
    the layers and results from there on that its outline, `theirs`, has with other sizes.
    """
    values = {**graph.symbols, **sizes}
    found: dict[str, frozenset[tuple[int, int]]] = {}
    apart = False
    # Equal shapes are one object, in the graph and in the run.
    alike: set[tuple[int, int]] = set()
    for node, record in zip_longest(graph.nodes, other.tape.records):
        if node is None:
            break
        apart = apart or record is None or node.op != record.op
        if apart and theirs is not None:
            return {**found, **_differing_layers(graph, theirs, values, node.index)}
        if node.op in ("input", "parameter", "buffer", "constant"):
            continue
        pair = None
        if not apart and len(node.outputs) == len(record.shapes) == 1:
            pair = id(node.outputs[0]), id(record.shapes[0])
            if pair in alike:
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
        elif pair is not None:
            alike.add(pair)
    return found


def _differing_layers(
    graph: Graph, theirs: Outline, values: Mapping[str, int], first: int
) -> dict[str, frozenset[tuple[int, int]]]:
    """The axes of layers and results, from a node on, that a run of another way has otherwise."""
    layers = theirs.layers
    pairs = [(node, layers[node.key]) for node in graph.calls() if node.key in layers]
    if len(graph.outputs) == len(theirs.results):
        pairs += zip(graph.outputs, theirs.results, strict=True)
    found: dict[str, frozenset[tuple[int, int]]] = {}
    for node, outputs in pairs:
        axes = {
            (number, at)
            for number, (mine, made) in enumerate(zip(node.outputs, outputs, strict=False))
            for at, size in enumerate(mine.shape)
            if _known(size) and made.example[at : at + 1] != (evaluate(size, values),)
        }
        if axes and node.index >= first:
            found[node.key] = frozenset(axes)
    return found


def _spread(graph: Graph, lost: Lost) -> Lost:
    """What is lost, and what was computed of it: a floor may agree by chance at all that was tried.

    Of what comes after a lost size, all that is said by the same symbols is lost.
    """
    if not lost:
        return lost
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
        axes |= found.get(node.key, _NO_AXES)
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
        if forwards.run_at(feed, {**feed.example, name: feed.example[name] + step}) is not None:
            yield name
