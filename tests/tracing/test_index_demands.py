"""Indices that a forward counts itself: how long its sequences may be, and where that ends."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import modellint
from modellint.contracts.confirming import confirm

Positions = Callable[[Tensor], Tensor]


class Positional(nn.Module):
    """Tokens with learned positions, of which a function of the tokens says which."""

    def __init__(self, positions: Positions, rows: int = 40) -> None:
        super().__init__()
        self.tokens = nn.Embedding(10, 4)
        self.pos = nn.Embedding(rows, 4)
        self.positions = positions

    def forward(self, x: Tensor) -> Tensor:
        return self.tokens(x) + self.pos(self.positions(x))


class Table(nn.Module):
    """Rows of a parameter that are picked by a range."""

    def __init__(self, pick: Callable[[Tensor, int], Tensor]) -> None:
        super().__init__()
        self.tokens = nn.Embedding(10, 4)
        self.pos = nn.Parameter(torch.zeros(40, 4))
        self.pick = pick

    def forward(self, x: Tensor) -> Tensor:
        return self.tokens(x) + self.pick(self.pos, x.size(1))


def fits(model: nn.Module, length: int) -> bool:
    """Whether eager PyTorch takes a sequence of a length."""
    try:
        model(torch.zeros(2, length, dtype=torch.long))
    except (IndexError, RuntimeError):
        return False
    return True


@pytest.mark.parametrize(
    ("model", "longest"),
    [
        (Positional(lambda x: torch.arange(x.size(1))), 40),
        (Positional(lambda x: torch.arange(0, x.size(1), dtype=torch.long)[None, :]), 40),
        (Positional(lambda x: torch.arange(x.size(1)).unsqueeze(0).expand_as(x)), 40),
        (Positional(lambda x: torch.arange(x.size(1)).repeat(x.size(0), 1)), 40),
        (Positional(lambda x: torch.arange(1, x.size(1) + 1).long()), 39),
        (Positional(lambda x: torch.arange(x.size(1)) + 2), 38),
        (Positional(lambda x: torch.arange(2, x.size(1) + 2) - 1), 39),
        (Positional(lambda x: torch.arange(x.size(1)).flip(0)), 40),
        (Table(lambda table, size: table[torch.arange(size)]), 40),
        (Table(lambda table, size: table[torch.arange(size)[None], :]), 40),
        (Table(lambda table, size: table.index_select(0, torch.arange(size))), 40),
    ],
)
def test_a_range_as_an_index_limits_the_length(model: nn.Module, longest: int) -> None:
    found = confirm(modellint.trace(model))
    assert (found["L"].min, found["L"].max, found.confirmed) == (1, longest, True)
    assert fits(model, longest)
    assert not fits(model, longest + 1)


@pytest.mark.parametrize(
    "model",
    [
        Positional(lambda x: torch.arange(x.size(1)) % 40),
        Positional(lambda x: torch.arange(x.size(1)).clamp(max=39)),
        Positional(lambda x: torch.arange(x.size(1) + 9)[: x.size(1)] // 3),
        Positional(lambda x: (torch.arange(x.size(1)) * 0.1).long()),
        Positional(lambda x: -torch.arange(-x.size(1), 0) // x.size(1)),
        Positional(lambda x: x),
        Table(lambda table, size: table[torch.zeros(size, dtype=torch.long)]),
    ],
)
def test_other_indices_demand_nothing(model: nn.Module) -> None:
    graph = modellint.trace(model)
    assert graph.mismatch is None
    assert confirm(graph)["L"].max is None
    assert fits(model, 70)


def test_the_batch_may_count_itself() -> None:
    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens = nn.Embedding(10, 4)

        def forward(self, x: Tensor) -> Tensor:
            return self.tokens(x)[torch.arange(x.size(0)), x.argmax(1)]

    graph = modellint.trace(Last())
    assert graph.outputs[0].output.symbolic == ("N", 4)
    assert confirm(graph)["N"].max is None


def test_a_sequence_too_long_is_a_mismatch_at_the_table() -> None:
    model = Positional(lambda x: torch.arange(x.size(1)))
    graph = modellint.trace(model, ["2,41:int64"])
    assert graph.mismatch is not None
    assert graph.mismatch.node.key == "pos"
    assert graph.mismatch.help is not None
    assert "41" in graph.mismatch.help
    assert modellint.trace(model, ["2,40:int64"]).mismatch is None


def test_a_length_that_nobody_gave_is_one_that_fits() -> None:
    graph = modellint.trace(Positional(lambda x: torch.arange(x.size(1)), rows=8))
    assert graph.mismatch is None
    assert graph.inputs[0].node.output.example[1] == 8
