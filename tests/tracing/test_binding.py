"""Arguments by name: the same whether an operation was judged or looked up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from modellint.shapes import Tensor as Sized
from modellint.tracing.binding import arguments_of
from modellint.tracing.forward_run import run


class Twice(nn.Module):
    """One operation, called twice on the same tensors."""

    def __init__(self, call: Callable[[Tensor, Tensor], Any]) -> None:
        super().__init__()
        self.call = call
        self.weight = nn.Parameter(torch.ones(3, 3))

    def forward(self, x: Tensor) -> Any:
        return self.call(x, self.weight), self.call(x, self.weight)


@pytest.mark.parametrize(
    ("call", "op", "named"),
    [
        (lambda x, w: F.linear(x, w), "linear", {"bias": None}),
        (lambda x, w: F.linear(x, weight=w), "linear", {"bias": None}),
        (lambda x, w: x.unfold(1, 2, 1), "unfold", {"dimension": 1, "size": 2, "step": 1}),
        (lambda x, w: x.sum(axis=1), "sum", {"dim": 1}),
        (lambda x, w: x.erfinv(), "erfinv", {}),
        (
            lambda x, w: torch.batch_norm(x, None, None, None, None, True, 0.1, 1e-3, False),
            "batch_norm",
            {"weight": None, "training": True, "eps": 1e-3},
        ),
    ],
    ids=["function", "by-name", "method", "alias", "value-by-value", "reordered"],
)
def test_arguments_bound_later_are_those_bound_at_once(call, op, named):
    traced = run(Twice(call), [Sized((2, 3), None)], {})
    first, again = [record for record in traced.tape.records if record.op == op]
    assert first.arguments is not None
    assert again.arguments is None
    assert arguments_of(again) == arguments_of(first)
    assert named.items() <= arguments_of(again).items()
    assert arguments_of(again)["input"].record is traced.inputs[0]


def test_what_is_written_to_an_index_is_bound_as_what_is_read_there():
    def write(x: Tensor, weight: Tensor) -> Tensor:
        x = x.clone()
        x[..., 1:] = 0
        return x[..., 1:]

    records = run(Twice(write), [Sized((2, 3), None)], {}).tape.records
    (written, _), (read, _) = (
        [record for record in records if record.op == op] for op in ("setitem", "getitem")
    )
    assert arguments_of(written)["index"] == arguments_of(read)["index"]
    assert len(arguments_of(written)["index"]) == 2
