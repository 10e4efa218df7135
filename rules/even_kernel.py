"""The rule even-kernel."""

from __future__ import annotations

from collections.abc import Iterator

from modellint import Finding, Graph, Node, Skip, rule
from modellint.facts.wording import describe, on_axes, resized, spatial, times, together
from modellint.fixes import one_or_each, set_arguments
from modellint.geometry import (
    Window,
    convolutions,
    drift,
    ends_in_global_max,
    padding_before,
    slices_after,
)


@rule("suspicious")
def even_kernel(graph: Graph) -> Iterator[Finding | Skip]:
    """A convolution with stride 1 has a kernel of even size.

    What counts is the effective size `e = d(k - 1) + 1`; an even `k` with an even dilation is odd.
    An even window has no middle pixel: its outputs lie half a pixel off its inputs, and with the
    same padding on both sides the map shrinks or grows by an odd number. `padding=k // 2` gives
    n + 1.

    **Why it matters.** The shift adds up from layer to layer and squeezes features towards one
    corner (Wu et al., NeurIPS 2019, arXiv 1903.08385), and a map of another size no longer adds to
    its shortcut.

    **When it is fine** (silent): strides above 1, where an even kernel can be exact (k4 s2 p1
    halves; patches); a kernel as large as its map; a pad of unequal sides before, or a slice
    behind, that keeps the size; `padding="same"`, which pads unequally itself; shifts that cancel
    before the next sum or concatenation, as a 4×4 with padding 1 and one with padding 2; a kernel
    over a sequence whose maximum over time follows, as in text classifiers, where positions no
    longer matter. Transposed convolutions and pools are not looked at. There are no options.
    """
    for call, axes in convolutions(graph):
        if axes is None:
            if call.outputs:
                yield Skip(call, "its kernel size is not known")
            continue
        if all(window.span % 2 or window.s > 1 for window in axes):
            continue
        before, cut = padding_before(graph, call).sides, slices_after(graph, call)
        even = [
            axis
            for axis, window in enumerate(axes)
            if window.span % 2 == 0
            and window.s == 1
            and not _keeps_size(window, before[axis], cut[axis])
            and not (window.span == window.n and not window.padding)
            and not drift(graph, call, axis).straight
            and not (not window.padding and ends_in_global_max(graph, call, axis))
        ]
        if even:
            yield _finding(call, axes, even)


def _keeps_size(window: Window, before: tuple[int, int], cut: tuple[int, int]) -> bool:
    return window.growth + sum(before) - sum(cut) == 0


def _finding(call: Node, axes: tuple[Window, ...], even: list[int]) -> Finding:
    window = axes[even[0]]
    effect = "grows" if window.growth > 0 else "shrinks"
    half = f"padding={window.begin} gives n + 1" if window.growth == 1 else (
        f"the map {effect} by {abs(window.growth)}"
    )  # fmt: skip
    size = times(spatial(call, call.input.output))
    # Axes whose shift another layer cancels are advised too: an odd kernel needs no such luck.
    odd = [axis.k + (axis.span % 2 == 0 and axis.s == 1) for axis in axes]
    keeps = [axis.d * (k - 1) // 2 for axis, k in zip(axes, odd, strict=True)]
    pads = [side for axis in reversed(axes) for side in ((axis.span - 1) // 2, axis.span // 2)]
    return Finding(
        call,
        f"{describe(call)} has an even kernel at stride 1{on_axes(even, call.rank)}: its outputs "
        f"lie half a pixel off its inputs and {half}, {resized(call)}",
        help=f"a {times(odd)} kernel with padding={together(keeps)} keeps {size}; so does "
        f"F.pad(x, {tuple(pads)}) before it with padding=0",
        fix=set_arguments(call, kernel_size=one_or_each(odd), padding=one_or_each(keeps)),
    )


even_kernel.flags(
    model="""
        self.conv = nn.Conv2d(3, 8, 4, padding=1)
        self.fc = nn.Linear(8, 10)

        def forward(self, x):
            return self.fc(self.conv(x).relu().mean((2, 3)))
    """,
    input="1,3,32,32",
    layers=["conv"],
    severity="warning",
)
even_kernel.flags(
    model="""
        self.grows = nn.Conv2d(3, 8, 4, padding=4 // 2)
        self.row = nn.Conv2d(8, 8, (1, 2))
        self.dilated = nn.Conv2d(8, 8, 2, dilation=3, padding=1)
    """,
    input="1,3,32,32",
    layers=["grows", "row", "dilated"],
)
# The shifts cancel only after the sum.
even_kernel.flags(
    model="""
        self.conv1 = nn.Conv2d(3, 8, 2, padding=1)
        self.conv2 = nn.Conv2d(3, 8, 4, padding=2)
        self.conv3 = nn.Conv2d(8, 8, 2)

        def forward(self, x):
            return self.conv3(self.conv1(x) + self.conv2(x))
    """,
    input="1,3,32,32",
    layers=["conv1", "conv2", "conv3"],
)
# Strided kernels and patches choose their own grid.
even_kernel.allows(
    model="""
        self.patches = nn.Conv2d(3, 8, 4, stride=4)
        self.halve = nn.Conv2d(8, 8, 4, stride=2, padding=1)
        self.third = nn.Conv2d(8, 8, 4, stride=3, padding=1)
        self.up = nn.ConvTranspose2d(8, 8, 4, stride=1)
        self.whole = nn.Conv2d(8, 10, 6)

        def forward(self, x):
            x = self.halve(self.patches(x))
            return self.whole(self.up(self.third(x)))
    """,
    input="1,3,64,64",
)
even_kernel.allows(
    model="""
        self.pad = nn.ZeroPad2d((1, 0, 1, 0))
        self.conv1 = nn.Conv2d(3, 8, 4, padding=1)
        self.conv2 = nn.Conv2d(8, 8, 2)
        self.same = nn.Conv2d(8, 8, 4, padding="same")

        def forward(self, x):
            x = self.conv1(self.pad(x)).relu()
            return self.same(self.conv2(F.pad(x, (0, 1, 0, 1))))
    """,
    input="1,3,32,32",
)
# Two half-pixel shifts against each other.
even_kernel.allows(
    model="""
        self.conv1 = nn.Conv2d(8, 8, 4, padding=1)
        self.conv2 = nn.Conv2d(8, 8, 4, padding=2)

        def forward(self, x):
            return x + self.conv2(self.conv1(x).relu())
    """,
    input="1,8,32,32",
)
# Causal, with a chomp; and an even dilation makes the window odd.
even_kernel.allows(
    model="""
        self.conv = nn.Conv1d(4, 8, 2, padding=1)
        self.dilated = nn.Conv1d(8, 8, 2, padding=2, dilation=4)

        def forward(self, x):
            return self.dilated(self.conv(x)[:, :, :-1].relu())
    """,
    input="2,4,100",
)
# Convolutions over words, then the maximum over time.
even_kernel.allows(
    model="""
        def __init__(self, width=16):
            super().__init__()
            self.embedding = nn.Embedding(100, width)
            self.convs = nn.ModuleList(nn.Conv2d(1, 8, (k, width)) for k in (3, 4, 5))
            self.fc = nn.Linear(24, 2)

        def forward(self, x):
            x = self.embedding(x).unsqueeze(1)
            found = [F.relu(conv(x)).squeeze(3) for conv in self.convs]
            return self.fc(torch.cat([F.max_pool1d(y, y.size(2)).squeeze(2) for y in found], 1))
    """,
    input="2,40:int64",
)
