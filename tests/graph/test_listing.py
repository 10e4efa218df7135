"""A graph in print, and what it says of names that no operation has."""

from __future__ import annotations

import re

import pytest
import torch
from torch import nn

import modellint
from modellint.errors import UsageError
from modellint.graph import LAYERS, STEPS, operations
from modellint.graph.graph import Graph
from modellint.tracing.operation_names import operation_names


class Net(nn.Module):
    def __init__(self, features: int = 6) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU())
        self.fc = nn.Linear(features, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.body(x)
        left, right = y.chunk(2, 1)
        return self.fc(torch.cat([left, right], 1).mean((2, 3)))


@pytest.fixture(scope="module")
def graph() -> Graph:
    return modellint.trace(Net(), "N,1,28,28")


def test_a_graph_prints_a_line_for_each_operation(graph: Graph) -> None:
    title, header, *lines = str(graph).splitlines()
    assert title.startswith("Net (") and "H = 28" in title
    assert header.split() == ["operation", "path", "input", "→", "output"]
    drawn = [node for node in graph.nodes if node.index in graph.varying and node.op != "unpack"]
    assert [line.split()[0] for line in lines] == [node.op for node in drawn]
    (conv,) = [line for line in lines if line.startswith("conv2d")]
    assert re.fullmatch(r"conv2d +body\.0 +\(N, 1, H, W\) → \(N, 6, H - 2, W - 2\)", conv)
    (cat,) = [line for line in lines if line.startswith("cat")]
    half = "(N, 3, H - 2, W - 2)"
    assert cat.endswith(f"{half}, {half} → (N, 6, H - 2, W - 2)")
    starts = {line.index("→") for line in lines if "→" in line and line.startswith("relu")}
    assert starts and len(repr(graph)) < 80


def test_where_a_forward_stops_is_the_last_line() -> None:
    graph = modellint.trace(Net(features=7), "N,1,28,28")
    assert str(graph).splitlines()[-1].startswith("stops: ")
    with pytest.raises(UsageError, match=r"no fx of Net, whose forward stops at fc"):
        _ = graph.fx


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("convd", "conv2d"),
        ("Conv2d", "conv2d"),
        ("conv", "conv2d"),
        ("linar", "linear"),
        ("Linear", "linear"),
        ("maxpool2d", "max_pool2d"),
        ("BatchNorm2d", "batch_norm"),
        ("attention", "scaled_dot_product_attention"),
    ],
)
def test_a_name_that_is_nearly_one_names_it(graph: Graph, name: str, near: str) -> None:
    with pytest.raises(UsageError, match=f"no operation '{name}'; did you mean {near}"):
        graph.calls("relu", name)


def test_a_module_is_no_name(graph: Graph) -> None:
    with pytest.raises(UsageError, match="calls: the class Conv2d is no name"):
        graph.calls(nn.Conv2d)  # type: ignore[arg-type]


def test_a_name_of_a_library_gives_nothing(graph: Graph) -> None:
    assert [*graph.calls("deform_attn", "my_conv2d", "add")] == []


def test_every_name_that_rules_know_is_known(graph: Graph) -> None:
    families = [one for one in vars(operations).values() if isinstance(one, frozenset)]
    for name in sorted(LAYERS | STEPS | frozenset().union(*families)):
        assert [*graph.calls(name)] == [node for node in graph.calls(name) if node.op == name]


def test_the_operations_of_a_library_are_known_once_it_is_imported() -> None:
    library = torch.library.Library("modellint_tests", "DEF")
    operation_names.cache_clear()
    assert "conv2dd" not in operation_names()
    library.define("conv2dd(Tensor x) -> Tensor")
    operation_names.cache_clear()
    assert "conv2dd" in operation_names()
    assert [*modellint.trace(Net(), "N,1,28,28").calls("conv2dd")] == []
