"""Parameters and multiply-accumulates, against counts made by hand."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

import modellint
from modellint.facts.costs import (
    amount,
    macs,
    own_parameters,
    parameters,
    share_of,
    share_of_macs,
    total_macs,
    total_parameters,
)
from modellint.graph import Graph, Node


def graph_of(model: nn.Module, *specs: str) -> Graph:
    return modellint.trace(model.eval(), inputs=list(specs))


def only(graph: Graph, op: str) -> Node:
    (found,) = graph.calls(op)
    return found


class One(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)


def test_the_known_first_convolution() -> None:
    graph = graph_of(One(nn.Conv2d(1, 5, 3, padding=1)), "1,28,28")
    conv = only(graph, "conv2d")
    assert (parameters(graph, conv), macs(graph, conv)) == (50, 28 * 28 * 9 * 5)
    graph = graph_of(One(nn.Conv2d(1, 5, 3)), "1,28,28")
    assert total_macs(graph) == 26 * 26 * 9 * 5 == 30420


def test_the_batch_counts_as_one_sample() -> None:
    one = graph_of(One(nn.Conv2d(3, 8, 3)), "1,3,16,16")
    free = graph_of(One(nn.Conv2d(3, 8, 3)), "N,3,16,16")
    assert total_macs(one) == total_macs(free) == 14 * 14 * 8 * 27


@pytest.mark.parametrize(
    ("layer", "spec", "expected"),
    [
        (nn.Conv2d(8, 16, 3, stride=2, padding=1, groups=4), "N,8,9,9", 16 * 5 * 5 * 2 * 9),
        (nn.Conv1d(4, 6, 5, dilation=2), "N,4,20", 6 * 12 * 4 * 5),
        (nn.ConvTranspose2d(6, 4, 4, stride=2, padding=1), "N,6,5,5", 6 * 5 * 5 * 4 * 16),
        (nn.Linear(12, 7), "N,10,12", 10 * 12 * 7),
        (nn.BatchNorm2d(3), "N,3,8,8", 0),
        (nn.MaxPool2d(2), "N,3,8,8", 0),
        (nn.LSTM(6, 5, batch_first=True), "N,9,6", 9 * 4 * 5 * (6 + 5)),
    ],
)
def test_macs_of_one_layer(layer: nn.Module, spec: str, expected: int) -> None:
    assert total_macs(graph_of(One(layer), spec)) == expected


class Products(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores = torch.einsum("btd,bsd->bts", x, x)
        attended = F.scaled_dot_product_attention(x, x, x)
        return (x @ x.transpose(1, 2)) + scores + attended.sum()


def test_macs_of_products_and_attention() -> None:
    graph = graph_of(Products(), "N,10,4")
    assert macs(graph, only(graph, "matmul")) == 10 * 10 * 4
    assert macs(graph, only(graph, "einsum")) == 10 * 10 * 4
    assert macs(graph, only(graph, "scaled_dot_product_attention")) == 2 * 10 * 10 * 4


class Chains(nn.Module):
    """Products of several matrices at once."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.zeros(12, 2))
        self.up = nn.Parameter(torch.zeros(2, 9))
        self.last = nn.Parameter(torch.zeros(9))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        first = torch.linalg.multi_dot([x, self.down, self.up, self.last])
        return first, torch.chain_matmul(x, self.down, self.up)


def test_products_of_several_matrices_cost_what_the_cheapest_order_does() -> None:
    graph = graph_of(Chains(), "N,12")
    assert macs(graph, only(graph, "linalg_multi_dot")) == 2 * 9 + 12 * 2 + 2
    assert macs(graph, only(graph, "chain_matmul")) == 12 * 2 + 2 * 9


class Standardised(nn.Conv2d):
    """Computes its weight from its parameter in forward."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
        return F.conv2d(x, weight, self.bias, self.stride, self.padding)


class Computed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.normed = nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 8, 3))
        self.standardised = Standardised(8, 8, 3)
        self.kernel = nn.Parameter(torch.zeros(4, 8, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.conv2d(self.standardised(self.normed(x)), self.kernel)


def test_parameters_behind_computed_weights_belong_to_the_call() -> None:
    graph = graph_of(Computed(), "N,3,16,16")
    counts = [parameters(graph, conv) for conv in graph.calls("conv2d")]
    # Weight norm: directions, one length for each of 8 outputs, and the bias.
    assert counts == [8 * 27 + 8 + 8, 8 * 72 + 8, 4 * 8]
    assert sum(counts) == total_parameters(graph)


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(30, 8)
        self.mix = nn.Linear(8, 8)
        self.head = nn.Linear(8, 30, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.mix(self.mix(self.embedding(x))))


def test_shared_and_tied_weights_count_once_in_the_total() -> None:
    graph = graph_of(Tied(), "N,T:int64")
    first, second, head = graph.calls("linear")
    assert parameters(graph, first) == parameters(graph, second) == 72
    assert own_parameters(graph, head) == own_parameters(graph, only(graph, "embedding"))
    assert total_parameters(graph) == 30 * 8 + 72


def test_a_share_of_a_forward_that_stopped_names_where() -> None:
    whole = graph_of(nn.Sequential(nn.Linear(8, 4), nn.Linear(4, 9)), "N,8")
    stopped = graph_of(nn.Sequential(nn.Linear(8, 4), nn.Linear(3, 9)), "N,8")
    assert "before" not in share_of_macs(whole, 32)
    assert "before 1," in share_of_macs(stopped, 32)


def test_numbers_are_written_short() -> None:
    assert [amount(n) for n in (50, 8100, 37_752_832)] == ["50", "8.1 k", "37.8 M"]
    assert share_of(37_752_832, 61_100_840) == "61.8 %"
