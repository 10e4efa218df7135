"""The table of a model's layers: shapes, costs, windows and receptive fields, a call a line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from modellint.facts import costs
from modellint.geometry import receptive_field
from modellint.graph import Graph, Node, Site
from modellint.results.models import Layer


def layers_of(
    graph: Graph, where: Site, placed: Callable[[str, int], tuple[int | None, int]]
) -> dict[str, Layer]:
    """The layers of a model, by key, in execution order.

    `where` is the model's own place, told of what has none. `placed` gives the cell of a notebook
    that a line of a file is in, and its line there.
    """
    found: dict[str, Layer] = {}
    varying = graph.varying
    # What equal layers that read as many maps have in common is worked out once.
    common: dict[tuple[int, tuple[bool, ...]], dict[str, Any]] = {}
    places: dict[int, tuple[int | None, int]] = {}
    for node in graph.calls():
        if not node.outputs:
            continue
        alike = graph.first_like(node)
        reading = alike.index, tuple([source.index in varying for source in node.inputs])
        if reading not in common:
            common[reading] = _sizes(graph, alike, reading[1])
        site = node.construction or node.call or where
        if id(site) not in places:  # By identity: blocks that are repeated share their lines.
            places[id(site)] = placed(site.path, site.line)
        cell, line = places[id(site)]
        found[node.key] = Layer.made(
            key=node.key,
            path=node.module,
            type=node.type,
            line=line,
            cell=cell,
            parameters=costs.parameters(graph, node),
            macs=costs.macs(graph, node),
            receptive_field=receptive_field(graph, node),
            parameter_memory=costs.parameter_memory(graph, node),
            **common[reading],
        )
    return found


def _sizes(graph: Graph, node: Node, varies: Sequence[bool]) -> dict[str, Any]:
    """What a layer's sizes and arguments say of it; `varies` tells which inputs are no weights."""
    data = [source for source, is_data in zip(node.inputs, varies, strict=True) if is_data]
    windowed = node.kernel is not None
    return {
        "op": node.op,
        "inputs": tuple(source.output.symbolic for source in data),
        "outputs": tuple(output.symbolic for output in node.outputs),
        "example_inputs": tuple(source.output.example for source in data),
        "example_outputs": tuple(output.example for output in node.outputs),
        "kernel": node.kernel,
        "stride": node.stride if windowed else None,
        "padding": node.padding if windowed else None,
        "activation_memory": costs.activation_memory(graph, node),
    }
