"""No rule, cost or contract raises where a map, a kernel or a group is as small as it gets."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

import modellint


class Stacked(nn.Module):
    """Layers one behind the other."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """The last one's output."""
        return self.layers(x)


class Warp(nn.Module):
    """Demands of sizes that only the run knows."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Half of the columns, shuffled."""
        kept = torch.randperm(x.shape[3])[: x.shape[3] // 2]
        return self.conv(torch.index_select(x, 3, kept))


class MaskOnly(nn.Module):
    """Attention in which nothing but the mask comes from this input."""

    def __init__(self) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.rand(1, 2, 6, 8))

    def forward(self, mask: Tensor) -> Tensor:
        """What the queries see of each other."""
        seen = F.scaled_dot_product_attention(self.queries, self.queries, self.queries, mask)
        return seen + mask[:, :1, :, :1]


LIMITS: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "a map of which every output reads padding alone": (
        lambda: Stacked(nn.Conv2d(3, 4, 3, 2), nn.Conv2d(4, 4, 2, padding=4, dilation=8)),
        "N,3,6,6",
    ),
    "sizes nearby that the model refuses": (
        lambda: Stacked(
            nn.MaxPool2d(2, 2),
            nn.Conv2d(3, 4, 7, stride=2, padding=2, dilation=2),
            nn.Conv2d(4, 4, 1, stride=2, padding=1),
        ),
        "N,3,H,W",
    ),
    "no features between two layers": (
        lambda: Stacked(nn.Linear(8, 0), nn.Linear(0, 4)),
        "N,4,12,8",
    ),
    "no channels between two layers": (
        lambda: Stacked(nn.Conv2d(3, 0, 1), nn.Conv2d(0, 4, 1)),
        "N,3,8,8",
    ),
    "a stride far beyond the map": (lambda: Stacked(nn.MaxPool2d(2, 1 << 20)), "N,3,H,W"),
    "a size that nobody knows": (Warp, "N,4,12,16"),
    "a mask that alone varies": (MaskOnly, "1,2,6,6"),
}


@pytest.mark.parametrize(("make", "given"), LIMITS.values(), ids=LIMITS)
@pytest.mark.filterwarnings("ignore")
def test_a_model_at_a_limit_is_linted_to_its_end(make: Callable[[], nn.Module], given: str) -> None:
    report = modellint.lint(make(), [given], select=["all"])
    assert report.errors == ()
    assert [model.status for model in report.models] != ["failed"]
