"""The rule unproductive-layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modellint import Finding, Graph, Skip, rule
from modellint.facts.costs import (
    amount,
    macs,
    own_parameters,
    share_of,
    share_of_macs,
    total_parameters,
)
from modellint.facts.wording import describe, times
from modellint.geometry import Saturated, saturated, unseen


@rule("advice")
def unproductive_layer(graph: Graph) -> Iterator[Finding | Skip]:
    """A convolution's input already sees the whole image, so it adds nothing of it.

    Each position of every input of the layer depends on the whole image along every axis, also
    along the path with the narrowest windows (through the shortcuts), and the layer's kernel is
    larger than one. One finding a model: the first such layer, how many follow, and their share of
    the parameters and multiply-accumulates.

    **Why it matters.** Layers behind that point integrate no new context. Richter et al. (2021,
    arXiv 2106.12307) find that they hardly change the accuracy of a classifier, and cut them away
    or shrink the receptive field: an early stride or pool less gives more productive layers at the
    same cost.

    **When it is fine** (silent): shortcuts past the layers keep the narrowest path short; what is
    enlarged again later, as in decoders and generators, works on detail, not on context. Ignore it
    where the model is meant for larger inputs. There are no options.
    """
    found = saturated(graph)
    if found:
        yield _finding(graph, found)
        return
    call = unseen(graph)
    if call is not None:
        yield Skip(call, "how much of the image its input sees is not known")


def _finding(graph: Graph, found: Sequence[Saturated]) -> Finding:
    first, *others = found
    calls = [entry.call for entry in found]
    parameters = sum(p.numel for p in {p for call in calls for p in own_parameters(graph, call)})
    operations = sum(macs(graph, call) for call in calls)
    follow = f", as {len(others)} more behind it; they hold" if others else "; it holds"
    return Finding(
        first.call,
        f"{describe(first.call)} reads positions that already see {times(first.seen)} px of the "
        f"{times(first.image)} image{follow} {share_of(parameters, total_parameters(graph))} of "
        f"the model's parameters and {share_of_macs(graph, operations)}",
        help=_help(first, total_parameters(graph) - parameters),
        related=[entry.call for entry in others[:1]],
        assumes_size=True,
    )


def _help(first: Saturated, left: int) -> str:
    ways = [f"without such layers {amount(left)} parameters are left"]
    if all(seen > size for seen, size in zip(first.seen, first.image, strict=True)):
        ways.append(f"inputs of more than {times(first.seen)} px, or a stride less before it, "
                    f"give it something new")  # fmt: skip
    return "; ".join(ways)


unproductive_layer.flags(
    """
    import torch
    from torch import nn


    def block(channels, wider):
        return nn.Sequential(
            nn.Conv2d(channels, wider, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(wider, wider, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.block1 = block(3, 16)
            self.block2 = block(16, 32)
            self.block3 = block(32, 64)
            self.block4 = block(64, 64)
            self.fc = nn.Linear(64, 10)

        def forward(self, x):
            x = self.block4(self.block3(self.block2(self.block1(x))))
            return self.fc(x.mean((2, 3)))


    if __name__ == "__main__":
        Net()(torch.rand(1, 3, 32, 32))
    """,
    layers=["block4.0"],
    severity="info",
)
# Shortcuts, and a gate whose window slides over channels.
unproductive_layer.allows(
    """
    import torch
    from torch import nn


    class Block(nn.Module):
        def __init__(self, channels, wider):
            super().__init__()
            self.conv1 = nn.Conv2d(channels, wider, 3, stride=2, padding=1)
            self.conv2 = nn.Conv2d(wider, wider, 5, padding=2)
            self.shortcut = nn.Conv2d(channels, wider, 1, stride=2)
            self.gate = nn.Conv1d(1, 1, 3, padding=1)

        def forward(self, x):
            y = self.conv2(self.conv1(x).relu())
            gate = self.gate(y.mean((2, 3)).unsqueeze(1)).squeeze(1)
            return self.shortcut(x) + y * gate[:, :, None, None].sigmoid()


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = nn.Sequential(Block(3, 16), Block(16, 32), Block(32, 64), Block(64, 64))
            self.fc = nn.Linear(64, 10)

        def forward(self, x):
            return self.fc(self.blocks(x).mean((2, 3)))


    if __name__ == "__main__":
        Net()(torch.rand(1, 3, 32, 32))
    """
)
# A decoder draws what the encoder saw.
unproductive_layer.allows(
    model="""
        self.down = nn.Sequential(
            nn.Conv2d(3, 16, 4, stride=2, padding=1),
            nn.Conv2d(16, 32, 4, stride=2, padding=1),
            nn.Conv2d(32, 32, 4, stride=2, padding=1),
            nn.Conv2d(32, 32, 3, padding=1),
            nn.Conv2d(32, 32, 3, padding=1),
        )
        self.up = nn.Sequential(
            nn.ConvTranspose2d(32, 16, 4, stride=4),
            nn.Conv2d(16, 3, 3, padding=1),
        )

        def forward(self, x):
            return self.up(self.down(x).relu())
    """,
    input="1,3,16,16",
)
# What a kernel whose outer taps lie in the padding cannot see.
unproductive_layer.allows(
    model="""
        self.conv1 = nn.Conv2d(3, 8, 3, padding=32, dilation=32)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1)

        def forward(self, x):
            return self.conv2(self.conv1(x).relu())
    """,
    input="1,3,32,32",
)
