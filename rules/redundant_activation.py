"""The rule redundant-activation."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from modellint import Finding, Graph, Node, Skip, rule
from modellint.facts.leaving_out import without
from modellint.facts.ranges import Range, range_of
from modellint.facts.wording import named

#: What leaves every value of an interval as it is: that interval.
_IDENTICAL = {
    "relu": (0.0, inf),
    "leaky_relu": (0.0, inf),
    "prelu": (0.0, inf),
    "rrelu": (0.0, inf),
    "elu": (0.0, inf),
    "celu": (0.0, inf),
    "relu6": (0.0, 6.0),
}


@rule("suspicious")
def redundant_activation(graph: Graph) -> Iterator[Finding | Skip]:
    """An activation changes nothing after the one before it.

    A ReLU (or one of its kin, which hand positive values on as they are) reads what is never
    negative: the output of a ReLU, sigmoid, softmax or softplus, also through pools, reshapes,
    dropout and slices. ReLU6 and hardtanh count where the values are within their bounds.

    **Why it matters.** It costs a pass over the map and does nothing; usually a linear layer or a
    norm was meant to stand between the two, or a block that ends with an activation is followed by
    one more (Glorot et al., AISTATS 2011: what a rectifier passes is linear where it is positive).

    **When it is fine.** Activations after a sum, a norm or a layer of weights: silent, also where
    all that is summed is positive. Ignore it where a block is built generically and the second
    activation costs nothing that matters. There are no options.
    """
    for call in graph.calls(*_IDENTICAL, "hardtanh"):
        if call.index not in graph.varying:
            continue
        low, high = _bounds(call)
        found = range_of(graph, call.input)
        if found is None or found.low < low or found.high > high:
            continue
        yield Finding(
            call,
            f"{named(call)} changes nothing: what {named(found.maker)} gives it has "
            f"{_interval(found)}",
            help="leave it out, or put a layer between the two",
            related=[found.maker],
            fix=without(call, same=True),
        )


def _bounds(call: Node) -> tuple[float, float]:
    if call.op != "hardtanh":
        return _IDENTICAL[call.op]
    return float(call.arguments["min_val"]), float(call.arguments["max_val"])


def _interval(found: Range) -> str:
    if found.high == inf:
        return f"no value below {found.low:g}"
    return f"no value outside {found.low:g} to {found.high:g}"


redundant_activation.flags(
    model="""
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.act = nn.ReLU()

        def forward(self, x):
            x = F.relu(self.conv(x))
            return self.act(self.pool(x))
    """,
    input="1,3,32,32",
    layers=["act"],
    severity="warning",
)
redundant_activation.flags(
    model="""
        self.fc = nn.Linear(16, 10)
        self.bound = nn.Sequential(nn.Softmax(dim=1), nn.ReLU())
        self.gate = nn.Sequential(nn.Sigmoid(), nn.Flatten(), nn.ReLU6())

        def forward(self, x):
            return self.bound(self.fc(x)), self.gate(x)
    """,
    input="1,16",
    layers=["bound.1", "gate.2"],
)
# After a layer, a norm or a sum; what changes negative values; what is shared.
redundant_activation.allows(
    model="""
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1)
        self.act = nn.ReLU()

        def forward(self, x):
            x = self.act(self.conv1(x))
            y = self.act(self.norm(x))
            return self.act(x + y), self.act(self.conv2(y).tanh())
    """,
    input="1,3,32,32",
)
