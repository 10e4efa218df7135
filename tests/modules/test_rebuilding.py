"""Layers get other arguments for a while, where they are of `torch.nn` and nobody else's."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from modellint.errors import NotAnalysed
from modellint.modules.rebuilding import Setting, rebuilt


@pytest.mark.parametrize(
    ("layer", "name", "value"),
    [
        (nn.Conv2d(3, 8, 3, bias=False), "padding", 1),
        (nn.ConvTranspose2d(3, 8, 3, stride=2), "output_padding", 1),
        (nn.Linear(4, 2), "bias", False),
        (nn.BatchNorm2d(8), "eps", 1e-3),
        (nn.MaxPool2d(2), "ceil_mode", True),
        (nn.LayerNorm([4, 4], bias=False), "eps", 1e-3),
        (nn.LSTM(4, 8, bias=False), "batch_first", True),
        (nn.Softmax(1), "dim", 2),
        (nn.Dropout(0.5), "p", 0.1),
    ],
    ids=lambda one: type(one).__name__ if isinstance(one, nn.Module) else str(one),
)
def test_one_argument_is_another_and_all_else_as_before(
    layer: nn.Module, name: str, value: object
) -> None:
    model = nn.Sequential(layer.eval())
    before, weights = repr(layer), layer.state_dict()
    with rebuilt(model, [Setting("0", name, value)]):
        assert model[0] is layer
        assert not layer.training
        held = getattr(layer, name)
        assert (held is not None if name == "bias" else held) in (value, (value, value))
        shown = repr(layer)
        assert shown != before or name in ("batch_first",)
    assert repr(layer) == before
    assert all(torch.equal(one, layer.state_dict()[key]) for key, one in weights.items())


def test_what_is_not_plain_is_refused() -> None:
    normed = parametrizations.weight_norm(nn.Linear(4, 4))
    tied = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    tied[1].weight = tied[0].weight
    hooked = nn.Linear(4, 4)
    hooked.register_forward_hook(lambda *_: None)
    for model in (nn.Sequential(normed), tied, nn.Sequential(hooked)):
        with pytest.raises(NotAnalysed), rebuilt(model, [Setting("0", "in_features", 8)]):
            raise AssertionError
        assert "in_features=4" in repr(model[0])


def test_an_argument_that_torch_refuses_changes_nothing() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Conv2d(4, 4, 3))
    settings = [Setting("0", "in_features", 8), Setting("1", "groups", 3)]
    with pytest.raises(NotAnalysed), rebuilt(model, settings):
        raise AssertionError
    assert "in_features=4" in repr(model[0])
