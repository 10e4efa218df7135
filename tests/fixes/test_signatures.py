"""The lists of arguments say what torch says."""

from __future__ import annotations

import inspect

import pytest
from torch import nn
from torch.nn import functional

from modellint.fixes.signatures import functional_arguments, layer_arguments, listed

LAYERS, FUNCTIONALS = listed()


@pytest.mark.parametrize("kind", LAYERS)
def test_a_layer_takes_its_arguments_in_this_order(kind: str) -> None:
    known = layer_arguments(kind)
    if kind in ("LSTM", "GRU", "RNN"):  # What torch's base takes, handed on as *args.
        assert known is not None
        sizes = {"input_size": 3, "hidden_size": 4, "num_layers": 2}
        given = [sizes.get(name) for name in known[:3]]
        layer = getattr(nn, kind)(*given)
        assert (layer.input_size, layer.hidden_size, layer.num_layers) == (3, 4, 2)
        return
    parameters = [*inspect.signature(getattr(nn, kind).__init__).parameters][1:]
    assert known is not None
    assert parameters[: len(known)] == list(known[: len(parameters)])


@pytest.mark.parametrize("name", [op for op in FUNCTIONALS if not op.startswith("conv")])
def test_a_functional_takes_its_arguments_in_this_order(name: str) -> None:
    known = functional_arguments(name)
    assert known is not None
    parameters = [*inspect.signature(getattr(functional, name)).parameters]
    assert parameters[: len(known)] == list(known)


def test_what_is_not_listed_is_nothing() -> None:
    assert layer_arguments("Fold") is None
    assert functional_arguments("relu") is None
