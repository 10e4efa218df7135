"""Which nodes a result depends on, and which layers gave a call's inputs their sizes."""

from __future__ import annotations

from collections.abc import Iterable

from modellint.graph import Graph, Node, fact
from modellint.graph.operations import (
    varying_inputs,
)


def makers(graph: Graph, call: Node) -> tuple[Node, ...]:
    """For each varying input of a call, the layer that gave it its size, or the model's input."""
    found = []
    for source in varying_inputs(graph, call):
        node = source
        while not node.is_layer and node.op != "input":
            above = varying_inputs(graph, node)
            if not above:
                break
            node = above[0]
        found.append(node)
    return tuple(dict.fromkeys(found))


@fact
def live(graph: Graph) -> frozenset[int]:
    """The indices of the nodes that an output depends on, the outputs included."""
    return leading_to(graph, graph.outputs)


def leading_to(graph: Graph, ends: Iterable[Node]) -> frozenset[int]:
    """The indices of the nodes that some nodes depend on, those included."""
    found = {node.index for node in ends}
    for node in reversed(graph.computed):
        inputs = node.inputs
        if inputs and node.index in found:
            for source in inputs:
                found.add(source.index)
    return frozenset(found)
