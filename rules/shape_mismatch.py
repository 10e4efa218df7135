"""The rule shape-mismatch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from modellint import Finding, Graph, Module, Node, Skip, rule
from modellint.facts.fitting_arguments import fitting
from modellint.facts.remedies import remedy
from modellint.facts.wording import named
from modellint.geometry import makers


@rule("correctness")
def shape_mismatch(graph: Graph) -> Iterator[Finding | Skip]:
    """An operation refuses the sizes that it gets: the forward fails.

    The finding names the operation, what came in and what it accepts, both in terms of the
    input's sizes, and the argument that would fit: a linear layer behind a flatten with the wrong
    `in_features`, channels or groups that do not agree, maps of different size in a sum or
    concatenation, a kernel larger than its map, a recurrent layer's state, more positions than an
    embedding has rows. Layers before that point are reported as usual; those after it were never
    reached.

    Where nobody said the size of the image, one that fits is looked for. Learned positions that are
    one off for every square image, as those that forget a class token, are told at a square one.

    **Why it matters.** The model raises on its first batch. Written in terms of `H` and `W`, the
    message also says for which other input size the model was meant.

    **When it is fine.** Never for the sizes that were tried. If the model is meant for others, show
    them: a call in the file, a comment `# modellint: input=(1, 28, 28)`, or `--input`.
    """
    if graph.mismatch is None:
        return
    call = graph.mismatch.node
    sources = makers(graph, call)
    came = [
        f"{source.output} is {'the input' if source.op == 'input' else f'what {source.key} gives'}"
        for source in sources
    ]
    sizes = ", ".join(f"{name} = {size}" for name, size in graph.symbols.items())
    refused = graph.mismatch.message
    if call.type != call.op:
        refused = f"{named(call)}: {refused}"
    assumed = ", an assumed size" if graph.guessed else ""
    message = "; ".join([refused, *came, *([f"here {sizes}{assumed}"] if sizes else [])])
    layers = [source for source in sources if source.op != "input"]
    fits = fitting(graph, call)
    joined = remedy(graph, call)
    helped = (fits and fits.help) or graph.mismatch.help or (joined and joined.help)
    related: list[Node | Module] = [*_block(graph, call), *layers]
    if fits is not None and fits.module is not None:
        # The construction of a block is at fault, not the line within it.
        message = "; ".join([f"{fits.told}", refused, *came])
        yield Finding(fits.module, message, help=helped, related=[call], fix=fits.fix)
        return
    yield Finding(call, message, help=helped, related=related, fix=fits and fits.fix)


def _block(graph: Graph, call: Node) -> Iterator[Module]:
    """The block that a layer is built in, where its line builds the same layer of other blocks."""
    built = Counter(module.construction for module in graph.modules.values())
    path = call.module if call.type != call.op else ""
    if not path or built[call.construction] < 2:
        return
    while "." in path:
        path = path.rpartition(".")[0]
        block = graph.modules.get(path)
        if block is not None and block.construction and built[block.construction] == 1:
            yield block
            return


shape_mismatch.flags(
    model="""
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(16 * 5 * 5, 10)

        def forward(self, x):
            x = self.pool(self.conv1(x).relu())
            x = self.pool(self.conv2(x).relu())
            return self.fc(x.flatten(1))
    """,
    input="8,1,28,28",
    layers=["fc"],
    severity="error",
)
shape_mismatch.flags(
    model="""
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 8, 3, padding=1)
    """,
    input="1,3,32,32",
    layers=["conv2"],
)
shape_mismatch.flags(
    """
    import torch
    from torch import nn


    class Net(nn.Module):  # modellint: input=(4, 3, 5, 5)
        def __init__(self):
            super().__init__()
            self.wide = nn.Conv2d(3, 8, 7)

        def forward(self, x):
            return self.wide(x)
    """,
    layers=["wide"],
)
shape_mismatch.allows(
    model="""
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(16 * 5 * 5, 10)

        def forward(self, x):
            x = self.pool(self.conv1(x).relu())
            x = self.pool(self.conv2(x).relu())
            return self.fc(x.flatten(1))
    """,
    input="8,1,32,32",
)
