"""The trace: symbols along the forward, what is unknown said so, and errors told apart."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

import modellint
from modellint.errors import FileError
from modellint.graph import Graph


class Net(nn.Module):
    """A forward that is a function of one tensor."""

    def __init__(self, run: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.run = run

    def forward(self, x: Tensor) -> Any:
        return self.run(x)


def trace(run: Callable[[Tensor], Any], *inputs: str) -> Graph:
    return modellint.trace(Net(run), list(inputs) or ["2,3,12,20"])


def output(run: Callable[[Tensor], Any], *inputs: str) -> tuple[int | str, ...]:
    graph = trace(run, *inputs)
    assert graph.mismatch is None, graph.mismatch
    return graph.outputs[0].output.symbolic


def by_views(x: Tensor) -> Tensor:
    batch, channels, height, width = x.shape
    return x.view(batch, channels, height * width // 4, 4)


FOLLOWED: list[tuple[Callable[[Tensor], Any], tuple[int | str, ...]]] = [
    (by_views, ("N", "C", "H*W // 4", 4)),
    (lambda x: x.flatten(2), ("N", "C", "H*W")),
    (lambda x: x.new_zeros(x.shape[0], x.numel() // x.shape[0]), ("N", "C*H*W")),
    (
        lambda x: F.interpolate(x, size=(x.shape[2] // 2, x.shape[3] * 2)),
        ("N", "C", "H // 2", "2*W"),
    ),
    (
        lambda x: F.interpolate(x, size=[int(s * 0.5) for s in x.shape[2:]]),
        ("N", "C", "H // 2", "W // 2"),
    ),
    (
        lambda x: F.interpolate(x, size=[math.ceil(s / 3) for s in x.shape[2:]]),
        ("N", "C", "(H - 1) // 3 + 1", "(W - 1) // 3 + 1"),
    ),
    (lambda x: torch.zeros(x.size()[2:]), ("H", "W")),
    (lambda x: torch.zeros(*x.size()[-2:], len(x.shape)), ("H", "W", 4)),
    (lambda x: torch.arange(x.size(-1)), ("W",)),
    (lambda x: x[:, :, ::2, 1:-1], ("N", "C", "(H - 1) // 2 + 1", "W - 2")),
    (lambda x: F.pad(x, (0, -x.shape[3] % 8)), ("N", "C", "H", "8*((W - 1) // 8 + 1)")),
    (lambda x: x.permute(3, 2, 1, 0).reshape(-1, x.shape[0]), ("C*H*W", "N")),
    (lambda x: torch.cat([x, x], 2), ("N", "C", "2*H", "W")),
    (lambda x: x.view(x.shape[:2] + (-1,)), ("N", "C", "H*W")),  # noqa: RUF005
    (lambda x: x.reshape(*x.shape[:-1], 1, x.shape[-1]), ("N", "C", "H", 1, "W")),
    (lambda x: x.mean(dim=(-2, -1)), ("N", "C")),
    (lambda x: x.unsqueeze(1).expand(-1, 4, -1, -1, -1), ("N", 4, "C", "H", "W")),
    (lambda x: x @ x.transpose(-2, -1), ("N", "C", "H", "H")),
]


@pytest.mark.parametrize(
    ("run", "expected"), FOLLOWED, ids=["×".join(map(str, shape)) for _, shape in FOLLOWED]
)
def test_a_size_keeps_its_expression_through_the_models_own_arithmetic(
    run: Callable[[Tensor], Any], expected: tuple[int | str, ...]
) -> None:
    assert output(run) == expected


def test_a_size_that_values_decide_is_unknown_and_the_model_partial() -> None:
    graph = trace(lambda x: x[:, :, torch.ones(12).bool()], "2,3,12,20")
    shape = graph.outputs[0].output
    if not shape.known:
        assert graph.partial is not None
    assert shape.example[:2] == (2, 3)


def test_a_size_that_leaves_the_integers_is_fixed_and_said_to_be() -> None:
    graph = trace(lambda x: x.view(x.shape[0], int(math.sqrt(x.shape[1])), -1), "2,4,12,20")
    assert graph.outputs[0].output.example == (2, 2, 480)
    kept = [c for c in graph.constraints if c.origin == "tool"]
    assert kept == [] or graph.partial is not None


def test_a_branch_by_size_is_recorded_with_its_line() -> None:
    def run(x: Tensor) -> Tensor:
        if x.shape[2] % 2 == 0:
            return x[:, :, ::2]
        return x

    graph = trace(run)
    (branch,) = [c for c in graph.constraints if c.text.startswith("H - 2*(H // 2)")]
    assert branch.origin == "branch"
    assert branch.text == "H - 2*(H // 2) == 0"
    assert "test_tracer.py" in branch.reason
    assert graph.outputs[0].output.symbolic == ("N", "C", "(H - 1) // 2 + 1", "W")


def test_a_branch_the_other_way_gives_the_other_shape() -> None:
    def run(x: Tensor) -> Tensor:
        return F.pad(x, (0, 0, 0, 1)) if x.shape[2] % 2 else x

    assert trace(run, "2,3,13,20").outputs[0].output.symbolic == ("N", "C", "H + 1", "W")
    assert trace(run, "2,3,12,20").outputs[0].output.symbolic == ("N", "C", "H", "W")


def test_every_operation_knows_the_line_that_called_it() -> None:
    def run(x: Tensor) -> Tensor:
        x = F.relu(x)
        return x.flatten(1)

    graph = trace(run)
    first = run.__code__.co_firstlineno
    calls = {node.op: node.call.line - first for node in graph.nodes if node.call}
    assert calls == {"relu": 1, "flatten": 2}


def test_nodes_refer_backwards_only_and_have_keys_of_their_own() -> None:
    model = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    graph = modellint.trace(model, ["2,5,8"])
    for node in graph.nodes:
        assert all(source.index < node.index for source in node.inputs)
    keys = [node.key for node in graph.nodes]
    assert len(keys) == len(set(keys))


def test_a_tied_parameter_is_one_with_two_names() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Linear(4, 4, bias=False)
            self.b = nn.Linear(4, 4, bias=False)
            self.b.weight = self.a.weight

        def forward(self, x: Tensor) -> Tensor:
            return self.b(self.a(x))

    (parameter,) = modellint.trace(Tied(), ["2,4"]).parameters
    assert parameter.names == ("a.weight", "b.weight")


def test_an_exception_of_the_forward_is_told_with_its_line() -> None:
    def run(x: Tensor) -> Tensor:
        raise LookupError("no such head")

    with pytest.raises(FileError) as caught:
        trace(run)
    assert caught.value.kind == "trace-error"
    assert caught.value.line == run.__code__.co_firstlineno + 1
    assert "LookupError" in caught.value.message
    assert "no such head" in caught.value.message


def test_a_mismatch_names_both_shapes_in_symbols() -> None:
    graph = trace(lambda x: torch.cat([x, F.max_pool2d(x, 2)], 1))
    assert graph.mismatch is not None
    assert graph.mismatch.node.op == "cat"
    assert "H // 2" in graph.mismatch.message
    assert [node.op for node in graph.nodes][-2:] == ["max_pool2d", "cat"]


def test_a_mismatch_that_the_forward_catches_is_none() -> None:
    def run(x: Tensor) -> Tensor:
        try:
            return x.view(-1, 7)
        except RuntimeError:
            return x.flatten(1)

    graph = trace(run)
    assert graph.mismatch is None
    assert graph.outputs[0].output.symbolic == ("N", "C*H*W")


def test_the_layers_before_a_mismatch_have_their_shapes() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Linear(7, 2))
    graph = modellint.trace(model, ["2,3,12,12"])
    assert graph.mismatch is not None
    assert graph.mismatch.node.op == "linear"
    assert next(graph.calls("conv2d")).output.symbolic == ("N", 8, "H - 2", "W - 2")


def test_dropout_and_norms_are_traced_as_in_evaluation_for_a_model_in_training() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout()).train()
    graph = modellint.trace(model, ["1,3,3,3"])
    assert graph.mismatch is None
    assert next(graph.calls("batch_norm")).arguments["training"] is False


def test_a_constant_of_the_forward_is_computed_for_real() -> None:
    def run(x: Tensor) -> Tensor:
        steps = torch.linspace(0, 4, 5).long().tolist()
        return torch.cat([x * step for step in steps if step > 1], 1)

    assert output(run) == ("N", "3*C", "H", "W")


@pytest.mark.parametrize("count", [400])
def test_a_deep_net_is_traced_without_recursion(count: int) -> None:
    model = nn.Sequential(*(nn.Linear(4, 4) for _ in range(count)))
    graph = modellint.trace(model, ["2,4"])
    assert len(list(graph.calls("linear"))) == count


def test_the_same_model_gives_the_same_graph() -> None:
    model = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    first, second = (modellint.trace(model, ["2,5,8"]) for _ in range(2))
    assert [repr(node) for node in first.nodes] == [repr(node) for node in second.nodes]
    assert [c.text for c in first.constraints] == [c.text for c in second.constraints]
