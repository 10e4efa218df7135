"""The rule dead-taps."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from math import prod

from modellint import Finding, Graph, Node, Skip, rule
from modellint.facts.costs import share_of
from modellint.facts.wording import describe, on_axes, times, together
from modellint.fixes import Fix, one_or_each, set_arguments
from modellint.geometry import (
    Size,
    Window,
    convolutions,
    full,
    live,
    next_size,
    padded_windows,
    positions,
    ranges,
)


@rule("suspicious")
def dead_taps(graph: Graph) -> Iterator[Finding | Skip]:
    """A convolution has rows or columns of its kernel that only ever meet zero padding.

    Tap `j` of a kernel meets data if some output `i` has `0 <= i·s + j·d - p < n`. Where the map
    is small against the dilation, the outer taps of every window lie in the padding: a 3×3 with
    dilation 36 on a 28×28 map is a 1×1. Zeros that an explicit pad adds count as padding;
    reflected, replicated and wrapped values are data.

    **Why it matters.** Those weights are multiplied by zero wherever the kernel stands: they get no
    gradient, cost memory and time, and the layer sees less than its author thinks. Chen et al.,
    arXiv 1706.05587 (DeepLabv3), section 3.3, tell of it for large rates.

    **When it is fine.** Where the model runs at larger inputs than the one looked at: the advice
    names the size from which all taps count. There are no options.
    """
    alive = live(graph)
    judged: list[tuple[Node, tuple[Window, ...]]] = []
    doubtful = False
    for call, own in convolutions(graph):
        kernel = call.kernel if own is None else [axis.k for axis in own]
        if kernel is not None and max(kernel) == 1:
            continue
        axes = padded_windows(graph, call, own)
        if axes is not None and call.index in alive:
            judged.append((call, axes))
            doubtful = doubtful or any(axis.dead for axis in axes)
        elif axes is None and call.outputs:
            yield Skip(call, "its kernel size is not known")
    if not doubtful:  # As in most models: then nobody asks who shares a weight.
        return
    sharing: dict[Node, list[tuple[Node, tuple[Window, ...]]]] = {}
    for call, axes in judged:
        sharing.setdefault(call.arguments["weight"], []).append((call, axes))
    for calls in sharing.values():
        call, axes = calls[0]
        # A head that several maps share uses a tap if one of them is large enough.
        unmet = [_unmet([other[at] for _, other in calls]) for at in range(call.rank)]
        if any(unmet):
            yield _finding(graph, call, axes, unmet)


def _unmet(axes: Sequence[Window]) -> int:
    """The taps, as a mask, that meet no data at any call."""
    unmet = axes[0].dead
    for axis in axes[1:]:
        unmet &= axis.dead
    return unmet


def _finding(graph: Graph, call: Node, axes: tuple[Window, ...], unmet: list[int]) -> Finding:
    kernel = [axis.k for axis in axes]
    dead = [at for at, mask in enumerate(unmet) if mask]
    alive = [axis.k - mask.bit_count() for axis, mask in zip(axes, unmet, strict=True)]
    weights = prod(call.arguments["weight"].output.example)
    lost = weights - weights * prod(alive) // prod(kernel)
    told: dict[str, list[int]] = {}
    for at in dead:
        told.setdefault(_taps(unmet[at]), []).append(at)
    taps = " and ".join(f"{taps}{on_axes(which, call.rank)}" for taps, which in told.items())
    advice, fix = _help(graph, call, axes, dead)
    only = "tap {} only ever meets" if taps.isdigit() else "taps {} only ever meet"
    return Finding(
        call,
        f"{describe(call)}: on its {times(axis.n for axis in axes)} map {only.format(taps)} "
        f"padding, so it is a {times(alive)} kernel and {lost:,} of its {weights:,} weights "
        f"({share_of(lost, weights)}) do nothing",
        help=advice,
        assumes_size=True,
        fix=fix,
        arguments=("dilation", "padding", "kernel_size"),
    )


def _taps(unmet: int) -> str:
    shown = [str(tap) for tap in positions(unmet)]
    if len(shown) > 6:
        shown = [f"{first} to {last}" for first, last in ranges(unmet)]
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))


def _help(
    graph: Graph, call: Node, axes: tuple[Window, ...], dead: list[int]
) -> tuple[str, Fix | None]:
    """What lets all taps count, in words and, where arguments do it, as a change."""
    needed = [_needed(axis) if at in dead else axis.n for at, axis in enumerate(axes)]
    text = f"all taps count on maps of at least {times(needed)}"
    found = [
        f"{least.symbol} = {least.value}"
        for at in dead
        if (least := _least(graph, call, axes[at], at, needed[at])) is not None
    ]
    if found:
        text += f", with inputs from {', '.join(found)}"
    narrower, arguments = _narrower(axes, dead)
    if not arguments:
        return text, None
    return f"{narrower}; {text}", set_arguments(call, **arguments)._replace(otherwise=text)


def _least(graph: Graph, call: Node, axis: Window, at: int, needed: int) -> Size | None:
    """The least size of the input with which the map is as large as needed."""
    size = call.input.output.shape[len(call.output.shape) - call.rank + at]
    padded = call.input.output.example[len(call.output.shape) - call.rank + at] - axis.n
    return next_size(graph, size, lambda n: n - padded >= needed)


def _needed(axis: Window) -> int:
    """The least size of a map on which every tap meets data."""
    size = axis.n
    while size < axis.s and axis.at(size).dead:
        size += 1
    # From the stride on more of a map never makes a tap miss it.
    return size + bisect_left(
        range(size, size + axis.span), True, key=lambda n: not axis.at(n).dead
    )


def _narrower(
    axes: tuple[Window, ...], dead: list[int]
) -> tuple[str, dict[str, int | tuple[int, ...]]]:
    """A dilation, with the padding that goes with it, or a kernel with which nothing is dead."""
    if not any(axes[at].d > 1 for at in dead):
        alive = [list(ranges(full(axis.k) & ~axis.dead)) for axis in axes]
        kernel = [runs[0][1] - runs[0][0] + 1 for runs in alive]
        padding = [axis.begin - runs[0][0] for axis, runs in zip(axes, alive, strict=True)]
        if min(padding) < 0 or any(len(runs) > 1 for runs in alive):
            return "", {}
        told = f"a {times(kernel)} kernel with padding={together(padding)} computes the same here"
        return told, {"kernel_size": one_or_each(kernel), "padding": one_or_each(padding)}
    largest = max(axes[at].d for at in dead)
    # With any larger one the last tap is beyond the map already for the first output.
    most = min(2 * (axes[at].n - 1) // max(axes[at].k - 1, 1) for at in dead)
    for dilation in range(min(largest - 1, most), 0, -1):
        changed = [_dilated(axis, dilation) if at in dead else axis for at, axis in enumerate(axes)]
        if not any(axis.dead for axis in changed):
            padding = [axis.begin for axis in changed]
            told = f"dilation={dilation} with padding={together(padding)} uses all taps here"
            dilations = [dilation if at in dead else axis.d for at, axis in enumerate(axes)]
            return told, {"padding": one_or_each(padding), "dilation": one_or_each(dilations)}
    if not _central(axes):
        return "", {}
    told = "a 1×1 kernel without padding computes the same here"
    return told, {"kernel_size": 1, "padding": 0, "dilation": 1}


def _dilated(axis: Window, dilation: int) -> Window:
    padding = dilation * (axis.k - 1) // 2
    changed = Window(axis.n, axis.k, axis.s, dilation, padding, padding, 0)
    return changed.at(axis.n)


def _central(axes: tuple[Window, ...]) -> bool:
    return all(
        full(axis.k) & ~axis.dead == 1 << axis.k // 2 and axis.growth == 0 and axis.s == 1
        for axis in axes
    )


dead_taps.flags(
    model="""
        self.stem = nn.Conv2d(3, 16, 8, stride=8)
        self.rate12 = nn.Conv2d(16, 16, 3, padding=12, dilation=12)
        self.rate24 = nn.Conv2d(16, 16, 3, padding=24, dilation=24)
        self.rate36 = nn.Conv2d(16, 16, 3, padding=36, dilation=36)

        def forward(self, x):
            x = self.stem(x)
            return self.rate12(x) + self.rate24(x) + self.rate36(x)
    """,
    input="1,3,224,224",
    layers=["rate36"],
    severity="warning",
)
# A map of one pixel, and zeros that a layer of its own adds.
dead_taps.flags(
    model="""
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.conv3 = nn.Conv2d(8, 8, 3, padding=3, dilation=3)
        self.conv5 = nn.Conv2d(8, 8, 3, padding=5, dilation=5)
        self.conv7 = nn.Conv2d(8, 8, 3, padding=7, dilation=7)
        self.row = nn.Conv2d(8, 8, (1, 9))

        def forward(self, x):
            x0 = self.pool(x)
            gate = (self.conv3(x0) + self.conv5(x0) + self.conv7(x0)).sigmoid()
            return self.row(F.pad(x[:, :, :, :3] * gate, (4, 4)))
    """,
    input="1,8,32,32",
    layers=["conv3", "conv5", "conv7", "row"],
)
# The same rate on a larger map; and wrapped values are data.
dead_taps.allows(
    model="""
        self.stem = nn.Conv2d(3, 16, 8, stride=8)
        self.rate36 = nn.Conv2d(16, 16, 3, padding=36, dilation=36)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.wrap = nn.Conv2d(16, 16, 3, padding=1, padding_mode="circular")
    """,
    input="1,3,296,296",
)
# One head for several maps, of which the smallest has one pixel.
dead_taps.allows(
    model="""
        self.stem = nn.Conv2d(3, 8, 8, stride=8)
        self.pool = nn.MaxPool2d(4)
        self.head = nn.Conv2d(8, 4, 3, padding=1)

        def forward(self, x):
            x = self.stem(x)
            return self.head(self.pool(x)), self.head(x)
    """,
    input="1,3,32,32",
)
# A kernel as wide as its map and its padding allow.
dead_taps.allows(
    model="""
        self.conv = nn.Conv2d(3, 8, 13, padding=6)
        self.down = nn.Conv2d(8, 8, 3, stride=2, padding=1)
    """,
    input="1,3,7,7",
)
