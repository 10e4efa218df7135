"""What scrambled-axes offers in place of a view, done in eager PyTorch."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import modellint


class Viewed(nn.Module):
    """A forward that is one view."""

    def __init__(self, view: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.view = view

    def forward(self, x: Tensor) -> Tensor:
        return self.view(x)


@pytest.mark.parametrize(
    ("sizes", "view", "meant"),
    [
        ((4, 5, 6), lambda x: x.view(4, 6, 5), lambda x: x.transpose(1, 2)),
        ((3, 4, 8), lambda x: x.view(x.shape[1], -1), lambda x: torch.cat([*x], 1)),
        ((3, 4, 8), lambda x: x.reshape(x.shape[1], -1), lambda x: torch.cat([*x], 1)),
        (
            (4, 6, 5),
            lambda x: x.reshape(x.shape[0], 5, 2, 3),
            lambda x: x.transpose(1, 2).unflatten(2, (2, 3)),
        ),
    ],
)
def test_the_help_gives_what_was_meant(
    sizes: tuple[int, ...],
    view: Callable[[Tensor], Tensor],
    meant: Callable[[Tensor], Tensor],
) -> None:
    specs = ["L,N,8" if sizes[0] == 3 else ",".join(map(str, sizes))]
    (finding,) = modellint.lint(Viewed(view), specs, select=["scrambled-axes"]).findings
    assert finding.help is not None
    order = re.search(r"permute\(([\d, ]+)\)(.*)", finding.help)
    assert order is not None
    x = torch.randn(sizes)
    moved = x.permute(*map(int, order[1].split(",")))
    if order[2].endswith("before it"):
        moved = getattr(moved, finding.layer.partition("@")[0])(meant(x).shape)
    elif order[2].endswith("before a reshape in its place"):
        moved = moved.reshape(meant(x).shape)
    assert torch.equal(moved, meant(x))
    assert not torch.equal(view(x), meant(x))
