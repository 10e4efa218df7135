"""The rule batch-squeezed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modellint import Finding, Graph, Node, Skip, Tensor, rule
from modellint.facts.wording import named
from modellint.fixes import Fix, Instead, Without
from modellint.graph.operations import descends


@rule("suspicious")
def batch_squeezed(graph: Graph) -> Iterator[Finding | Skip]:
    """A squeeze drops the batch axis where the batch holds one sample.

    `squeeze()` drops every axis of size 1, and `squeeze(0)` the first: for a batch of one that is
    the batch. Reported is such a call if the model, run with one sample, gives an output with an
    axis less than with several, or fails there.

    **Why it matters.** Training runs for an epoch and stops at a last batch of one, or does not
    stop: a loss broadcasts `(10,)` against `(1, 10)`. Deployed, the model sees one sample at a time
    and answers in another shape. The documentation of `torch.squeeze` warns of it: "this can lead
    to unexpected errors. Consider specifying only the dims you wish to be squeezed."

    **When it is fine** (silent): axes that are named and are not the batch's; what gets its axis
    back before an output; a model that is made for one sample at a time and takes no more. Ignore
    it where no batch of one comes. There are no options.
    """
    alone: dict[str, Graph | None] = {}
    for call in graph.calls("squeeze"):
        batch = _batch(graph, call)
        if batch is None:
            continue
        if graph.rerun is None:
            yield Skip(call, "the model cannot be run with one sample")
            continue
        if batch not in alone:
            alone[batch] = graph.rerun({**graph.symbols, batch: 1})
        one = alone[batch]
        if (one is None or one.mismatch is not None) and _demanded(graph, batch):
            yield Skip(call, f"with {batch} = 1 the forward fails, perhaps for another reason")
            continue
        effect = _effect(graph, call, batch, one)
        if effect is not None:
            yield _finding(graph, call, batch, effect)


def _batch(graph: Graph, call: Node) -> str | None:
    """The batch's symbol, if its axis is among those that the call drops where they are 1."""
    if not call.outputs or call.index not in graph.varying:
        return None
    sizes = call.input.output.symbolic
    given = call.arguments.get("dim")
    dims = given if isinstance(given, (tuple, list)) else (given,)
    for batch in graph.batches:
        if batch not in sizes or batch not in call.output.symbolic:
            continue
        axis = sizes.index(batch)
        if given is None or axis in [int(dim) % len(sizes) for dim in dims]:
            return batch
    return None


def _demanded(graph: Graph, batch: str) -> bool:
    """Whether something else than a squeeze demands more of the batch than to be there."""
    return any(
        batch in [symbol.name for symbol in demand.expr.symbols]
        and not demand.reason.startswith("squeeze")
        for demand in graph.constraints
    )


def _effect(graph: Graph, call: Node, batch: str, one: Graph | None) -> str | None:
    """What comes of a batch of one, in words; `None` where each output keeps its axes."""
    if one is None or one.mismatch is not None:
        return f"with {batch} = 1 the forward then fails"
    if len(one.outputs) != len(graph.outputs):
        return None
    for before, after in zip(graph.outputs, one.outputs, strict=True):
        if not before.outputs or not after.outputs or not descends(graph, before, call):
            continue
        if _lacks(before.output, after.output, batch):
            wanted = _with_one(before.output, batch)
            return f"with {batch} = 1 the output is {after.output.example}, not {wanted}"
    return None


def _lacks(before: Tensor, after: Tensor, batch: str) -> bool:
    return batch in before.symbolic and len(after.shape) < len(before.shape)


def _with_one(output: Tensor, batch: str) -> tuple[int, ...]:
    """The sizes of an output of one sample."""
    pairs = zip(output.symbolic, output.example, strict=True)
    return tuple(1 if size == batch else number for size, number in pairs)


def _finding(graph: Graph, call: Node, batch: str, effect: str) -> Finding:
    source = call.input.output
    if call.arguments.get("dim") is None:
        drops = f"drops every axis of {source} that is 1, {batch} among them"
    else:
        drops = f"drops axis {source.symbolic.index(batch)} of {source} where {batch} is 1"
    told, fix = _help(call, source.symbolic, batch)
    assumed = any(given.origins.rank == "assumed" for given in graph.inputs)
    return Finding(
        call,
        f"{named(call)} {drops}: {effect}",
        help=told,
        fix=fix,
        severity="info" if assumed else None,
    )


def _help(call: Node, sizes: Sequence[int | str], batch: str) -> tuple[str, Fix]:
    """What drops no batch, in words and as a change."""
    given = call.arguments.get("dim")
    dims = given if isinstance(given, (tuple, list)) else (given,)
    named_dims = [int(dim) % len(sizes) for dim in dims if dim is not None]
    single = [
        axis
        for axis, size in enumerate(sizes)
        if size == 1 and (given is None or axis in named_dims)
    ]
    if not single:
        told = f"leave it out: no other axis of ({', '.join(map(str, sizes))}) is 1"
        return told, Fix(f"without {named(call)}", [Without(call)])
    if len(single) == 1:
        last = single[0] == len(sizes) - 1
        step = f"squeeze({-1 if last else single[0]})"
        return f"{step} drops axis {single[0]} alone", _instead(call, step)
    if sizes[0] == batch and len(sizes) - len(single) == 2:
        return f"flatten(1) gives {call.output} for every batch", _instead(call, "flatten(1)")
    step = f"squeeze({tuple(single)})"
    return f"{step} drops these axes alone", _instead(call, step)


def _instead(call: Node, step: str) -> Fix:
    return Fix(step, [Instead(call, f"{{}}.{step}")], safe=True)


batch_squeezed.flags(
    model="""
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(8, 10)

        def forward(self, x):
            return self.fc(self.pool(self.conv(x)).squeeze())
    """,
    input="2,3,32,32",
    layers=["squeeze@13"],
    severity="warning",
)
batch_squeezed.flags(
    model="""
        self.fc = nn.Linear(16, 1)

        def forward(self, x):
            return torch.squeeze(self.fc(x))
    """,
    input="1,16",
    layers=["squeeze@11"],
)
# With one sample it fails.
batch_squeezed.flags(
    model="""
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.pool = nn.AdaptiveAvgPool2d((1, None))
        self.gru = nn.GRU(8, 16, batch_first=True)
        self.fc = nn.Linear(16, 10)

        def forward(self, x):
            x = self.pool(self.conv(x)).squeeze()
            x, _ = self.gru(x.permute(0, 2, 1))
            return self.fc(x[:, -1])
    """,
    input="2,3,32,32",
    layers=["squeeze@14"],
)
batch_squeezed.flags(
    model="""
        self.fc = nn.Linear(16, 10)

        def forward(self, x):
            return self.fc(x).squeeze(0)
    """,
    input="4,16",
    layers=["squeeze@11"],
)
# Axes that are named; the axis that comes back; a model that takes one sample at a time.
batch_squeezed.allows(
    """
    import torch
    from torch import nn


    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(16, 1)

        def forward(self, x):
            return self.fc(x).squeeze(-1)


    class Back(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3, padding=1)
            self.pool = nn.AdaptiveAvgPool2d(1)

        def forward(self, x):
            x = self.pool(self.conv(x)).squeeze().view(-1, 8)
            return x if x.dim() > 1 else x.unsqueeze(0)


    class Bag(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3, padding=1)
            self.fc = nn.Linear(8, 1)

        def forward(self, x):
            x = self.conv(x.squeeze(0)).relu().mean((2, 3))
            return self.fc(x.mean(0, keepdim=True))


    if __name__ == "__main__":
        Named()(torch.rand(2, 16))
        Back()(torch.rand(2, 3, 32, 32))
        Bag()(torch.rand(1, 12, 3, 32, 32))
    """
)
