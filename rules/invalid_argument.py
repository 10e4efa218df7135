"""The rule invalid-argument."""

from __future__ import annotations

from collections.abc import Iterator

from modellint import Finding, Graph, Node, Skip, rule
from modellint.facts.wording import describe, named, together
from modellint.fixes import Before, Fix, Instead, SetArgument, one_or_each, set_arguments
from modellint.graph.operations import CONVOLUTIONS, ELEMENTWISE, POOLS, RESHAPES, TRANSPOSED

_WINDOWS = CONVOLUTIONS | POOLS | TRANSPOSED
_EMBEDDINGS = frozenset({"embedding", "embedding_bag"})
#: What computes with weights that are floating point, on an input that must be, too.
_FLOATING = CONVOLUTIONS | TRANSPOSED | {"linear", "bilinear", "batch_norm", "layer_norm"}


@rule("correctness", supersedes=["all"])
def invalid_argument(graph: Graph) -> Iterator[Finding | Skip]:
    """A layer has an argument or an input that PyTorch refuses when the model runs.

    A constructor takes nearly any number, and so does a run on shapes; the kernels behind it do
    not. Reported are a kernel, stride or dilation below 1, a padding below 0, an output padding
    that is not smaller than the stride or the dilation, integers that reach a layer with floating
    point weights or floats that reach an embedding, and layers that put out nothing because a size
    is 0.

    **Why it matters.** The model is built, printed and counted without complaint, and raises on its
    first batch. A layer of size 0 does not even raise: whatever follows computes from its bias
    alone.

    **When it is fine.** Never; a size of 0 that means "no such layer" is what `nn.Identity()` is
    for. Where the type of an input was only assumed, the rule says nothing. There are no options.
    """
    taken_for_tokens = any(
        given.origins.dtype == "assumed" and given.node.output.dtype == "int64"
        for given in graph.inputs
    )
    fine: set[Node] = set()
    for call in graph.calls():
        first = graph.first_like(call)
        if first in fine:
            continue
        if _is_fine(first):
            fine.add(first)
            continue
        wrong = list(_wrong(call))
        number = None if wrong else _number(call)
        if (wrong or number) and graph.refused_by_torch(call) is False:
            yield Skip(call, "PyTorch runs what looks like an argument it refuses", doubtful=True)
            continue
        for what, told, change in wrong:
            fix = Fix(f"{change.name}={change.value}", [change], otherwise=told)
            if change.name == "stride":
                fix = fix._replace(instead=_longer(call))
            yield Finding(call, f"{describe(call)} has {what}", help=told, fix=fix)
        if wrong:
            continue
        if number is not None and (graph.guessed or taken_for_tokens):
            yield Skip(call, "the type of the model's input was assumed")
        elif number is not None:
            what, told, step = number
            fix = Fix(step.format("x"), [Before(call, step)], otherwise=told, instead=_uncast(call))
            yield Finding(call, f"{describe(call)} {what}", help=told, fix=fix)
        elif _is_empty(call):
            yield Finding(
                call,
                f"{describe(call)} puts out {call.output}: nothing, since a size is 0",
                help="give it a size of at least 1, or put nn.Identity() in its place",
            )


def _is_fine(call: Node) -> bool:
    """Whether nothing is wrong with a layer's arguments, sizes and dtypes, nor with its equals'."""
    return not any(_wrong(call)) and _number(call) is None and not _is_empty(call)


def _longer(call: Node) -> Fix:
    """A stride of 2, or that of patches, where the map behind a layer is to be smaller."""
    patches = set_arguments(call, stride=one_or_each(call.kernel or (1,)))
    return set_arguments(call, stride=2)._replace(instead=patches)


def _wrong(call: Node) -> Iterator[tuple[str, str, SetArgument]]:
    """Each argument of a window that PyTorch refuses, and what it takes instead."""
    if call.op not in _WINDOWS:
        return
    smallest = {"kernel_size": (call.kernel, 1), "stride": (call.stride, 1)}
    smallest["dilation"] = (call.dilation, 1)
    if not isinstance(call.arguments.get("padding", 0), str):
        smallest["padding"] = (call.per_axis("padding", 0), 0)
    for name, (sizes, least) in smallest.items():
        if sizes and min(sizes) < least:
            change = SetArgument(call, name, one_or_each([max(size, least) for size in sizes]))
            what = f"{name}={together(sizes)}"
            yield what, f"{name} must be at least {least} on each axis", change
    if call.op in TRANSPOSED:
        yield from _output_padding(call)


def _output_padding(call: Node) -> Iterator[tuple[str, str, SetArgument]]:
    given = call.per_axis("output_padding", 0)
    most = [max(steps) - 1 for steps in zip(call.stride, call.dilation, strict=True)]
    if any(not 0 <= size <= limit for size, limit in zip(given, most, strict=True)):
        fits = [min(max(size, 0), limit) for size, limit in zip(given, most, strict=True)]
        yield (
            f"output_padding={together(given)} with stride={together(call.stride)} and "
            f"dilation={together(call.dilation)}",
            f"output_padding must be smaller than one of the two: here 0 to {together(most)}",
            SetArgument(call, "output_padding", one_or_each(fits)),
        )


def _number(call: Node) -> tuple[str, str, str] | None:
    """What is wrong with the kind of numbers that come in, what to do, and the step for it."""
    if not call.inputs or not call.input.outputs:
        return None
    given = call.input.output.dtype
    if call.op in _EMBEDDINGS and _is_floating(given):
        return f"looks up indices and gets {given}", "index with integers: x.long()", "{}.long()"
    if call.op not in _FLOATING or _is_floating(given) or given.startswith("complex"):
        return None
    weight = call.arguments.get("weight")
    if not isinstance(weight, Node) or not _is_floating(weight.output.dtype):
        return None
    kind = weight.output.dtype
    what = f"computes in {kind} and gets {given}"
    return what, "convert its input first: x.float()", "{}.float()"


def _uncast(call: Node) -> Fix | None:
    """The conversion that made other numbers of those that a layer computes with is left out."""
    node = call.input
    while node.inputs and node.input.outputs and node.op in ELEMENTWISE | RESHAPES:
        if _is_floating(node.input.output.dtype) != _is_floating(node.output.dtype):
            told = f"leave out {named(node)}, which makes {node.output.dtype} of its input"
            return Fix(f"without {named(node)}", [Instead(node, "{}")], help=told)
        node = node.input
    return None


def _is_floating(dtype: str) -> bool:
    return "float" in dtype


def _is_empty(call: Node) -> bool:
    """Whether a layer puts out nothing although something comes in."""
    if not call.outputs or not call.inputs or not call.input.outputs:
        return False
    return 0 in call.output.example and 0 not in call.input.output.example


for _layer in (
    "nn.Conv2d(3, 8, 3, padding=-1)",
    "nn.Conv2d(3, 8, 3, stride=0)",
    "nn.Conv2d(3, 8, 3, dilation=0)",
    "nn.Conv2d(3, 8, (3, 0))",
    "nn.MaxPool2d(2, stride=0)",
    "nn.MaxPool2d(2, dilation=0)",
    "nn.AvgPool2d(3, padding=-1)",
    "nn.ConvTranspose2d(3, 8, 4, stride=2, output_padding=2)",
    "nn.ConvTranspose2d(3, 8, 4, stride=(2, 1), output_padding=1)",
    "nn.ConvTranspose2d(3, 8, 4, stride=0)",
    "nn.ConvTranspose2d(3, 8, 4, stride=2, output_padding=-1)",
    "nn.Conv2d(3, 0, 3, padding=1)",
    "nn.AdaptiveAvgPool2d((0, 2))",
):
    invalid_argument.flags(
        model=f"self.layer = {_layer}",
        input="1,3,32,32",
        layers=["layer"],
        severity="error",
    )
invalid_argument.flags(
    model="self.layer = nn.Linear(4, 2)",
    input="8,4:int64",
    layers=["layer"],
    severity="error",
)
invalid_argument.flags(
    model="self.layer = nn.Conv2d(3, 8, 3)",
    input="1,3,32,32:uint8",
    layers=["layer"],
)
invalid_argument.flags(
    model="self.layer = nn.Embedding(100, 8)",
    input="2,7",
    layers=["layer"],
)
# The first layer without an output says it; what comes after it has nothing to read.
invalid_argument.flags(
    model="""
        def __init__(self, hidden=0):
            super().__init__()
            self.first = nn.Linear(4, hidden)
            self.second = nn.Linear(hidden, 2)

        def forward(self, x):
            return self.second(self.first(x))
    """,
    input="8,4",
    layers=["first"],
)
for _layer in (
    "nn.Conv2d(3, 8, 3, stride=2, padding=1, dilation=2)",
    'nn.Conv2d(3, 8, 3, padding="same")',
    "nn.MaxPool2d(3, stride=2, padding=1)",
    # Smaller than the dilation is enough.
    "nn.ConvTranspose2d(3, 8, 4, stride=2, dilation=4, output_padding=3)",
    "nn.ConvTranspose2d(3, 8, 3, stride=2, padding=1, output_padding=1)",
):
    invalid_argument.allows(model=f"self.layer = {_layer}", input="1,3,32,32")
invalid_argument.allows(model="self.layer = nn.Embedding(100, 8)", input="2,7:int64")
# Divided by a number, integers are floats.
invalid_argument.allows(
    model="""
        self.conv = nn.Conv2d(3, 8, 3)

        def forward(self, x):
            return self.conv(x / 255)
    """,
    input="1,3,32,32:uint8",
)
# A layer that would raise computes floats: the next one is not to blame.
invalid_argument.flags(
    model="""
        self.first = nn.Linear(4, 8)
        self.second = nn.Linear(8, 2)

        def forward(self, x):
            return self.second(self.first(x.long()).relu())
    """,
    input="8,4",
    layers=["first"],
)
