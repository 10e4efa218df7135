"""What operations that reorder, reshape, join or cut do to where an axis lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from modellint.geometry.place import Place, Reading, State, Step, forgotten, met
from modellint.graph import Node
from modellint.graph.operations import ADAPTIVE_POOLS, REORDERINGS, RESHAPES, WINDOWS


def _permuted(node: Node, reading: Reading, whole: Sequence[int]) -> State:
    ((source, state),) = reading[:1]
    order = permutation(node, len(source.output.shape))
    if order is None:
        return tuple(place.lost if place else None for place in state)
    return tuple(
        place
        if place is None or place.dim is None
        else place.moved(order.index(place.dim), place.inner)
        for place in state
    )


def permutation(node: Node, rank: int) -> tuple[int, ...] | None:
    """Which input dimension each output dimension of a reordering is; `None` if unclear."""
    arguments = node.arguments
    order = list(range(rank))
    if node.op in ("t", "T", "mT", "mH", "adjoint") and rank >= 2:
        return (*order[:-2], order[-1], order[-2])
    if node.op == "permute" and isinstance(arguments.get("dims"), (tuple, list)):
        return tuple(int(dim) % rank for dim in arguments["dims"])
    pairs = (("dim0", "dim1"), ("axis0", "axis1"))
    if node.op in ("transpose", "swapaxes", "swapdims"):
        for first, second in pairs:
            if first in arguments and second in arguments:
                a, b = int(arguments[first]) % rank, int(arguments[second]) % rank
                order[a], order[b] = order[b], order[a]
                return tuple(order)
    if node.op in ("movedim", "moveaxis"):
        from_, to = arguments.get("source"), arguments.get("destination")
        if isinstance(from_, int) and isinstance(to, int):
            order.insert(to % rank, order.pop(from_ % rank))
            return tuple(order)
    return None


def _reshaped(node: Node, reading: Reading, whole: Sequence[int]) -> State:
    """The same elements in the same order: an axis keeps its stride in memory order."""
    ((source, state),) = reading[:1]
    before = strides_of(source.output.example)
    after = strides_of(node.output.example)
    sizes = node.output.example
    made: list[Place | None] = []
    for place in state:
        if place is None or place.dim is None:
            made.append(place)
            continue
        stride = before[place.dim] * place.inner
        if place.size <= 1:
            made.append(place.moved(None, place.inner))
            continue
        fits = [
            dim
            for dim, step in enumerate(after)
            if sizes[dim] > 1
            and stride % step == 0
            and step <= stride
            # Whole: rows that cut across an axis hold other parts of it each.
            and not step * sizes[dim] % (stride * place.size)
        ]
        made.append(place.moved(fits[0], stride // after[fits[0]]) if fits else place.lost)
    return tuple(made)


def strides_of(sizes: Sequence[int]) -> tuple[int, ...]:
    """How many elements apart neighbours along each dimension lie, in memory order."""
    found = [1] * len(sizes)
    for dim in range(len(sizes) - 1, 0, -1):
        found[dim - 1] = found[dim] * max(sizes[dim], 1)
    return tuple(found)


def _concatenated(node: Node, reading: Reading, whole: Sequence[int]) -> State:
    rank = len(node.output.shape)
    dim = int(node.arguments.get("dim", 0)) % rank
    joined = []
    full = node.output.example[dim]
    for axis in range(len(whole)):
        # Positions stay in order, but where each part begins is no longer told apart.
        parts = [(source, state[axis]) for source, state in reading]
        joined.append(met([
            (place._replace(size=full) if place.alone(source) else place.blurred(dim, full))
            if place and place.dim == dim
            else place
            for source, place in parts
        ]))  # fmt: skip
    return tuple(joined)


def _stacked(node: Node, reading: Reading, whole: Sequence[int]) -> State:
    dim = int(node.arguments.get("dim", 0)) % len(node.output.shape)
    columns = [
        [
            place.moved(place.dim + (place.dim >= dim), place.inner)
            if place and place.dim is not None
            else place
            for place in state
        ]
        for _, state in reading
    ]
    return tuple(met(list(column)) for column in zip(*columns, strict=True))


def _padded(node: Node, reading: Reading, whole: Sequence[int]) -> State:
    ((source, state),) = reading[:1]
    made: list[Place | None] = []
    for place in state:
        if place is None or place.dim is None:
            made.append(place)
        elif place.alone(source):
            made.append(place._replace(size=node.output.example[place.dim]))
        elif node.output.example[place.dim] == source.output.example[place.dim]:
            made.append(place)
        else:
            made.append(place.blurred(place.dim, node.output.example[place.dim]))
    return tuple(made)


def _indexed(node: Node, reading: Reading, whole: Sequence[int]) -> State:
    ((source, state),) = reading[:1]
    index = node.arguments.get("index")
    if not isinstance(index, tuple) or any(
        not (entry is None or isinstance(entry, (int, slice))) for entry in index
    ):
        return forgotten(node, reading, whole)
    return _selected(node, source, state, index)


def _selected(node: Node, source: Node, state: State, index: Sequence[int | slice | None]) -> State:
    """The places after an index of slices, ints and new axes, one entry an input axis."""
    target: dict[int, tuple[int, slice] | None] = {}
    before = after = 0
    for entry in index:
        if entry is None:
            after += 1
            continue
        target[before] = (after, entry) if isinstance(entry, slice) else None
        after += isinstance(entry, slice)
        before += 1
    made: list[Place | None] = []
    for place in state:
        if place is None or place.dim is None:
            made.append(place)
            continue
        if place.dim not in target:
            made.append(place._replace(dim=place.dim + after - before))
            continue
        where = target[place.dim]
        if where is None:
            made.append(place._replace(dim=None))
            continue
        dim, cut = where
        size = node.output.example[dim]
        if size == source.output.example[place.dim]:
            made.append(place._replace(dim=dim))
        elif place.alone(source):
            step = abs(int(cut.step or 1))
            made.append(place._replace(dim=dim, size=size, jump=place.jump * step))
        else:
            made.append(place.blurred(dim, size))
    return tuple(made)


def _narrowed(node: Node, reading: Reading, whole: Sequence[int]) -> State:
    ((source, state),) = reading[:1]
    rank = len(source.output.shape)
    dim = int(node.arguments.get("dim", 0)) % rank
    index: list[int | slice | None] = [slice(None)] * rank
    index[dim] = slice(0, 1) if node.op == "narrow" else 0
    return _selected(node, source, state, index)


def _unpacked(node: Node, reading: Reading, whole: Sequence[int]) -> State:
    ((source, state),) = reading[:1]
    if source.op not in ("chunk", "split", "tensor_split", "split_with_sizes", "unbind", "max",
                         "min", "topk", *ADAPTIVE_POOLS, *WINDOWS):  # fmt: skip
        return tuple(place.lost if place else None for place in state)
    if len(node.output.shape) != len(source.output.shape):
        return tuple(place.lost if place else None for place in state)
    return tuple(
        place._replace(size=node.output.example[place.dim])
        if place and place.dim is not None and place.alone(source)
        else place
        for place in state
    )


def _kept(node: Node, reading: Reading, whole: Sequence[int]) -> State:
    return reading[0][1]


def _split(node: Node, reading: Reading, whole: Sequence[int]) -> State:
    ((source, state),) = reading[:1]
    rank = len(source.output.shape)
    dim = int(node.arguments.get("dim", 0)) % rank
    if node.op == "unbind":
        index: list[int | slice | None] = [slice(None)] * rank
        index[dim] = 0
        return _selected(node, source, state, index)
    return tuple(
        (
            place._replace(size=node.output.example[dim])
            if place.alone(source)
            else place.blurred(dim, node.output.example[dim])
        )
        if place and place.dim == dim
        else place
        for place in state
    )


#: How places follow each of these operations.
MOVING: Mapping[str, Step] = {
    **dict.fromkeys(REORDERINGS, _permuted),
    **dict.fromkeys(RESHAPES, _reshaped),
    **dict.fromkeys(("cat", "concat", "concatenate"), _concatenated),
    "stack": _stacked,
    "pad": _padded,
    "getitem": _indexed,
    **dict.fromkeys(("narrow", "select"), _narrowed),
    "unpack": _unpacked,
    **dict.fromkeys(("chunk", "split", "tensor_split", "split_with_sizes", "unbind"), _split),
    **dict.fromkeys(("roll", "flip"), _kept),
}
