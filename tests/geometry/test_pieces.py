"""Pieces are sequences, long masks are integers, and both say what a value a position would."""

from __future__ import annotations

from itertools import pairwise, product
from operator import and_, or_

import pytest
from hypothesis import given
from hypothesis import strategies as st
from long_axes import nothing_is_short
from nets import nets
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

import modellint
from modellint.geometry import (
    Window,
    bins,
    full,
    long_masks,
    positions,
    ranges,
    read_masks,
    resampling,
    unread_after,
)
from modellint.geometry.influence import input_weights, relative_weights
from modellint.geometry.long_masks import Long, Mask, bits_of, mask_of, shifted
from modellint.geometry.masks import every, grouped, mirrored, nested, repeated, spread, swept
from modellint.geometry.pieces import Irregular, Pieces, added, joined
from modellint.graph import Graph

values = st.sampled_from([0, 0, 1, 2])
units = st.lists(values, min_size=1, max_size=5).map(tuple)
parts = st.lists(st.tuples(st.integers(0, 40), units), max_size=4)


def told(given: list[tuple[int, tuple[int, ...]]]) -> list[int]:
    return [unit[at % len(unit)] for length, unit in given for at in range(length)]


@given(parts.filter(told), st.integers(1, 200))
def test_bins_hand_on_what_they_hold_to_the_positions_that_they_cover(
    given: list[tuple[int, tuple[int, ...]]], size: int
) -> None:
    outputs = told(given)
    wanted = [0.0] * size
    for number, value in enumerate(outputs):
        begin, end = (
            number * size // len(outputs),
            -(-(number + 1) * size // len(outputs)),
        )
        for position in range(begin, end):
            wanted[position] += value / (end - begin)
    with nothing_is_short():
        assert list(bins.gathered(Pieces(given), size)) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("size", "count"),
    [(1_000_000, 16_384), (1_000_000, 10_007), (1_000_000, 500_000), (16_384, 1_000_000),
     (9_973, 9_972)],
)  # fmt: skip
def test_many_bins_of_a_long_axis_are_told_exactly(size: int, count: int) -> None:
    model = nn.Sequential(nn.AdaptiveAvgPool1d(count), nn.Conv1d(1, 1, 1, 2))
    graph = modellint.trace(model, [f"1,1,{size}"])
    (weights,) = relative_weights(graph)
    assert weights is not None
    *_, read = read_masks(graph)[graph.inputs[0].node.index]
    mean = (count + 1) // 2 / size
    for at in (0, 1, 2, size // 3, size // 2 + 1, size - 2, size - 1):
        covering = [
            -(-(number + 1) * size // count) - number * size // count
            for number in range(at * count // size, -(-(at + 1) * count // size))
            if number % 2 == 0
        ]
        assert bool(read >> at & 1) is bool(covering)
        assert weights[at] == pytest.approx(sum(1 / length for length in covering) / mean)


@given(parts, parts, st.integers(1, 5), st.integers(0, 9), st.integers(-20, 20), st.integers(0, 99))
def test_pieces_are_sequences(
    one: list[tuple[int, tuple[int, ...]]], other: list[tuple[int, tuple[int, ...]]], step: int,
    start: int, first: int, size: int,
) -> None:  # fmt: skip
    with nothing_is_short():
        made, wanted = Pieces(one), told(one)
        assert list(made) == wanted
        assert [made[at] for at in range(-len(made), len(made))] == wanted * 2
        assert made.total() == sum(wanted)
        for count in range(1, min(len(wanted), 5) + 1):
            ends = [part * len(wanted) // count for part in range(count + 1)]
            sums = [sum(wanted[first:last]) for first, last in pairwise(ends)]
            assert list(made.totals(count)) == sums
        assert list(made.mirrored()) == wanted[::-1]
        assert list(made[start:size:step]) == wanted[start:size:step]
        assert list(made.repeated(step)) == [value for value in wanted for _ in range(step)]
        apart = [0] * (len(wanted) * step)
        apart[::step] = wanted
        assert list(made.spread(step)) == apart
        moved = [wanted[at - first] if 0 <= at - first < len(wanted) else 0 for at in range(size)]
        assert list(made.placed(first, size)) == moved
        more = Pieces(other).placed(0, len(made))
        assert list(added([made, more, made])) == [
            2 * a + b for a, b in zip(wanted, more, strict=True)
        ]
        assert list(joined([made, more])) == [*wanted, *more]


def test_what_repeats_is_held_once() -> None:
    made = Pieces.of(1, 10**6).spread(3)
    assert added([made.placed(at, len(made)) for at in (0, 1, 2)]).parts == ((3 * 10**6, (1,)),)
    ends = joined([Pieces.written([2, 0, 0, 1]), made, Pieces.written([1, 0, 0, 1])])
    assert sum(len(unit) for _, unit in ends.parts) < 20
    with pytest.raises(Irregular):
        Pieces.of(1, 10**6).spread(10**6)
    with pytest.raises(Irregular):
        Pieces([(10**6, tuple(range(40_000))), (10**6, tuple(range(40_000)))])


digits = st.lists(st.booleans(), max_size=60)


def number(bits: list[bool]) -> int:
    return sum(bit << at for at, bit in enumerate(bits))


@given(digits, digits, st.integers(0, 40), st.integers(1, 5), st.integers(0, 8))
def test_long_masks_are_integers(
    one: list[bool], other: list[bool], by: int, step: int, more: int
) -> None:
    with nothing_is_short():
        a, b = number(one), number(other)
        c, d = (mask_of(Pieces.written(bits)) for bits in (one, other))
        assert isinstance(c, Long) == (a > 7)
        assert (c, hash(c), bool(c), c.bit_count()) == (a, hash(mask_of(bits_of(a))), a > 0,
                                                        a.bit_count())  # fmt: skip
        assert (c == d) == (a == b)
        for operator, (x, y) in product((and_, or_), ((c, d), (c, b), (a, d))):
            assert operator(x, y) == operator(a, b)
            assert operator(~x, y) == operator(~a, b)
            assert operator(x, ~y) == operator(a, ~b)
            assert ~operator(~x, ~y) == ~operator(~a, ~b)
        assert shifted(c, by) == a << by
        assert shifted(c, -by) == a >> by == c >> by
        assert list(positions(c)) == [at for at, bit in enumerate(one) if bit]
    size = len(one)
    operations: list[tuple[object, ...]] = [
        (spread, step), (every, step), (swept, step, more), (repeated, size, step),
        (grouped, -(-size // step), step), (mirrored, size), (nested, size, full(3) & ~2, 3),
        (nested, size, full(step), step),
    ]  # fmt: skip
    for function, *rest in operations:
        assert callable(function)
        wanted = function(a, *rest)
        with nothing_is_short():
            assert function(c, *rest) == wanted, function
    with nothing_is_short():
        assert list(ranges(c)) == list(long_masks.runs(a))


def facts(graph: Graph) -> list[object]:
    """What geometry says of positions, a value each."""
    found: list[object] = [
        {
            index: [list(positions(mask)) for mask in read]
            for index, read in read_masks(graph).items()
        },
        [
            [(part.axis, part.map.index, list(positions(part.mask))) for part in
             unread_after(graph, node)]
            for node in graph.nodes if node.op.startswith(("conv", "max_pool", "avg_pool"))
        ],
    ]  # fmt: skip
    for weights in relative_weights(graph):
        found.append(weights and [round(weight, 9) for weight in weights])
    return found


@pytest.mark.filterwarnings("ignore:Using padding")
@given(nets(), st.integers(8, 40), st.integers(8, 40))
def test_pieces_say_the_same_as_a_value_a_position(
    model: nn.Module, height: int, width: int
) -> None:
    spec = [f"2,3,{height},{width}"]
    graph = modellint.trace(model, spec)
    if graph.mismatch is not None:
        return
    wanted = facts(graph)
    with nothing_is_short():
        assert facts(modellint.trace(model, spec)) == wanted


def bits(mask: Mask, at: range) -> list[int]:
    return [1 if mask >> position & 1 else 0 for position in at]


@st.composite
def signal_nets(draw: st.DrawFn) -> nn.Module:
    """A net over a signal that halves and thirds it on its way."""
    layers: list[nn.Module] = []
    for _ in range(draw(st.integers(1, 4))):
        kernel, stride = draw(st.integers(1, 5)), draw(st.integers(1, 3))
        padding = draw(st.integers(0, 2))
        layers.append(
            draw(st.sampled_from([
                nn.Conv1d(1, 1, kernel, stride, padding, dilation=draw(st.integers(1, 3))),
                nn.MaxPool1d(kernel, stride, min(padding, kernel // 2)),
                nn.ConvTranspose1d(1, 1, kernel, 2),
                nn.Upsample(scale_factor=2, mode=draw(st.sampled_from(["nearest", "linear"]))),
                nn.ReflectionPad1d((padding, 1)),
            ]))
        )  # fmt: skip
    return nn.Sequential(*layers)


#: What the steps of the nets above come back to, and a map on which no border sees the other.
PERIOD = 2**4 * 3**4
SMALL = 2 * PERIOD


@given(signal_nets(), st.integers(0, 400))
def test_a_long_map_is_read_as_a_short_one_of_the_same_remainder(
    model: nn.Module, rest: int
) -> None:
    small = SMALL + rest
    large = small + 600 * PERIOD
    half = small // 2
    one, other = (modellint.trace(model, [f"1,1,{size}"]) for size in (small, large))
    first, second = (
        (read_masks(graph).get(graph.inputs[0].node.index) or (0, 0, 0))[2]
        for graph in (one, other)
    )
    assert bits(first, range(0, half, 7)) == bits(second, range(0, half, 7))
    assert bits(first, range(half, small, 7)) == bits(second, range(large - small + half, large, 7))
    middle = 300 * PERIOD
    assert bits(first, range(PERIOD, PERIOD + 200)) == bits(second, range(middle, middle + 200))
    found = [input_weights(graph, 2) for graph in (one, other)]
    assert (found[0] is None) == (found[1] is None)
    if found[0] and found[1]:
        ends = (0, 1, 2, 7, -1, -2, -3, -8)
        assert [found[1][at] for at in ends] == pytest.approx([found[0][at] for at in ends])


def test_a_million_positions_cost_what_a_thousand_do() -> None:
    """Counted in the values that are held, which no other process on the machine changes."""
    model = nn.Sequential(*[nn.Conv1d(1, 1, 3, 2, dilation=2) for _ in range(6)])
    held = []
    for size in (10_000, 1_000_000):
        graph = modellint.trace(model, [f"1,1,{size}"])
        (weights,) = relative_weights(graph)
        assert isinstance(weights, Pieces)
        (unread,) = unread_after(graph, next(graph.calls("conv1d"))) or (None,)
        masks_held = 0 if unread is None else sum(len(u) for _, u in bits_of(unread.mask).parts)
        held.append((sum(len(unit) for _, unit in weights.parts), masks_held))
    assert held[1][0] <= 1.5 * held[0][0]
    assert held[1][1] <= 1.5 * max(held[0][1], 8)


@pytest.mark.parametrize(
    ("mode", "scale"),
    [(mode, scale) for mode in ("nearest", "nearest-exact", "linear", "bicubic", "area")
     for scale in (2.0, 0.5, 1.5, 3.0, 0.25, 4.0, 1 / 3)],
)  # fmt: skip
def test_taps_that_repeat_are_those_of_each_output(mode: str, scale: float) -> None:
    class Resized(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            if mode == "bicubic":
                return F.interpolate(x[..., None, :], scale_factor=(1.0, scale), mode=mode)
            return F.interpolate(x, scale_factor=scale, mode=mode)

    graph = modellint.trace(Resized(), ["1,1,3000"])
    wanted = facts(graph)
    (node,) = graph.calls("interpolate")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resampling, "SHORT", 0)
        resampling._taps.cache_clear()
        repeating = resampling.resampled(node, len(node.output.shape) - 1)
        assert facts(modellint.trace(Resized(), ["1,1,3000"])) == wanted
    resampling._taps.cache_clear()
    assert repeating is not None
    assert sum(len(block.outputs) for block in repeating.blocks) < 200 or scale == 1 / 3


@pytest.mark.parametrize("size", [1000, 1_000_000])
def test_a_map_that_nothing_reads_is_none_that_a_window_leaves(size: int) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.halve = nn.Conv1d(1, 1, 3, 2)
            self.dilated = nn.Conv1d(1, 1, 2, padding=2 * size, dilation=4 * size)

        def forward(self, x: Tensor) -> Tensor:
            made: Tensor = self.dilated(self.halve(x))
            return made

    graph = modellint.trace(Net(), [f"1,1,{size}"])
    first, second = graph.calls("conv1d")
    assert (unread_after(graph, first), unread_after(graph, second)) == ((), ())


def test_windows_at_the_ends_of_what_they_may_be_are_told_in_one_step() -> None:
    """Each small window against its definition."""
    for n, k, s, d, begin, end in product(
        range(1, 7), range(1, 5), range(1, 4), range(1, 4), range(7), (0, 1, 5)
    ):
        span = d * (k - 1) + 1
        if n + begin + end < span:
            continue
        axis = Window(n, k, s, d, begin, end, (n + begin + end - span) // s + 1)
        taps = [set(axis.taps(output)) for output in range(axis.o)]
        met = {
            tap for tap in range(k) for output in range(axis.o)
            if 0 <= output * s + tap * d - begin < n
        }  # fmt: skip
        assert set(positions(axis.dead)) == set(range(k)) - met, axis
        assert set(positions(axis.blind)) == {at for at, read in enumerate(taps) if not read}, axis
        counts = [sum(at in read for read in taps) for at in range(n)]
        shown = axis.readers()
        assert (shown[0], shown[-1], set(shown)) == (counts[0], counts[-1], set(counts)), axis
        assert bool(axis.unread) == bool(axis.shortened.unread), axis
