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
    nothing tells apart, channel and pixel shuffles, which permute between two reshapes, a view that
    a later one undoes before anything mixes, and rows of n + 1 viewed as rows of n, which shifts
    each against the one before (Dai et al., ACL 2019, arXiv 1901.02860, appendix B). There are no
    options.
    """
    for found in scrambled(graph):
        if graph.exported:
            yield Skip(found.node, "an export has numbers for sizes, which may be equal by chance")
        else:
            yield _finding(found)


def _finding(found: Scrambled) -> Finding:
    node, axes, permuted, split, sized = found
    source = node.input.output
    if split:
        return _of_split(found)
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
        assumes_size=sized,
    )


def _of_split(found: Scrambled) -> Finding:
    """A view that splits an axis and gives its parts other places at once."""
    node, axes, *_ = found
    source, made = node.input.output, node.output
    order = [*range(len(made.shape))]
    for at, axis in zip(sorted(axes), axes, strict=True):
        order[at] = axis
    moved = [str(made.symbolic[axis]) for at, axis in enumerate(order) if at != axis]
    sizes = ", ".join(str(made.symbolic[axis]) for axis in order)
    back = ", ".join(str(order.index(at)) for at in range(len(order)))
    return Finding(
        node,
        f"{named(node)} gives {source} the sizes {made} without moving anything: "
        f"{' and '.join(moved)} change places, and each row of the result "
        "holds elements of several",
        help=f"{node.op}({sizes}) splits, and permute({back}) moves behind it",
        assumes_size=found.sized,
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
# The heads of an attention: split, and moved before the steps at once.
scrambled_axes.flags(
    model="""
        self.q = nn.Linear(64, 64)

        def forward(self, x):
            n, t, c = x.shape
            q = self.q(x).view(n, 8, t, c // 8)
            return (q @ q.transpose(-2, -1)).softmax(-1) @ q
    """,
    input="4,50,64",
    layers=["view@12"],
)
# An image with its channels last, by the numbers that its call shows.
scrambled_axes.flags(
    model="""
        self.conv = nn.Conv2d(3, 8, 3, padding=1)

        def forward(self, x):
            return self.conv(x.reshape(-1, 3, 96, 128))
    """,
    input="4,96,128,3",
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
# Distances in place of positions: each row is shifted by one against the row before.
scrambled_axes.allows(
    model="""
        self.score = nn.Linear(16, 16)

        def forward(self, x):
            scores = F.pad(self.score(x) @ x.transpose(1, 2), (1, 0))
            n, t, d = scores.shape
            return scores.view(n, d, t)[:, 1:].reshape(n, t, t).softmax(-1)
    """,
    input="4,20,16",
)
# Heads that are split in order, of inputs whose sizes nothing ties to each other.
scrambled_axes.allows(
    model="""
        self.fc = nn.Linear(64, 64)

        def forward(self, q, k):
            n, t = q.shape[:2]
            k = k.view(n, k.shape[1], 8, 8).permute(0, 2, 3, 1)
            return self.fc(q).view(n, t, 8, 8).transpose(1, 2) @ k
    """,
    input=["4,50,64", "4,50,64"],
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
# A map that a pool leaves one pixel of has nothing to move.
scrambled_axes.allows(
    model="""
        self.conv = nn.Conv2d(3, 16, 3, padding=1)
        self.pool = nn.AvgPool2d(7)
        self.fc = nn.Linear(16, 4)

        def forward(self, x):
            return self.fc(self.pool(self.conv(x)).view(-1, 16))
    """,
    input="2,3,7,7",
)
