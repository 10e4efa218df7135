"""A graph as text: a line for each operation, with its name, its path and its shapes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modellint.graph.graph import Graph
    from modellint.graph.nodes import Node


def listing(graph: Graph) -> str:
    """The operations that depend on an input, in the order in which they ran."""
    sizes = ", ".join(f"{symbol} = {size}" for symbol, size in graph.symbols.items())
    rows = [("operation", "path", "input → output"), *_rows(graph)]
    widths = [max(len(row[at]) for row in rows) for at in (0, 1)]
    lines = [graph.name + (f" ({sizes})" if sizes else "")]
    lines += [f"{op:{widths[0]}}  {key:{widths[1]}}  {shapes}" for op, key, shapes in rows]
    if graph.mismatch is not None:
        lines.append(f"stops: {graph.mismatch.message}")
    return "\n".join(lines)


def _rows(graph: Graph) -> Iterator[tuple[str, str, str]]:
    names = {given.node.index: given.name for given in graph.inputs}
    for node in graph.nodes:
        if node.index in names:
            yield "input", names[node.index], _shapes(node)
        elif node.index in graph.varying and node.op != "unpack":
            read = [one for one in node.inputs if one.index in graph.varying]
            taken = ", ".join(_shapes(one) for one in read)
            yield node.op, node.key or graph.name, f"{taken} → {_shapes(node)}"


def _shapes(node: Node) -> str:
    return ", ".join(map(str, node.outputs)) or "none"
