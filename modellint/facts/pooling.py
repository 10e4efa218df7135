"""A pool in front of a flatten: the change that frees a linear layer of the size of its map."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from modellint.facts.activations import identities_beside
from modellint.facts.flattening import Flattened
from modellint.fixes import Before, Change, Fix, Instead, SetArgument, one_or_each
from modellint.graph import Graph, Node
from modellint.graph.operations import RESHAPES, passed_through


def pooled(graph: Graph, call: Node, found: Flattened, to: Sequence[int]) -> Fix | None:
    """The map that a linear layer reads is pooled to a size, and the layer made for that.

    `found` is the map behind `call`, `to` the size of each of its axes. `None` where no flatten
    stands between the two. A convolution, which covers its map, gets a kernel of that size.
    """
    rank = len(found.positions)
    size = one_or_each(to)
    step = f"nn.functional.adaptive_avg_pool{rank}d({{}}, {size})"
    layer = message = f"nn.AdaptiveAvgPool{rank}d({size})"
    if call.op != "linear":
        kernel = SetArgument(call, "kernel_size", size)
        return Fix(f"{layer}, kernel_size={size}", [Before(call, step, layer), kernel])
    flatten = _flatten(graph, call)
    if flatten is None:
        return None
    changes: list[Change] = []
    features = found.channels * prod(to)
    if features != call.input.output.example[-1]:
        changes.append(SetArgument(call, "in_features", features))
        message = f"{message}, in_features={features}"
    # Where a library flattens the map, the user may have put nothing in the place of its pool.
    fix = None
    for idle in identities_beside(graph, call):
        fix = Fix(message, [Instead(idle, None, layer), *changes], instead=fix)
    return Fix(message, [Before(flatten, step, layer), *changes], instead=fix)


def _flatten(graph: Graph, call: Node) -> Node | None:
    """The operation that makes one row of a map, in front of a linear layer."""
    node: Node | None = call.input
    while node is not None and node.op not in RESHAPES:
        node = passed_through(graph, node)
    return node
