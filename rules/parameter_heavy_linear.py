"""The rule parameter-heavy-linear."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

from modellint import Finding, Graph, Node, Parameter, Skip, rule
from modellint.facts.costs import (
    amount,
    macs,
    own_parameters,
    parameters,
    share_of,
    share_of_macs,
    total_parameters,
)
from modellint.facts.flattening import (
    Flattened,
    covers_whole_map,
    feeds_weights_only,
    flattened,
    unfolded,
)
from modellint.facts.pooling import pooled
from modellint.facts.wording import channels, describe, times
from modellint.fixes import Fix, Instead

#: As many features are enough for a layer of any size.
_ENOUGH = 256


@rule("efficiency")
def parameter_heavy_linear(
    graph: Graph,
    *,
    min_parameters: int = 100_000,
    flatten_share: float = 0.3,
    share: float = 0.5,
) -> Iterator[Finding | Skip]:
    """One fully connected layer holds a large part of the model's parameters.

    Reported is a layer with at least `min_parameters` weights if either (a) its input is a
    flattened map with more than one position and it holds `flatten_share` of all parameters, or
    (b) it is not the last layer before an output and holds `share` of them. A convolution that
    covers its whole map (a 7×7 on 7×7) is such a layer too. Shared weights count once.

    **Why it matters.** Behind a flatten each position has weights of its own: nothing is shared
    between positions, so the layer fixes the input's size, is slow to learn and first to overfit.
    Networks that pool to 1×1 first (Lin et al., Network In Network, arXiv 1312.4400) need a
    fraction of the weights: AlexNet's first linear layer holds 61.8 % of its 61 M parameters,
    VGG16's 74.3 % of 138 M. Of a few channels that would leave too little: the help names a pool
    that leaves as many features as the layer gives out, or 256, where that is small enough.

    **When it is fine** (silent): classifiers behind global pooling, however large; layers whose
    output becomes a map, as at the start of a generator; by (b), the layers of a lone block that
    gives back the size of the sequence or map that it reads, as an attention does. Ignore it where
    positions mean different things, as in a table of sensors.

    **Options.** `min_parameters`, a count; `flatten_share` and `share`, parts of all parameters.
    """
    total = total_parameters(graph)
    least = max(min_parameters, min(flatten_share, share) * total)
    seen: set[frozenset[Parameter]] = set()
    for call in graph.calls("linear", "conv1d", "conv2d", "conv3d"):
        if not call.outputs or call.index not in graph.varying:
            continue
        number = parameters(graph, call)
        if number < least:
            continue
        held = own_parameters(graph, call)
        if held in seen:
            continue
        if call.op != "linear" and not covers_whole_map(graph.first_like(call)):
            continue
        if unfolded(graph, call):
            continue
        seen.add(held)
        source = flattened(graph, call)
        if source is not None and source.count > 1 and number >= flatten_share * total:
            to = _pooled_to(graph, call, source, min_parameters, flatten_share)
            yield _of_flattened(graph, call, source, number, to)
        elif number >= share * total and feeds_weights_only(graph, call) and not _is_block(graph):
            yield _of_hidden(graph, call, number)


def _is_block(graph: Graph) -> bool:
    """Whether the model is a block of a larger one: it gives back a map or sequence of its input's.

    A layer of such a block is most of it, and next to nothing of what the block is built into.
    """
    given = {node.node.output.symbolic for node in graph.inputs if node.node.outputs}
    return any(
        output.outputs and len(output.output.shape) > 2 and output.output.symbolic in given
        for output in graph.outputs
    )


def _held(graph: Graph, call: Node, number: int) -> str:
    total = total_parameters(graph)
    return (
        f"{describe(call)} holds {number:,} of the model's {total:,} parameters "
        f"({share_of(number, total)}; {share_of_macs(graph, macs(graph, call))})"
    )


def _pooled_to(graph: Graph, call: Node, source: Flattened, least: int, share: float) -> list[int]:
    """The map to pool to: it gives as many features as the layer does, if that is small enough.

    Of a few channels a pool to one position leaves next to nothing. What is enough for any layer is
    `_ENOUGH`; where a larger map would be reported again, it is the largest that is not.
    """
    enough = min(_outputs(call), _ENOUGH)
    number, total = parameters(graph, call), total_parameters(graph)
    largest = max(source.positions)
    sides = [[min(side, axis) for axis in source.positions] for side in range(1, largest)]
    fitting = [
        to
        for to in sides
        if prod(to) == 1
        or (left := _with_map(call, source, number, to)) < least
        or left < share * (total - number + left)
    ]
    wide = (to for to in fitting if source.channels * prod(to) >= enough)
    return next(wide, fitting[-1])


def _with_map(call: Node, source: Flattened, number: int, to: Sequence[int]) -> int:
    """How many parameters the layer has on a map of another size."""
    return number - (source.count - prod(to)) * source.channels * _outputs(call)


def _of_flattened(
    graph: Graph, call: Node, source: Flattened, number: int, to: Sequence[int]
) -> Finding:
    shape = f"{source.channels}×{times(source.positions)}"
    features = source.channels * source.count
    change = (
        f"in_features {features} → {source.channels * prod(to)}"
        if call.op == "linear"
        else f"kernel {times(source.positions)} → {times(to)}"
    )
    told = (
        f"pool to {times(to)} first: {change}, parameters {amount(number)} → "
        f"{amount(_with_map(call, source, number, to))}"
    )
    return Finding(
        call,
        f"{_held(graph, call, number)}: it reads a whole {shape} map, so that each of "
        f"{source.count} positions has weights of its own, shared with no other",
        help=f"put convolutions before it, which share weights between positions, and {told}"
        if source.raw
        else f"{told}; or use convolutions, which share weights between positions",
        fix=pooled(graph, call, source, to),
    )


def _of_hidden(graph: Graph, call: Node, number: int) -> Finding:
    outputs = _outputs(call)
    inputs = int(channels(call).partition("→")[0] or 1)
    # A quarter of the weights: two factors of this rank.
    rank = max(inputs * outputs // (4 * (inputs + outputs)), 1)
    factored = rank * (inputs + outputs) + outputs
    return Finding(
        call,
        f"{_held(graph, call, number)}, and is not the output layer",
        help=f"fewer features; or two layers of rank {rank}, {inputs} → {rank} → {outputs}: "
        f"parameters {amount(number)} → {amount(factored)}",
        fix=_factored(call, inputs, rank, outputs),
    )


def _factored(call: Node, inputs: int, rank: int, outputs: int) -> Fix | None:
    """Two linear layers in the place of one, the first without a bias that the second has too."""
    if call.op != "linear" or call.arguments.get("bias") is None:
        return None
    first, second = f"nn.Linear({inputs}, {rank}, bias=False)", f"nn.Linear({rank}, {outputs})"
    change = Instead(call, None, f"nn.Sequential({first}, {second})")
    return Fix(f"two layers of rank {rank}", [change])


def _outputs(call: Node) -> int:
    found = channels(call)
    return int(found.partition("→")[2]) if found else call.output.example[-1]


parameter_heavy_linear.flags(
    model="""
        self.hidden = nn.Linear(1100, 100)
        self.out = nn.Linear(100, 100)

        def forward(self, x):
            return self.out(self.hidden(x).relu())
    """,
    input="1,1100",
    layers=["hidden"],
    severity="warning",
)
parameter_heavy_linear.flags(
    model="""
        self.features = nn.Sequential(
            nn.Conv2d(3, 32, 3, stride=2, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
            nn.Conv2d(32, 64, 3, stride=2, padding=1), nn.ReLU(),
        )
        self.drop = nn.Dropout(0.5)
        self.fc1 = nn.Linear(64 * 8 * 8, 128)
        self.fc2 = nn.Linear(128, 10)

        def forward(self, x):
            x = self.features(x)
            x = x.view(x.size(0), -1)
            return self.fc2(self.fc1(self.drop(x)).relu())
    """,
    input="1,3,32,32",
    layers=["fc1"],
)
# A convolution as large as its map is a fully connected layer.
parameter_heavy_linear.flags(
    model="""
        self.stem = nn.Conv2d(3, 64, 4, stride=4)
        self.fc1 = nn.Conv2d(64, 256, 7)
        self.fc2 = nn.Conv2d(256, 10, 1)

        def forward(self, x):
            return self.fc2(self.fc1(self.stem(x)).relu()).flatten(1)
    """,
    input="1,3,28,28",
    layers=["fc1"],
)
# The output layer too, if it reads a flattened map.
parameter_heavy_linear.flags(
    model="""
        self.conv = nn.Conv1d(8, 32, 3, padding=1)
        self.fc = nn.Linear(32 * 400, 10)

        def forward(self, x):
            return self.fc(self.conv(x).flatten(1))
    """,
    input="2,8,400",
    layers=["fc"],
)
# Global pooling before a large classifier.
parameter_heavy_linear.allows(
    model="""
        self.conv = nn.Conv2d(3, 512, 3, padding=1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(512, 1000)

        def forward(self, x):
            return self.fc(torch.flatten(self.pool(self.conv(x)), 1))
    """,
    input="1,3,64,64",
)
# A generator's first layer becomes a map.
parameter_heavy_linear.allows(
    model="""
        self.fc = nn.Linear(100, 128 * 7 * 7)
        self.norm = nn.BatchNorm1d(128 * 7 * 7)
        self.up = nn.ConvTranspose2d(128, 1, 4, stride=4)

        def forward(self, z):
            x = self.norm(self.fc(z)).relu()
            return self.up(x.view(-1, 128, 7, 7))
    """,
    input="2,100",
)
# The output layer of a model that is hardly more, and a small one behind a flatten.
parameter_heavy_linear.allows(
    """
    import torch
    from torch import nn


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden = nn.Linear(1100, 100)
            self.out = nn.Linear(100, 5000)

        def forward(self, x):
            return self.out(self.hidden(x).relu())


    class Small(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 8, 3, padding=1)
            self.fc = nn.Linear(8 * 14 * 14, 10)

        def forward(self, x):
            return self.fc(self.conv(x).flatten(1))


    if __name__ == "__main__":
        Net()(torch.rand(1, 1100))
        Small()(torch.rand(1, 1, 14, 14))
    """
)
# A block of attention, of which a file holds no more.
parameter_heavy_linear.allows(
    model="""
        self.qkv = nn.Linear(256, 768)
        self.proj = nn.Linear(256, 256)

        def forward(self, x):
            q, k, v = self.qkv(x).chunk(3, dim=-1)
            return self.proj(F.scaled_dot_product_attention(q, k, v))
    """,
    input="2,50,256",
)
# Rows that cut across a map are batch-folded's to tell of.
parameter_heavy_linear.allows(
    model="""
        self.conv = nn.Conv2d(3, 256, 3, stride=2, padding=1)
        self.fc = nn.Linear(256, 1000)

        def forward(self, x):
            return self.fc(self.conv(x).relu().view(-1, 256))
    """,
    input="2,3,10,10",
)
