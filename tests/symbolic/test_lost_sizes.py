"""A size that floating point swallows is said to be lost, never printed as if it were known."""

from __future__ import annotations

import torch
from torch import nn

import modellint


class Halved(nn.Module):
    """Resizes to half; `left` writes the float on the side where no size is asked."""

    def __init__(self, left: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.left = left

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        size = int(0.5 * x.shape[2]) if self.left else int(x.shape[2] * 0.5)
        return nn.functional.interpolate(x, size=(size, 8))


def test_a_float_on_the_left_of_a_size_makes_the_model_partial() -> None:
    graph = modellint.trace(Halved(left=True), inputs=["N,3,32,32"])
    assert graph.partial is not None


def test_a_float_on_the_right_of_a_size_is_followed() -> None:
    graph = modellint.trace(Halved(left=False), inputs=["N,3,32,32"])
    assert graph.partial is None
    assert graph.outputs[0].output.symbolic == ("N", 4, "H // 2", 8)
