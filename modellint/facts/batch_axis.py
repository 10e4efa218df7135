"""Which axis counts the samples, followed quickly as long as they stay apart.

Nearly every forward leaves its samples alone, though many merge their axis with others for a while:
windows, heads and patches make a batch of their own. That is seen by one axis an operation; only
where it is not does `modellint.facts.axes` follow all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from modellint.facts.axis_parts import divided, is_one, name_of
from modellint.facts.axis_results import dim_of
from modellint.geometry.axis_moves import permutation
from modellint.graph import Graph, Node
from modellint.graph.operations import (
    ADAPTIVE_POOLS,
    COMBINING,
    CONVOLUTIONS,
    ELEMENTWISE,
    POOLS,
    REDUCTIONS,
    REORDERINGS,
    RESHAPES,
    SPLITS,
    TRANSPOSED,
)
from modellint.symbolic.dims import expr_of, same
from modellint.symbolic.expressions import Expr


class At(NamedTuple):
    """Where the samples lie: on which axis, how many, and how much is merged with them there.

    Of an axis of windows, `N*4`, the 4 lie `inner` where the windows of a sample follow each other,
    and `outer` where those of all samples do, one place after the other.
    """

    place: int
    samples: int
    outer: int = 1
    inner: int = 1


#: Where the samples are behind an operation that has them at a place of its first operand with
#: samples; `None` where it may have mixed them, or is not followed.
Move = Callable[[Node, Node, int], int | None]
#: The same with all that is known of the graph up to there.
Step = Callable[["_Following", Node, Node, At], At | None]


def stays_whole(graph: Graph, batches: frozenset[str]) -> bool:
    """Whether no operation mixes samples, as far as this tells."""
    return _Following(batches).apart(graph.nodes)


class _Following:
    """One way through a graph: where the samples lie in what depends on them."""

    def __init__(self, batches: frozenset[str]) -> None:
        self.batches = batches
        self.states: dict[int, At] = {}
        self.places: dict[tuple[int, Expr, Expr, Expr], At] = {}

    def apart(self, nodes: Iterable[Node]) -> bool:
        """Whether the operations keep the samples apart; where they are behind each is noted."""
        states = self.states
        # What came of operations that are alike, whose samples lay alike in the same operands.
        known: dict[tuple[int | None, int, int], At] = {}
        for node in nodes:
            op = node.op
            if not node.inputs:
                if op == "input" and not self._is_given(node):
                    return False
                continue
            first, alike, operands = None, node.like is not None, 1
            for source in node.inputs:
                operands <<= 1
                at = states.get(source.index)
                if at is None:
                    continue
                operands += 1
                if first is None:
                    first, here = source, at
                elif op in _APART or (op in _OF_SEVERAL and _is_aligned(source, at, first, here)):
                    alike = alike and at is here
                else:
                    return False
            if first is None or not node.outputs or op in _SHAPES_ALONE:
                continue
            if op in _VALUE_BY_VALUE:
                more = len(node.outputs[0].shape) - len(first.outputs[0].shape)
                states[node.index] = self.moved(here, here.place + more) if more else here
                continue
            key = (node.like, operands, id(here))
            behind = known.get(key) if alike else None
            if behind is None:
                step = STEPS.get(op)
                behind = None if step is None else step(self, node, first, here)
                if behind is None:
                    return False
                if alike:
                    known[key] = behind
            states[node.index] = behind
        return True

    def moved(self, at: At, place: int) -> At:
        """The same on another axis."""
        return at if place == at.place else self.shared(at._replace(place=place))

    def shared(self, at: At) -> At:
        """The one object for such a place, by which what is alike is known."""
        place, samples, outer, inner = at
        key = (place, expr_of(samples), expr_of(outer), expr_of(inner))
        return self.places.setdefault(key, at)

    def _is_given(self, node: Node) -> bool:
        """Whether an input has the samples on one axis, or on none."""
        own = [at for at, size in enumerate(node.output.shape) if name_of(size) in self.batches]
        if own:
            self.states[node.index] = self.shared(At(own[0], node.output.shape[own[0]]))
        return len(own) < 2


def _is_aligned(source: Node, at: At, first: Node, here: At) -> bool:
    """Whether two operands have the samples at one place, counted from the last as they meet."""
    one, other = source.outputs[0], first.outputs[0]
    if at is here and one is other:
        return True
    return at.place - len(one.shape) == here.place - len(other.shape) and _is_alike(at, here)


def _is_alike(at: At, other: At) -> bool:
    """Whether as much is merged with the samples, on the same sides of them."""
    return all(map(same, at[1:], other[1:]))


# By sizes alone


def _reshaped(following: _Following, node: Node, source: Node, here: At) -> At | None:
    """The same elements in the same order: as many of them lie before the samples, and between."""
    before, after = source.outputs[0].shape, node.outputs[0].shape
    place, samples, left, _ = here
    first = 0
    while first < place and first < len(after) and same(before[first], after[first]):
        first += 1
    for size in before[first:place]:
        left = size * left
    for at, size in enumerate(after[first:], first):
        if size is samples and is_one(left):
            return following.shared(At(at, samples))
        rest = divided(size, left)
        inner = None if rest is None else divided(rest, samples)
        if inner is not None:
            return following.shared(At(at, samples, left, inner))
        used = divided(left, size)
        if used is None:
            return None
        left = used
    return None


def _found_again(before: Sequence[int], after: Sequence[int], place: int) -> int | None:
    """The one axis of a size that no other has, where axes are only moved, left out or added."""
    own = before[place]
    if sum(one is own for one in before) > 1:
        return None
    places = [at for at, size in enumerate(after) if size is own]
    if len(places) != 1:
        return None
    return places[0]


# By the place alone


def _placed(move: Move) -> Step:
    """Where a move puts the axis of the samples, whatever is merged with them there."""

    def step(following: _Following, node: Node, source: Node, here: At) -> At | None:
        place = move(node, source, here.place)
        if place is None or not 0 <= place < len(node.outputs[0].shape):
            return None
        return following.moved(here, place)

    return step


def _layer(move: Move) -> Step:
    """The same of what has its samples in the first operand, and holds none in its weights."""
    placed = _placed(move)

    def step(following: _Following, node: Node, source: Node, here: At) -> At | None:
        return placed(following, node, source, here) if node.inputs[0] is source else None

    return step


def _sought(move: Move) -> Step:
    """Where the sizes tell, and else where the move says."""

    def found(node: Node, source: Node, place: int) -> int | None:
        again = _found_again(source.outputs[0].shape, node.outputs[0].shape, place)
        return move(node, source, place) if again is None else again

    return _placed(found)


def _kept(node: Node, source: Node, place: int) -> int:
    return place + len(node.outputs[0].shape) - len(source.outputs[0].shape)


def _over(node: Node, source: Node, place: int) -> int | None:
    """What slides over the last axes behind the channels."""
    rank = len(source.outputs[0].shape)
    return place if place < rank - (node.rank or rank - 2) - 1 else None


def _before_last(count: int) -> Move:
    def move(node: Node, source: Node, place: int) -> int | None:
        rank = len(source.outputs[0].shape)
        return place if place < rank - count and rank == len(node.outputs[0].shape) else None

    return move


def _along(default: int | None) -> Move:
    """Softmax and its kin."""

    def move(node: Node, source: Node, place: int) -> int | None:
        dim = dim_of(node, len(source.output.shape), default)
        return None if dim is None or dim == place else place

    return move


def _reduced(node: Node, source: Node, place: int) -> int | None:
    given = node.arguments.get("dim", node.arguments.get("axis"))
    dims = given if isinstance(given, (tuple, list)) else (given,)
    rank = len(source.output.shape)
    if not dims or not all(type(dim) is int for dim in dims):
        return None
    gone = {dim % rank for dim in dims}
    if place in gone:
        return None
    return place if node.arguments.get("keepdim") else place - sum(dim < place for dim in gone)


def _unchanged(node: Node, source: Node, place: int) -> int | None:
    """What makes other axes longer, or puts new ones before them."""
    behind = _kept(node, source, place)
    return behind if same(source.output.shape[place], node.output.shape[behind]) else None


def _permuted(node: Node, source: Node, place: int) -> int | None:
    order = permutation(node, len(source.output.shape))
    return None if order is None else order.index(place)


def _joined(node: Node, source: Node, place: int) -> int | None:
    return None if dim_of(node, len(node.output.shape), 0) in (None, place) else place


def _stacked(node: Node, source: Node, place: int) -> int | None:
    dim = dim_of(node, len(node.output.shape), 0)
    return None if dim is None else place + (dim <= place)


def _divided(node: Node, source: Node, place: int) -> int | None:
    dim = dim_of(node, len(source.output.shape), 0)
    if dim is None or dim == place:
        return None
    return place - (dim < place) if node.op in ("unbind", "select") else place


def _turned(node: Node, source: Node, place: int) -> int | None:
    """roll and flip."""
    given = node.arguments.get("dims")
    dims = given if isinstance(given, (tuple, list)) else (given,)
    if not dims or not all(type(dim) is int for dim in dims):
        return None
    return None if place in {dim % len(source.output.shape) for dim in dims} else place


def _indexed(node: Node, source: Node, place: int) -> int | None:
    index = node.arguments.get("index")
    entries = index if isinstance(index, tuple) else (index,)
    before = after = 0
    for entry in entries:
        if entry is not None and not isinstance(entry, (int, slice)):
            return None
        if entry is not None and before == place:
            return after if entry == slice(None) else None
        before += entry is not None
        after += entry is None or isinstance(entry, slice)
    return place - before + after


def _normed(node: Node, source: Node, place: int) -> int | None:
    if len(node.inputs) > 1:  # Of the shape of what it normalises over.
        count = len(node.inputs[1].output.shape)
    else:
        shape = node.arguments.get("normalized_shape")
        count = len(shape) if isinstance(shape, (tuple, list)) else 1
    return place if place < len(source.output.shape) - count else None


def _recurrent(node: Node, source: Node, place: int) -> int | None:
    if len(source.output.shape) != 3 or "batch_sizes" in node.arguments:
        return None
    return place if place == (0 if node.arguments.get("batch_first") else 1) else None


def _unpacked(node: Node, source: Node, place: int) -> int | None:
    if source.op in ("lstm", "gru", "rnn_tanh", "rnn_relu") and node.arguments.get("index") != 0:
        return 1
    return _kept(node, source, place)


def _extreme(node: Node, source: Node, place: int) -> int | None:
    several = sum(bool(one.outputs) for one in node.inputs) > 1
    return _kept(node, source, place) if several else _reduced(node, source, place)


def _added(node: Node, source: Node, place: int) -> int | None:
    """addmm: samples are the rows of the first factor."""
    return place if place == 0 and source is node.inputs[1] else None


def _looked_up(node: Node, source: Node, place: int) -> int | None:
    """embedding, whose indices are the whole numbers among its operands."""
    return place if source.output.dtype.startswith("int") else None


def _written(node: Node, source: Node, place: int) -> int | None:
    """What a tensor holds once a view of it was written into: the view's places are its own."""
    return place if node.inputs[0] is source else None


# By what else holds samples


def _multiplied(following: _Following, node: Node, source: Node, here: At) -> At | None:
    """A matrix product: samples may be the rows of the first factor, else what is before both.

    Where both hold samples, each is multiplied with its own.
    """
    left, right = node.inputs[-2:]
    rank = len(source.outputs[0].shape)
    alone = source is left and right.index not in following.states
    if alone and len(right.outputs[0].shape) == 2 and here.place < rank - 1:
        return here
    return here if here.place < rank - 2 and rank == len(node.outputs[0].shape) else None


def _by_letters(following: _Following, node: Node, source: Node, here: At) -> At | None:
    """An einsum whose operands with samples have one letter for them, and give it back."""
    equation = node.arguments.get("equation")
    if not isinstance(equation, str) or "." in equation or "->" not in equation:
        return None
    left, _, right = equation.replace(" ", "").partition("->")
    letters = set[str]()
    for term, operand in zip(left.split(","), node.inputs, strict=False):
        at = following.states.get(operand.index)
        if at is None:
            continue
        if len(term) != len(operand.output.shape) or not _is_alike(at, here):
            return None
        letter = term[at.place]
        if term.count(letter) > 1 or letter not in right:
            return None
        letters.add(letter)
    return following.moved(here, right.index(letters.pop())) if len(letters) == 1 else None


#: What depends on the samples by several operands, those of each at the same place.
_OF_SEVERAL = COMBINING | frozenset(
    """max min cat concat concatenate stack matmul bmm mm baddbmm
    scaled_dot_product_attention""".split()
)
#: What keeps each value where it is, or meets those of other operands at the same place.
_VALUE_BY_VALUE = (ELEMENTWISE | COMBINING | {"logical_not"}) - {"glu", "max", "min"}
#: What tells for itself where each of its operands has the samples.
_APART = frozenset(("einsum", "update"))
#: What asks for sizes, not for values.
_SHAPES_ALONE = frozenset(
    """zeros_like ones_like full_like empty_like rand_like randn_like
    new_zeros new_ones new_full new_empty""".split()
)

STEPS: Mapping[str, Step] = {
    **dict.fromkeys(RESHAPES, _reshaped),
    **dict.fromkeys(REORDERINGS, _sought(_permuted)),
    **dict.fromkeys(REDUCTIONS, _sought(_reduced)),
    **dict.fromkeys([*SPLITS, "select"], _sought(_divided)),
    "narrow": _placed(_divided),
    "stack": _sought(_stacked),
    **dict.fromkeys(("cat", "concat", "concatenate"), _placed(_joined)),
    **dict.fromkeys(("max", "min"), _placed(_extreme)),
    **dict.fromkeys([*CONVOLUTIONS, *TRANSPOSED], _layer(_over)),
    **dict.fromkeys([*POOLS, *ADAPTIVE_POOLS, "interpolate"], _layer(_over)),
    "linear": _layer(_before_last(1)),
    "batch_norm": _layer(_kept),
    "group_norm": _layer(lambda node, source, place: place if place == 0 else None),
    "instance_norm": _layer(lambda node, source, place: place if place < 2 else None),
    **dict.fromkeys(("layer_norm", "rms_norm"), _layer(_normed)),
    **dict.fromkeys(("pixel_shuffle", "pixel_unshuffle"), _layer(_before_last(3))),
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu"), _layer(_recurrent)),
    "scaled_dot_product_attention": _placed(_before_last(2)),
    **dict.fromkeys(("pad", "constant_pad_nd", "expand", "expand_as"), _placed(_unchanged)),
    **dict.fromkeys(("softmax", "log_softmax", "cumsum", "glu", "topk", "sort"),
                    _placed(_along(-1))),
    "normalize": _placed(_along(1)),
    **dict.fromkeys(("roll", "flip"), _placed(_turned)),
    "getitem": _placed(_indexed),
    "unpack": _placed(_unpacked),
    "embedding": _placed(_looked_up),
    "addmm": _placed(_added),
    "update": _placed(_written),
    **dict.fromkeys(("matmul", "bmm", "mm", "baddbmm"), _multiplied),
    "einsum": _by_letters,
}  # fmt: skip
