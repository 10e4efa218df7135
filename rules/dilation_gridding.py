"""The rule dilation-gridding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from modellint import Finding, Graph, Node, Skip, rule
from modellint.facts.wording import AXES, describe
from modellint.fixes import Fix, SetArgument, one_or_each
from modellint.geometry import Run, dilated_runs, without_holes


@rule("suspicious")
def dilation_gridding(graph: Graph, *, reached: float = 0.95) -> Iterator[Finding | Skip]:
    """A run of dilated convolutions reaches its map with holes between.

    Looked at are runs of convolutions and pools with stride 1, through activations, norms and
    parallel branches that are joined again, with at least two dilated convolutions in a row.
    along one axis. Undilated ones in the run fill holes. A position at the end depends on the run's
    first map at certain offsets: reported is a run where these are not all offsets from the first
    to the last, but less than the part `reached` of them, so that a few holes at the far ends of a
    long run do not count. The set is found exactly, branches united; it is not a bound on rates.

    **Why it matters.** What lies in the holes does not count for that position, and neighbouring
    positions are computed from pixels that have nothing in common: three 3×3 with dilation 2 read
    7 of 13 pixels an axis, like a chessboard's black fields (Wang et al., WACV 2018, arXiv
    1702.08502; Yu et al., CVPR 2017, arXiv 1705.09914).

    **When it is fine** (silent): rates such as 1, 2, 5, an undilated convolution before or behind,
    the parallel branches of one atrous pyramid.

    **Options.** `reached`, a part of the offsets; 1 reports every hole.
    """
    for run in dilated_runs(graph):
        if any(reach.count < reached * reach.span for reach in run.axes.values()):
            yield _finding(graph, run)


def _padding(call: Node, dilation: int) -> int | tuple[int, ...] | None:
    """The padding that leaves the map as it is with another dilation; `None` for the same."""
    if call.kernel is None or isinstance(call.arguments.get("padding"), str):
        return None
    less = [(d - dilation) * (k - 1) for k, d in zip(call.kernel, call.dilation, strict=True)]
    padding = [begin - gone // 2 for (begin, _), gone in zip(call.padding, less, strict=True)]
    if not any(less) or any(gone % 2 for gone in less) or min(padding) < 0:
        return None
    return one_or_each(padding)


def _finding(graph: Graph, run: Run) -> Finding:
    first, *others = run.dilated
    names = AXES[first.rank]
    at, axis = max(run.axes.items(), key=lambda pair: pair[1].gap)
    alike = len(run.axes) == first.rank and len(set(run.axes.values())) == 1
    where = "an axis" if alike else f"along {names[at]}"
    rates = ", ".join(str(max(call.dilation)) for call in run.dilated)
    advice = f"an undilated kernel {run.gap | 1} wide in the run fills the holes"
    changed = without_holes(graph, run)
    fix = None
    if changed is not None:
        call, dilation = changed
        arguments: dict[str, Any] = {"dilation": dilation}
        padding = _padding(call, dilation)
        if padding is not None:
            arguments["padding"] = padding
        told = " and ".join(f"{name}={value}" for name, value in arguments.items())
        leaves = "leaves" if len(arguments) == 1 else "leave"
        changes = [SetArgument(call, name, value) for name, value in arguments.items()]
        fix = Fix(f"{call.key} {told}", changes, otherwise=advice)
        advice = f"{told} in {call.key} {leaves} no hole; or {advice}"
    return Finding(
        first,
        f"{describe(first)} begins a run of convolutions with dilations {rates} that reaches "
        f"{axis.count} of {axis.span} offsets {where} of the map before it, with holes of "
        f"{'up to ' if run.gap > 2 else ''}{run.gap - 1} px between",
        help=advice,
        related=others,
        fix=fix,
        arguments=("dilation",),
    )


dilation_gridding.flags(
    model="""
        self.conv1 = nn.Conv2d(3, 8, 3, padding=2, dilation=2)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=2, dilation=2)
        self.conv3 = nn.Conv2d(8, 8, 3, padding=2, dilation=2)

        def forward(self, x):
            return self.conv3(self.conv2(self.conv1(x).relu()).relu())
    """,
    input="1,3,32,32",
    layers=["conv1"],
    severity="warning",
)
# The stride begins a new map, and the branches of each block are united.
dilation_gridding.flags(
    """
    import torch
    from torch import nn


    class Block(nn.Module):
        def __init__(self, dilation):
            super().__init__()
            self.conv = nn.Conv1d(8, 8, 3, padding=dilation, dilation=dilation)
            self.norm = nn.BatchNorm1d(8)

        def forward(self, x):
            return x + self.norm(self.conv(x)).relu()


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Conv1d(3, 8, 3, stride=2, padding=1)
            self.block1 = Block(4)
            self.block2 = Block(8)
            self.head = nn.Linear(8, 10)

        def forward(self, x):
            return self.head(self.block2(self.block1(self.stem(x))).mean(2))


    if __name__ == "__main__":
        Net()(torch.rand(1, 3, 200))
    """,
    layers=["block1.conv"],
)
# Rates that fit, and an undilated convolution before.
dilation_gridding.allows(
    model="""
        self.rates = nn.Sequential(
            *(nn.Conv2d(3, 3, 3, padding=rate, dilation=rate) for rate in (1, 2, 5)),
        )
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.conv = nn.Conv2d(8, 8, 3, padding=1)
        self.wide1 = nn.Conv2d(8, 8, 3, padding=2, dilation=2)
        self.wide2 = nn.Conv2d(8, 8, 3, padding=2, dilation=2)

        def forward(self, x):
            x = self.conv(self.stem(self.rates(x)))
            return self.wide2(self.wide1(x).relu())
    """,
    input="1,3,32,32",
)
# A causal stack, and an atrous pyramid: one dilated convolution on each path.
dilation_gridding.allows(
    model="""
        self.causal = nn.ModuleList(nn.Conv1d(4, 4, 2, dilation=2**i) for i in range(5))
        self.shrink = nn.Conv1d(4, 4, 4, stride=4)
        self.pyramid = nn.ModuleList(
            nn.Conv1d(4, 4, 3, padding=rate, dilation=rate) for rate in (6, 12, 18)
        )

        def forward(self, x):
            for conv in self.causal:
                x = conv(F.pad(x, (conv.dilation[0], 0))).tanh()
            x = self.shrink(x)
            return torch.cat([conv(x) for conv in self.pyramid], 1)
    """,
    input="1,4,256",
)
# Channels are mixed behind a permutation, as in ConvNeXt.
dilation_gridding.flags(
    model="""
        self.conv1 = nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=8)
        self.mix = nn.Linear(8, 8)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=8)

        def forward(self, x):
            y = self.mix(self.conv1(x).permute(0, 2, 3, 1)).relu()
            return self.conv2(x + y.permute(0, 3, 1, 2))
    """,
    input="1,8,32,32",
    layers=["conv1"],
)
# A run that ends where all its maps are joined with one from before it.
dilation_gridding.flags(
    model="""
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.conv1 = nn.Conv2d(8, 8, 3, padding=2, dilation=2)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=2, dilation=2)
        self.pool = nn.MaxPool2d(2)

        def forward(self, x):
            x1 = self.conv1(self.stem(x)).relu()
            x2 = self.conv2(x1).relu()
            return torch.cat([x2, x1, self.pool(x).mean(1, keepdim=True)], 1)
    """,
    input="1,3,32,32",
    layers=["conv1"],
)
