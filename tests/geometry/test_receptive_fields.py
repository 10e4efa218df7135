"""What a position of an output sees of the input, against the gradient and by hand."""

from __future__ import annotations

import time

import torch
from geometry_nets import CHANNELS, Branches, call, deep_chain, graph_of, windowed
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from modellint.geometry import (
    border_influence,
    drift,
    receptive_field,
    smallest_receptive_field,
    trims,
)


@given(st.lists(windowed(), min_size=1, max_size=5))
def test_a_chain_sees_what_its_gradient_reaches(layers: list[nn.Module]) -> None:
    for layer in layers:
        layer.padding = (0,)
    model = Branches(list(layers)).double()
    size = 1
    for layer in reversed(layers):
        kernel, stride = int(layer.kernel_size[0]), int(layer.stride[0])
        dilation = int(layer.dilation[0]) if isinstance(layer, nn.Conv1d) else 1
        size = (size + 1) * stride + dilation * (kernel - 1) + 1
    given_map = torch.zeros(1, CHANNELS, size, dtype=torch.float64, requires_grad=True)
    model(given_map)[0, 0, 0].backward()
    assert given_map.grad is not None
    read = given_map.grad[0, 0].nonzero().flatten()
    graph = graph_of(model, 1, CHANNELS, size)
    assert receptive_field(graph, graph.outputs[0]) == (int(read[-1] - read[0]) + 1,)


def test_a_shortcut_decides_the_smallest_receptive_field() -> None:
    model = Branches([[nn.Identity(), nn.Sequential(nn.Conv1d(2, 2, 3, padding=1), nn.ReLU(),
                                                    nn.Conv1d(2, 2, 3, padding=1))]])  # fmt: skip
    graph = graph_of(model, "N", 2, "L")
    assert receptive_field(graph, graph.outputs[0]) == (5,)
    assert smallest_receptive_field(graph, graph.outputs[0]) == (1,)


class Attends(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 4, stride=4)
        self.token = nn.Parameter(torch.zeros(1, 1, 8))
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.head = nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1)
        x = x + self.attention(x, x, x)[0]
        return self.head(x[:, 0])


def test_attention_and_flattened_features_see_everything() -> None:
    graph = graph_of(Attends(), "N", 3, 24, 32)
    assert receptive_field(graph, call(graph, "patches")) == (4, 4)
    assert receptive_field(graph, call(graph, "head")) == (24, 32)


class Extremes(nn.Module):
    """The largest of each row and of two maps, as a gate over columns."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.gate = nn.Conv1d(8, 8, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        rows = x.max(3)[0]
        return torch.max(x, self.gate(rows)[..., None])


def test_a_maximum_along_an_axis_sees_all_of_it() -> None:
    graph = graph_of(Extremes(), "N", 3, 20, 28)
    assert receptive_field(graph, call(graph, "gate")) == (5, 28)
    assert receptive_field(graph, graph.outputs[0]) == (5, 28)
    assert smallest_receptive_field(graph, graph.outputs[0]) == (3, 3)


def test_four_thousand_layers_take_no_recursion_and_little_time() -> None:
    graph = deep_chain(4000)
    start = time.perf_counter()
    assert receptive_field(graph, graph.outputs[0]) == (8001,)
    assert trims(graph) == ()
    assert drift(graph, graph.nodes[2], 0).straight
    assert border_influence(graph)[0] is not None
    assert time.perf_counter() - start < 20
