"""What operations that slide along an axis or mix its positions do to how much each sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from math import gcd

from modellint.geometry.place import Place, Reading, State, Step, in_ints, joined, met, shifted
from modellint.geometry.window import windows
from modellint.graph import Node
from modellint.graph.operations import ADAPTIVE_POOLS, CONVOLUTIONS, TRANSPOSED, WINDOWS


def _window(node: Node, reading: Reading, whole: Sequence[int]) -> State:
    kernel = node.effective_kernel
    axes = windows(node)
    strides = node.stride
    ((source, state),) = reading[:1]
    first = len(source.output.shape) - node.rank
    after = node.output.example
    made: list[Place | None] = []
    for axis, place in enumerate(state):
        if place is None or place.dim is None:
            made.append(place)
            continue
        spatial = place.dim - first
        if spatial == -1:
            made.append(place.seeing_all(whole[axis]) if node.op in CONVOLUTIONS else place)
        elif spatial < 0:
            made.append(place)
        elif kernel is None or not place.alone(source):
            made.append(place.lost)
        elif kernel[spatial] == strides[spatial] == 1 and after[place.dim] == place.size:
            made.append(place)
        else:
            span = kernel[spatial]
            least = span if axes is None else axes[spatial].reach
            made.append(place.widened(span, least, strides[spatial], after[place.dim]))
    return tuple(made)


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
            made.append(place.seeing_all(whole[axis]))
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
                jump=in_ints(Fraction(place.jump) / stride),
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
                made.append(place.seeing_all(whole[axis], place.dim)._replace(size=1))
            else:
                span = 1 + extra(node, place.size, size)
                made.append(place.widened(span, span, Fraction(place.size, size), size))
        return tuple(made)

    return step


def _bins(node: Node, before: int, after: int) -> int:
    # The widest of the windows from floor(i·before / after) to ceil((i + 1)·before / after).
    return (before + 2 * after - gcd(before, after) - 1) // after - 1


def _taps(node: Node, before: int, after: int) -> int:
    mode = str(node.arguments.get("mode", "nearest"))
    if mode.startswith("nearest"):
        return 0
    return -(-before // after) if mode == "area" else 3 if mode == "bicubic" else 1


def _linear(node: Node, reading: Reading, whole: Sequence[int]) -> State:
    ((source, state),) = reading[:1]
    last = len(source.output.shape) - 1
    return tuple(
        place.seeing_all(whole[axis]) if place and place.dim == last else place
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
            made.append(place.seeing_all(whole[axis]))
        else:
            below = 0 if keep else sum(dim < place.dim for dim in gone)
            made.append(place.moved(place.dim - below, place.inner))
    return tuple(made)


def _extreme(node: Node, reading: Reading, whole: Sequence[int]) -> State:
    """max and min: of two maps position by position, else along a dimension or of everything."""
    if any(isinstance(value, Node) for name, value in node.arguments.items() if name != "input"):
        return joined(node, reading, whole)
    return _reduced(node, reading, whole)


def _mixed(node: Node, reading: Reading, whole: Sequence[int]) -> State:
    """Softmax and its kin: all positions of one dimension see each other, in place."""
    ((source, state),) = reading[:1]
    dim = node.arguments.get("dim")
    mixed = None if dim is None else int(dim) % len(source.output.shape)
    return tuple(
        place.seeing_all(whole[axis], place.dim)
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
        return tuple(p.lost if p else None for p in joined(node, reading, whole))
    states = {source.index: state for source, state in reading}
    nothing: State = (None,) * len(whole)
    made = []
    for axis, size in enumerate(whole):
        sides = []
        for summed, operand in ((-1, operands[0]), (-2, operands[1])):
            place = states.get(operand.index, nothing)[axis]
            own = len(operand.output.shape)
            if place is not None and place.dim == own + summed:
                place = place.seeing_all(size)
            sides.append(shifted(place, rank - own))
        left, right = sides
        if left and right and None not in (left.dim, right.dim) and left.dim != right.dim:
            # Queries against keys: every pair of positions. The rows stand for the axis, and
            # whatever follows lets each see all columns.
            left = left.seeing_all(size, left.dim)._replace(smallest=left.smallest)
            right = right.moved(None, right.inner)
        made.append(met([left, right]))
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
            place.seeing_all(whole[axis]) if place and place.dim in mixed else place
            for axis, place in enumerate(states[operand.index])
        ])  # fmt: skip
    if not columns:  # Only the mask varies.
        return tuple(place.lost if place else None for place in reading[0][1])
    return tuple(met(list(column)) for column in zip(*columns, strict=True))


def _shuffled(node: Node, reading: Reading, whole: Sequence[int]) -> State:
    ((source, state),) = reading[:1]
    rank = len(source.output.shape)
    made: list[Place | None] = []
    for axis, place in enumerate(state):
        if place is None or place.dim is None or place.dim < rank - 3:
            made.append(place)
        elif place.dim == rank - 3:
            made.append(place.seeing_all(whole[axis]))
        elif not place.alone(source):
            made.append(place.lost)
        else:
            before, after = place.size, node.output.example[place.dim]
            span = max(before // max(after, 1), 1)
            made.append(place.widened(span, span, Fraction(before, after), after))
    return tuple(made)


#: How places follow each of these operations.
WIDENING: Mapping[str, Step] = {
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
    **dict.fromkeys(("pixel_shuffle", "pixel_unshuffle"), _shuffled),
}  # fmt: skip
