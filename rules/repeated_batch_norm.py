"""The rule repeated-batch-norm."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from modellint import Finding, Graph, Node, Skip, rule
from modellint.facts.costs import own_parameters
from modellint.facts.wording import named
from modellint.graph.operations import descends


@rule("advice")
def repeated_batch_norm(graph: Graph) -> Iterator[Finding | Skip]:
    """One batch norm is called at two places of one forward.

    Reported is a batch norm that another line calls too, or that reads, further down, what came
    out of its own earlier call: two different distributions share one mean and variance.

    **Why it matters.** In training each place is normalised with the batch's own statistics, in
    evaluation both with one running average that fits neither: the model computes something else
    than what was trained. Recurrent batch norm keeps statistics for each step for this reason
    (Cooijmans et al., ICLR 2017, arXiv 1603.09025).

    **When it is fine.** A branch that is called as a whole on several inputs, as in a siamese
    network or a head shared by the levels of a pyramid, has its norms on one line and in parallel:
    silent. There are no options.
    """
    places: dict[str, list[Node]] = {}
    for call in graph.calls("batch_norm"):
        places.setdefault(call.module, []).append(call)
    for found in places.values():
        if len(found) < 2:
            continue
        # Without running statistics both modes use the batch's.
        calls = [call for call in found if call.arguments.get("running_mean") is not None]
        if len(calls) < 2 or not (_lines(calls) > 1 or _in_series(graph, calls)):
            continue
        first = calls[0]
        held = sum(parameter.numel for parameter in own_parameters(graph, first))
        channels = first.input.output.symbolic[1]
        yield Finding(
            first,
            f"{named(first)} is called {len(calls)} times in one forward: "
            f"{len(calls)} distributions share the running mean and variance of {channels} "
            "channels",
            help=f"a norm for each place costs {held * (len(calls) - 1):,} parameters more",
        )


def _lines(calls: Sequence[Node]) -> int:
    return len({call.call for call in calls})


def _in_series(graph: Graph, calls: Sequence[Node]) -> bool:
    return any(descends(graph, later, earlier) for earlier, later in pairwise(calls))


repeated_batch_norm.flags(
    model="""
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)

        def forward(self, x):
            x = self.norm(self.conv1(x)).relu()
            return self.norm(self.conv2(x)).relu()
    """,
    input="2,3,32,32",
    layers=["norm"],
    severity="info",
)
# On one line, but in a loop; and side by side on two lines.
repeated_batch_norm.flags(
    model="""
        self.convs = nn.ModuleList([nn.Conv2d(8, 8, 3, padding=1) for _ in range(3)])
        self.norm = nn.BatchNorm2d(8)
        self.left = nn.Conv2d(8, 8, 1)
        self.right = nn.Conv2d(8, 8, 3, padding=1)
        self.both = nn.BatchNorm2d(8)

        def forward(self, x):
            for conv in self.convs:
                x = self.norm(conv(x)).relu()
            left = self.both(self.left(x))
            right = self.both(self.right(x))
            return left + right
    """,
    input="2,8,32,32",
    layers=["norm", "both"],
)
# A siamese network: the whole branch on two inputs. And norms of their own.
repeated_batch_norm.allows(
    """
    import torch
    from torch import nn


    class Branch(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
            self.norm1 = nn.BatchNorm2d(8)
            self.conv2 = nn.Conv2d(8, 8, 3, padding=1)
            self.norm2 = nn.BatchNorm2d(8)

        def forward(self, x):
            x = self.norm1(self.conv1(x)).relu()
            return self.norm2(self.conv2(x)).relu()


    class Siamese(nn.Module):
        def __init__(self):
            super().__init__()
            self.branch = Branch()

        def forward(self, left, right):
            return self.branch(left) - self.branch(right)


    if __name__ == "__main__":
        Siamese()(torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32))
    """
)
