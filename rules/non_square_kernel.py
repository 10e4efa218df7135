"""The rule non-square-kernel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modellint import Finding, Graph, Node, Skip, rule
from modellint.facts.wording import describe, times
from modellint.fixes import Fix, one_or_each, set_arguments
from modellint.geometry import Window, neighbours, windows


@rule("pedantic")
def non_square_kernel(graph: Graph) -> Iterator[Finding | Skip]:
    """A convolution over a two-dimensional map has a kernel that is not square.

    Silent where a convolution next to it has the transposed kernel, as the 1×7 and 7×1 of Inception
    do: in a row, side by side on one map, or joined afterwards. Silent, too, where the map has only
    one row or column, and where the kernel covers a whole axis, as over the width of embeddings.

    **Why it matters.** Such a layer sees further along one axis than along the other. For images
    that is rarely meant; a slip in `(kh, kw)` looks the same.

    **When it is fine.** Where the axes mean different things: time and frequency, time and sensor.
    Off unless selected. There are no options.
    """
    for call in graph.calls("conv2d"):
        axes = windows(graph.first_like(call))
        if axes is None:
            if call.outputs:
                yield Skip(call, "its kernel size is not known")
            continue
        height, width = (axis.k for axis in axes)
        if height == width or any(axis.n == 1 or axis.span >= axis.n for axis in axes):
            continue
        if any(other.kernel == (width, height) for other in neighbours(graph, call)):
            continue
        largest = max(height, width)
        yield Finding(
            call,
            f"{describe(call)} sees {height} rows and {width} columns of its "
            f"{times(axis.n for axis in axes)} map, and no {width}×{height} convolution is next "
            f"to it",
            help=f"a {largest}×{largest} kernel, or a {width}×{height} convolution behind it, "
            f"sees the same along both axes",
            fix=_square(call, axes, largest),
        )


def _square(call: Node, axes: Sequence[Window], largest: int) -> Fix:
    """A kernel as wide as high, with the padding that leaves the map as it is."""
    padding = [axis.begin + axis.d * (largest - axis.k) // 2 for axis in axes]
    return set_arguments(call, kernel_size=largest, padding=one_or_each(padding))


non_square_kernel.flags(
    model="""
        self.conv1 = nn.Conv2d(3, 8, (3, 5), padding=(1, 2))
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1)

        def forward(self, x):
            return self.conv2(self.conv1(x).relu())
    """,
    input="1,3,32,32",
    layers=["conv1"],
    severity="info",
)
# In a row, and side by side.
non_square_kernel.allows(
    model="""
        self.row = nn.Conv2d(3, 8, (1, 7), padding=(0, 3))
        self.norm = nn.BatchNorm2d(8)
        self.column = nn.Conv2d(8, 8, (7, 1), padding=(3, 0))
        self.across = nn.Conv2d(8, 8, (1, 3), padding=(0, 1))
        self.down = nn.Conv2d(8, 8, (3, 1), padding=(1, 0))

        def forward(self, x):
            x = self.column(self.norm(self.row(x)).relu()).relu()
            return torch.cat([self.across(x), self.down(x)], 1)
    """,
    input="1,3,32,32",
)
# A text classifier's windows over words, and a signal in two dimensions.
non_square_kernel.allows(
    model="""
        self.words = nn.Conv2d(1, 8, (3, 50))
        self.signal = nn.Conv2d(8, 8, (5, 1), padding=(2, 0))

        def forward(self, x):
            return self.signal(self.words(x).relu())
    """,
    input="1,1,40,50",
)
