"""The rule uneven-padding."""

from __future__ import annotations

from collections.abc import Iterator

from modellint import Finding, Graph, Node, Skip, rule
from modellint.facts.wording import describe, on_axes, spatial, times
from modellint.geometry import Window, nearest_sizes, padding_before, windows


@rule("pedantic")
def uneven_padding(graph: Graph) -> Iterator[Finding | Skip]:
    """A strided convolution or pool uses its padding on one side more than on the other.

    With `r = (n + 2p - e) mod s` not zero, the windows begin in the padding but stop `r` positions
    short of its end: a 3×3 with stride 2 and padding 1 on 224 reads the zeros at the top and left,
    and none at the bottom and right. Maps whose pads are written out are not looked at.

    **Why it matters.** The grid of the outputs lies off the middle of the inputs, a little more at
    each such layer, and feature maps get lines and blind spots on one side (Alsallakh et al., ICLR
    2021, arXiv 2010.02178, who train better detectors at 1 pixel more).

    **When it is fine.** Nearly always: most classifiers do it at 224. Off unless selected. There
    are no options.
    """
    for call in graph.calls(
        "conv1d", "conv2d", "conv3d", "max_pool1d", "max_pool2d", "max_pool3d", "avg_pool1d",
        "avg_pool2d", "avg_pool3d",
    ):  # fmt: skip
        axes = windows(call)
        if axes is None:
            if call.outputs:
                yield Skip(call, "its kernel size is not known")
            continue
        uneven = [
            at
            for at, axis in enumerate(axes)
            if axis.s > 1 and axis.begin > 0 and _uneven(axis)
            and not any(padding_before(graph, call).sides[at])
        ]  # fmt: skip
        if uneven:
            yield _finding(graph, call, axes, uneven)


def _uneven(axis: Window) -> bool:
    return axis.reached != axis.begin


def _finding(graph: Graph, call: Node, axes: tuple[Window, ...], uneven: list[int]) -> Finding:
    axis = axes[uneven[0]]
    used = max(axis.reached, 0)
    fitting = [text for at in uneven if (text := _fitting(graph, call, axes[at], at))]
    padding = f"F.pad by ({axis.begin}, {used}) an axis and padding=0 say what is used"
    return Finding(
        call,
        f"{describe(call)} uses {axis.begin} px of padding at the beginning and {used} px at the "
        f"end of its {times(spatial(call, call.input.output))} map{on_axes(uneven, call.rank)}",
        help=f"with {', '.join(fitting)} both sides are alike" if fitting else padding,
    )


def _fitting(graph: Graph, call: Node, axis: Window, at: int) -> str:
    """The sizes of the input nearest to the example's with which the sides are alike."""
    size = call.input.output.shape[len(call.output.shape) - call.rank + at]
    ceil = bool(call.arguments.get("ceil_mode"))
    found = nearest_sizes(graph, size, lambda n: not _uneven(axis.at(n, ceil)))
    values = " or ".join(str(near.value) for near in found)
    return f"{found[0].symbol} = {values}" if found else ""


uneven_padding.flags(
    model="""
        self.stem = nn.Conv2d(3, 16, 7, stride=2, padding=3)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
    """,
    input="1,3,224,224",
    layers=["stem", "pool"],
    severity="info",
)
uneven_padding.allows(
    model="""
        self.stem = nn.Conv2d(3, 16, 7, stride=2, padding=3)
        self.conv = nn.Conv2d(16, 16, 3, padding=1)
        self.halve = nn.Conv2d(16, 16, 4, stride=2, padding=1)
        self.same = nn.Conv2d(16, 16, 3, stride=2)

        def forward(self, x):
            x = self.conv(self.stem(x))
            return self.same(F.pad(self.halve(x[:, :, 1:, 1:]), (0, 1, 0, 1)))
    """,
    input="1,3,225,225",
)
