"""The rule pointwise-padding."""

from __future__ import annotations

from collections.abc import Iterator

from modellint import Finding, Graph, Skip, rule
from modellint.facts.wording import describe, on_axes, resized
from modellint.fixes import one_or_each, set_arguments
from modellint.geometry import convolutions, slices_after


@rule("correctness", supersedes=["over-padding"])
def pointwise_padding(graph: Graph) -> Iterator[Finding | Skip]:
    """A convolution whose kernel is one pixel wide pads its input.

    A 1×1 kernel looks at no neighbour, so a padded position gives an output that was computed from
    zeros alone: the map gets a frame that holds nothing but the bias. The same goes for one axis
    of a 1×k kernel. Usually a `padding=1` was left over from a 3×3 layer. Only zero padding
    counts, the convolution's own.

    **Why it matters.** The frame carries no information, costs time in every later layer, shifts
    the map by its width and lets later layers see where the border is.

    **When it is fine.** Where a slice right behind the layer takes the frame off again: the rule is
    silent then. There are no options.
    """
    for call, axes in convolutions(graph):
        if axes is None:
            if call.outputs:
                yield Skip(call, "its kernel size is not known")
            continue
        if not any(window.k == 1 and window.padding for window in axes):
            continue
        cut = slices_after(graph, call)
        framed = [
            axis
            for axis, window in enumerate(axes)
            if window.k == 1 and (window.begin > cut[axis][0] or window.end > cut[axis][1])
        ]
        if not framed:
            continue
        holds = "the bias" if call.arguments.get("bias") is not None else "zeros"
        where = on_axes(framed, call.rank)
        padding = one_or_each(
            [0 if axis in framed else window.begin for axis, window in enumerate(axes)]
        )
        yield Finding(
            call,
            f"{describe(call)} pads a kernel of one pixel{where}: {resized(call)}; "
            f"the added frame holds only {holds}",
            help=f"padding={padding} leaves the frame out",
            fix=set_arguments(call, padding=padding),
        )


pointwise_padding.flags(
    model="""
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.mix = nn.Conv2d(8, 16, 1, padding=1)

        def forward(self, x):
            return self.mix(self.conv(x).relu())
    """,
    input="1,3,32,32",
    layers=["mix"],
    severity="error",
)
pointwise_padding.flags(
    model="""
        self.shortcut = nn.Conv2d(3, 8, 1, stride=2, padding=1)
        self.row = nn.Conv2d(8, 8, (1, 3), padding=1)
    """,
    input="1,3,32,32",
    layers=["shortcut", "row"],
)
pointwise_padding.allows(
    model="""
        self.mix = nn.Conv2d(3, 8, 1)
        self.row = nn.Conv2d(8, 8, (1, 3), padding=(0, 1))
    """,
    input="1,3,32,32",
)
# The frame is taken off again.
pointwise_padding.allows(
    model="""
        self.mix = nn.Conv1d(4, 8, 1, padding=1)

        def forward(self, x):
            return self.mix(x)[:, :, 1:-1]
    """,
    input="1,4,50",
)
# Wrapped and reflected values are data, not zeros.
pointwise_padding.allows(
    model='self.mix = nn.Conv2d(3, 8, 1, padding=1, padding_mode="circular")',
    input="1,3,32,32",
)
