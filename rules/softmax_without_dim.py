"""The rule softmax-without-dim."""

from __future__ import annotations

from collections.abc import Iterator

from modellint import Finding, Graph, Skip, rule
from modellint.facts.wording import named
from modellint.fixes import set_arguments


@rule("suspicious")
def softmax_without_dim(graph: Graph) -> Iterator[Finding | Skip]:
    """A softmax leaves the axis that it normalises to an old heuristic.

    `nn.Softmax()`, `F.softmax(x)` and their kin (`log_softmax`, `softmin`) without `dim` choose
    the axis by the number of axes: the first for tensors of 0, 1 or 3 axes, else the second. For a
    sequence `(N, L, C)` that is the batch.

    **Why it matters.** PyTorch warns at each call ("Implicit dimension choice for softmax has been
    deprecated", see `torch.nn.functional.softmax`), and the same line means another axis as soon
    as its input gains or loses one: probabilities then add up to 1 over samples instead of classes,
    and a sample's result depends on the others in its batch.

    **When it is fine.** Never; write the axis. There are no options.
    """
    for call in graph.calls("softmax", "log_softmax", "softmin"):
        if call.index not in graph.varying or call.arguments.get("dim") is not None:
            continue
        rank = len(call.input.output.shape)
        chosen = 0 if rank in (0, 1, 3) else 1
        size = call.input.output.symbolic[chosen] if rank else 1
        over = " (the batch)" if chosen == 0 and size == "N" else ""
        wanted = 0 if rank < 2 else -1 if rank == 3 else 1
        yield Finding(
            call,
            f"{named(call)} names no axis: of {call.input.output} an old rule picks "
            f"axis {chosen} of size {size}{over}",
            help=f"dim={wanted} takes the axis of the classes",
            fix=set_arguments(call, dim=wanted)._replace(safe=wanted == chosen),
        )


softmax_without_dim.flags(
    model="""
        self.fc = nn.Linear(16, 10)
        self.softmax = nn.Softmax()
    """,
    input="2,16",
    layers=["softmax"],
    severity="warning",
)
# Three axes: the softmax runs over the batch.
softmax_without_dim.flags(
    model="""
        self.fc = nn.Linear(16, 10)

        def forward(self, x):
            return F.log_softmax(self.fc(x))
    """,
    input="2,7,16",
    layers=["log_softmax@12"],
)
softmax_without_dim.allows(
    model="""
        self.fc = nn.Linear(16, 10)
        self.softmax = nn.Softmax(dim=-1)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)

        def forward(self, x):
            x = x + self.attention(x, x, x)[0]
            return self.softmax(self.fc(x)), F.softmax(x, 1), x.softmax(0), nn.Softmax2d()(x)
    """,
    input="2,7,16",
)
