"""What reshapes, reorders, joins or cuts tensors does to their axes."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from modellint.facts.axis_parts import NONE, Axis, Layout, State, fresh, made_by, regrouped, united
from modellint.facts.axis_results import Sources, dim_of, dims_of, result, unknown
from modellint.graph import Node
from modellint.symbolic.dims import same


def reshaped(node: Node, sources: Sources, varying: Collection[int]) -> State:
    (source, (one, *_)), *_ = sources
    axes, lost = regrouped(one.axes, source.output.shape, node.output.shape)
    return result(node, sources[:1], axes, lost=lost)


def permuted(node: Node, sources: Sources, varying: Collection[int]) -> State:
    from modellint.geometry.axis_moves import permutation

    ((_, (one, *_)), *_) = sources
    order = permutation(node, len(one.axes))
    if order is None:
        return unknown(node, sources, varying)
    return result(node, sources, [one.axes[at] for at in order])


def joined(node: Node, sources: Sources, varying: Collection[int]) -> State:
    """cat: along the axis each operand has its own places."""
    shape = node.output.shape
    dim = dim_of(node, len(shape), 0)
    layouts = [state[0] for source, state in sources if source.index in varying]
    if dim is None or any(len(one.axes) != len(shape) for one in layouts):
        return unknown(node, sources, varying)
    axes: list[Axis] = []
    lost = NONE
    for at, size in enumerate(shape):
        found = [one.axes[at] for one in layouts]
        roots = NONE.union(*(one.along([at]) for one in layouts))
        if at == dim:
            axes.append(fresh(node.index, at, size, roots))
            lost |= roots
        else:
            made, more = united(node.index, at, size, found)
            axes.append(made)
            lost |= more
    return result(node, sources, axes, lost=lost)


def stacked(node: Node, sources: Sources, varying: Collection[int]) -> State:
    shape = node.output.shape
    dim = dim_of(node, len(shape), 0)
    layouts = [state[0] for source, state in sources if source.index in varying]
    if dim is None or any(len(one.axes) != len(shape) - 1 for one in layouts):
        return unknown(node, sources, varying)
    axes: list[Axis] = []
    lost = NONE
    for at, size in enumerate(shape):
        if at == dim:
            axes.append(fresh(node.index, at, size))
            continue
        found = [one.axes[at - (at > dim)] for one in layouts]
        made, more = united(node.index, at, size, found)
        axes.append(made)
        lost |= more
    return result(node, sources, axes, lost=lost)


def _cut(
    node: Node,
    one: Layout,
    before: Sequence[int],
    after: Sequence[int],
    kept: Sequence[int | None],
) -> tuple[list[Axis], frozenset[str]]:
    """The axes of a result, each of the axis that `kept` names, `None` for a new one."""
    axes: list[Axis] = []
    lost = NONE
    for at, origin in enumerate(kept):
        if origin is None:
            axes.append(fresh(node.index, at, after[at]))
        elif same(before[origin], after[at]):
            axes.append(one.axes[origin])
        else:
            axes.append(fresh(node.index, at, after[at], one.along([origin])))
            lost |= one.along([origin])  # What stands at a place is of another than before.
    gone = {*range(len(one.axes))} - {origin for origin in kept if origin is not None}
    return axes, lost | one.along(gone)


def pieces(node: Node, sources: Sources, varying: Collection[int]) -> State:
    """chunk, split and unbind: each result has a part of one axis, or that axis no more."""
    ((source, (one, *_)), *_) = sources
    rank = len(one.axes)
    dim = dim_of(node, rank, 0)
    if dim is None:
        return unknown(node, sources, varying)
    kept: list[int | None] = [at for at in range(rank) if node.op != "unbind" or at != dim]
    made: list[Layout] = []
    for out in node.outputs:
        if len(out.shape) != len(kept):
            return unknown(node, sources, varying)
        axes, lost = _cut(node, one, source.output.shape, out.shape, kept)
        made.append(Layout(tuple(axes), one.mixed, one.lost | lost))
    return tuple(made)


def narrowed(node: Node, sources: Sources, varying: Collection[int]) -> State:
    ((source, (one, *_)), *_) = sources
    rank = len(one.axes)
    dim = dim_of(node, rank)
    if dim is None:
        return unknown(node, sources, varying)
    kept: list[int | None] = [at for at in range(rank) if node.op != "select" or at != dim]
    axes, lost = _cut(node, one, source.output.shape, node.output.shape, kept)
    return result(node, sources, axes, lost=lost)


def indexed(node: Node, sources: Sources, varying: Collection[int]) -> State:
    ((source, (one, *_)), *_) = sources
    index = node.arguments.get("index")
    entries = index if isinstance(index, tuple) else (index,)
    if any(not (entry is None or isinstance(entry, (int, slice))) for entry in entries):
        return unknown(node, sources, varying)
    kept: list[int | None] = []
    before = 0
    for entry in entries:
        if entry is None:
            kept.append(None)
            continue
        if isinstance(entry, slice):
            kept.append(before)
        before += 1
    kept += range(before, len(one.axes))
    if len(kept) != len(node.output.shape):
        return unknown(node, sources, varying)
    axes, lost = _cut(node, one, source.output.shape, node.output.shape, kept)
    return result(node, sources, axes, lost=lost)


def turned(node: Node, sources: Sources, varying: Collection[int]) -> State:
    """roll and flip: the places of some axes are others than before."""
    ((_, (one, *_)), *_) = sources
    given = node.arguments.get("dims")
    dims = dims_of(given, len(one.axes)) if given not in (None, ()) else None
    if dims is None:
        return unknown(node, sources, varying)
    axes = [*one.axes]
    for at in dims:
        axes[at] = fresh(node.index, at, node.output.shape[at], one.along([at]))
    return result(node, sources, axes, lost=one.along(dims))


def expanded(node: Node, sources: Sources, varying: Collection[int]) -> State:
    (source, (one, *_)), *_ = sources
    shape, before = node.output.shape, source.output.shape
    axes: list[Axis] = []
    for at, size in enumerate(shape):
        own = at - len(shape) + len(before)
        kept = own >= 0 and same(before[own], size)
        axes.append(one.axes[own] if kept else fresh(node.index, at, size))
    return result(node, sources[:1], axes)


def unpacked(node: Node, sources: Sources, varying: Collection[int]) -> State:
    ((_, state),) = sources
    at = node.arguments.get("index")
    return (state[at],) if type(at) is int and at < len(state) else unknown(node, sources, varying)


def shapes_alone(node: Node, sources: Sources, varying: Collection[int]) -> State:
    """zeros_like and its kin: nothing of the values, whatever the sizes are of."""
    return tuple(made_by(node.index, out.shape) for out in node.outputs)


def shuffled(node: Node, sources: Sources, varying: Collection[int]) -> State:
    """pixel_shuffle and its inverse: channels become places, or places channels."""
    ((_, (one, *_)), *_) = sources
    rank = len(one.axes)
    first = rank - 3
    if first < 0:
        return unknown(node, sources, varying)
    shape = node.output.shape
    roots = one.along(range(first, rank))
    made = [fresh(node.index, at, shape[at], roots) for at in range(first, rank)]
    return result(node, sources, (*one.axes[:first], *made), lost=roots)
