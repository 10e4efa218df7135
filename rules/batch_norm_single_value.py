"""The rule batch-norm-single-value."""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd

from modellint import Finding, Graph, Node, Skip, rule
from modellint.facts.wording import named
from modellint.fixes import Fix, Instead
from modellint.graph.operations import ADAPTIVE_POOLS, ELEMENTWISE, RESHAPES, varying_inputs


@rule("suspicious")
def batch_norm_single_value(graph: Graph) -> Iterator[Finding | Skip]:
    """A batch norm sees one value a channel at batch size 1, so that training raises.

    Behind a global pooling a map has one position, and a batch norm over `(N, C, 1, 1)` computes
    each channel's mean and variance of N values. On feature vectors `(N, C)` that come straight
    from a pooling it is a remark (`info`); behind a linear layer a norm over the batch is what its
    author asked for, and nothing is said.

    **Why it matters.** With one sample in a batch PyTorch raises "Expected more than 1 value per
    channel when training": for large images, or when the last batch of an epoch has a single
    sample. With few samples the statistics are noise: of two values each is always ±1 after the
    norm, whatever they are (Wu and He, ECCV 2018, arXiv 1803.08494, on small batches).

    **When it is fine.** Where batches are large and the last one is dropped. Maps whose size
    becomes 1×1 for one input size only are not reported. There are no options.
    """
    batches = {given.axes[0] for given in graph.inputs if given.axes}
    for call in graph.calls("batch_norm"):
        if call.index not in graph.varying or not call.outputs:
            continue
        samples, channels, *positions = call.input.output.symbolic
        if (samples != 1 and samples not in batches) or any(size != 1 for size in positions):
            continue
        if not call.input.output.known:
            yield Skip(call, "its input's sizes are known for the example only")
            continue
        pooled = _pooled(graph, call)
        if not positions and pooled is None:
            continue
        yield _finding(call, pooled, channels, bool(positions))


def _pooled(graph: Graph, call: Node) -> Node | None:
    """The pooling whose result reaches a norm through steps that keep each value to itself."""
    node = call
    while True:
        sources = varying_inputs(graph, node)
        if len(sources) != 1:
            return None
        node = sources[0]
        if node.op in ADAPTIVE_POOLS or node.op in ("mean", "amax"):
            return node
        if node.op not in ELEMENTWISE and node.op not in RESHAPES:
            return None


_BATCHES = "train with batches of at least 2 samples (drop_last=True)"


def _finding(call: Node, pooled: Node | None, channels: int | str, is_map: bool) -> Finding:
    samples = call.input.output.symbolic[0]
    advice = _BATCHES
    fix = None
    if isinstance(channels, int):
        norm = f"nn.GroupNorm({gcd(channels, 32)}, {channels})"
        advice += f"; or {norm}, which needs no other sample"
        fix = Fix(norm, [Instead(call, None, norm)], otherwise=_BATCHES)
    return Finding(
        call,
        f"{named(call)} normalises {call.input.output}: it sees {samples} values a channel, one "
        "at batch size 1, where training raises",
        help=advice,
        related=[pooled] if pooled is not None else (),
        severity=None if is_map else "info",
        fix=fix,
    )


batch_norm_single_value.flags(
    model="""
        self.conv = nn.Conv2d(3, 64, 3, padding=1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.mix = nn.Conv2d(64, 64, 1, bias=False)
        self.norm = nn.BatchNorm2d(64)

        def forward(self, x):
            x = self.conv(x).relu()
            y = self.norm(self.mix(self.pool(x))).relu()
            return x + F.interpolate(y, size=x.shape[-2:], mode="bilinear")
    """,
    input="2,3,32,32",
    layers=["norm"],
    severity="warning",
)
# Straight from a pooling to feature vectors: a remark.
batch_norm_single_value.flags(
    model="""
        self.conv = nn.Conv2d(3, 64, 3, padding=1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.neck = nn.BatchNorm1d(64)

        def forward(self, x):
            return self.neck(self.pool(self.conv(x).relu()).flatten(1))
    """,
    input="2,3,32,32",
    layers=["neck"],
    severity="info",
)
# Maps with positions, sequences, and a norm over the batch behind a linear layer.
batch_norm_single_value.allows(
    model="""
        self.conv = nn.Conv2d(3, 64, 3, padding=1)
        self.norm = nn.BatchNorm2d(64)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(64, 32)
        self.hidden = nn.BatchNorm1d(32)

        def forward(self, x):
            x = self.pool(self.norm(self.conv(x)).relu()).flatten(1)
            return self.hidden(self.fc(x))
    """,
    input="2,3,32,32",
)
# One position for this input only.
batch_norm_single_value.allows(
    model="""
        self.conv = nn.Conv2d(3, 64, 3, stride=4, padding=1)
        self.norm = nn.BatchNorm2d(64)
        self.group = nn.GroupNorm(8, 64)
        self.pool = nn.AdaptiveAvgPool2d(1)

        def forward(self, x):
            return self.group(self.pool(self.norm(self.conv(x))))
    """,
    input="2,3,4,4",
)
