"""Padding that stands before a layer counts as its own."""

from __future__ import annotations

from geometry_nets import Chain, call, graph_of
from torch import nn

from modellint.geometry import padding_before


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
