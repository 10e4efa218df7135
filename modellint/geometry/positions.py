"""Where the axes of the model's inputs lie in every node, and how far each position there sees.

One pass in execution order, an axis at a time. For each axis of each input, a node has a `Place`:
the dimension along which the axis still runs, and how many positions of the input one position
there depends on (the receptive field) along the path with the widest and the narrowest windows.
An operation that is not known here loses the axes it touches: they are unknown from there on.

Norms are taken as position by position, though their statistics may see more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from math import ceil
from typing import NamedTuple

from modellint.geometry.window import windows
from modellint.graph import Graph, Node, fact
from modellint.graph.operations import (
    ADAPTIVE_POOLS,
    COMBINING,
    CONVOLUTIONS,
    ELEMENTWISE,
    NORMS,
    REORDERINGS,
    RESHAPES,
    TRANSPOSED,
    WINDOWS,
)

#: Whole where it can be: between upsampled positions lie fractions, and they are slow to compare.
Number = int | Fraction

_SLIDING = WINDOWS | TRANSPOSED


class Place(NamedTuple):
    """Where one axis of an input lies in a node, and how much of it a position there sees.

    `dim` is the dimension that it runs along; `None` once the positions are mixed or lost. Where
    several axes were flattened into one dimension, `inner` is the distance of neighbours in it
    (else 1). `even` is false where other things were put between or around the positions, as a
    class token: the axis then stands for its whole dimension. `size` is the number of positions in
    the example. `largest` and `smallest` are receptive fields in positions of the input, `jump`
    how far apart neighbours lie there; `largest` is `None` where unknown.
    """

    dim: int | None
    size: int
    largest: Number | None = 1
    smallest: Number = 1
    jump: Number = 1
    inner: int = 1
    even: bool = True

    @property
    def lost(self) -> Place:
        """The same axis where nothing is known any more."""
        if self.dim is None and self.largest is None:
            return self
        return Place(None, self.size, None, self.smallest, self.jump, self.inner, self.even)

    def moved(self, dim: int | None, inner: int) -> Place:
        """The same axis along another dimension, with this distance of neighbours in it."""
        if dim == self.dim and inner == self.inner:
            return self
        # Made as a whole: `_replace` takes three times as long, and there are thousands.
        return Place(dim, self.size, self.largest, self.smallest, self.jump, inner, self.even)

    def blurred(self, dim: int, size: int) -> Place:
        """The same axis where only its dimension, of this size, can still be told."""
        return Place(dim, size, self.largest, self.smallest, self.jump, 1, False)

    def alone(self, node: Node) -> bool:
        """Whether it has a dimension of the node's first output to itself."""
        return (
            self.dim is not None
            and self.even
            and self.inner == 1
            and self.size == node.output.example[self.dim]
        )


#: One place for each axis of each input; `None` where a node does not depend on it.
State = tuple[Place | None, ...]


@fact
def sources(graph: Graph) -> tuple[tuple[Node, int], ...]:
    """The axes that places speak of: each dimension of each input."""
    return tuple(
        (given.node, dim)
        for given in graph.inputs
        if given.node.outputs
        for dim in range(len(given.node.output.shape))
    )


@fact
def places(graph: Graph) -> Mapping[int, State]:
    """The places of all axes in every node that depends on an input, by the node's index."""
    axes = sources(graph)
    nothing: State = (None,) * len(axes)
    found: dict[int, State] = {}
    whole = [source.output.example[dim] for source, dim in axes]
    for node in graph.nodes:
        if node.index not in graph.varying:
            continue
        if node.op == "input":
            found[node.index] = tuple(
                Place(dim, node.output.example[dim]) if source is node else None
                for source, dim in axes
            )
            continue
        reading = [(source, found[source.index]) for source in node.inputs
                   if source.index in found]  # fmt: skip
        if not node.outputs:
            found[node.index] = nothing
            continue
        made = _STEPS.get(node.op, _lost)(node, reading, whole)
        # What changes nothing keeps the same object, so that a join of both has nothing to do.
        found[node.index] = reading[0][1] if made == reading[0][1] else made
    return found


def _lost(node: Node, reading: Reading, whole: Sequence[int]) -> State:
    return tuple(
        next((place.lost for place in column if place), None)
        for column in zip(*(state for _, state in reading), strict=True)
    )


@fact
def map_axes(graph: Graph) -> tuple[int, ...]:
    """The axes, as indices into `sources`, that some window slides along: those of maps."""
    found: set[int] = set()
    known = places(graph)
    for node in graph.nodes:
        if node.op in _SLIDING and node.index in known:
            for axis, place in enumerate(known.get(node.input.index, ())):
                if axis not in found and _slides(node, place):
                    found.add(axis)
    return tuple(sorted(found))


def receptive_field(graph: Graph, node: Node) -> tuple[int, ...] | None:
    """How many positions of the input one position of the node sees, a spatial axis.

    Along the path with the widest windows; an operation that mixes all positions sees them all.
    `None` where the model has no spatial axes or they cannot be followed to this node.
    """
    return _seen(graph, node, lambda place: place.largest)


def smallest_receptive_field(graph: Graph, node: Node) -> tuple[int, ...] | None:
    """The same along the path with the narrowest windows (through the shortcuts)."""
    return _seen(graph, node, lambda place: None if place.largest is None else place.smallest)


def _seen(
    graph: Graph, node: Node, field: Callable[[Place], Number | None]
) -> tuple[int, ...] | None:
    state = places(graph).get(node.index)
    if not state:
        return None
    found = []
    for axis in map_axes(graph):
        place = state[axis]
        if place is None:
            continue
        seen = field(place)
        if seen is None:
            return None
        found.append(ceil(seen))
    return tuple(found) or None


def _slides(node: Node, place: Place | None) -> bool:
    if place is None or place.dim is None or not place.alone(node.input):
        return False
    return place.dim >= len(node.input.output.shape) - node.rank


Reading = Sequence[tuple[Node, State]]
Step = Callable[[Node, Reading, Sequence[int]], State]


def _whole(place: Place, size: int, dim: int | None = None) -> Place:
    """The place after an operation that lets every position see all of the axis."""
    if place.largest is None:
        return place.lost
    if dim == place.dim and place.largest >= size and place.smallest >= size:
        return place
    largest, smallest = max(place.largest, size), max(place.smallest, size)
    return Place(dim, place.size, largest, smallest, place.jump, place.inner, place.even)


def _join(node: Node, reading: Reading, whole: Sequence[int]) -> State:
    """Position by position, of one or several operands that are broadcast to the output."""
    rank = len(node.output.shape)
    first, state = reading[0]
    if first.outputs and len(first.output.shape) == rank and (
        len(reading) == 1
        or all(other is state and len(of.output.shape) == rank for of, other in reading[1:])
    ):  # fmt: skip
        return state
    columns = []
    for source, state in reading:
        shift = rank - len(source.output.shape) if source.outputs else 0
        columns.append([_moved(place, shift) for place in state] if shift else state)
    if len(columns) == 2:
        pairs = zip(*columns, strict=True)
        return tuple([one if one is other else _met((one, other)) for one, other in pairs])
    return tuple([_met(column) for column in zip(*columns, strict=True)])


def _moved(place: Place | None, shift: int) -> Place | None:
    if place is None or place.dim is None or not shift:
        return place
    return place.moved(place.dim + shift, place.inner)


def _met(column: Sequence[Place | None]) -> Place | None:
    """One place of the same axis coming along several paths."""
    found = [place for place in column if place is not None]
    if not found:
        return None
    if all(place is found[0] or place == found[0] for place in found[1:]):
        return found[0]
    if any(place.largest is None for place in found):
        return found[0].lost
    largest = max(place.largest for place in found if place.largest is not None)
    smallest = min(place.smallest for place in found)
    running = [place for place in found if place.dim is not None and place.size > 1]
    first = running[0] if running else found[0]
    if any((p.dim, p.inner, p.size) != (first.dim, first.inner, first.size) for p in running):
        return first.lost
    even = all(place.even for place in running)
    return first._replace(largest=largest, smallest=smallest, even=even)


def _window(node: Node, reading: Reading, whole: Sequence[int]) -> State:
    kernel = node.effective_kernel
    axes = windows(node)
    strides = node.stride
    ((source, state),) = reading[:1]
    rank = len(source.output.shape)
    after = node.output.example
    made: list[Place | None] = []
    for axis, place in enumerate(state):
        if place is None or place.dim is None:
            made.append(place)
            continue
        spatial = place.dim - (rank - node.rank)
        if spatial == -1:
            made.append(_whole(place, whole[axis]) if node.op in CONVOLUTIONS else place)
        elif spatial < 0:
            made.append(place)
        elif kernel is None or not place.alone(source):
            made.append(place.lost)
        elif kernel[spatial] == strides[spatial] == 1 and after[place.dim] == place.size:
            made.append(place)
        else:
            span = kernel[spatial]
            least = span if axes is None else axes[spatial].reach
            made.append(_wider(place, span, least, strides[spatial], after[place.dim]))
    return tuple(made)


def _wider(place: Place, span: Number, least: Number, step: Number, size: int) -> Place:
    return Place(
        place.dim,
        size,
        None if place.largest is None else place.largest + (span - 1) * place.jump,
        place.smallest + (least - 1) * place.jump,
        place.jump * step,
        place.inner,
        place.even,
    )


def _transposed(node: Node, reading: Reading, whole: Sequence[int]) -> State:
    kernel = node.effective_kernel
    ((source, state),) = reading[:1]
    rank = len(source.output.shape)
    made: list[Place | None] = []
    for axis, place in enumerate(state):
        spatial = -2 if place is None or place.dim is None else place.dim - (rank - node.rank)
        if place is None or spatial < -1:
            made.append(place)
        elif spatial == -1:
            made.append(_whole(place, whole[axis]))
        elif kernel is None or not place.alone(source):
            made.append(place.lost)
        else:
            # An output lies under ceil(e / s) of the spread-out inputs, or one fewer.
            stride = node.stride[spatial]
            more = -(-kernel[spatial] // stride) - 1
            fewer = max(kernel[spatial] // stride - 1, 0)
            made.append(place._replace(
                size=node.output.example[place.dim or 0],
                largest=None if place.largest is None else place.largest + more * place.jump,
                smallest=place.smallest + fewer * place.jump,
                jump=Fraction(place.jump) / stride,
            ))  # fmt: skip
    return tuple(made)


def _resampled(extra: Callable[[Node, int, int], int]) -> Step:
    """A step that changes the number of positions; `extra` says how many more an output sees."""

    def step(node: Node, reading: Reading, whole: Sequence[int]) -> State:
        ((source, state),) = reading[:1]
        made: list[Place | None] = []
        for axis, place in enumerate(state):
            if place is None or place.dim is None or place.dim < 2 - (len(node.output.shape) < 3):
                made.append(place)
                continue
            size = node.output.example[place.dim]
            if not place.alone(source) or not size:
                made.append(place.lost)
            elif size == place.size:
                made.append(place)
            elif size == 1:
                made.append(_whole(place, whole[axis], place.dim)._replace(size=1))
            else:
                span = 1 + extra(node, place.size, size)
                made.append(_wider(place, span, span, Fraction(place.size, size), size))
        return tuple(made)

    return step


def _bins(node: Node, before: int, after: int) -> int:
    bins = (-(-(i + 1) * before // after) - i * before // after for i in range(after))
    return max(bins, default=1) - 1


def _taps(node: Node, before: int, after: int) -> int:
    mode = str(node.arguments.get("mode", "nearest"))
    if mode.startswith("nearest"):
        return 0
    return -(-before // after) if mode == "area" else 3 if mode == "bicubic" else 1


def _linear(node: Node, reading: Reading, whole: Sequence[int]) -> State:
    ((source, state),) = reading[:1]
    last = len(source.output.shape) - 1
    return tuple(
        _whole(place, whole[axis]) if place and place.dim == last else place
        for axis, place in enumerate(state)
    )


def _reduced(node: Node, reading: Reading, whole: Sequence[int]) -> State:
    ((source, state),) = reading[:1]
    rank = len(source.output.shape)
    dims = node.arguments.get("dim", node.arguments.get("axis"))
    if dims is None or dims == ():
        gone = set(range(rank))
    else:
        gone = {int(dim) % rank for dim in (dims if isinstance(dims, (tuple, list)) else (dims,))}
    keep = bool(node.arguments.get("keepdim", False))
    made: list[Place | None] = []
    for axis, place in enumerate(state):
        if place is None or place.dim is None:
            made.append(place)
        elif place.dim in gone:
            made.append(_whole(place, whole[axis]))
        else:
            below = 0 if keep else sum(dim < place.dim for dim in gone)
            made.append(place.moved(place.dim - below, place.inner))
    return tuple(made)


def _extreme(node: Node, reading: Reading, whole: Sequence[int]) -> State:
    """max and min: of two maps position by position, else along a dimension or of everything."""
    if any(isinstance(value, Node) for name, value in node.arguments.items() if name != "input"):
        return _join(node, reading, whole)
    return _reduced(node, reading, whole)


def _mixed(node: Node, reading: Reading, whole: Sequence[int]) -> State:
    """Softmax and its kin: all positions of one dimension see each other, in place."""
    ((source, state),) = reading[:1]
    dim = node.arguments.get("dim")
    mixed = None if dim is None else int(dim) % len(source.output.shape)
    return tuple(
        _whole(place, whole[axis], place.dim)
        if place and place.dim is not None and mixed in (None, place.dim)
        else place
        for axis, place in enumerate(state)
    )


def _product(node: Node, reading: Reading, whole: Sequence[int]) -> State:
    """Matrix products, of a matrix or batch with another or with a constant."""
    given = [node.arguments.get(name) for name in ("input", "other")]
    operands = [operand for operand in given if isinstance(operand, Node)]
    rank = len(node.output.shape)
    if len(operands) != 2 or any(len(source.output.shape) < 2 for source in operands):
        return tuple(p.lost if p else None for p in _join(node, reading, whole))
    states = {source.index: state for source, state in reading}
    nothing: State = (None,) * len(whole)
    made = []
    for axis, size in enumerate(whole):
        sides = []
        for summed, operand in ((-1, operands[0]), (-2, operands[1])):
            place = states.get(operand.index, nothing)[axis]
            own = len(operand.output.shape)
            if place is not None and place.dim == own + summed:
                place = _whole(place, size)
            sides.append(_moved(place, rank - own))
        left, right = sides
        if left and right and None not in (left.dim, right.dim) and left.dim != right.dim:
            # Queries against keys: every pair of positions. The rows stand for the axis, and
            # whatever follows lets each see all columns.
            left = _whole(left, size, left.dim)._replace(smallest=left.smallest)
            right = right.moved(None, right.inner)
        made.append(_met([left, right]))
    return tuple(made)


def _attention(node: Node, reading: Reading, whole: Sequence[int]) -> State:
    columns: list[list[Place | None]] = []
    states = {source.index: state for source, state in reading}
    for name in ("query", "key", "value"):
        operand = node.arguments.get(name)
        if not isinstance(operand, Node) or operand.index not in states:
            continue
        own = len(operand.output.shape)
        mixed = (own - 1,) if name == "query" else (own - 1, own - 2)
        columns.append([
            _whole(place, whole[axis]) if place and place.dim in mixed else place
            for axis, place in enumerate(states[operand.index])
        ])  # fmt: skip
    return tuple(_met(list(column)) for column in zip(*columns, strict=True))


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
        joined.append(_met([
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
    return tuple(_met(list(column)) for column in zip(*columns, strict=True))


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
        return tuple(place.lost if place else None for place in _met_all(reading))
    return _selected(node, source, state, index)


def _met_all(reading: Reading) -> State:
    return tuple(
        next((place for place in column if place), None)
        for column in zip(*(state for _, state in reading), strict=True)
    )


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


def _shuffled(node: Node, reading: Reading, whole: Sequence[int]) -> State:
    ((source, state),) = reading[:1]
    rank = len(source.output.shape)
    made: list[Place | None] = []
    for axis, place in enumerate(state):
        if place is None or place.dim is None or place.dim < rank - 3:
            made.append(place)
        elif place.dim == rank - 3:
            made.append(_whole(place, whole[axis]))
        elif not place.alone(source):
            made.append(place.lost)
        else:
            before, after = place.size, node.output.example[place.dim]
            span = max(before // max(after, 1), 1)
            made.append(_wider(place, span, span, Fraction(before, after), after))
    return tuple(made)


_STEPS: Mapping[str, Step] = {
    **dict.fromkeys(ELEMENTWISE | NORMS | COMBINING | {"expand", "broadcast_to", "expand_as"},
                    _join),
    **dict.fromkeys(("max", "min"), _extreme),
    **dict.fromkeys(WINDOWS, _window),
    **dict.fromkeys(TRANSPOSED, _transposed),
    **dict.fromkeys(ADAPTIVE_POOLS, _resampled(_bins)),
    "interpolate": _resampled(_taps),
    "linear": _linear,
    **dict.fromkeys(("mean", "sum", "amax", "amin", "prod", "std", "var", "norm", "logsumexp",
                     "argmax", "argmin", "all", "any"), _reduced),
    **dict.fromkeys(("softmax", "log_softmax", "cumsum", "softmin"), _mixed),
    **dict.fromkeys(("matmul", "mm", "bmm"), _product),
    "scaled_dot_product_attention": _attention,
    **dict.fromkeys(REORDERINGS, _permuted),
    **dict.fromkeys(RESHAPES, _reshaped),
    **dict.fromkeys(("cat", "concat", "concatenate"), _concatenated),
    "stack": _stacked,
    "pad": _padded,
    "getitem": _indexed,
    **dict.fromkeys(("narrow", "select"), _narrowed),
    "unpack": _unpacked,
    **dict.fromkeys(("chunk", "split", "tensor_split", "split_with_sizes", "unbind"), _split),
    **dict.fromkeys(("pixel_shuffle", "pixel_unshuffle"), _shuffled),
    **dict.fromkeys(("roll", "flip"), _kept),
    "embedding": _join,
}  # fmt: skip
