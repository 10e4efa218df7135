"""A sample that was given alone is run alone where one broadcasts and two do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

import modellint


def _copied(x: Tensor) -> Tensor:
    return torch.zeros(4, 6).copy_(x)


def _written(x: Tensor) -> Tensor:
    made = torch.zeros(4, 6)
    made[1:] = x
    return made


#: What takes the place of several rows by one, and refuses two.
SPREAD: dict[str, Callable[[Tensor], Tensor]] = {
    "expand": lambda x: x.expand(4, -1),
    "expand, as it is": lambda x: x.expand(4, 6),
    "expand_as": lambda x: x.expand_as(torch.zeros(4, 6)),
    "broadcast_to": lambda x: torch.broadcast_to(x, (3, 4, 6)),
    "broadcast_tensors": lambda x: torch.broadcast_tensors(x, torch.zeros(4, 6))[0],
    "a sum": lambda x: x + torch.zeros(4, 6),
    "where": lambda x: torch.where(torch.zeros(4, 1) > 0, x, 0.0),
    "addcmul": lambda x: torch.addcmul(torch.zeros(4, 6), x, torch.zeros(4, 1)),
    "lerp": lambda x: torch.lerp(torch.zeros(4, 6), x, 0.5),
    "masked_fill": lambda x: torch.zeros(4, 6).masked_fill(x > 0, 1.0),
    "copy": _copied,
    "writing to a place": _written,
    "einsum": lambda x: torch.einsum("nc,nd->ncd", x, torch.zeros(4, 6)).sum(2),
    "matmul": lambda x: (x[:, None] @ torch.zeros(4, 6, 6))[:, 0],
    "attention": lambda x: F.scaled_dot_product_attention(
        torch.zeros(4, 2, 6), x[:, None], x[:, None]
    ),
    "cdist": lambda x: torch.cdist(x[:, None], torch.zeros(4, 6, 6))[:, 0],
    "cosine_similarity": lambda x: F.cosine_similarity(x, torch.zeros(4, 6))[:, None].repeat(1, 6),
    "a bias": lambda x: torch.baddbmm(x[:, None], torch.zeros(4, 1, 6), torch.zeros(4, 6, 6)),
    "a product of maps": lambda x: x[:, :, None] * torch.zeros(4, 6, 3).flip(2)[..., :1],
}


class Spread(nn.Module):
    def __init__(self, spread: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.spread = spread
        self.fc = nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Any:
        return self.fc(self.spread(x).reshape(-1, 6))


@pytest.mark.parametrize("case", SPREAD)
def test_one_row_that_broadcasts_is_no_mismatch(case: str) -> None:
    model = Spread(SPREAD[case])
    with pytest.raises(RuntimeError):
        model(torch.zeros(2, 6))
    graph = modellint.trace(model, ["1,6"])
    assert graph.mismatch is None, graph.mismatch
    assert graph.partial is None
    assert graph.outputs[0].output.example == tuple(model(torch.zeros(1, 6)).shape)
    assert graph.inputs[0].node.output.symbolic[0] == 1
    assert modellint.trace(model, ["2,6"]).mismatch is not None
