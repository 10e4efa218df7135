"""Axes that a forward flattens, turns and splits are followed."""

from __future__ import annotations

import torch
from geometry_nets import call, graph_of
from torch import nn

from modellint.geometry import receptive_field


class Tokens(nn.Module):
    """Flattens a map into tokens and back, as hierarchical transformers do."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.conv = nn.Conv2d(8, 8, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        n, c, h, w = x.shape
        tokens = x.flatten(2).transpose(1, 2)
        return self.conv(tokens.relu().transpose(1, 2).reshape(n, c, h, w))


def test_an_axis_is_followed_through_tokens_and_back() -> None:
    graph = graph_of(Tokens(), "N", 3, 20, 28)
    assert receptive_field(graph, call(graph, "conv")) == (7, 7)
