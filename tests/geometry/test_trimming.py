"""What convolutions and slices cut off a map, along its paths."""

from __future__ import annotations

import pytest
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
