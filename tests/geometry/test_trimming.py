"""What convolutions and slices cut off a map, along its paths."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from geometry_nets import Branches, Chain, call, graph_of
from torch import nn

from modellint.geometry import slices_after, trims


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


def test_padding_that_is_too_small_trims_what_it_leaves() -> None:
    small, enough = nn.Conv1d(2, 2, 7, padding=1), nn.Conv1d(2, 2, 7, padding=3)
    nearly = nn.Conv1d(2, 2, 4, padding=1)
    graph = graph_of(nn.Sequential(small, enough, nearly), 1, 2, 40)
    assert {trim.call.key: trim.share for trim in trims(graph)} == {"0": Fraction(4, 40)}


def test_a_position_that_is_called_trimmed_is_read_less_than_the_others() -> None:
    for kernel, padding, dilation in [(5, 1, 1), (5, 2, 1), (3, 1, 2), (3, 2, 2), (7, 2, 1)]:
        layer = nn.Conv1d(1, 1, kernel, padding=padding, dilation=dilation, bias=False)
        found = trims(graph_of(nn.Sequential(layer), 1, 1, 40))
        layer.weight.data.fill_(1.0)
        x = torch.zeros(1, 1, 40, requires_grad=True)
        y = layer(x)
        assert bool(found) is (y.shape[-1] < 40)
        assert [trim.share for trim in found] == [Fraction(40 - y.shape[-1], 40)] * len(found)
