"""The rule dropout-before-batch-norm."""

from __future__ import annotations

from collections.abc import Iterator

from modellint import Finding, Graph, Node, Skip, rule
from modellint.facts.costs import own_parameters
from modellint.facts.wording import named
from modellint.fixes import Behind, Fix
from modellint.graph.operations import (
    ADAPTIVE_POOLS,
    DROPOUTS,
    ELEMENTWISE,
    NORMS,
    POOLS,
    REORDERINGS,
    RESHAPES,
    WEIGHTED,
    data_readers,
)

_PASSES = (ELEMENTWISE | RESHAPES | REORDERINGS | POOLS | ADAPTIVE_POOLS | {"cat"}) - NORMS


@rule("advice")
def dropout_before_batch_norm(graph: Graph, *, least: float = 0.05) -> Iterator[Finding | Skip]:
    """What a dropout gives reaches a batch norm.

    Followed through activations, pools, reshapes, concatenations and one layer with weights, until
    another norm. Dropout with a p below `least` shifts too little to matter.

    **Why it matters.** Dropout scales what it keeps by 1 / (1 - p), so that the mean is the same in
    training and evaluation, but the variance is not: for values with mean 0 it is 1 / (1 - p)
    times as large in training, more where the mean is not 0. The batch norm averages the variance
    it sees in training and divides by it in evaluation, where it is wrong: "variance shift" (Li et
    al., CVPR 2019, arXiv 1801.05134, who find that the two together often do worse than either).

    **When it is fine.** Dropout behind the last batch norm, where the same paper puts it. Ignore it
    where it was measured to help, as in wide residual networks.

    **Options.** `least`, the smallest p that is reported.
    """
    for call in graph.calls(*DROPOUTS):
        share = call.arguments.get("p")
        if call.index not in graph.varying or not isinstance(share, (int, float)):
            continue
        if not 0 < share < 1 or share < least:
            continue
        norm = _norm_after(graph, call)
        if norm is None:
            continue
        factor = 1 / (1 - share)
        yield Finding(
            call,
            f"{named(call)} with p={share:g} reaches {named(norm)}: in training the variance of "
            f"what it gives is at least {factor:.2f} times that in evaluation, but the norm "
            "divides by the same running variance",
            help=f"put the dropout behind the norm; or a p below {least:g}",
            related=[norm],
            fix=_fix(graph, call, norm),
        )


def _fix(graph: Graph, call: Node, norm: Node) -> Fix | None:
    """The dropout behind the norm, where nothing but the norm reads what comes of it."""
    chain = [call]
    while chain[-1] is not norm:
        readers = data_readers(graph, chain[-1])
        if len(readers) != 1:
            return None
        chain.append(readers[0])
    return Fix(f"{call.key} behind {norm.key}", [Behind(chain)])


def _norm_after(graph: Graph, call: Node) -> Node | None:
    """The first batch norm behind a dropout, at most one layer with weights between them."""
    pending = [(call, 0)]
    seen = {call.index}
    for node, layers in pending:
        for reader in data_readers(graph, node):
            if reader.index in seen:
                continue
            seen.add(reader.index)
            # Without a running variance both modes use the batch's own.
            if reader.op == "batch_norm" and reader.arguments.get("running_var") is not None:
                return reader
            weighted = reader.op in WEIGHTED and bool(own_parameters(graph, reader))
            if weighted and not layers:
                pending.append((reader, 1))
            elif reader.op in _PASSES:
                pending.append((reader, layers))
    return None


dropout_before_batch_norm.flags(
    model="""
        self.fc1 = nn.Linear(16, 32)
        self.drop = nn.Dropout(0.5)
        self.norm = nn.BatchNorm1d(32)
        self.fc2 = nn.Linear(32, 10)

        def forward(self, x):
            return self.fc2(self.norm(self.drop(self.fc1(x).relu())))
    """,
    input="2,16",
    layers=["drop"],
    severity="info",
)
# A layer between them does not help.
dropout_before_batch_norm.flags(
    model="""
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Dropout2d(0.2),
            nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(),
        )
    """,
    input="2,3,32,32",
    layers=["features.2"],
)
dropout_before_batch_norm.flags(
    model="""
        self.fc1 = nn.Linear(16, 32)
        self.drop = nn.Dropout(0.02)
        self.norm = nn.BatchNorm1d(32)
    """,
    input="2,16",
    layers=["drop"],
    least=0.01,
)
# Behind the last batch norm; with a small share; before a norm that keeps no statistics.
dropout_before_batch_norm.allows(
    model="""
        self.fc1 = nn.Linear(16, 32)
        self.little = nn.Dropout(0.01)
        self.norm = nn.BatchNorm1d(32)
        self.drop = nn.Dropout(0.5)
        self.last = nn.LayerNorm(32)
        self.fc2 = nn.Linear(32, 10)

        def forward(self, x):
            x = self.drop(self.norm(self.little(self.fc1(x))).relu())
            return self.fc2(self.last(x))
    """,
    input="2,16",
)
