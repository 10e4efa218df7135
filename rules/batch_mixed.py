"""The rule batch-mixed."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from modellint import Finding, Graph, Skip, rule
from modellint.facts.axes import Mixing, layout, mixings
from modellint.facts.batch_axis import stays_whole
from modellint.facts.wording import named
from modellint.fixes import Change, Fix, Instead, SetArgument
from modellint.graph import Module, Node
from modellint.graph.operations import descends

_RECURRENT = ("lstm", "gru", "rnn_tanh", "rnn_relu")
_ATTENTION = "MultiheadAttention"
#: What picks one place of an axis, or makes one of all.
_PICKS = frozenset(("getitem", "select", "mean", "sum", "amax", "max"))
_SHARES = ("softmax", "log_softmax", "softmin")


@rule("suspicious")
def batch_mixed(graph: Graph) -> Iterator[Finding | Skip]:
    """A row of the output depends on other samples of the batch.

    The axis of the batch is followed through the forward, also where it is moved, merged with
    another axis and split again. The rule speaks where an operation first mixes places along it:
    a recurrent layer or an attention that takes it for time, a softmax, a mean or a norm over it,
    a layer that takes it for features.

    **Why it matters.** Nothing raises, and the loss even falls: what the model says of a sample
    depends on which others happen to be in the batch, so that it says something else of it at
    batch size one. Recurrent layers and `nn.MultiheadAttention` expect `(L, N, C)` unless they are
    told `batch_first=True` (their pages in PyTorch's documentation); a dueling head subtracts the
    mean over the actions, not over everything (Wang et al., ICML 2016, arXiv 1511.06581,
    equation 9).

    **When it is fine** (silent): batch norms, whose statistics of a batch are meant; values that
    only lead to a loss, a scalar; a product of two embeddings, each sample against each other,
    that is itself the result; results that have no row for each sample; a forward without a batch,
    and one whose input has the size of the batch on two axes, as a graph's adjacency. Where which
    axis is the batch is only assumed it is a remark (`info`). There are no options.
    """
    batches = _batches(graph)
    if not batches or stays_whole(graph, batches):
        return
    told: set[int] = set()
    for mixing in mixings(graph):
        root = mixing.root
        if root in batches and _is_batch(graph, root) and _matters(graph, mixing.node, root):
            told.add(mixing.node.index)
            yield _finding(graph, mixing)
    for picked in graph.computed:
        if picked.op not in _PICKS or picked.index in told:
            continue
        layer = _taken_for_time(graph, picked, batches)
        if layer is not None and layer.index not in told:
            told.add(layer.index)
            yield _picking(graph, layer, picked)


def _batches(graph: Graph) -> frozenset[str]:
    """The axes that count samples: as whoever gave the input named them, or as layers do."""
    named = frozenset({"N", "B"} & {*graph.symbols})
    return named or frozenset(graph.batches)


def _is_batch(graph: Graph, root: str) -> bool:
    """Whether no input has the size of the batch on two axes, as the adjacency of a graph has."""
    return all(len(layout(graph, given.node).places(root)) < 2 for given in graph.inputs)


def _matters(graph: Graph, node: Node, root: str) -> bool:
    """Whether an operation leads to a result with a row for each place of an axis."""
    rows = [out for out in graph.outputs if layout(graph, out).places(root)]
    return any(descends(graph, out, node) for out in rows)


def _taken_for_time(graph: Graph, node: Node, batches: frozenset[str]) -> Node | None:
    """The layer whose samples a call picks one of, or averages, a row for each step being left.

    Whoever writes `x[:, -1]` for the last step, or `x.mean(1)` for all of them, takes the first
    axis for the samples, and the recurrent layer or attention before it takes it for time.
    """
    operand = layout(graph, node.input) if node.inputs and node.index in graph.varying else None
    if operand is None or len(operand.axes) != 3 or not node.outputs:
        return None
    time, samples = ([part.key for part in axis or ()] for axis in operand.axes[:2])
    if len(samples) != 1 or len(time) != 1 or samples[0] not in batches:
        return None
    steps = str(time[0])
    rows = [[part.key for part in axis or ()] for axis in layout(graph, node).axes]
    if rows[:1] != [time] or samples in rows or not _matters(graph, node, steps):
        return None
    if steps not in operand.mixed or samples[0] in operand.mixed:
        return None
    layers = (one for one in graph.computed if one.op in _RECURRENT or one.type == _ATTENTION)
    return next((one for one in layers if _reads(graph, one, time, samples, node)), None)


def _reads(
    graph: Graph, layer: Node, time: list[Hashable], samples: list[Hashable], node: Node
) -> bool:
    """Whether a layer reads steps of samples in this order, and a node depends on it."""
    axes = layout(graph, layer.input).axes[:2]
    return [[part.key for part in axis or ()] for axis in axes] == [time, samples] and descends(
        graph, node, layer
    )


def _picking(graph: Graph, layer: Node, picked: Node) -> Finding:
    built = _attention(graph, layer)
    steps, samples, *_ = layer.input.output.example
    return Finding(
        layer,
        f"{named(layer)} takes axis 0 of {layer.input.output} for time and axis 1 for the samples, "
        f"here {steps} steps of {samples} samples, {_use(picked)}: what is meant for samples is "
        "one sequence",
        help=_FIRST,
        fix=Fix(_FIRST, [SetArgument(built, "batch_first", True)]),
        related=[picked],
    )


def _use(picked: Node) -> str:
    """What is done with what a layer takes for samples."""
    if picked.op in ("getitem", "select"):
        return f"of which {picked.key} then picks one"
    return f"over which {picked.key} then goes"


def _finding(graph: Graph, mixing: Mixing) -> Finding:
    node, operand = mixing.node, mixing.operand
    axes = layout(graph, operand).places(mixing.root)
    where = f"axis {axes[0]} of {operand.output}"
    size, count = operand.output.symbolic[axes[0]], operand.output.example[axes[0]]
    here = f" (here {count})" if size == mixing.root else ""
    samples = f"the {mixing.root} samples of a batch{here}"
    assumed = any(given.origins.rank == "assumed" for given in graph.inputs)
    what, remedy, change = _told(graph, node, where, samples, len(operand.output.shape), axes[0])
    return Finding(
        node,
        f"{named(node)} {what}: what comes out for one sample depends on the others"
        + (f"; that {mixing.root} counts samples is assumed" if assumed else ""),
        help=remedy,
        fix=None if change is None else Fix(change[0], [change[1]]),
        severity="info" if assumed else None,
    )


def _told(
    graph: Graph, node: Node, where: str, samples: str, rank: int, batch: int
) -> tuple[str, str | None, tuple[str, Change] | None]:
    """What an operation does to the samples, what is meant in its place, and that as a change."""
    if node.op in _RECURRENT:
        what = f"takes {where} for time, so {samples} are steps of one sequence"
        return what, _FIRST, (_FIRST, SetArgument(node, "batch_first", True))
    if node.op == "scaled_dot_product_attention":
        what = f"attends along {where}, so {samples} attend to each other"
        if node.type != "MultiheadAttention":
            return what, None, None
        return what, _FIRST, (_FIRST, SetArgument(_attention(graph, node), "batch_first", True))
    if node.op in _SHARES:
        dim = -1 if rank != 4 else 1
        what = f"shares one along {where}, between {samples}"
        return what, f"dim={dim}", (f"dim={dim}", SetArgument(node, "dim", dim))
    if node.op in ("mean", "sum", "amax", "amin", "std", "var", "norm", "prod", "max", "min"):
        gone = "everything" if node.arguments.get("dim") is None else where
        name = {"max": "amax", "min": "amin"}.get(node.op, node.op)  # Those give places, too.
        what = f"is over {gone}, {samples} included"
        if rank < 2:
            return what, None, None
        step = f"{name}(dim={int(batch == 0)}, keepdim=True)"
        return what, f"{step} is of each sample alone", (step, Instead(node, f"{{}}.{step}"))
    return f"computes along {where}, over {samples}", None, None


_FIRST = "batch_first=True"
#: What constructs an attention of its own, and hands it the order of its axes.
_AROUND = ("TransformerEncoderLayer", "TransformerDecoderLayer")


def _attention(graph: Graph, node: Node) -> Node | Module:
    """What is constructed with the order of an attention's axes: it, or the layer around it."""
    holder = graph.modules.get(node.module.rpartition(".")[0])
    around = holder is not None and holder.type in _AROUND
    return holder if around and holder is not None else node


# What is averaged as steps would be the samples.
batch_mixed.flags(
    model="""
        layer = nn.TransformerEncoderLayer(16, 4, 32)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.fc = nn.Linear(16, 4)

        def forward(self, x):
            return self.fc(self.encoder(x).mean(1))
    """,
    input="8,50,16",
    layers=["encoder.layers.0.self_attn"],
    severity="warning",
)
# The last step is picked of what would be the samples.
batch_mixed.flags(
    model="""
        self.gru = nn.GRU(16, 32)
        self.fc = nn.Linear(32, 4)

        def forward(self, x):
            x, _ = self.gru(x)
            return self.fc(x[:, -1])
    """,
    input="8,50,16",
    layers=["gru"],
    severity="warning",
)
batch_mixed.flags(
    model="""
        self.fc = nn.Linear(16, 4)
        self.share = nn.Softmax(dim=0)

        def forward(self, x):
            return self.share(self.fc(x))
    """,
    input="8,16",
    layers=["share"],
)
# A dueling head: the mean is over the samples, too.
batch_mixed.flags(
    model="""
        self.value = nn.Linear(16, 1)
        self.advantage = nn.Linear(16, 4)

        def forward(self, x):
            advantage = self.advantage(x)
            return self.value(x) + advantage - advantage.mean()
    """,
    input="8,16",
    layers=["mean@13"],
)
# The mean of what would be the steps.
batch_mixed.flags(
    model="""
        self.attention = nn.MultiheadAttention(16, 4)

        def forward(self, x):
            return x + self.attention(x, x, x)[0].mean(1, keepdim=True)
    """,
    input="8,50,16",
    layers=["mean@11#2"],
)
batch_mixed.allows(
    model="""
        self.lstm = nn.LSTM(16, 32, batch_first=True)
        self.attention = nn.MultiheadAttention(32, 4)
        self.value = nn.Linear(32, 1)
        self.advantage = nn.Linear(32, 4)

        def forward(self, x):
            x, _ = self.lstm(x)
            x = x.transpose(0, 1)
            x = self.attention(x, x, x)[0][-1]
            advantage = self.advantage(x)
            return (self.value(x) + advantage - advantage.mean(1, keepdim=True)).softmax(-1)
    """,
    input="8,50,16",
)
# Windows of a map are a batch of their own, merged and split again.
batch_mixed.allows(
    model="""
        self.attention = nn.MultiheadAttention(16, 4, batch_first=True)

        def forward(self, x):
            n, h, w, c = x.shape
            x = x.view(n, h // 4, 4, w // 4, 4, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, 16, c)
            x = self.attention(x, x, x)[0]
            x = x.view(n, h // 4, w // 4, 4, 4, c).permute(0, 1, 3, 2, 4, 5)
            return x.reshape(n, h, w, c)
    """,
    input="2,16,16,16",
)
# Each sample against each other, and a loss over all of them.
batch_mixed.allows(
    model="""
        self.fc = nn.Linear(16, 8)

        def forward(self, a, b):
            a, b = self.fc(a), self.fc(b)
            return a @ b.T, (a - b).pow(2).mean()
    """,
    input=["8,16", "8,16"],
)
# A graph's nodes are no batch.
batch_mixed.allows(
    model="""
        self.fc = nn.Linear(16, 8)

        def forward(self, x, adjacency):
            return (adjacency @ self.fc(x)).relu()
    """,
    input=["8,16", "8,8"],
)
