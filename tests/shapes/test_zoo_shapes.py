"""Shapes of operations that the zoo brought up are right at sizes other than the traced one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import modellint
from modellint.symbolic.dims import evaluate


class Wrapped(nn.Module):
    """A function as a model."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def centred_grid(x: Tensor) -> Tensor:
    return torch.arange(0.5, x.shape[-1], dtype=torch.float32)


def half_open(x: Tensor) -> Tensor:
    return torch.arange(x.shape[-2], 40.5)


def unpooled(x: Tensor) -> Tensor:
    pooled, places = nn.functional.max_pool2d(x, 3, 2, return_indices=True)
    return nn.functional.max_unpool2d(pooled, places, 3, 2)


def unpooled_to_size(x: Tensor) -> Tensor:
    pooled, places = nn.functional.max_pool2d(x, 2, return_indices=True)
    return nn.functional.max_unpool2d(pooled, places, 2, output_size=x.shape)


CASES: dict[str, Callable[[Tensor], Tensor]] = {
    "arange from a fraction": centred_grid,
    "arange up to a fraction": half_open,
    "max unpooling": unpooled,
    "max unpooling to a given size": unpooled_to_size,
}


@pytest.mark.parametrize("name", CASES)
def test_the_shape_is_that_of_eager_execution_at_every_size(name: str) -> None:
    graph = modellint.trace(Wrapped(CASES[name]), inputs=["2,3,12,16"])
    assert graph.partial is None
    for height, width in ((12, 16), (9, 21), (30, 32)):
        sizes = {"N": 2, "C": 3, "H": height, "W": width}
        expected = CASES[name](torch.zeros(2, 3, height, width)).shape
        found = tuple(evaluate(size, sizes) for size in graph.outputs[0].output.shape)
        assert found == tuple(expected)
