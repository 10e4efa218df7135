"""The rule bias-before-norm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from modellint import Finding, Graph, Node, Parameter, Skip, rule
from modellint.facts.costs import share_of, total_parameters
from modellint.facts.wording import named
from modellint.fixes import Fix, SetArgument
from modellint.geometry.channels import channel_dim, dim_after
from modellint.graph.operations import ADAPTIVE_POOLS, CONVOLUTIONS, POOLS, TRANSPOSED, only_reader

_LAYERS = ("linear", *sorted(CONVOLUTIONS | TRANSPOSED))
#: How many layers a message names before it counts the rest.
_NAMED = 3


@rule("advice")
def bias_before_norm(graph: Graph, *, least_share: float = 0.001) -> Iterator[Finding | Skip]:
    """The biases of some layers are cancelled by the norms behind them.

    A bias adds one number to a whole channel; a batch or instance norm subtracts the channel's
    mean, and the number with it. Followed from a layer to its only reader through steps that keep
    a constant a constant: pools, reshapes, sums, unpadded convolutions. Group norm counts where a
    group is one channel, layer norm where it spans positions only. One finding names all such
    layers of the model, if their biases are `least_share` of its parameters.

    **Why it matters.** The parameters do nothing: their gradient is zero, up to rounding, and the
    norm's own shift takes their place (Ioffe and Szegedy, ICML 2015, arXiv 1502.03167, section
    3.2: "the bias b can be ignored"). They cost memory, optimizer state and a pass over the map.

    **When it is fine.** Behind a dropout or an activation, where something else reads the layer, in
    front of layer norms over channels: silent. So is what is less than a thousandth of the model's
    parameters, as in most large models. Ignore it where weights are loaded that have the biases.

    **Options.** `least_share`, the smallest part of all parameters that is told of; 0 is any part.
    """
    cancelled: dict[int, Node] = {}
    biases: dict[int, Parameter] = {}
    for call in graph.calls(*_LAYERS):
        if not isinstance(graph.first_like(call).arguments.get("bias"), Node) or not call.outputs:
            continue
        if call.index in graph.varying and (norm := _cancelling(graph, call)) is not None:
            bias = call.arguments["bias"].parameter
            if bias is not None:
                cancelled[call.index] = norm
                biases[call.index] = bias
    if not biases:
        return
    whole = _wholly(graph, biases)
    calls = [node for node in graph.nodes if biases.get(node.index) in whole]
    held = sum(bias.numel for bias in whole)
    if calls and held >= least_share * total_parameters(graph):
        yield _finding(graph, calls, cancelled[calls[0].index], whole)


def _wholly(graph: Graph, biases: Mapping[int, Parameter]) -> frozenset[Parameter]:
    """The biases that are cancelled in every call that reads them."""
    cancelled = frozenset(biases.values())
    read_elsewhere = {
        node.parameter
        for node in graph.nodes
        if node.parameter in cancelled
        and any(reader.index not in biases for reader in graph.readers(node))
    }
    return cancelled - read_elsewhere


def _cancelling(graph: Graph, call: Node) -> Node | None:
    """The norm that subtracts a layer's bias again; `None` where none does."""
    node, dim = call, channel_dim(call)
    while True:
        reader = only_reader(graph, node)
        if reader is None or not reader.outputs:
            return None
        if _subtracts(reader, node, dim):
            return reader
        after = _constant_after(node, dim, reader)
        if after is None:
            return None
        node, dim = reader, after


def _subtracts(norm: Node, source: Node, dim: int) -> bool:
    """Whether a norm takes away what is the same along all dimensions but one."""
    sizes = source.output.example
    if norm.op in ("batch_norm", "instance_norm"):
        return dim == 1
    if norm.op == "group_norm":
        return dim == 1 and norm.arguments.get("num_groups") == sizes[1]
    if norm.op == "layer_norm":
        return dim < len(sizes) - len(norm.arguments["normalized_shape"])
    return False


def _constant_after(source: Node, dim: int, node: Node) -> int | None:
    """Where the channels lie behind a step that makes a constant channel a constant channel."""
    if node.op in CONVOLUTIONS or node.op == "linear":
        unpadded = node.op == "linear" or not any(map(any, node.padding))
        reads = channel_dim(node) if node.op != "linear" else len(source.output.shape) - 1
        weighs = node.arguments.get("input") is source
        return channel_dim(node) if unpadded and weighs and dim == reads else None
    if node.op in ("add", "sub", "rsub"):
        return dim if node.output.example == source.output.example else None
    if node.op in ("mul", "div"):
        scalar = isinstance(node.arguments.get("other"), (int, float))
        return dim if scalar else None
    if node.op == "cat":
        along = int(node.arguments.get("dim", 0)) % len(source.output.shape)
        return dim if along == dim else None
    if node.op == "pad" and node.arguments.get("mode", "constant") == "constant":
        return None
    if node.op == "pad":
        return dim
    if node.op in POOLS or node.op in ADAPTIVE_POOLS:
        return dim_after(source, dim, node) if _keeps_constants(node) else None
    return dim_after(source, dim, node)


def _keeps_constants(pool: Node) -> bool:
    if pool.op.startswith("lp_pool"):
        return False
    padded = bool(pool.arguments.get("padding")) and any(map(any, pool.padding))
    return not (padded and pool.op.startswith("avg") and pool.arguments.get("count_include_pad"))


def _finding(graph: Graph, calls: list[Node], norm: Node, biases: frozenset[Parameter]) -> Finding:
    total = total_parameters(graph)
    held = sum(bias.numel for bias in biases)
    keys = [named(call) for call in calls[:_NAMED]]
    more = f" and {len(calls) - _NAMED} more" if len(calls) > _NAMED else ""
    one = len(calls) == 1
    return Finding(
        calls[0],
        f"{', '.join(keys)}{more} {'has a bias' if one else 'have biases'} that the "
        f"{'norm' if one else 'norms'} behind {'it' if one else 'them'} "
        f"{'cancels' if one else 'cancel'} ({named(norm)} subtracts {calls[0].key}'s): {held:,} "
        f"of the model's {total:,} parameters ({share_of(held, total)}) do nothing",
        help=f"bias=False leaves {total - held:,} parameters and the same function",
        related=calls[1:_NAMED],
        fix=Fix("bias=False", [SetArgument(call, "bias", False) for call in calls], safe=True),
    )


bias_before_norm.flags(
    model="""
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.up = nn.ConvTranspose2d(8, 8, 2, stride=2)
        self.pool = nn.MaxPool2d(2)
        self.last = nn.InstanceNorm2d(8)

        def forward(self, x):
            x = self.norm(self.conv(x)).relu()
            return self.last(self.pool(self.up(x)))
    """,
    input="2,3,32,32",
    layers=["conv"],
    severity="info",
)
# Through a pointwise layer, a sum and a reshape; a group of one channel.
bias_before_norm.flags(
    model="""
        self.depthwise = nn.Conv1d(8, 8, 3, padding=1, groups=8)
        self.pointwise = nn.Conv1d(8, 16, 1, bias=False)
        self.norm = nn.BatchNorm1d(16)
        self.fc = nn.Linear(16, 32)
        self.group = nn.GroupNorm(32, 32)

        def forward(self, x):
            y = self.norm(self.pointwise(self.depthwise(x)) + 1).relu()
            return self.group(self.fc(y.transpose(1, 2)).transpose(1, 2))
    """,
    input="2,8,50",
    layers=["depthwise"],
)
# No bias; another reader; an activation or dropout between; padding of constants; groups.
bias_before_norm.allows(
    model="""
        self.none = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(8)
        self.read = nn.Conv2d(8, 8, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(8)
        self.act = nn.Conv2d(8, 8, 3, padding=1)
        self.norm3 = nn.BatchNorm2d(8)
        self.drop = nn.Dropout(0.1)
        self.dropped = nn.Conv2d(8, 8, 3, padding=1)
        self.norm4 = nn.BatchNorm2d(8)
        self.first = nn.Conv2d(8, 8, 1)
        self.padded = nn.Conv2d(8, 8, 3, padding=1, bias=False)
        self.norm5 = nn.BatchNorm2d(8)
        self.grouped = nn.Conv2d(8, 8, 1)
        self.norm6 = nn.GroupNorm(2, 8)
        self.fc = nn.Linear(8, 8)
        self.norm7 = nn.LayerNorm(8)

        def forward(self, x):
            x = self.norm1(self.none(x))
            y = self.read(x)
            x = self.norm2(y) + y
            x = self.norm3(self.act(x).relu())
            x = self.norm4(self.drop(self.dropped(x)))
            x = self.norm5(self.padded(self.first(x)))
            x = self.norm6(self.grouped(x))
            return self.norm7(self.fc(x.mean((2, 3))))
    """,
    input="2,3,32,32",
)
# A layer that is read once without a norm.
bias_before_norm.allows(
    model="""
        self.conv = nn.Conv2d(8, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)

        def forward(self, x):
            return self.conv(self.norm(self.conv(x)).relu())
    """,
    input="2,8,32,32",
)
# Eight of twenty thousand parameters.
bias_before_norm.allows(
    model="""
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.last = nn.Conv2d(8, 256, 3, padding=1)

        def forward(self, x):
            return self.last(self.norm(self.conv(x)).relu())
    """,
    input="2,3,32,32",
)
bias_before_norm.flags(
    model="""
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.last = nn.Conv2d(8, 256, 3, padding=1)

        def forward(self, x):
            return self.last(self.norm(self.conv(x)).relu())
    """,
    input="2,3,32,32",
    layers=["conv"],
    least_share=0.0,
)
