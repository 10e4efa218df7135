"""What each operation does to the axes of what it reads: which it keeps, makes, mixes or loses."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from modellint.facts.axis_parts import (
    NONE,
    Axis,
    Layout,
    State,
    fresh,
    united,
)
from modellint.facts.axis_results import (
    Sources,
    Step,
    dim_of,
    dims_of,
    lost_of,
    mixed_of,
    result,
    unknown,
)
from modellint.facts.axis_views import (
    expanded,
    indexed,
    joined,
    narrowed,
    permuted,
    pieces,
    reshaped,
    shapes_alone,
    shuffled,
    stacked,
    turned,
    unpacked,
)
from modellint.graph import Node
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
from modellint.symbolic.dims import same

# Place by place


def _broadcast(node: Node, sources: Sources, varying: Collection[int]) -> State:
    """Every operand at the same place, where they are broadcast against each other."""
    shape = node.output.shape
    operands = [
        (source, state[0])
        for source, state in sources
        if state and len(state[0].axes) <= len(shape)
    ]
    if len(operands) == 1 and len(operands[0][1].axes) == len(shape):
        return result(node, sources, operands[0][1].axes)
    axes: list[Axis] = []
    lost = NONE
    moving = [one for source, one in operands if source.index in varying]
    for at, size in enumerate(shape):
        found: list[Axis] = []
        for one in moving:
            axis = at - len(shape) + len(one.axes)
            if axis >= 0:
                found.append(one.axes[axis])
        made, more = united(node.index, at, size, found)
        axes.append(made)
        lost |= more
    return result(node, sources, axes, lost=lost)


def _halved(node: Node, sources: Sources, varying: Collection[int]) -> State:
    """glu: one half of an axis is the gate of the other."""
    ((_, (one, *_)), *_) = sources
    dim = dim_of(node, len(one.axes), -1)
    if dim is None:
        return unknown(node, sources, varying)
    axes = [*one.axes]
    axes[dim] = fresh(node.index, dim, node.output.shape[dim], one.along([dim]))
    return result(node, sources, axes, one.along([dim]))


def _extreme(node: Node, sources: Sources, varying: Collection[int]) -> State:
    """max and min: of two maps, or along an axis."""
    if len([1 for source, _ in sources if source.outputs]) > 1:
        return _broadcast(node, sources, varying)
    return _reduced(node, sources, varying)


# Along some axes


def _reduced(node: Node, sources: Sources, varying: Collection[int]) -> State:
    ((_, (one, *_)), *_) = sources
    rank = len(one.axes)
    gone = dims_of(node.arguments.get("dim", node.arguments.get("axis")), rank)
    if gone is None:
        return unknown(node, sources, varying)
    keep = bool(node.arguments.get("keepdim"))
    kept = [at for at in range(rank) if keep or at not in gone]
    axes = [() if at in gone else one.axes[at] for at in kept]
    return result(node, sources, axes, one.along(gone))


def _mixing(default: int | None = None) -> Step:
    """Softmax and its kin: the axes stay, and each place of one depends on all of it."""

    def step(node: Node, sources: Sources, varying: Collection[int]) -> State:
        ((_, (one, *_)), *_) = sources
        dim = dim_of(node, len(one.axes), default)
        if dim is None:
            return unknown(node, sources, varying)
        return result(node, sources, one.axes, one.along([dim]))

    return step


def _chosen(node: Node, sources: Sources, varying: Collection[int]) -> State:
    """topk, sort and their kin: places of an axis by their values."""
    ((_, (one, *_)), *_) = sources
    dim = dim_of(node, len(one.axes), -1)
    if dim is None:
        return unknown(node, sources, varying)
    roots = one.along([dim])
    axes = [*one.axes]
    axes[dim] = fresh(node.index, dim, node.output.shape[dim], roots)
    return result(node, sources, axes, roots)


def _normed(node: Node, sources: Sources, varying: Collection[int]) -> State:
    """Axes that the statistics of a norm are of; those of a batch norm are constants in use."""
    ((_, (one, *_)), *_) = sources
    rank = len(one.axes)
    if node.op in ("layer_norm", "rms_norm"):
        shape = node.arguments.get("normalized_shape")
        count = len(shape) if isinstance(shape, (tuple, list)) else 1
        over = [*range(rank - count, rank)]
    elif node.op == "group_norm":
        over = [*range(1, rank)]
    elif node.op == "instance_norm":
        over = [*range(2, rank)]
    elif node.op == "local_response_norm":
        over = [1]
    else:
        over = []
    if any(source.index in varying for source, _ in sources[1:]):
        return unknown(node, sources, varying)
    return result(node, sources, one.axes, one.along(over))


# Layers


def _linear(node: Node, sources: Sources, varying: Collection[int]) -> State:
    (_, (one, *_)), *weights = sources
    if not one.axes or any(weight.index in varying for weight, _ in weights):
        return unknown(node, sources, varying)
    last = len(one.axes) - 1
    made = fresh(node.index, last, node.output.shape[-1])
    return result(node, sources, (*one.axes[:-1], made), one.along([last]))


def _windowed(channels: bool) -> Step:
    """What slides over the last axes; a convolution sums over the channels before them, too."""

    def step(node: Node, sources: Sources, varying: Collection[int]) -> State:
        (source, (one, *_)), *others = sources
        if any(other.index in varying for other, _ in others):
            return unknown(node, sources, varying)
        count = node.rank or len(one.axes) - 2
        rank, shape = len(one.axes), node.output.shape
        first = rank - count - channels
        if first < 0:
            return unknown(node, sources, varying)
        axes = [*one.axes[:first]]
        for at in range(first, rank):
            kept = same(source.output.shape[at], shape[at])
            if channels and at == first:
                axes.append(fresh(node.index, at, shape[at]))
            elif kept:
                axes.append(one.axes[at])
            else:
                axes.append(fresh(node.index, at, shape[at], one.along([at])))
        return result(node, sources, axes, one.along(range(first, rank)))

    return step


def _padded(node: Node, sources: Sources, varying: Collection[int]) -> State:
    ((source, (one, *_)), *_) = sources
    shape = node.output.shape
    axes: list[Axis] = []
    lost = NONE
    for at, axis in enumerate(one.axes):
        if same(source.output.shape[at], shape[at]):
            axes.append(axis)
        else:
            axes.append(fresh(node.index, at, shape[at], one.along([at])))
            lost |= one.along([at])
    return result(node, sources, axes, lost=lost)


def _embedded(node: Node, sources: Sources, varying: Collection[int]) -> State:
    indices = [state[0] for source, state in sources if source.index in varying]
    if len(indices) != 1 or len(indices[0].axes) + 1 != len(node.output.shape):
        return unknown(node, sources, varying)
    last = len(node.output.shape) - 1
    made = fresh(node.index, last, node.output.shape[last])
    return result(node, sources, (*indices[0].axes, made))


def _recurrent(node: Node, sources: Sources, varying: Collection[int]) -> State:
    """lstm, gru and rnn over (L, N, C), or (N, L, C), or one sequence (L, C)."""
    (_, (one, *_)), *_ = sources
    rank = len(one.axes)
    first = bool(node.arguments.get("batch_first"))
    if rank not in (2, 3) or "batch_sizes" in node.arguments:
        return unknown(node, sources, varying)
    time = 1 if first and rank == 3 else 0
    for state_of, state in sources[1:]:
        # A first state goes with its sample.
        if state_of.index in varying and (
            rank == 2 or len(state[0].axes) != 3 or state[0].axes[1] != one.axes[1 - time]
        ):
            return unknown(node, sources, varying)
    mixed = mixed_of(sources) | one.along([time, rank - 1])
    lost = lost_of(sources)
    made: list[Layout] = []
    for number, out in enumerate(node.outputs):
        if len(out.shape) != rank:
            return unknown(node, sources, varying)
        axes: list[Axis] = [fresh(node.index, at, size) for at, size in enumerate(out.shape)]
        if number == 0:
            axes[: rank - 1] = one.axes[: rank - 1]
        elif rank == 3:
            axes[1] = one.axes[1 - time]
        made.append(Layout(tuple(axes), mixed, lost))
    return tuple(made)


def _cell(node: Node, sources: Sources, varying: Collection[int]) -> State:
    (_, (one, *_)), *_ = sources
    last = len(one.axes) - 1
    if last < 0:
        return unknown(node, sources, varying)
    axes = (*one.axes[:-1], fresh(node.index, last, node.output.shape[-1]))
    states = [state[0].axes for source, state in sources[1:] if source.index in varying]
    if any(state[:-1] != one.axes[:-1] for state in states) or any(
        len(out.shape) != len(axes) for out in node.outputs
    ):
        return unknown(node, sources, varying)
    return result(node, sources, axes, one.along([last]))


def _attended(node: Node, sources: Sources, varying: Collection[int]) -> State:
    """scaled_dot_product_attention: places of the query, mixed along those of key and value."""
    layouts = [state[0] for _, state in sources[:3]]
    shape = node.output.shape
    masked = any(source.index in varying for source, _ in sources[3:])
    if masked or len(layouts) != 3 or any(len(one.axes) != len(shape) for one in layouts):
        return unknown(node, sources, varying)
    query, key, value = layouts
    axes, lost = _aligned(node, layouts, len(shape) - 2)
    axes += [query.axes[-2], value.axes[-1]]
    rank = len(shape)
    mixed = key.along([rank - 2, rank - 1]) | query.along([rank - 1]) | value.along([rank - 2])
    return result(node, sources, axes, mixed, lost)


def _aligned(
    node: Node, layouts: Sequence[Layout], count: int
) -> tuple[list[Axis], frozenset[str]]:
    """The first `count` axes of a result that operands are broadcast along, by its last two."""
    axes: list[Axis] = []
    lost = NONE
    for at in range(count):
        found = [
            one.axes[at - count + len(one.axes) - 2]
            for one in layouts
            if at - count + len(one.axes) - 2 >= 0
        ]
        made, more = united(node.index, at, node.output.shape[at], found)
        axes.append(made)
        lost |= more
    return axes, lost


def _product(node: Node, sources: Sources, varying: Collection[int]) -> State:
    """Matrix products: rows of the first, columns of the second, mixed along what is summed."""
    factors = sources[-2:] if node.op in ("addmm", "baddbmm") else sources
    if len(factors) != 2:
        return unknown(node, sources, varying)
    (_, (left, *_)), (_, (right, *_)) = factors
    if len(left.axes) < 2 or len(right.axes) < 2:
        return unknown(node, sources, varying)
    axes, lost = _aligned(node, [left, right], len(node.output.shape) - 2)
    axes += [left.axes[-2], right.axes[-1]]
    mixed = left.along([len(left.axes) - 1]) | right.along([len(right.axes) - 2])
    return result(node, sources, axes, mixed, lost)


def _einsum(node: Node, sources: Sources, varying: Collection[int]) -> State:
    equation = node.arguments.get("equation")
    if not isinstance(equation, str) or "." in equation or "->" not in equation:
        return unknown(node, sources, varying)
    left, _, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    layouts = [state[0] for _, state in sources]
    if len(terms) != len(layouts) or any(
        len(term) != len(one.axes) or len({*term}) < len(term)
        for term, one in zip(terms, layouts, strict=True)
    ):
        return unknown(node, sources, varying)
    found: dict[str, list[Axis]] = {}
    mixed = NONE
    for term, one in zip(terms, layouts, strict=True):
        for at, letter in enumerate(term):
            found.setdefault(letter, []).append(one.axes[at])
            if letter not in right:
                mixed |= one.along([at])
    axes: list[Axis] = []
    lost = NONE
    for at, letter in enumerate(right):
        made, more = united(node.index, at, node.output.shape[at], found[letter])
        axes.append(made)
        lost |= more
    return result(node, sources, axes, mixed, lost)


#: Further operations place by place, of one operand or of several.
_PLACE_BY_PLACE = """
    abs acos asin atan atan2 ceil celu copysign cosh deg2rad digamma erfc erfinv exp2 fmax fmin
    frac hypot isfinite isinf isnan log10 log2 log_sigmoid logaddexp logical_not logical_xor logit
    nan_to_num ne not_equal greater greater_equal less less_equal rad2deg sgn sinc sinh softplus
    softsign tan trunc xlogy gumbel heaviside ldexp isclose conj real imag bitwise_and bitwise_or
    bitwise_not bitwise_xor rand_like randn_like addcmul addcdiv
""".split()

STEPS: Mapping[str, Step] = {
    **dict.fromkeys([*_PLACE_BY_PLACE, *ELEMENTWISE, *COMBINING], _broadcast),
    **dict.fromkeys(REDUCTIONS, _reduced),
    **dict.fromkeys(("nanmean", "nansum", "count_nonzero"), _reduced),
    **dict.fromkeys(("softmax", "log_softmax", "softmin", "cumsum", "cumprod"), _mixing()),
    "normalize": _mixing(1),
    **dict.fromkeys(("topk", "sort", "argsort"), _chosen),
    **dict.fromkeys(
        "batch_norm layer_norm group_norm instance_norm rms_norm local_response_norm".split(),
        _normed,
    ),
    "max": _extreme,
    "min": _extreme,
    "glu": _halved,
    "linear": _linear,
    **dict.fromkeys([*CONVOLUTIONS, *TRANSPOSED], _windowed(True)),
    **dict.fromkeys([*POOLS, *ADAPTIVE_POOLS, "interpolate"], _windowed(False)),
    **dict.fromkeys(("pad", "constant_pad_nd"), _padded),
    "embedding": _embedded,
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu"), _recurrent),
    **dict.fromkeys(("lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell"), _cell),
    "scaled_dot_product_attention": _attended,
    **dict.fromkeys(("matmul", "mm", "bmm", "addmm", "baddbmm"), _product),
    "einsum": _einsum,
    **dict.fromkeys(RESHAPES, reshaped),
    **dict.fromkeys(REORDERINGS, permuted),
    **dict.fromkeys(("cat", "concat", "concatenate"), joined),
    "stack": stacked,
    **dict.fromkeys(SPLITS, pieces),
    **dict.fromkeys(("narrow", "select"), narrowed),
    **dict.fromkeys(("roll", "flip"), turned),
    "getitem": indexed,
    **dict.fromkeys(("expand", "expand_as", "broadcast_to"), expanded),
    "unpack": unpacked,
    **dict.fromkeys("zeros_like ones_like full_like empty_like".split(), shapes_alone),
    **dict.fromkeys("new_zeros new_ones new_full new_empty".split(), shapes_alone),
    **dict.fromkeys(("pixel_shuffle", "pixel_unshuffle"), shuffled),
}
