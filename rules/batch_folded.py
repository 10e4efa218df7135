"""The rule batch-folded."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from modellint import Finding, Graph, Node, Skip, rule
from modellint.facts.wording import named, times
from modellint.fixes import Fix, Instead
from modellint.graph.operations import (
    CONVOLUTIONS,
    RESHAPES,
    WINDOWS,
    data_readers,
    passed_through,
    varying_inputs,
)

#: Roles of a first axis that counts no samples: time, channels, space.
_NO_BATCH = frozenset("LTSCDHW")


@rule("suspicious")
def batch_folded(graph: Graph) -> Iterator[Finding | Skip]:
    """A reshape moves parts of a sample into the batch, and the output has other rows than samples.

    The input's first axis is the batch, of N samples. An output whose first size depends on N but
    is another number (`25*N`) has lost the samples: a `view(-1, 400)` on a map of 16×25×25 makes 25
    rows of each. Reported is the reshape where it happens, if its rows cut across the dimensions
    of what it reads, or take the channels of a map for samples. A discriminator's `view(-1, 1)`
    behind an unpadded last layer, made to cover its map, counts likewise where that layer gives
    several values a sample. `torch.flatten(x)` makes one row of all samples: where a linear layer
    fixes its length, the model takes so many samples and no more.

    **Why it matters.** Nothing fails where the labels are repeated or the loss broadcasts: training
    goes on with rows that are arbitrary cuts of a sample. `view(-1, features)` is also why a wrong
    input size goes unnoticed: `flatten(1)` would fail at the next linear layer.

    **When it is fine** (silent): whole steps or positions as rows, such as the words of a sequence
    `(N*L, V)` or the boxes at each position of a detector; what is unfolded again before the
    output; concatenated batches. There are no options.
    """
    batch = next((given.axes[0] for given in graph.inputs[:1] if given.axes), "")
    if batch not in graph.symbols or batch[0] in _NO_BATCH:
        return
    told: set[int] = set()
    for output in graph.outputs:
        if not _folded(graph, output, batch):
            continue
        for node in _folds(graph, output, batch):
            if node.index in told:
                continue
            verdict = _verdict_map(graph, node)
            if verdict is not None or _cuts(graph, node):
                told.add(node.index)
                yield _finding(graph, node, output, batch, verdict)
    if not told and not any(_counts(output, batch) for output in graph.outputs):
        yield from _merged(graph, batch)


def _counts(node: Node, batch: str) -> bool:
    """Whether a result has the batch in one of its sizes."""
    sizes = node.output.symbolic if node.outputs else ()
    return any(isinstance(size, str) and batch in _symbols(size) for size in sizes)


def _merged(graph: Graph, batch: str) -> Iterator[Finding]:
    """The reshape that makes one row of all samples, whose length a linear layer then fixes."""
    for reader in graph.calls("linear"):
        node = reader.input
        while node.op not in RESHAPES:
            before = passed_through(graph, node)
            if before is None:
                break
            node = before
        if node.op not in RESHAPES or len(node.output.example) != 1 or not node.output.known:
            continue
        source = node.input.output
        if source.symbolic[:1] != (batch,) or len(source.example) < 2 or not _counts(node, batch):
            continue
        features = prod(source.example[1:])
        yield Finding(
            node,
            f"{named(node)} makes one row of all samples, {source} to {node.output}, so that "
            f"{reader.key} takes {graph.symbols[batch]} at a time and no more",
            help=f"flatten(1) keeps one row of {features} values a sample",
            assumes_size=True,
            fix=Fix("flatten(1)", [Instead(node, "{}.flatten(1)")], narrows=True),
        )
        return


def _folded(graph: Graph, node: Node, batch: str) -> bool:
    """Whether a node's first size is made of the batch's, but another number in the example."""
    if not node.outputs or not node.output.shape or batch in node.output.symbolic:
        return False
    first = node.output.symbolic[0]
    if not isinstance(first, str) or not node.output.known or batch not in _symbols(first):
        return False
    return node.output.example[0] != graph.symbols[batch]


def _symbols(expression: str) -> set[str]:
    return set("".join(c if c.isalnum() or c == "_" else " " for c in expression).split())


def _folds(graph: Graph, output: Node, batch: str) -> Iterator[Node]:
    """The reshapes on the way to an output that the batch goes into and does not come out of."""
    pending, seen = [output], {output.index}
    for node in pending:
        sources = varying_inputs(graph, node)
        whole = [s for s in sources if s.outputs and s.output.symbolic[:1] == (batch,)]
        if node.op in RESHAPES and whole:
            yield node
            continue
        for source in sources:
            if source.index not in seen and _folded(graph, source, batch):
                seen.add(source.index)
                pending.append(source)


def _cuts(graph: Graph, node: Node) -> bool:
    """Whether the rows of a reshape are neither whole positions of what it reads nor even parts."""
    before, row = node.input.output.example, prod(node.output.example[1:])
    whole = any(prod(before[dim:]) == row for dim in range(1, len(before)))
    if _is_map(graph, node.input):
        # Rows of a map `(N, C, h, w)` are channels, or parts of them: no samples.
        return row != 1
    return not whole and before[-1] % row != 0


def _verdict_map(graph: Graph, node: Node) -> Node | None:
    """The convolution that was to give one value a sample, where each of several is made a row.

    Without padding and with one filter it is made for the map that it covers, as the last layer of
    a discriminator; one that judges patches pads.
    """
    source: Node | None = node.input
    while source is not None and source.op not in WINDOWS:
        source = passed_through(graph, source)
    if source is None or source.op not in CONVOLUTIONS or prod(node.output.example[1:]) != 1:
        return None
    sizes = source.output.example
    alone = len(sizes) == source.rank + 2 and sizes[1] == 1 and prod(sizes[2:]) > 1
    unpadded = (
        source.kernel is not None and min(source.kernel) > 1 and not any(map(any, source.padding))
    )
    return source if alone and unpadded else None


def _is_map(graph: Graph, node: Node | None) -> bool:
    while node is not None:
        if node.op in WINDOWS:
            return True
        node = passed_through(graph, node)
    return False


def _finding(
    graph: Graph, node: Node, output: Node, batch: str, verdict: Node | None = None
) -> Finding:
    source = node.input.output
    samples, rows = graph.symbols[batch], node.output.example[0]
    counted = f"{samples} sample{'s' if samples > 1 else ''}"
    becomes = "becomes" if samples == 1 else "become"
    features = prod(source.example[1:])
    reader = next((r for r in data_readers(graph, node) if r.op == "linear"), None)
    fits = f"; {reader.key}'s in_features is then {features}" if reader is not None else ""
    if verdict is not None:
        covered = times(verdict.input.output.example[2:])
        return Finding(
            node,
            f"{named(node)} makes a row of each of the {times(source.example[2:])} values that "
            f"{verdict.key} gives of a sample, {source} to {node.output}: {counted} {becomes} "
            f"{rows} rows",
            help=f"a kernel of {covered}, its whole map, gives one value a sample; so does "
            "flatten(1).mean(1, keepdim=True)",
            assumes_size=True,
            related=[verdict],
        )
    return Finding(
        node,
        f"{named(node)} turns {source} into {node.output}: {counted} {becomes} {rows} rows that "
        f"cut across a sample's {times(source.example[1:])} values, and the output is "
        f"{output.output}",
        help=f"flatten(1) keeps one row of {features} values a sample{fits}",
        assumes_size=True,
        fix=_fix(node),
    )


def _fix(node: Node) -> Fix:
    """A row a sample; where a linear layer wants the channels of a map, their means."""
    source = node.input.output
    channels, row = source.example[1], node.output.example[1:]
    means = None
    if len(source.example) == 4 and row in ((channels,), (channels, 1, 1)):
        keeps = "keepdim=True" if len(row) == 3 else ""
        step = f"mean({', '.join(filter(None, ['(2, 3)', keeps]))})"
        told = f"{step} keeps one row of {channels} values a sample"
        means = Fix(step, [Instead(node, f"{{}}.{step}")], narrows=True, help=told)
    return Fix("flatten(1)", [Instead(node, "{}.flatten(1)")], narrows=True, instead=means)


batch_folded.flags(
    model="""
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(400, 10)

        def forward(self, x):
            x = self.pool(self.conv1(x).relu())
            x = self.pool(self.conv2(x).relu())
            return self.fc(x.view(-1, 400))
    """,
    input="2,1,112,112",
    layers=["view@16"],
    severity="warning",
)
# The channels of a map as rows.
batch_folded.flags(
    model="""
        self.conv = nn.Conv2d(3, 16, 3, padding=1)
        self.fc = nn.Linear(400, 10)

        def forward(self, x):
            return self.fc(self.conv(x).relu().reshape(-1, 400))
    """,
    input="2,3,20,20",
    layers=["reshape@12"],
)
# A discriminator that is made for 32×32; one that judges patches, and one at its size.
batch_folded.flags(
    model="""
        self.down = nn.Conv2d(3, 16, 4, stride=4)
        self.last = nn.Conv2d(16, 1, 8)

        def forward(self, x):
            return self.last(self.down(x).relu()).sigmoid().view(-1, 1).squeeze(1)
    """,
    input="8,3,64,64",
    layers=["view@12"],
    severity="warning",
)
batch_folded.allows(
    """
    import torch
    from torch import nn


    class Whole(nn.Module):
        def __init__(self):
            super().__init__()
            self.down = nn.Conv2d(3, 16, 4, stride=4)
            self.last = nn.Conv2d(16, 1, 8)

        def forward(self, x):
            return self.last(self.down(x).relu()).sigmoid().view(-1, 1).squeeze(1)


    class Patches(nn.Module):
        def __init__(self):
            super().__init__()
            self.down = nn.Conv2d(3, 16, 4, stride=4)
            self.last = nn.Conv2d(16, 1, 3, padding=1)

        def forward(self, x):
            return self.last(self.down(x).relu()).view(-1)


    if __name__ == "__main__":
        Whole()(torch.rand(8, 3, 32, 32))
        Patches()(torch.rand(8, 3, 32, 32))
    """
)
# The same view at the size that it is made for.
batch_folded.allows(
    model="""
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(400, 10)

        def forward(self, x):
            x = self.pool(self.conv1(x).relu())
            x = self.pool(self.conv2(x).relu())
            return self.fc(x.view(-1, 400))
    """,
    input="2,1,32,32",
)
# Words and boxes as rows; time folded into the batch and unfolded; two views of one batch.
batch_folded.allows(
    """
    import torch
    from torch import nn


    class Words(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(16, 32, batch_first=True)
            self.fc = nn.Linear(32, 100)

        def forward(self, x):
            x, _ = self.lstm(x)
            return self.fc(x).view(-1, 100)


    class Boxes(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4 * 6, 3, padding=1)

        def forward(self, x):
            return self.conv(x).permute(0, 2, 3, 1).reshape(-1, 4)


    class Clips(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3, padding=1)

        def forward(self, x):
            n, t, c, h, w = x.shape
            return self.conv(x.view(n * t, c, h, w)).view(n, t, -1, h, w)


    class Views(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(16, 8)

        def forward(self, x):
            return self.fc(torch.cat([x, -x], dim=0))


    if __name__ == "__main__":
        Words()(torch.rand(2, 7, 16))
        Boxes()(torch.rand(2, 3, 32, 32))
        Clips()(torch.rand(2, 5, 3, 32, 32))
        Views()(torch.rand(2, 16))
    """
)
# All samples in one row: one sample is what the linear layer takes.
batch_folded.flags(
    """
    import torch
    from torch import nn


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3, padding=1, stride=4)
            self.fc = nn.Linear(128, 10)

        def forward(self, x):
            return self.fc(torch.flatten(self.conv(x).relu()))


    if __name__ == "__main__":
        Net()(torch.rand(1, 3, 16, 16))
    """,
    layers=["flatten@13"],
    severity="warning",
)
# The same with the batch kept, and one row that is no batch of anything.
batch_folded.allows(
    """
    import torch
    from torch import nn


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3, padding=1, stride=4)
            self.fc = nn.Linear(128, 10)

        def forward(self, x):
            return self.fc(torch.flatten(self.conv(x).relu(), 1))


    class Board(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3, padding=1)
            self.fc = nn.Linear(128, 10)

        def forward(self, x):
            return self.fc(torch.flatten(self.conv(x).relu()))


    if __name__ == "__main__":
        Net()(torch.rand(1, 3, 16, 16))
        Board()(torch.rand(3, 4, 4))
    """
)
