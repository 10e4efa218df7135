"""The rule over-padding."""

from __future__ import annotations

from collections.abc import Iterator

from modellint import Finding, Graph, Node, Skip, rule
from modellint.facts.wording import describe, on_axes, resized, times, together
from modellint.fixes import one_or_each, set_arguments
from modellint.geometry import (
    Window,
    convolutions,
    drift,
    full,
    padded_windows,
    padding_before,
    slices_after,
)


@rule("suspicious")
def over_padding(graph: Graph) -> Iterator[Finding | Skip]:
    """A convolution pads more than its kernel can use.

    Either some of its outputs read nothing but padding (`p >= e` for the effective kernel
    `e = d(k - 1) + 1`, or less where a dilated kernel is wider than the map), or it has stride 1
    and pads more than the `e - 1` pixels that keep the size, so that the map grows: a 3×3 with
    padding 2 turns 28×28 into 30×30. Zeros that an explicit pad adds right before count too.

    **Why it matters.** The outer outputs are computed mostly or wholly from zeros. They cost time,
    move the map against the image and tell later layers where the border is (Islam et al., ICLR
    2020, arXiv 2001.08248: zero padding is how a network learns absolute position).

    **When it is fine.** Where a slice right behind the layer removes what was added, as in causal
    convolutions (silent); where padding is reflected, replicated or wrapped (silent). An even
    kernel with `padding=k // 2` grows the map by one: that is even-kernel's to say. There are no
    options.
    """
    for call, own in convolutions(graph):
        axes = padded_windows(graph, call, own)
        if axes is None:
            if call.outputs:
                yield Skip(call, "its kernel size is not known")
            continue
        if not any(window.blind or (window.s == 1 and window.growth > 0) for window in axes):
            continue
        before = padding_before(graph, call)
        cut = slices_after(graph, call)
        blind = [axis for axis, window in enumerate(axes) if _blind(window, cut[axis])]
        grown = [
            axis
            for axis, window in enumerate(axes)
            if window.s == 1
            and window.growth > sum(cut[axis])
            and not (window.span % 2 == 0 and window.growth == 1)
            and not (before.adds_zeros and any(before.sides[axis])
                     and drift(graph, call, axis).growth <= 0)
        ]  # fmt: skip
        if blind:
            yield _of_blind(call, axes, blind)
        elif grown:
            yield _of_grown(call, axes, grown, before.adds_zeros)


def _blind(window: Window, cut: tuple[int, int]) -> int:
    """How many of the outputs that are kept read nothing but padding."""
    if not window.padding:
        return 0
    blind = window.blind >> cut[0] & full(max(window.o - sum(cut), 0))
    return blind.bit_count()


def _of_blind(call: Node, axes: tuple[Window, ...], blind: list[int]) -> Finding:
    window = axes[blind[0]]
    # Patches, which do not overlap, need none.
    padding = one_or_each([(axis.span - 1) // 2 if axis.span > axis.s else 0 for axis in axes])
    where = on_axes(blind, call.rank) or " an axis"
    return Finding(
        call,
        f"{describe(call)} has outputs that read nothing but padding: "
        f"{window.blind.bit_count()} of {window.o}{where}; {resized(call)}",
        help=f"padding={padding} lets every window reach the map",
        assumes_size=True,
        fix=set_arguments(call, padding=padding),
    )


def _of_grown(call: Node, axes: tuple[Window, ...], grown: list[int], explicit: bool) -> Finding:
    window = axes[grown[0]]
    keeps = [(axis.span - 1) // 2 if at in grown else axis.begin for at, axis in enumerate(axes)]
    size = times(axis.n for axis in axes)
    subject = f"{describe(call)}{', with the zeros padded before it,' if explicit else ''}"
    sizes = f"{size} → {times(axis.o for axis in axes)}" if explicit else resized(call)
    fix = None
    if window.span % 2 == 0:
        advice = f"an odd kernel with padding=(k - 1)/2 keeps {size}"
    elif explicit:
        advice = f"{together(keeps)} px a side in all keep {size}"
    else:
        advice = f"padding={together(keeps)} keeps {size}"
        fix = set_arguments(call, padding=one_or_each(keeps))
    return Finding(
        call,
        f"{subject} pads {window.padding} px in all{on_axes(grown, call.rank)} where its "
        f"kernel can use {window.span - 1}: the map grows by {window.growth}, {sizes}",
        help=advice,
        assumes_size=True,
        fix=fix,
        arguments=("padding",),
    )


over_padding.flags(
    model="self.conv1 = nn.Conv2d(1, 5, 3, padding=2)",
    input="1,28,28",
    layers=["conv1"],
    severity="warning",
)
# Padding as wide as the kernel: the corners see nothing, whatever the stride.
over_padding.flags(
    model="self.conv = nn.Conv2d(3, 8, 3, stride=2, padding=3)",
    input="1,3,32,32",
    layers=["conv"],
)
# The pad is a layer of its own.
over_padding.flags(
    model="""
        self.pad = nn.ZeroPad2d(2)
        self.conv = nn.Conv2d(3, 8, 3)
    """,
    input="1,3,32,32",
    layers=["conv"],
)
over_padding.allows(
    model="""
        # A causal convolution: padded on both sides, the end is cut off.
        self.conv = nn.Conv1d(4, 8, 3, padding=8, dilation=4)
        self.norm = nn.BatchNorm1d(8)

        def forward(self, x):
            return self.norm(self.conv(x))[:, :, :-8].relu()
    """,
    input="2,4,100",
)
over_padding.allows(
    model="""
        self.conv = nn.Conv1d(16, 16, 4, padding=3, groups=16)

        def forward(self, x):
            length = x.shape[-1]
            return self.conv(x)[..., :length]
    """,
    input="2,16,64",
)
# An even kernel that grows the map by one is even-kernel's.
over_padding.allows(
    model="self.conv = nn.Conv2d(3, 8, 4, padding=2)",
    input="1,3,32,32",
)
# Reflected values are data; and dilation uses its padding.
over_padding.allows(
    model="""
        self.pad = nn.ReflectionPad2d(2)
        self.conv = nn.Conv2d(3, 8, 3)
        self.wide = nn.Conv2d(8, 8, 3, padding=6, dilation=6)
    """,
    input="1,3,32,32",
)
# One pad for two valid convolutions.
over_padding.allows(
    model="""
        self.pad = nn.ZeroPad2d(2)
        self.conv1 = nn.Conv2d(3, 8, 3)
        self.conv2 = nn.Conv2d(8, 8, 3)

        def forward(self, x):
            return self.conv2(self.conv1(self.pad(x)).relu())
    """,
    input="1,3,32,32",
)
