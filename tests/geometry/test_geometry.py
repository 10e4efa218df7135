"""Geometry against what torch computes: gradients of the same net with weights of one size."""

from __future__ import annotations

import time

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import modellint
from modellint.geometry import (
    Window,
    border_influence,
    drift,
    padding_before,
    positions,
    read_masks,
    receptive_field,
    slices_after,
    smallest_receptive_field,
    trims,
    windows,
)
from modellint.geometry.influence import input_weights
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


@given(
    st.lists(st.one_of(windowed(), resized(), st.lists(windowed(), min_size=2, max_size=3)),
             min_size=1, max_size=5),
    st.sampled_from(["add", "cat"]),
    st.integers(24, 60),
)  # fmt: skip
def test_border_weights_are_the_gradient_of_the_net_with_even_weights(
    layers: list[nn.Module | list[nn.Module]], join: str, size: int
) -> None:
    model = Branches(layers, join).double()
    given_map = torch.zeros(1, CHANNELS, size, dtype=torch.float64, requires_grad=True)
    try:
        output = model(given_map)
    except (RuntimeError, ValueError):
        return  # A kernel larger than its map, or a reflection wider than it.
    if not output.numel():
        return
    output.sum().backward()
    assert given_map.grad is not None
    wanted = given_map.grad[0, 0].tolist()
    graph = graph_of(model, 1, CHANNELS, size)
    found = input_weights(graph, 2)
    # Interpolation places its taps in single precision.
    assert (found or [0.0] * size) == pytest.approx(wanted, abs=1e-5)
    read = read_masks(graph).get(graph.inputs[0].node.index, (0, 0, 0))[2]
    assert list(positions(read)) == [at for at, weight in enumerate(wanted) if weight > 1e-9]


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


class Chain(nn.Module):
    def __init__(self, *layers: nn.Module, cut: slice | None = None) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.cut = cut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.layers(x)
        return x if self.cut is None else x[..., self.cut]


def test_explicit_pads_count_through_activations_and_norms() -> None:
    model = Chain(nn.ZeroPad2d((1, 2, 3, 0)), nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 4, 3))
    graph = graph_of(model, "N", 3, 16, 16)
    conv = call(graph, "layers.3")
    assert padding_before(graph, conv).sides == ((3, 0), (1, 2))
    assert padding_before(graph, conv).zeros


def test_reflected_padding_is_data() -> None:
    graph = graph_of(Chain(nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect")), 1, 3, 16, 16)
    padding = padding_before(graph, call(graph, "layers.0"))
    assert padding.sides == ((1, 1), (1, 1))
    assert not padding.zeros


def test_a_slice_behind_a_norm_is_the_convolutions() -> None:
    model = Chain(nn.Conv1d(4, 4, 3, padding=2), nn.BatchNorm1d(4), nn.ReLU(), cut=slice(1, -2))
    graph = graph_of(model, "N", 4, 50)
    assert slices_after(graph, call(graph, "layers.0")) == ((1, 2),)


def test_trims_add_up_along_the_heaviest_path_only() -> None:
    deep = nn.Sequential(nn.Conv1d(2, 2, 3), nn.Conv1d(2, 2, 5))
    graph = graph_of(Branches([[deep, nn.Conv1d(2, 2, 7)], nn.AdaptiveAvgPool1d(1)]), 1, 2, 40)
    found = {trim.call.key: (float(trim.share), float(trim.total)) for trim in trims(graph)}
    assert found == {
        "layers.0.0.0": (2 / 40, pytest.approx(2 / 40 + 4 / 38)),
        "layers.0.0.1": (pytest.approx(4 / 38), pytest.approx(2 / 40 + 4 / 38)),
        "layers.0.1": (6 / 40, 6 / 40),
    }


def test_shifts_cancel_up_to_a_join_only() -> None:
    model = Chain(nn.Conv1d(2, 2, 4, padding=1), nn.ReLU(), nn.Conv1d(2, 2, 4, padding=2))
    graph = graph_of(model, "N", 2, 50)
    assert drift(graph, call(graph, "layers.0"), 0).straight
    joined = Branches([[nn.Conv1d(2, 2, 4, padding=1), nn.Conv1d(2, 2, 4, padding=2)]])
    graph = graph_of(joined, "N", 2, 50)
    assert not drift(graph, call(graph, "layers.0.0"), 0).straight


@given(st.integers(1, 30), st.integers(1, 6), st.integers(1, 4), st.integers(1, 4),
       st.integers(0, 8), st.integers(0, 8))  # fmt: skip
def test_the_taps_of_a_window_are_those_inside_the_map(
    n: int, k: int, s: int, d: int, begin: int, end: int
) -> None:
    outputs = (n + begin + end - d * (k - 1) - 1) // s + 1
    window = Window(n, k, s, d, begin, end, max(outputs, 0))
    for output in range(window.o):
        taps = [output * s - begin + j * d for j in range(k)]
        assert list(window.taps(output)) == [tap for tap in taps if 0 <= tap < n]


def test_a_pool_has_a_window_too() -> None:
    graph = graph_of(Chain(nn.MaxPool2d(3, 2, padding=1)), 1, 3, 9, 11)
    found = windows(call(graph, "layers.0"))
    assert found is not None
    assert [(window.n, window.o, window.remainder) for window in found] == [(9, 5, 0), (11, 6, 0)]


def test_the_border_of_a_padded_net_counts_less_than_the_mean() -> None:
    graph = graph_of(Chain(nn.Conv2d(1, 1, 3)), 1, 1, 28, 28)
    # 26 windows of three taps: the first row is read once, the mean row 78/28 times.
    assert border_influence(graph) == pytest.approx((28 / 78, 28 / 78))


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


def test_four_thousand_layers_take_no_recursion_and_little_time() -> None:
    graph = deep_chain(4000)
    start = time.perf_counter()
    assert receptive_field(graph, graph.outputs[0]) == (8001,)
    assert trims(graph) == ()
    assert drift(graph, graph.nodes[2], 0).straight
    assert border_influence(graph)[0] is not None
    assert time.perf_counter() - start < 20
