"""The rule asymmetric-same."""

from __future__ import annotations

from collections.abc import Iterator

from modellint import Finding, Graph, Node, Skip, rule
from modellint.facts.wording import describe, on_axes, times, together
from modellint.fixes import one_or_each, set_arguments
from modellint.geometry import Window, convolutions


@rule("advice")
def asymmetric_same(graph: Graph) -> Iterator[Finding | Skip]:
    """A convolution with padding="same" has an even kernel, which cannot be padded evenly.

    What counts is the effective size `e = d(k - 1) + 1`. To keep the map's size, `e - 1` positions
    are padded in all; where that is odd, PyTorch puts the odd one at the end.

    **Why it matters.** The outputs lie half a pixel off the inputs, and stacked layers drift
    towards one corner (Wu et al., NeurIPS 2019, arXiv 1903.08385). PyTorch pads in a step of its
    own then, which copies the whole input, and warns about it at run time.

    **When it is fine.** In a port of a TensorFlow model, whose SAME padding does the same: its
    weights expect it. There are no options.
    """
    for call, axes in convolutions(graph):
        if axes is None:
            if call.outputs and call.arguments.get("padding") == "same":
                yield Skip(call, "its kernel size is not known")
            continue
        # No other padding of an operation's own has unequal sides.
        uneven = [at for at, axis in enumerate(axes) if axis.begin != axis.end]
        if uneven:
            yield _finding(call, axes, uneven)


def _finding(call: Node, axes: tuple[Window, ...], uneven: list[int]) -> Finding:
    axis = axes[uneven[0]]
    odd = [axis.k + (axis.begin != axis.end) for axis in axes]
    even = [axis.d * (k - 1) // 2 for axis, k in zip(axes, odd, strict=True)]
    return Finding(
        call,
        f"{describe(call)} pads {axis.begin} px at the beginning and {axis.end} px at the end"
        f"{on_axes(uneven, call.rank)}: its outputs lie half a pixel off its inputs, and the "
        f"input is copied to be padded",
        fix=set_arguments(call, kernel_size=one_or_each(odd), padding=one_or_each(even)),
        help=f"a {times(odd)} kernel with padding={together(even)} keeps "
        f"{times(axis.n for axis in axes)} and its middle",
    )


asymmetric_same.flags(
    model="""
        self.conv1 = nn.Conv2d(3, 8, 4, padding="same")
        self.conv2 = nn.Conv2d(8, 8, (3, 2), padding="same", dilation=3)
    """,
    input="1,3,32,32",
    layers=["conv1", "conv2"],
    severity="info",
)
asymmetric_same.allows(
    model="""
        self.conv1 = nn.Conv2d(3, 8, 5, padding="same")
        self.conv2 = nn.Conv2d(8, 8, 2, padding="same", dilation=2)
        self.conv3 = nn.Conv2d(8, 8, 4, padding=1)
    """,
    input="1,3,32,32",
)
