"""Where each axis of a tensor comes from: kept, merged, split, moved, or mixed on the way.

An axis is made of parts, outermost first: a part is an axis of an input, of a weight, or one that
an operation made, or a factor of one that a `view` split. `(N, 8, 64)` flattened to `(N*8, 64)` has
on its first axis the parts N and 8. Besides, a tensor knows along which axes of the inputs its
elements are *mixed*: each of them depends on several places there, as after a mean, a softmax or a
product that sums over it. What an operation outside the families here does is not guessed: the
axes that it may have touched are *lost* from then on.

    layout(graph, node).axes      one entry an axis: its parts, or None where they are not known
    layout(graph, node).mixed     the axes of inputs, by name, that its elements are mixed along
    layout(graph, node).lost      those of which nothing is known any more

An axis of an input is named by its symbol, `N`, where it is a free one, so that the batches of two
inputs are one axis; else by its place, `x[1]`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from modellint.facts.axis_parts import Axis, Layout, Part, State, made_by, name_of
from modellint.facts.axis_results import unknown
from modellint.facts.axis_steps import STEPS
from modellint.graph import Graph, Node
from modellint.graph.graph import fact

__all__ = ["Axis", "Layout", "Mixing", "Part", "layout", "mixings"]


class Mixing(NamedTuple):
    """An operation that first mixes the places along an axis of the inputs."""

    node: Node
    root: str
    operand: Node


@fact
def _layouts(graph: Graph) -> dict[int, State]:
    """The layouts of all results of all operations, by index."""
    found: dict[int, State] = {}
    varying = graph.varying
    names = {given.node.index: given.name for given in graph.inputs}
    for node in graph.nodes:
        if not node.outputs:  # What was refused, and what only asks for a dtype.
            found[node.index] = ()
        elif node.index not in varying:
            found[node.index] = tuple(made_by(node.index, out.shape) for out in node.outputs)
        elif node.op == "input":
            name = names.get(node.index, node.key)
            found[node.index] = tuple(_given(name, out.shape) for out in node.outputs)
        else:
            sources = [(source, found[source.index]) for source in node.inputs]
            step = STEPS.get(node.op, unknown) if all(state for _, state in sources) else unknown
            made = step(node, sources, varying)
            shapes = [out.shape for out in node.outputs]
            fits = len(made) == len(shapes) and all(
                len(one.axes) == len(shape) for one, shape in zip(made, shapes, strict=True)
            )
            found[node.index] = made if fits else unknown(node, sources, varying)
    return found


def layout(graph: Graph, node: Node, output: int = 0) -> Layout:
    """Where the axes of a result come from."""
    return _layouts(graph)[node.index][output]


@fact
def mixings(graph: Graph) -> tuple[Mixing, ...]:
    """The operations that mix along an axis of the inputs what nothing before them mixed."""
    layouts = _layouts(graph)
    found: list[Mixing] = []
    for node in graph.computed:
        made = layouts[node.index]
        if not made or node.index not in graph.varying:
            continue
        before = [(source, one) for source in node.inputs for one in layouts[source.index][:1]]
        for root in sorted(made[0].mixed):
            if any(root in one.mixed or root in one.lost for _, one in before):
                continue
            operand = next((source for source, one in before if root in one.roots), None)
            if operand is not None:
                found.append(Mixing(node, root, operand))
    return tuple(found)


def _given(name: str, shape: Sequence[int]) -> Layout:
    axes: list[Axis] = []
    for at, size in enumerate(shape):
        root = name_of(size) or f"{name}[{at}]"
        axes.append((Part(root, frozenset([root]), size),))
    return Layout(tuple(axes))
