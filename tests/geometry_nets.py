"""Nets of windows, pieces and joins along one axis, for the tests of geometry."""

from __future__ import annotations

import torch
from hypothesis import strategies as st
from torch import nn

import modellint
from modellint.graph import Graph, Input, Node, Tensor
from modellint.symbolic.dims import free

CHANNELS = 2


class Branches(nn.Module):
    """A chain of layers whose entries may be lists: those run side by side and are joined."""

    def __init__(self, layers: list[nn.Module | list[nn.Module]], join: str = "add") -> None:
        super().__init__()
        self.join = join
        self.layers = nn.ModuleList(
            nn.ModuleList(layer) if isinstance(layer, list) else layer for layer in layers
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            if isinstance(layer, nn.ModuleList):
                parts = [part(x) for part in layer]
                size = min(part.shape[-1] for part in parts)
                parts = [part[..., :size] for part in parts]
                x = sum(parts) if self.join == "add" else mixed(torch.cat(parts, 1))
            else:
                x = layer(x)
        return x


class Exchanged(nn.Module):
    """A map cut in three, the pieces in another order, some of the last one dropped."""

    def __init__(self, first: int, dropped: int) -> None:
        super().__init__()
        self.first = first
        self.dropped = dropped

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        begin = x.narrow(-1, 0, self.first)
        middle, *_, end = x[..., self.first :].chunk(2, dim=-1)
        return torch.cat([end[..., self.dropped :], begin, middle], -1)


def mixed(x: torch.Tensor) -> torch.Tensor:
    """Any number of channels as two again, each channel's weight being shared between them."""
    weight = torch.full((CHANNELS, x.shape[1], 1), 1 / CHANNELS, dtype=x.dtype)
    return nn.functional.conv1d(x, weight)


def graph_of(model: nn.Module, *sizes: object) -> Graph:
    return modellint.trace(model.eval(), inputs=[",".join(map(str, sizes))])


def call(graph: Graph, key: str) -> Node:
    return next(node for node in graph.nodes if node.key == key)


def weighted(conv: nn.Module) -> nn.Module:
    """Give every tap 1/k, shared between the output channels."""
    weight = conv.double().weight
    out = weight.shape[1] if isinstance(conv, nn.ConvTranspose1d) else weight.shape[0]
    with torch.no_grad():
        weight.fill_(1 / (weight.shape[-1] * out))
    return conv


@st.composite
def windowed(draw: st.DrawFn) -> nn.Module:
    kernel = draw(st.integers(1, 5))
    stride = draw(st.integers(1, 3))
    kind = draw(st.sampled_from(["conv", "conv", "pool"]))
    if kind == "pool":
        return nn.AvgPool1d(kernel, stride, padding=draw(st.integers(0, kernel // 2)))
    return weighted(nn.Conv1d(
        CHANNELS, CHANNELS, kernel, stride, padding=draw(st.integers(0, 4)),
        dilation=draw(st.integers(1, 3)), bias=False,
    ))  # fmt: skip


@st.composite
def resized(draw: st.DrawFn) -> nn.Module:
    kind = draw(
        st.sampled_from(["up", "linear", "pad", "zero", "transposed", "adaptive", "pieces"])
    )
    if kind == "up":
        return nn.Upsample(scale_factor=draw(st.sampled_from([2, 1.5, 0.5, 0.7])))
    if kind == "pieces":
        return Exchanged(draw(st.integers(1, 3)), draw(st.integers(0, 2)))
    if kind == "linear":
        return nn.Upsample(scale_factor=draw(st.sampled_from([2, 3])), mode="linear",
                           align_corners=draw(st.booleans()))  # fmt: skip
    if kind == "pad":
        made = draw(st.sampled_from([nn.ReflectionPad1d, nn.ReplicationPad1d, nn.CircularPad1d]))
        return made((draw(st.integers(0, 2)), draw(st.integers(0, 2))))
    if kind == "zero":
        return nn.ConstantPad1d((draw(st.integers(-1, 3)), draw(st.integers(-1, 3))), 0.0)
    if kind == "adaptive":
        return nn.AdaptiveAvgPool1d(draw(st.integers(1, 7)))
    return weighted(nn.ConvTranspose1d(
        CHANNELS, CHANNELS, draw(st.integers(1, 4)), draw(st.integers(1, 3)), bias=False,
        dilation=draw(st.integers(1, 2)),
    ))  # fmt: skip


class Chain(nn.Module):
    def __init__(self, *layers: nn.Module, cut: slice | None = None) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.cut = cut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.layers(x)
        return x if self.cut is None else x[..., self.cut]


def deep_chain(depth: int) -> Graph:
    size = free("L", 64)
    nodes = [Node(0, "input", (), (Tensor((1, 4, size)),), {}, "x", "", "input")]
    weight = Node(1, "parameter", (), (Tensor((4, 4, 3)),), {}, "w", "", "parameter")
    nodes.append(weight)
    for index in range(2, depth + 2):
        before = nodes[-1] if index > 2 else nodes[0]
        arguments = {"input": before, "weight": weight, "bias": None, "stride": (1,),
                     "padding": (1,), "dilation": (1,), "groups": 1}  # fmt: skip
        nodes.append(Node(index, "conv1d", (before, weight), (Tensor((1, 4, size)),), arguments,
                          f"conv{index}", "", "Conv1d"))  # fmt: skip
    return Graph("Deep", tuple(nodes), (Input("x", nodes[0], "given", False),), (nodes[-1],), {},
                 (), {"L": 64})  # fmt: skip
