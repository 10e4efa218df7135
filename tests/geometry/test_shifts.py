"""Even kernels that shift a map, and those that shift it back."""

from __future__ import annotations

from geometry_nets import Branches, Chain, call, graph_of
from torch import nn

from modellint.geometry import drift


def test_shifts_cancel_up_to_a_join_only() -> None:
    model = Chain(nn.Conv1d(2, 2, 4, padding=1), nn.ReLU(), nn.Conv1d(2, 2, 4, padding=2))
    graph = graph_of(model, "N", 2, 50)
    assert drift(graph, call(graph, "layers.0"), 0).straight
    joined = Branches([[nn.Conv1d(2, 2, 4, padding=1), nn.Conv1d(2, 2, 4, padding=2)]])
    graph = graph_of(joined, "N", 2, 50)
    assert not drift(graph, call(graph, "layers.0.0"), 0).straight
