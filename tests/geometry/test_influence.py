"""How much an input position counts: the gradient of the same net with weights of one size."""

from __future__ import annotations

import pytest
import torch
from geometry_nets import CHANNELS, Branches, Chain, graph_of, resized, windowed
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from modellint.geometry import border_influence, positions, read_masks
from modellint.geometry.influence import input_weights


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


def test_the_border_of_a_padded_net_counts_less_than_the_mean() -> None:
    graph = graph_of(Chain(nn.Conv2d(1, 1, 3)), 1, 1, 28, 28)
    # 26 windows of three taps: the first row is read once, the mean row 78/28 times.
    assert border_influence(graph) == pytest.approx((28 / 78, 28 / 78))
