"""What stands for a layer's forward gives what that forward gives."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import modellint
from modellint.tracing.stock_layers import LAYER_CALLS

LAYERS: dict[Any, list[tuple[nn.Module, tuple[int, ...]]]] = {
    nn.Conv1d: [(nn.Conv1d(4, 6, 3, 2, 1, bias=False), (2, 4, 9))],
    nn.Conv2d: [
        (nn.Conv2d(4, 6, (3, 1), padding=(1, 0), groups=2), (2, 4, 9, 8)),
        (nn.Conv2d(4, 6, 3, padding="same", dilation=2), (2, 4, 9, 8)),
    ],
    nn.Conv3d: [(nn.Conv3d(2, 4, 2), (1, 2, 5, 5, 5))],
    nn.Linear: [(nn.Linear(5, 3), (2, 5)), (nn.Linear(5, 3, bias=False), (2, 7, 5))],
    nn.BatchNorm1d: [(nn.BatchNorm1d(4), (3, 4)), (nn.BatchNorm1d(4, momentum=None), (3, 4, 5))],
    nn.BatchNorm2d: [(nn.BatchNorm2d(4, affine=False, eps=0.1), (3, 4, 5, 5))],
    nn.BatchNorm3d: [(nn.BatchNorm3d(4), (1, 4, 3, 3, 3))],
    nn.LayerNorm: [
        (nn.LayerNorm((4, 5), eps=0.1), (3, 4, 5)),
        (nn.LayerNorm(5, elementwise_affine=False), (3, 5)),
    ],
    nn.ReLU: [(nn.ReLU(), (3, 4)), (nn.ReLU(inplace=True), (3, 4))],
    nn.SiLU: [(nn.SiLU(), (3, 4))],
    nn.GELU: [(nn.GELU(), (3, 4)), (nn.GELU(approximate="tanh"), (3, 4))],
    nn.Dropout: [(nn.Dropout(0.3), (3, 4))],
}


def test_every_layer_that_is_called_in_short_is_tried_here() -> None:
    assert set(LAYERS) == set(LAYER_CALLS)


@pytest.mark.parametrize(
    ("layer", "shape"), [case for cases in LAYERS.values() for case in cases], ids=str
)
def test_the_call_gives_what_the_layer_gives(layer: nn.Module, shape: tuple[int, ...]) -> None:
    layer.eval()
    call = LAYER_CALLS[type(layer)](layer, torch.rand(shape))
    assert call is not None
    function, args, kwargs = call
    expected = layer(args[0].clone())
    assert torch.equal(function(*args, **kwargs), expected)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.BatchNorm2d(4, track_running_stats=False), (3, 4, 5, 5)),
        (nn.BatchNorm2d(4).train(), (3, 4, 5, 5)),
        (nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect"), (2, 4, 9, 8)),
        (nn.utils.weight_norm(nn.Linear(5, 3)), (2, 5)),  # type: ignore[no-untyped-call]
    ],
    ids=str,
)
def test_a_layer_in_another_state_is_left_to_its_own_forward(
    layer: nn.Module, shape: tuple[int, ...]
) -> None:
    assert LAYER_CALLS[type(layer)](layer, torch.rand(shape)) is None


def test_a_layer_whose_forward_was_replaced_runs_that() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU())
    plain = model[0].forward
    model[0].forward = lambda x: torch.sigmoid(plain(x))
    graph = modellint.trace(model, ["1,3,8,8"])
    assert [node.op for node in graph.nodes if node.index in graph.varying] == [
        "input", "conv2d", "sigmoid", "relu",
    ]  # fmt: skip
