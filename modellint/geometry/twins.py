"""Convolutions that stand next to each other: in a row, or side by side on one map."""

from __future__ import annotations

from collections.abc import Callable

from modellint.graph import Graph, Node, fact_of_call
from modellint.graph.operations import (
    COMBINING,
    CONVOLUTIONS,
    ELEMENTWISE,
    NORMS,
    data_readers,
    varying_inputs,
)

_BETWEEN = ELEMENTWISE | NORMS | COMBINING | {"cat", "concat", "pad"}


def neighbours(graph: Graph, call: Node) -> tuple[Node, ...]:
    """The convolutions with nothing but activations, norms, pads and joins between them and this.

    Those before it and behind it, those that read the same map, and those it is joined with.
    """
    before, behind = _makers(graph, call), _users(graph, call)
    near = {node.index: node for node in (*before, *behind)}
    for node in before:
        near |= {other.index: other for other in _users(graph, node)}
    for node in behind:
        near |= {other.index: other for other in _makers(graph, node)}
    return tuple(
        node for node in near.values() if node.op in CONVOLUTIONS and node is not call
    )  # fmt: skip


@fact_of_call
def _makers(graph: Graph, call: Node) -> tuple[Node, ...]:
    """The operations that made the maps that an operation reads."""
    return _beyond(call, lambda node: varying_inputs(graph, node))


@fact_of_call
def _users(graph: Graph, call: Node) -> tuple[Node, ...]:
    """The operations that do something with the map that an operation made."""
    return _beyond(call, lambda node: data_readers(graph, node))


def _beyond(call: Node, onward: Callable[[Node], tuple[Node, ...]]) -> tuple[Node, ...]:
    found: dict[int, Node] = {}
    seen: set[int] = set()
    pending = [*onward(call)]
    while pending:
        node = pending.pop()
        if node.index in seen:
            continue
        seen.add(node.index)
        if node.op in _BETWEEN:
            pending += onward(node)
        else:
            found[node.index] = node
    return tuple(found.values())
