"""Compares every symbolic shape of a model with what a trace at another size gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import modellint
from modellint.graph import Graph
from modellint.symbolic.dims import Dim, evaluate
from modellint.symbolic.specs import parse_input

from .models import Exhibit, build

#: How far above and below the example other sizes are looked for.
REACH = 600


def other_sizes(graph: Graph) -> dict[str, int]:
    """A size other than the example's for each symbol, if the recorded constraints admit one."""
    values = dict(graph.symbols)
    for number, name in enumerate(values):
        if name.startswith("N"):
            values[name] += 2
            if not _admitted(graph, values):
                values[name] -= 2
            continue
        # Not the same step for every symbol, or mistaken symbols would not show.
        for size in _around(values[name], 1 + number):
            tried = {**values, name: size}
            if _admitted(graph, tried):
                values = tried
                break
    return values


def _around(size: int, step: int) -> Iterator[int]:
    yield from range(size + step, size + REACH)
    yield from range(size - 1, 0, -1)


def _admitted(graph: Graph, values: Mapping[str, int]) -> bool:
    return all(
        constraint.holds(values)
        for constraint in graph.constraints
        if all(symbol.name in values for symbol in constraint.expr.symbols)
    )


def wrong_shapes(exhibit: Exhibit) -> tuple[Mapping[str, int], int, list[str]]:
    """The sizes of the second trace, how many shapes were compared, and those that are wrong."""
    model = build(exhibit)
    specs = exhibit.inputs(model)
    graph = modellint.trace(model, specs)
    sizes = other_sizes(graph)
    moved = []
    for spec, given in zip(specs, graph.inputs, strict=True):
        parsed = parse_input(spec)
        shape = ",".join(str(evaluate(size, sizes)) for size in given.node.output.shape)
        name = f"{parsed.name}=" if parsed.name else ""
        moved.append(f"{name}{shape}:{parsed.dtype}" if parsed.dtype else f"{name}{shape}")
    second = modellint.trace(model, moved)
    if second.mismatch is not None:
        return sizes, 0, [f"refused at {sizes}: {second.mismatch.message}"]
    if [node.op for node in graph.nodes] != [node.op for node in second.nodes]:
        return sizes, 0, [f"other operations run at {sizes}"]
    wrong, compared = [], 0
    for node, again in zip(graph.nodes, second.nodes, strict=True):
        for tensor, other in zip(node.outputs, again.outputs, strict=True):
            compared += 1
            if any(isinstance(size, Dim) and size.unknown for size in tensor.shape):
                continue
            expected = tuple(evaluate(size, sizes) for size in tensor.shape)
            if expected != other.example:
                wrong.append(f"{node.key}: {tensor} is {other.example} at {sizes}")
    return sizes, compared, wrong
