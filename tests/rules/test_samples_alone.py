"""What batch-mixed offers in place of a reduction is of each sample alone, in eager PyTorch."""

from __future__ import annotations

import re

import pytest
import torch
from torch import Tensor, nn

import modellint


class Reduced(nn.Module):
    """The input beside what a method makes of all of it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def forward(self, x: Tensor) -> Tensor:
        return x * getattr(x, self.name)()


@pytest.mark.parametrize(
    "name", ["mean", "sum", "amax", "amin", "std", "var", "norm", "prod", "max", "min"]
)
def test_the_help_keeps_the_samples_apart(name: str) -> None:
    (finding,) = modellint.lint(Reduced(name), ["N,6"], select=["batch-mixed"]).findings
    told = re.match(r"(\w+)\(dim=(\d), keepdim=True\)", finding.help or "")
    assert told is not None
    x = torch.randn(3, 6)
    other = x.clone()
    other[1] = torch.randn(6)
    before, after = (getattr(one, told[1])(dim=int(told[2]), keepdim=True) for one in (x, other))
    assert (before != after).flatten().tolist() == [False, True, False]
