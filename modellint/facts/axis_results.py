"""What the steps over axes are made of: operands with their layouts, a result, an unknown one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from modellint.facts.axis_parts import NONE, Axis, Layout, State, is_one
from modellint.graph import Node

#: The operands of an operation, each with the layouts of its results.
Sources = Sequence[tuple[Node, State]]
#: What of an operation's results comes of; `varying` are the indices of what depends on an input.
Step = Callable[[Node, Sources, Collection[int]], State]


def unknown(node: Node, sources: Sources, varying: Collection[int]) -> State:
    """Nothing is known of the axes, nor of what is mixed."""
    lost = NONE.union(*(one.roots | one.lost for _, state in sources for one in state))
    mixed = mixed_of(sources)
    return tuple(
        Layout(tuple(() if is_one(size) else None for size in out.shape), mixed, lost)
        for out in node.outputs
    )


def mixed_of(sources: Sources) -> frozenset[str]:
    """What the operands are mixed along."""
    return NONE.union(*(one.mixed for _, state in sources for one in state))


def lost_of(sources: Sources) -> frozenset[str]:
    """What is lost of the operands."""
    return NONE.union(*(one.lost for _, state in sources for one in state))


def result(node: Node, sources: Sources, axes: Iterable[Axis], mixed: frozenset[str] = NONE,
         lost: frozenset[str] = NONE) -> State:  # fmt: skip
    """The state of an operation with one result, or with several of the same axes."""
    made = Layout(tuple(axes), mixed_of(sources) | mixed, lost_of(sources) | lost)
    return (made,) * len(node.outputs)


def dims_of(given: Any, rank: int) -> list[int] | None:
    """Axes that an argument names, counted from the first; all of them where it names none."""
    if given is None or (isinstance(given, (tuple, list)) and not given):
        return [*range(rank)]
    named = given if isinstance(given, (tuple, list)) else [given]
    if not all(type(dim) is int for dim in named):
        return None
    return [dim % max(rank, 1) for dim in named]


def dim_of(node: Node, rank: int, default: int | None = None) -> int | None:
    """The one axis that `dim` names, counted from the first; `None` where it names none."""
    given = node.arguments.get("dim", node.arguments.get("axis", default))
    return given % max(rank, 1) if type(given) is int else None
