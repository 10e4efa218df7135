"""The rule input-divisor."""

from __future__ import annotations

from collections.abc import Iterator

from modellint import Finding, Graph, Node, Skip, rule
from modellint.contracts.admitted import grouped, words
from modellint.contracts.contract import beside, condition, demands, divisor_of, sized_axes
from modellint.graph.operations import COMBINING

_RESIZE = ", or resize one of what is joined: F.interpolate(x, size=other.shape[2:])"


@rule("advice")
def input_divisor(graph: Graph) -> Iterator[Finding | Skip]:
    """The model accepts only multiples of a number as the size of its input.

    Somewhere two ways through the model meet, and their sizes agree only if nothing was rounded
    off on the way: a decoder doubles what an encoder has halved. Or an operation itself divides an
    axis into equal parts. The finding stands at the operation that asks for the greatest divisor,
    with what it demands, and names the others.

    **Why it matters.** The first image of another size raises, at the join and not at the pool that
    rounded. Whoever calls the model must know the number, or the model must pad.

    **When it is fine.** Where whoever feeds the model pads or crops to a multiple, as is usual for
    U-Nets. What the model's own code compares (`assert H % 16 == 0`) is not reported: it is said
    already. There are no options.
    """
    if graph.mismatch is not None:
        return
    divided = {axis: sizes for axis, sizes in sized_axes(graph) if sizes.multiple_of > 1}
    # One size alone is fixed, by whatever asks for it.
    divided = {axis: sizes for axis, sizes in divided.items() if sizes.max != sizes.min}
    if not divided:
        return
    asking = _asking(graph, tuple(divided))
    if not asking:
        return
    most = max(divisor for _, _, divisor in asking)
    call, demand, _ = next(found for found in asking if found[2] == most)
    others = list(dict.fromkeys(node for node, _, _ in asking if node is not call))
    named = ", ".join(node.key for node in others[:3])
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    joins = call.op in COMBINING or call.op in ("cat", "stack")
    widest = max(divided.values(), key=lambda sizes: sizes.apart or sizes.multiple_of)
    wanted = (
        f"sizes that are {words(widest)}" if widest.apart else f"a multiple of {widest.multiple_of}"
    )
    accepted = grouped(divided.items(), beside(graph))
    yield Finding(
        call,
        f"the model accepts only {accepted}: {call.key} demands {demand}"
        + (f", and {named}{more} likewise" if others else ""),
        help=f"pad or crop the input to {wanted}" + (_RESIZE if joins else ""),
        related=others[:3],
    )


def _asking(graph: Graph, axes: tuple[str, ...]) -> list[tuple[Node, str, int]]:
    """The operations that ask for a divisor of an axis: what they demand, and which divisor."""
    found = []
    for node, demand in demands(graph):
        if demand.relation != "==":
            continue
        names = {symbol.name for symbol in demand.expr.symbols}
        for axis in axes:
            if axis in names:
                divisor = divisor_of(axis, demand, graph.symbols)
                if divisor > 1:
                    found.append((node, condition(demand), divisor))
    return found


input_divisor.flags(
    model="""
        # A U-Net that halves twice.
        self.one = nn.Conv2d(3, 8, 3, padding=1)
        self.two = nn.Conv2d(8, 8, 3, padding=1)
        self.three = nn.Conv2d(8, 8, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.up = nn.Upsample(scale_factor=2)

        def forward(self, x):
            one = self.one(x)
            two = self.two(self.pool(one))
            three = self.three(self.pool(two))
            two = two + self.up(three)
            return torch.cat([one, self.up(two)], dim=1)
    """,
    input="1,3,64,64",
    severity="info",
)
input_divisor.flags(
    model="""
        self.fold = nn.PixelUnshuffle(4)
        self.conv = nn.Conv2d(48, 16, 3, padding=1)
    """,
    input="1,3,64,64",
    layers=["fold"],
)
# A patch embedding drops what is left over, and interpolation to the other's size always fits.
input_divisor.allows(
    model="""
        self.patches = nn.Conv2d(3, 8, 4, stride=4)
        self.head = nn.Conv2d(8, 3, 1)

        def forward(self, x):
            return x + F.interpolate(self.head(self.patches(x)), size=x.shape[2:])
    """,
    input="1,3,64,64",
)
# What the code says itself.
input_divisor.allows(
    model="""
        self.conv = nn.Conv2d(3, 8, 3, padding=1)

        def forward(self, x):
            if x.shape[2] % 16 or x.shape[3] % 16:
                raise ValueError("multiples of 16, please")
            return self.conv(x)
    """,
    input="1,3,64,64",
)
# Few sizes, and of these every other one.
input_divisor.flags(
    model="""
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.up = nn.Upsample(scale_factor=2)
        self.shrink = nn.MaxPool2d(8)
        self.fc = nn.Linear(8 * 4 * 4, 10)

        def forward(self, x):
            x = self.conv(x)
            x = x + self.up(self.pool(x))
            return self.fc(self.shrink(x).flatten(1))
    """,
    input="1,3,32,32",
)
# What a forward that fails demands of its input is no divisor.
input_divisor.allows(
    model="self.fc = nn.Linear(784, 10)",
    input="1,3,32,28",
)
