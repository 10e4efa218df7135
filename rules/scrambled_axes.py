"""The rule scrambled-axes."""

from __future__ import annotations

from collections.abc import Iterator

from modellint import Finding, Graph, Node, Skip, rule
from modellint.facts.scrambling import Scrambled, scrambled
from modellint.facts.wording import named
from modellint.fixes import Before, Change, Fix, Instead


@rule("suspicious")
def scrambled_axes(graph: Graph) -> Iterator[Finding | Skip]:
    """A view or reshape gives the sizes of a permutation, but not its elements.

    `view` and `reshape` keep the elements in the order of memory: they merge neighbouring axes and
    split them. Where the sizes that are asked for are those of the input in another order, as in
    `(N, T, C)` viewed as `(N, C, T)`, nothing is moved, and each row of the result holds elements
    of several rows of the input.

    **Why it matters.** The sizes fit, so nothing raises; what the next layer takes for one channel
    is a piece of time times channels, and what it takes for one sample may be of several samples.
    `permute` moves axes, `view` does not (PyTorch's documentation of `torch.Tensor.view`).

    **When it is fine** (silent): axes that are merged or split in order, axes of equal sizes, which
    nothing tells apart, channel and pixel shuffles, which permute between two reshapes, and a view
    that a later one undoes before anything mixes. There are no options.
    """
    yield from map(_finding, scrambled(graph))


def _finding(found: Scrambled) -> Finding:
    node, axes, permuted = found
    source = node.input.output
    dims = [*range(len(source.shape))]
    moved = []
    for at, axis in zip(sorted(axes), axes, strict=True):
        dims[at] = axis
        moved += [str(source.symbolic[axis])] if at != axis else []
    permute = f"permute({', '.join(map(str, dims))})"
    changes: list[Change] = [Instead(node, f"{{}}.{permute}")]
    if not permuted:
        copied = "" if node.op.startswith("reshape") else ".contiguous()"
        changes = [Before(node, f"{{}}.{permute}{copied}")]
    return Finding(
        node,
        f"{named(node)} gives {source} the sizes {node.output} without moving anything: "
        f"{' and '.join(moved)} change places, and each row of the result "
        "holds elements of several",
        help=f"{permute} moves them{_then(node, permuted)}",
        fix=Fix(permute, changes),
    )


def _then(node: Node, permuted: bool) -> str:
    """What is left to do behind the permutation; a view refuses what was permuted."""
    if permuted:
        return ""
    return ", before it" if node.op.startswith("reshape") else ", before a reshape in its place"


scrambled_axes.flags(
    model="""
        self.conv = nn.Conv1d(16, 8, 3, padding=1)

        def forward(self, x):
            n, t, c = x.shape
            return self.conv(x.view(n, c, t))
    """,
    input="4,50,16",
    layers=["view@12"],
    severity="warning",
)
# The last state of each of two layers, taken for features of one sample.
scrambled_axes.flags(
    model="""
        self.lstm = nn.LSTM(16, 32, 2, batch_first=True)
        self.fc = nn.Linear(64, 4)

        def forward(self, x):
            _, (h, _) = self.lstm(x)
            return self.fc(h.view(x.shape[0], -1))
    """,
    input="4,50,16",
    layers=["view@13"],
)
# Tokens taken for a map.
scrambled_axes.flags(
    model="""
        self.conv = nn.Conv2d(64, 8, 3, padding=1)

        def forward(self, x):
            return self.conv(x.reshape(-1, 64, 7, 7))
    """,
    input="4,49,64",
    layers=["reshape@11"],
)
scrambled_axes.allows(
    model="""
        self.conv = nn.Conv1d(16, 8, 3, padding=1)
        self.fc = nn.Linear(8, 4)

        def forward(self, x):
            n, t, c = x.shape
            x = self.conv(x.permute(0, 2, 1))
            return self.fc(x.transpose(1, 2).reshape(n * t, -1)).view(n, t, 4)
    """,
    input="4,50,16",
)
# A channel shuffle permutes between its reshapes; a view that is undone before anything mixes.
scrambled_axes.allows(
    model="""
        self.conv = nn.Conv2d(8, 8, 1)

        def forward(self, x):
            n, c, h, w = x.shape
            x = x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)
            x = x.view(n, h, w, c).relu().view(n, c, h, w)
            return self.conv(x)
    """,
    input="2,8,12,20",
)
# Equal sizes are not told apart.
scrambled_axes.allows(
    model="""
        self.fc = nn.Linear(16, 16)

        def forward(self, x):
            return self.fc(x.view(-1, 16, 16))
    """,
    input="4,16,16",
)
