"""The rule stacked-linear."""

from __future__ import annotations

from collections.abc import Iterator

from modellint import Finding, Graph, Skip, rule
from modellint.facts.activations import activated
from modellint.facts.composition import Pair, enters_attention, leaves_attention, pairs
from modellint.facts.wording import describe


@rule("suspicious")
def stacked_linear(graph: Graph) -> Iterator[Finding | Skip]:
    """Two linear or convolution layers follow each other with nothing non-linear between.

    Between them stand only steps that keep the map affine: dropout, reshapes, averages, constants
    and parameters that are added or multiplied. Together they are one affine map, which one layer
    computes. A sum, product or concatenation of two maps ends such a run, a norm does too.

    **Why it matters.** The second layer adds parameters and time, and nothing that the model can
    express: without a non-linearity depth is no depth (Goodfellow et al., Deep Learning, section
    6.1). Usually an activation was forgotten.

    **When it is fine** (silent): pairs that have no more weights than the one layer, as a
    bottleneck, a depthwise with a pointwise convolution, an adapter of low rank, two 3×3 in place
    of a 5×5; a first layer that something else reads too; the projections around an attention;
    kernels that are widened on purpose (depthwise after depthwise, 1×k after k×1). There are no
    options.
    """
    for pair in pairs(graph):
        composed = pair.composed
        if composed is None or pair.weights <= composed or pair.widens:
            continue
        if enters_attention(graph, pair.second) or leaves_attention(graph, pair.first):
            continue
        yield _finding(graph, pair, composed)


def _finding(graph: Graph, pair: Pair, composed: int) -> Finding:
    told = (
        f"put an activation between them; one layer in their place has "
        f"{pair.weights - composed:,} weights less"
    )
    return Finding(
        pair.first,
        f"{describe(pair.first)} and {describe(pair.second)} have nothing non-linear between "
        f"them: {pair.weights:,} weights for one affine map that has {composed:,}",
        help=told,
        related=[pair.second],
        fix=activated(graph, pair)._replace(otherwise=told),
    )


stacked_linear.flags(
    model="""
        self.fc1 = nn.Linear(784, 256)
        self.drop = nn.Dropout(0.2)
        self.fc2 = nn.Linear(256, 10)
    """,
    input="1,784",
    layers=["fc1"],
    severity="warning",
)
# A convolution and one that mixes its channels; a convolution behind a flatten.
stacked_linear.flags(
    model="""
        self.conv1 = nn.Conv2d(3, 32, 3, padding=1)
        self.mix = nn.Conv2d(32, 32, 1)
        self.conv2 = nn.Conv2d(32, 64, 3, stride=2, padding=1)
        self.fc = nn.Linear(64 * 16 * 16, 10)

        def forward(self, x):
            x = self.mix(self.conv1(x)).relu()
            return self.fc(torch.flatten(self.conv2(x), 1))
    """,
    input="1,3,32,32",
    layers=["conv1"],
)
stacked_linear.flags(
    """
    import torch
    from torch import nn


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 64, 3, padding=1)
            self.fc = nn.Linear(64 * 32 * 32, 10)

        def forward(self, x):
            return self.fc(self.conv(x).flatten(1))


    class Pooled(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 64, 3, padding=1)
            self.pool = nn.AdaptiveAvgPool2d(1)
            self.fc = nn.Linear(64, 10)

        def forward(self, x):
            return self.fc(self.pool(self.conv(x)).flatten(1))


    if __name__ == "__main__":
        Net()(torch.rand(1, 3, 32, 32))
        Pooled()(torch.rand(1, 3, 32, 32))
    """,
    layers=["conv", "conv"],
)
# Fewer weights than the one map: low rank, depthwise and pointwise, two 3×3 for a 5×5.
stacked_linear.allows(
    model="""
        self.conv1 = nn.Conv2d(32, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 32, 3, padding=1)
        self.depthwise = nn.Conv2d(32, 32, 5, padding=2, groups=32)
        self.pointwise = nn.Conv2d(32, 64, 1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.down = nn.Linear(64, 8, bias=False)
        self.up = nn.Linear(8, 64)

        def forward(self, x):
            x = self.conv2(self.conv1(x)).relu()
            x = self.pointwise(self.depthwise(x)).relu()
            return self.up(self.down(self.pool(x).flatten(1)))
    """,
    input="1,32,32,32",
)
# Wider kernels; joins; a first layer that is read twice; norms; weights that are shared.
stacked_linear.allows(
    model="""
        self.row = nn.Conv2d(8, 8, (1, 2))
        self.column = nn.Conv2d(8, 8, (2, 1))
        self.lateral = nn.Conv2d(8, 8, 1)
        self.smooth = nn.Conv2d(8, 8, 3, padding=1)
        self.read = nn.Conv2d(8, 8, 1)
        self.out = nn.Conv2d(8, 8, 1)
        self.norm = nn.BatchNorm2d(8)
        self.step = nn.Conv2d(8, 8, 1)

        def forward(self, x):
            x = self.column(self.row(x)).relu()
            x = self.smooth(self.lateral(x) + x)
            y = self.read(x.relu())
            x = self.norm(self.out(y)) + y
            return self.step(self.step(x.relu()))
    """,
    input="1,8,32,32",
)
# The projections around an attention.
stacked_linear.allows(
    model="""
        self.embed = nn.Linear(8, 32)
        self.attention = nn.MultiheadAttention(32, 4, batch_first=True)
        self.out = nn.Linear(32, 32)

        def forward(self, x):
            x = self.embed(x)
            x, _ = self.attention(x, x, x, need_weights=False)
            return self.out(x)
    """,
    input="1,10,8",
)
# The forward stops at a layer that does not fit, before the map is multiplied by its gate.
stacked_linear.allows(
    model="""
        self.conv = nn.Conv2d(3, 64, 3, padding=1)
        self.squeeze = nn.Conv2d(64, 32, 1)
        self.gate = nn.Conv2d(16, 64, 1)

        def forward(self, x):
            x = self.conv(x)
            gate = self.squeeze(x.mean((2, 3), keepdim=True)).relu()
            return (x * self.gate(gate).sigmoid()).relu()
    """,
    input="1,3,32,32",
)
