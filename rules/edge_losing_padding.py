"""The rule edge-losing-padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from modellint import Finding, Graph, Skip, rule
from modellint.facts.wording import AXES, describe, on_axes, resized, spatial, times, together
from modellint.fixes import Fix, one_or_each, set_arguments
from modellint.geometry import Trim, Window, border_influence, trims, windows


@rule("suspicious")
def edge_losing_padding(
    graph: Graph, *, layer_trim: float = 0.05, total_trim: float = 0.10
) -> Iterator[Finding | Skip]:
    """A convolution without padding, or with too little, trims a notable part of its map.

    Looked at are convolutions with nothing padded before them and an effective kernel that is wider
    than the stride and the padding of both ends by 2 at least (`e - s - P >= 2`), so that the
    outermost pixels are read by fewer windows than the others: a 5×5 without padding, and one with
    padding 1. A layer is reported if it trims `(e - s - P) / n >= layer_trim` of an axis; otherwise
    the first such layer of a path is, if the path's trims add up to `total_trim`.
    Below both, one remark tells how much there is in all. The message gives the sizes, how often a
    border pixel is read against an inner one, and, for the whole model, the border's influence:
    the weight of the outermost pixel against the mean pixel if every window passed its weight on
    evenly.

    **Why it matters.** What lies at the edge of the image counts less, and deep stacks of valid
    convolutions use up the map: two 3×3 take 4 of 28 pixels an axis. How pads decide what borders
    are worth is measured in Alsallakh et al., ICLR 2021, arXiv 2010.02178.

    **When it is fine** (silent): patches (`e == s`), a 3×3 with stride 2, reflected or replicated
    padding before a valid convolution, kernels as large as the map, trims too small to matter.
    Ignore it where the map has a margin on purpose, as in the original U-Net's overlapping tiles.

    **Options.** `layer_trim` and `total_trim`, parts of an axis.
    """
    found = trims(graph)
    if not found:
        return
    large = [trim for trim in found if trim.share >= layer_trim]
    heaviest = max(trim.total for trim in found)
    first = next(trim for trim in found if trim.total == heaviest)
    for trim in found:
        if trim in large or (trim is first and heaviest >= total_trim):
            also = [other for other in found if other not in large] if trim is first else []
            yield _finding(graph, trim, first, also)
    if not large and heaviest < total_trim:
        told, _ = _help(found[0])
        changes = [change for trim in found for change in _help(trim)[1].changes]
        others = f" and {len(found) - 1} more trim" if len(found) > 1 else " trims"
        yield Finding(
            found[0].call,
            f"{describe(found[0].call)}{others} the map's border: "
            f"{_percent(heaviest)} of an axis along one path",
            help=told,
            fix=Fix("padding that keeps the size", changes),
            assumes_size=True,
            severity="info",
        )


def _finding(graph: Graph, trim: Trim, first: Trim, also: Sequence[Trim]) -> Finding:
    """The finding of a layer; `also` are those that it stands for, each too little by itself."""
    call = trim.call
    axes = _axes(trim)
    window = axes[trim.axes[0]]
    counts = window.readers()
    few = "window" if counts[0] == 1 else "windows"
    message = (
        f"{describe(call)} trims {_amount(trim)}: {resized(call)}; "
        f"border pixels are read by {counts[0]} {few} in {max(counts)}"
    )
    if trim is first and trim.total > trim.share:
        message += f"; along its path such layers take {_percent(trim.total)} of an axis"
    if trim is first:
        influence = [value for value in border_influence(graph) if value is not None]
        if influence:
            message += (
                f"; over the whole model a border pixel counts {min(influence):.2g} of the mean"
            )
    told, fix = _help(trim)
    more = [_help(other)[1] for other in also if other is not trim]
    fix = fix._replace(changes=[change for one in (fix, *more) for change in one.changes])
    return Finding(
        call, message, help=told, assumes_size=True, fix=fix, arguments=("padding", "kernel_size")
    )


def _axes(trim: Trim) -> tuple[Window, ...]:
    axes = windows(trim.call)
    assert axes is not None
    return axes


def _amount(trim: Trim) -> str:
    """What is trimmed: e - s - P + r pixels an axis, half of them a side where that is whole."""
    axes = [_axes(trim)[axis] for axis in trim.axes]
    lost = [axis.span - axis.s - axis.padding + axis.remainder for axis in axes]
    rank = trim.call.rank
    if len(set(lost)) == 1 and lost[0] % 2 == 0 and axes[0].s == 1:
        sides = "every side" if rank > 1 and len(lost) == rank else "both ends"
        return f"{lost[0] // 2} px from {sides}{on_axes(trim.axes, rank)}"
    names = AXES[rank]
    return ", ".join(
        f"{pixels} px of {names[axis]}" for pixels, axis in zip(lost, trim.axes, strict=True)
    )


def _help(trim: Trim) -> tuple[str, Fix]:
    """What keeps the size of the map, in words and as a change."""
    call, axes = trim.call, _axes(trim)
    before = times(spatial(call, call.input.output))
    if any(axes[axis].s == 1 and axes[axis].span % 2 == 0 for axis in trim.axes):
        odd = [axis.k - 1 if axis.span % 2 == 0 else axis.k for axis in axes]
        keeps = [axis.d * (k - 1) // 2 for axis, k in zip(axes, odd, strict=True)]
        kernel, pads = one_or_each(odd), one_or_each(keeps)
        told = f"a {times(odd)} kernel with padding={together(keeps)} keeps {before}"
        return told, set_arguments(call, kernel_size=kernel, padding=pads)
    # ceil((e - s) / 2) a side: n / s positions come out, rounded up or down.
    padding = [
        (axis.span - axis.s + 1) // 2 if at in trim.axes else axis.begin
        for at, axis in enumerate(axes)
    ]
    after = [
        (axis.n + 2 * pad - axis.span) // axis.s + 1
        for axis, pad in zip(axes, padding, strict=True)
    ]
    does = "keeps" if all(axis.s == 1 for axis in axes) else "gives"
    fix = set_arguments(call, padding=one_or_each(padding))
    return f"padding={together(padding)} {does} {times(after)}", fix


def _percent(share: Fraction) -> str:
    return f"{100 * float(share):.1f} %"


edge_losing_padding.flags(
    model="""
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(16 * 5 * 5, 10)

        def forward(self, x):
            x = self.pool(self.conv1(x).relu())
            x = self.pool(self.conv2(x).relu())
            return self.fc(x.flatten(1))
    """,
    input="1,1,32,32",
    layers=["conv1", "conv2"],
    severity="warning",
)
edge_losing_padding.flags(
    model="""
        self.conv1 = nn.Conv2d(1, 8, 3)
        self.conv2 = nn.Conv2d(8, 8, 3)

        def forward(self, x):
            return self.conv2(self.conv1(x).relu())
    """,
    input="1,1,28,28",
    layers=["conv1", "conv2"],
)
# Each layer takes little, the path takes 12 %: said once, at its first layer.
edge_losing_padding.flags(
    model="""
        self.convs = nn.ModuleList(nn.Conv2d(1, 1, 3) for _ in range(6))

        def forward(self, x):
            for conv in self.convs:
                x = conv(x).relu()
            return x
    """,
    input="1,1,100,100",
    layers=["convs.0"],
    severity="warning",
)
# Too little to matter: a remark.
edge_losing_padding.flags(
    model="""
        self.conv1 = nn.Conv2d(3, 8, 3)
        self.conv2 = nn.Conv2d(8, 8, 3)

        def forward(self, x):
            return self.conv2(self.conv1(x).relu())
    """,
    input="1,3,224,224",
    layers=["conv1"],
    severity="info",
)
edge_losing_padding.flags(
    model="self.conv = nn.Conv1d(4, 8, 9)",
    input="1,4,200",
    layers=["conv"],
    layer_trim=0.02,
)
# Padding that is there and too small: 45 → 43 → 41, and a dilated kernel that grew beyond it.
edge_losing_padding.flags(
    model="""
        self.conv1 = nn.Conv2d(1, 8, 5, padding=1)
        self.conv2 = nn.Conv2d(8, 8, 5, padding=1)
        self.dilated = nn.Conv2d(8, 8, 3, padding=1, dilation=3)

        def forward(self, x):
            return self.dilated(self.conv2(self.conv1(x).relu()).relu())
    """,
    input="1,1,45,45",
    layers=["conv1", "dilated"],
    severity="warning",
)
# Patches, a 3×3 with stride 2, padding that keeps the size, a kernel as large as its map.
edge_losing_padding.allows(
    model="""
        self.patches = nn.Conv2d(3, 8, 4, stride=4)
        self.halve = nn.Conv2d(8, 8, 3, stride=2)
        self.conv = nn.Conv2d(8, 8, 3, padding=1)
        self.whole = nn.Conv2d(8, 10, 7)
    """,
    input="1,3,60,60",
)
# Padding of any kind before a valid convolution.
edge_losing_padding.allows(
    model="""
        self.pad = nn.ReflectionPad2d(3)
        self.stem = nn.Conv2d(3, 8, 7)
        self.conv1 = nn.Conv2d(8, 8, 3)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1, padding_mode="replicate")

        def forward(self, x):
            x = self.stem(self.pad(x)).relu()
            return self.conv2(self.conv1(F.pad(x, (1, 1, 1, 1))))
    """,
    input="1,3,32,32",
)
