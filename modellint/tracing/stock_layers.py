"""What the commonest of torch's own layers call, with which arguments: their forwards, in short.

A trace spends more time between a layer's `forward` and the functional it calls than with the
functional. Each function here stands for the `forward` of one class of `torch.nn`, and of no class
derived from it: it gives the functional, its positional and its keyword arguments, or `None` where
the layer is in a state that its own forward should deal with. A test holds each to that forward.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn
from torch.nn import functional

Call = tuple[Any, tuple[Any, ...], dict[str, Any]]


def _weights(layer: Any) -> tuple[Any, Any] | None:
    """The weight and bias, `None` where there is none by construction.

    Nothing where one of them is not the layer's own parameter: a hook may put an attribute there.
    """
    parameters = layer._parameters
    if "weight" not in parameters or "bias" not in parameters:
        return None
    return parameters["weight"], parameters["bias"]


def _convolution(function: Any) -> Callable[[Any, Any], Call | None]:
    def call(layer: Any, input: Any) -> Call | None:
        weights = _weights(layer)
        if weights is None or layer.padding_mode != "zeros":
            return None
        window = (layer.stride, layer.padding, layer.dilation, layer.groups)
        return function, (input, *weights, *window), {}

    return call


def _linear(layer: Any, input: Any) -> Call | None:
    weights = _weights(layer)
    return None if weights is None else (functional.linear, (input, *weights), {})


def _batch_norm(layer: Any, input: Any) -> Call | None:
    buffers, weights = layer._buffers, _weights(layer)
    mean, variance = buffers.get("running_mean"), buffers.get("running_var")
    if weights is None or layer.training or mean is None or variance is None:
        return None
    layer._check_input_dim(input)
    momentum = 0.0 if layer.momentum is None else layer.momentum
    return functional.batch_norm, (input, mean, variance, *weights, False, momentum, layer.eps), {}


def _layer_norm(layer: Any, input: Any) -> Call | None:
    weights = _weights(layer)
    if weights is None:
        return None
    return functional.layer_norm, (input, layer.normalized_shape, *weights, layer.eps), {}


def _activation(function: Any) -> Callable[[Any, Any], Call]:
    def call(layer: Any, input: Any) -> Call:
        return function, (input,), {"inplace": layer.inplace}

    return call


def _gelu(layer: Any, input: Any) -> Call:
    return functional.gelu, (input,), {"approximate": layer.approximate}


def _dropout(layer: Any, input: Any) -> Call:
    return functional.dropout, (input, layer.p, layer.training, layer.inplace), {}


#: By class; typed as plain, since mypy takes the class of a Module for unhashable.
LAYER_CALLS: Mapping[Any, Callable[[Any, Any], Call | None]] = {
    nn.Conv1d: _convolution(functional.conv1d),
    nn.Conv2d: _convolution(functional.conv2d),
    nn.Conv3d: _convolution(functional.conv3d),
    nn.Linear: _linear,
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
    nn.BatchNorm3d: _batch_norm,
    nn.LayerNorm: _layer_norm,
    nn.ReLU: _activation(functional.relu),
    nn.SiLU: _activation(functional.silu),
    nn.GELU: _gelu,
    nn.Dropout: _dropout,
}
