"""The rule input-size-fixed."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from modellint import Finding, Graph, Skip, rule
from modellint.contracts.admitted import grouped
from modellint.contracts.contract import accepted, beside, sized_axes
from modellint.facts.flattening import Flattened, flattened, sized_by_input
from modellint.facts.pooling import pooled
from modellint.facts.wording import describe, times


@rule("advice")
def input_size_fixed(graph: Graph) -> Iterator[Finding | Skip]:
    """A flatten ties the model to one size of its input.

    A linear layer takes the positions of a map as features, and has a weight for each of them. The
    map's size follows from the input's, so that only inputs of the size which the layer was made
    for fit. The finding names the layer, the map that it reads, and the sizes that the model then
    accepts.

    **Why it matters.** Images of another size must be scaled or cropped to fit, at training and
    ever after, and the model says so only by an error. Global pooling in place of the flatten takes
    any size and needs no weight a position (Lin et al., ICLR 2014, arXiv 1312.4400).

    **When it is fine.** Where the size is given by the task, as for digits of 28×28. Silent: a
    linear layer on the input itself, one that mixes the positions of each channel alone (an
    MLP-Mixer's), maps of a single position, and maps behind an adaptive pool or an interpolation to
    a stated size, which accept any input. There are no options.
    """
    linear = [call for call in graph.calls("linear") if call.outputs]
    if not linear:
        return
    fixed = None
    for call in linear:
        found = flattened(graph, call)
        if found is None or found.count < 2 or found.raw or not found.followed:
            continue
        # Positions alone, a channel at a time, are what a mixer is made to mix.
        mixes = found.channels == 1 and prod(found.map.output.example[1:]) > found.count
        if mixes or not sized_by_input(graph, found.map):
            continue
        if fixed is None:
            fixed = {axis: sizes for axis, sizes in sized_axes(graph) if sizes.max is not None}
        if not fixed:
            return
        shape = times((found.channels, *found.positions))
        yield Finding(
            call,
            f"{describe(call)} reads a flattened {shape} map, which ties the model to inputs with "
            f"{grouped(fixed.items(), beside(graph))}{_because(graph)}",
            help=_help(found),
            fix=pooled(graph, call, found, found.positions),
        )


def _because(graph: Graph) -> str:
    """What ties several sizes together, in the terms of the contract."""
    joint = [condition for condition in accepted(graph).joint if " == " in condition]
    return f" (the sizes must satisfy {' and '.join(joint)})" if joint else ""


def _help(found: Flattened) -> str:
    rank = len(found.positions)
    size = found.positions[0] if len(set(found.positions)) == 1 else found.positions
    return (
        f"nn.AdaptiveAvgPool{rank}d({size}) before the flatten takes other sizes and keeps the "
        f"weights; nn.AdaptiveAvgPool{rank}d(1) makes in_features "
        f"{prod(found.positions) * found.channels} → {found.channels}"
    )


_NET = """
    self.conv = nn.Conv2d(1, 6, 3, padding=1)
    self.pool = {pool}
    self.fc = nn.Linear(6 * 14 * 14, 10)

    def forward(self, x):
        return self.fc({flatten})
"""
_FLATTEN = "self.pool(self.conv(x)).flatten(1)"
_VIEW = "self.pool(self.conv(x)).view(-1, 6 * 14 * 14)"

input_size_fixed.flags(
    model=_NET.format(pool="nn.MaxPool2d(2)", flatten=_FLATTEN),
    input="1,1,28,28",
    layers=["fc"],
    severity="info",
)
input_size_fixed.flags(
    model=_NET.format(pool="nn.MaxPool2d(2)", flatten=_VIEW),
    input="1,1,28,28",
    layers=["fc"],
)
input_size_fixed.flags(
    model="""
        self.conv = nn.Conv1d(1, 4, 5)
        self.head = nn.Sequential(nn.ReLU(), nn.Flatten(), nn.Dropout(), nn.Linear(4 * 60, 2))
    """,
    input="8,1,64",
    layers=["head.3"],
)
input_size_fixed.allows(
    model=_NET.format(pool="nn.AdaptiveAvgPool2d(14)", flatten=_FLATTEN),
    input="1,1,28,28",
)
input_size_fixed.allows(
    model=_NET.format(
        pool="nn.MaxPool2d(2)",
        flatten="nn.functional.interpolate(self.conv(x), size=(14, 14)).flatten(1)",
    ),
    input="1,1,28,28",
)
# Global pooling leaves a single position.
input_size_fixed.allows(
    model="""
        self.conv = nn.Conv2d(1, 6, 3, padding=1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(6, 10)

        def forward(self, x):
            return self.fc(self.pool(self.conv(x)).flatten(1))
    """,
    input="1,1,28,28",
)
# A linear layer on the input itself has no map to pool, and a generator's makes one.
input_size_fixed.allows(
    model="""
        self.encode = nn.Linear(28 * 28, 32)
        self.decode = nn.Linear(32, 4 * 7 * 7)
        self.rise = nn.ConvTranspose2d(4, 1, 4, stride=4)

        def forward(self, x):
            code = self.encode(x.flatten(1)).relu()
            return self.rise(self.decode(code).view(-1, 4, 7, 7))
    """,
    input="1,1,28,28",
)
# Tokens are mixed on purpose.
input_size_fixed.allows(
    model="""
        self.patches = nn.Conv2d(3, 8, 4, stride=4)
        self.mix = nn.Linear(64, 64)

        def forward(self, x):
            return self.mix(self.patches(x).flatten(2))
    """,
    input="1,3,32,32",
)
