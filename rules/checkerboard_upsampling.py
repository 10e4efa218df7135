"""The rule checkerboard-upsampling."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from modellint import Finding, Graph, Node, Skip, rule
from modellint.facts.remedies import cropping
from modellint.facts.wording import describe, on_axes, spatial, times, together
from modellint.fixes import Fix, one_or_each, set_arguments


@rule("advice")
def checkerboard_upsampling(graph: Graph) -> Iterator[Finding | Skip]:
    """A transposed convolution overlaps its own output unevenly.

    With stride `s` the output's positions fall into `s` classes by their remainder, and tap `j`
    reaches those with remainder `j·d mod s`. Where the classes get different numbers of taps
    (without dilation: where the kernel is no multiple of the stride), neighbouring positions are
    sums of different numbers of terms, in a regular pattern.

    **Why it matters.** The pattern shows as a checkerboard in what is generated and in the
    gradients, and training has to learn it away (Odena et al., Distill 2016,
    doi 10.23915/distill.00003).

    **When it is fine.** Where later layers smooth it and nobody looks at the result. A stride of 1
    and maps of one position along the axis are silent. There are no options.
    """
    for call in graph.calls("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"):
        kernel = call.kernel
        if kernel is None:
            if call.outputs:
                yield Skip(call, "its kernel size is not known")
            continue
        sizes = spatial(call, call.input.output)
        uneven = [
            at
            for at, (k, s, d, n) in enumerate(
                zip(kernel, call.stride, call.dilation, sizes, strict=True)
            )
            if s > 1 and n > 1 and len(set(_taps(k, s, d))) > 1
        ]
        if uneven:
            yield _finding(call, kernel, uneven)


def _taps(k: int, s: int, d: int) -> list[int]:
    """How many taps reach the outputs of each remainder."""
    counts = Counter(tap * d % s for tap in range(k))
    return [counts[rest] for rest in range(s)]


def _finding(call: Node, kernel: Sequence[int], uneven: list[int]) -> Finding:
    at = uneven[0]
    counts = _taps(kernel[at], call.stride[at], call.dilation[at])
    often = " and ".join(map(str, sorted(set(counts))))
    told, fix = _help(call, kernel, uneven)
    gaps = "; those without a tap hold the bias alone" if not min(counts) else ""
    return Finding(
        call,
        f"{describe(call)}: its outputs are reached by {often} taps in turn"
        f"{on_axes(uneven, call.rank)}, in a pattern that repeats every {call.stride[at]} px"
        f"{gaps}",
        help=told,
        fix=fix,
        arguments=("kernel_size",),
    )


def _help(call: Node, kernel: Sequence[int], uneven: Sequence[int]) -> tuple[str, Fix | None]:
    """The next kernel that fits, with the padding that keeps the output's size."""
    resize = "or resize, then a convolution with stride 1"
    if any(call.dilation[at] > 1 for at in uneven):
        return f"without dilation, a kernel that is a multiple of the stride; {resize}", None
    fit = list(kernel)
    padding = [begin for begin, _ in call.padding]
    more = list(call.per_axis("output_padding", 0))
    for at in uneven:
        s = call.stride[at]
        fit[at] = -(-kernel[at] // s) * s
        # What the kernel gains is cut off again.
        padding[at], more[at] = cropping(fit[at] - kernel[at] + 2 * padding[at] - more[at])
    after = times(spatial(call, call.output))
    was = list(call.per_axis("output_padding", 0))
    extra = f", output_padding={together(more)}" if any(more) or more != was else ""
    told = (
        f"a {times(fit)} kernel with padding={together(padding)}{extra} gives {after} as now; "
        f"{resize}"
    )
    values = {"kernel_size": one_or_each(fit), "padding": one_or_each(padding)}
    if more != was:
        values["output_padding"] = one_or_each(more)
    return told, set_arguments(call, **values)


checkerboard_upsampling.flags(
    model="""
        self.up1 = nn.ConvTranspose2d(8, 8, 3, stride=2, padding=1, output_padding=1)
        self.up2 = nn.ConvTranspose2d(8, 3, (4, 5), stride=2, padding=1)

        def forward(self, x):
            return self.up2(self.up1(x).relu())
    """,
    input="1,8,16,16",
    layers=["up1", "up2"],
    severity="info",
)
# Dilation puts all taps onto the even positions.
checkerboard_upsampling.flags(
    model="self.up = nn.ConvTranspose1d(8, 8, 4, stride=2, dilation=2)",
    input="1,8,16",
    layers=["up"],
)
checkerboard_upsampling.allows(
    model="""
        # The generator of a GAN.
        self.first = nn.ConvTranspose2d(100, 64, 4)
        self.up1 = nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1)
        self.up2 = nn.ConvTranspose2d(32, 16, 2, stride=2)
        self.up3 = nn.ConvTranspose2d(16, 8, 2, stride=2, dilation=3)
        self.last = nn.ConvTranspose2d(8, 3, 3, padding=1)

        def forward(self, z):
            x = self.first(z[:, :, None, None])
            return self.last(self.up3(self.up2(self.up1(x))))
    """,
    input="2,100",
)
# A single position overlaps with none.
checkerboard_upsampling.allows(
    model="""
        self.first = nn.ConvTranspose2d(100, 64, 7, stride=2)

        def forward(self, z):
            return self.first(z[:, :, None, None])
    """,
    input="2,100",
)
