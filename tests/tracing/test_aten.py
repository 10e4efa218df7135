"""Operators that a forward calls itself: what is given by name is what it is by place."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import modellint

A = torch.ops.aten
INDICES = torch.zeros(5, dtype=torch.int64)


class Called(nn.Module):
    def __init__(self, call: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.call = call
        self.weight = nn.Parameter(torch.ones(8))

    def forward(self, x: Tensor) -> Tensor:
        return self.call(x, self.weight)


CALLS = {
    "layer_norm": lambda x, w: A.layer_norm(x, [8], weight=w, eps=0.5),
    "group_norm": lambda x, w: A.group_norm(
        x.transpose(1, 2), num_groups=2, eps=0.5, cudnn_enabled=False
    ),
    "native_layer_norm": lambda x, w: A.native_layer_norm.default(
        x, normalized_shape=[8], weight=w, bias=None, eps=0.5
    )[0],
    "embedding": lambda x, w: x + A.embedding(w.expand(9, 8), INDICES, padding_idx=3),
    "grid_sampler": lambda x, w: A.grid_sampler.default(
        x[:, None], x.new_zeros(x.shape[0], 4, 6, 2), 0, padding_mode=0, align_corners=False
    ),
    "convolution": lambda x, w: A.convolution.default(
        x, w.expand(3, 5, 8)[..., :3], None, stride=[2], padding=[1], dilation=[1],
        transposed=False, output_padding=[0], groups=1
    ),
    "split": lambda x, w: A.split.Tensor(x, split_size=3, dim=2)[0],
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_an_operator_takes_its_arguments_by_name(name: str) -> None:
    model = Called(CALLS[name]).eval()
    graph = modellint.trace(model, ["N,5,8"])
    assert graph.partial is None
    made = model(torch.zeros(2, 5, 8))
    assert graph.outputs[0].output.example[1:] == tuple(made.shape[1:])
    eps = [node.arguments["eps"] for node in graph.calls() if "eps" in node.arguments]
    assert set(eps) <= {0.5}
    assert bool(eps) == ("norm" in name)
