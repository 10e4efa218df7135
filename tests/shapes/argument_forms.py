"""Calls of torch's functions and layers, by their signatures: every argument in every form."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

#: Sizes of the spatial axes: odd, even, and both at once.
SIDES = (7, 8)
CHANNELS = 4

#: What each windowed, padded, resampling, norm, softmax and linear function is given besides the
#: map; `{r}` stands for 1, 2 and 3 spatial axes, and a text names one of the tensors of `Net`.
FUNCTIONS: Mapping[str, Mapping[str, Any]] = {
    "conv{r}d": {"weight": "kernel"},
    "conv_transpose{r}d": {"weight": "transposed"},
    "max_pool{r}d": {"kernel_size": 2},
    "avg_pool{r}d": {"kernel_size": 2},
    "lp_pool{r}d": {"norm_type": 2, "kernel_size": 2},
    "adaptive_avg_pool{r}d": {"output_size": 3},
    "adaptive_max_pool{r}d": {"output_size": 3},
    "fractional_max_pool2d": {"kernel_size": 2, "output_size": 3},
    "max_unpool{r}d": {"indices": "places", "kernel_size": 2},
    "unfold": {"kernel_size": 2},
    "fold": {"output_size": (4, 5), "kernel_size": 2},
    "pad": {"pad": (1, 1)},
    "interpolate": {"size": 5},
    "pixel_shuffle": {"upscale_factor": 2},
    "pixel_unshuffle": {"downscale_factor": 2},
    "channel_shuffle": {"groups": 2},
    "batch_norm": {"running_mean": "mean", "running_var": "ones"},
    "instance_norm": {},
    "layer_norm": {"normalized_shape": [8]},
    "rms_norm": {"normalized_shape": [8]},
    "group_norm": {"num_groups": 2},
    "local_response_norm": {"size": 2},
    "normalize": {},
    "softmax": {},
    "log_softmax": {},
    "softmin": {},
    "gumbel_softmax": {},
    "linear": {"weight": "matrix"},
    "glu": {},
    "relu": {},
    "leaky_relu": {},
    "hardtanh": {},
    "dropout": {},
    "prelu": {"weight": "ones"},
}

#: What each layer is constructed with.
LAYERS: Mapping[str, Mapping[str, Any]] = {
    "Conv{r}d": {"in_channels": CHANNELS, "out_channels": 6, "kernel_size": 2},
    "ConvTranspose{r}d": {"in_channels": CHANNELS, "out_channels": 6, "kernel_size": 2},
    "MaxPool{r}d": {"kernel_size": 2},
    "AvgPool{r}d": {"kernel_size": 2},
    "LPPool{r}d": {"norm_type": 2, "kernel_size": 2},
    "AdaptiveAvgPool{r}d": {"output_size": 3},
    "AdaptiveMaxPool{r}d": {"output_size": 3},
    "ConstantPad{r}d": {"padding": 1, "value": 0.5},
    "ZeroPad{r}d": {"padding": 1},
    "ReflectionPad{r}d": {"padding": 1},
    "ReplicationPad{r}d": {"padding": 1},
    "CircularPad{r}d": {"padding": 1},
    "BatchNorm{r}d": {"num_features": CHANNELS},
    "InstanceNorm{r}d": {"num_features": CHANNELS},
    "Unfold": {"kernel_size": 2},
    "Fold": {"output_size": (4, 5), "kernel_size": 2},
    "Upsample": {"scale_factor": 2},
    "UpsamplingNearest2d": {"scale_factor": 2},
    "UpsamplingBilinear2d": {"scale_factor": 2},
    "PixelShuffle": {"upscale_factor": 2},
    "PixelUnshuffle": {"downscale_factor": 2},
    "ChannelShuffle": {"groups": 2},
    "LayerNorm": {"normalized_shape": 8},
    "RMSNorm": {"normalized_shape": 8},
    "GroupNorm": {"num_groups": 2, "num_channels": CHANNELS},
    "LocalResponseNorm": {"size": 2},
    "Softmax": {},
    "LogSoftmax": {},
    "Softmin": {},
    "Linear": {"in_features": 8, "out_features": 5},
    "Flatten": {},
    "Unflatten": {"dim": 1, "unflattened_size": (2, 2)},
    "GLU": {},
    "Dropout": {},
    "PReLU": {},
}

_WINDOW = (
    """kernel_size stride padding dilation output_padding output_size unflattened_size""".split()
)
_FLAGS = """ceil_mode count_include_pad return_indices training use_input_stats affine bias hard
track_running_stats elementwise_affine antialias recompute_scale_factor align_corners inplace
""".split()
_NUMBERS = """eps momentum p value alpha beta k tau negative_slope min_val max_val lambd
norm_type output_ratio init""".split()
_WHOLE = """groups num_groups upscale_factor downscale_factor divisor_override num_features
num_channels num_parameters in_channels out_channels in_features out_features""".split()
_AXES = "dim start_dim end_dim".split()
_MODES = "mode padding_mode".split()


def _forms(name: str, rank: int) -> Iterator[Any]:
    """The forms in which an argument of a name is tried, those that torch refuses included."""
    if name in _WINDOW:
        yield from (1, 2, 3, None, np.int64(2), (2,), [1], (1,) * rank, [2] * rank, (), 0, -1)
        yield from (np.array([2] * rank), (np.int32(1),) * rank, (1,) * (rank + 1), 1.0, 1.5, True)
        yield from ((True,) * rank, (None,) * rank, [None, 2, 3][:rank], torch.tensor(2), "same")
        yield from ("valid", "1", (2,) + (1,) * (rank - 1), {"a": 1}, torch.Size([2]))
    elif name in ("pad",):
        yield from (1, None, (1,), (1, 2), [2, 1], (1, 0, 2, 1), (np.int64(1), 2), (-1, 0), ())
        yield from ((1.0, 1.0), (1, 1, 1), (0,) * 8, (1,) * 10, torch.tensor([1, 1]), (1.5, 1), "a")
    elif name in _FLAGS:
        yield from (True, False, None, 0, 1, np.bool_(True), 1.0, "a")
    elif name in _NUMBERS:
        yield from (0.1, 0, None, 1, -0.5, np.float32(0.5), np.float64(2), True, "a", (0.1,), 1e400)
        yield torch.tensor(0.5)
    elif name in _WHOLE:
        yield from (1, 2, 3, 4, np.int64(2), None, 0, -1, 1.0, 2.0, True, (2,), [1], "a", 2**62)
        yield torch.tensor(2)
    elif name in _AXES:
        yield from (0, 1, -1, 9, None, np.int64(1), (1,), [1], (0, 1), (1, 1), True, 1.0, "a")
        yield torch.tensor(1)
    elif name == "size":
        yield from (1, 4, (4,), [4] * rank, (4,) * rank, None, np.int64(3), 0, -1, 2.0, True, "a")
        yield from (torch.tensor(2), torch.Size([4] * rank), (None,) * rank)
    elif name == "scale_factor":
        yield from (2, 2.0, 1.5, 0.5, (2,), (2.0,) * rank, [0.5] * rank, None, np.float64(2), 0, -1)
        yield from ("a", True, torch.tensor(2.0), 1e-9)
    elif name in _MODES:
        yield from ("constant", "zeros", "reflect", "replicate", "circular", "nearest", "linear")
        yield from ("bilinear", "bicubic", "trilinear", "area", "nearest-exact", "unknown", None, 1)
    elif name == "normalized_shape":
        yield from (7, 8, [8], (7, 8), torch.Size([8]), np.int64(8), (np.int64(8),), None, 0, ())
        yield from (8.0, (8.0,), True, (4, 8), (9,), -8)
    elif name in ("weight", "running_mean", "running_var", "indices"):
        yield from (None, "mean", "matrix", "kernel", 1, (1,), "several", {"a": 1})


@dataclass(frozen=True)
class Form:
    """A function or a layer, the arguments that it gets, and the map that it is called on."""

    name: str
    positional: tuple[Any, ...]
    keywords: tuple[tuple[str, Any], ...]
    shape: tuple[int, ...]
    odd: Any = None

    def __repr__(self) -> str:
        given = [*map(repr, self.positional), *(f"{k}={v!r}" for k, v in self.keywords)]
        return f"{self.name}({', '.join(given)}) on {self.shape}"


class Net(nn.Module):
    """Calls one function or layer; the tensors that it is given are parameters and buffers."""

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.form = form
        rank = int(form.name[-2]) if form.name[-2:] in ("1d", "2d", "3d") else 2
        self.kernel = nn.Parameter(torch.rand(6, CHANNELS, *(2,) * rank))
        self.transposed = nn.Parameter(torch.rand(CHANNELS, 6, *(2,) * rank))
        self.matrix = nn.Parameter(torch.rand(5, 8))
        self.ones = nn.Parameter(torch.rand(CHANNELS))
        self.register_buffer("mean", torch.zeros(CHANNELS))
        self.layer: nn.Module | None = None
        if form.name[0].isupper():
            self.layer = getattr(nn, form.name)(*form.positional, **dict(form.keywords))

    def _given(self, value: Any) -> Any:
        if value == "several":
            return (self.mean, self.ones)
        if value == "places":
            return torch.zeros(self.form.shape, dtype=torch.int64)
        known = isinstance(value, str) and value in (
            "kernel",
            "transposed",
            "matrix",
            "ones",
            "mean",
        )
        return getattr(self, value) if known else value

    def forward(self, x: Tensor) -> Any:
        """The one call."""
        if self.layer is not None:
            return self.layer(x)
        function = getattr(F, self.form.name)
        positional = [self._given(value) for value in self.form.positional]
        named = {name: self._given(value) for name, value in self.form.keywords}
        return function(x, *positional, **named)


def _of_function(name: str) -> Iterator[tuple[str, Any]]:
    """The parameters of a function of `torch.nn.functional` with their defaults, input left out."""
    function = getattr(F, f"_{name}", getattr(F, name))
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except ValueError:  # Written in C++: its schema says what it takes.
        (schema, *_) = torch._C._jit_get_schemas_for_operator(f"aten::{name}")
        for argument in schema.arguments[1:]:
            default = (
                argument.default_value if argument.has_default_value() else inspect.Parameter.empty
            )
            yield argument.name, default
        return
    for parameter in parameters[1:]:
        if not parameter.name.startswith("_"):
            yield parameter.name, parameter.default


def _of_layer(name: str) -> Iterator[tuple[str, Any]]:
    for parameter in inspect.signature(getattr(nn, name)).parameters.values():
        if parameter.name not in ("device", "factory_kwargs"):
            yield parameter.name, parameter.default


def _shapes(name: str, rank: int, fixed: bool) -> Iterator[tuple[int, ...]]:
    """Odd and even maps, batched and not."""
    if name in ("fold", "Fold"):
        yield from ((2, 4 * CHANNELS, 12), (16, 12), (2, 16, 13))
        return
    if name in ("linear", "Linear"):
        yield from ((8,), (2, 8), (2, 3, 8), (2, 3, 7))
        return
    for side in SIDES:
        yield (2, CHANNELS, *(side,) * rank)
    yield (2, CHANNELS, *(8, 7, 6)[-rank:])
    yield (CHANNELS, *(7, 8, 6)[:rank])
    if not fixed:
        yield (2, CHANNELS)


def _each(
    pattern: str,
    required: Mapping[str, Any],
    parameters: Callable[[str], Iterator[tuple[str, Any]]],
) -> Iterator[Form]:
    ranks = (1, 2, 3)
    two = pattern.lower() in ("unfold", "fold") or "2d" in pattern or "Pixel" in pattern
    for rank in (2,) if two else ranks:
        name = pattern.format(r=rank)
        known = [(n, d) for n, d in parameters(name)]
        fixed = "{r}" in pattern or two
        for shape in _shapes(name, rank, fixed):
            base = {n: required[n] for n, _ in known if n in required}
            yield Form(name, (), tuple(base.items()), shape)
            for place, (parameter, _) in enumerate(known):
                for value in _forms(parameter, rank):
                    given = {**base, parameter: value}
                    yield Form(name, (), tuple(given.items()), shape, parameter)
                    before = [base.get(n, d) for n, d in known[:place]]
                    if inspect.Parameter.empty in before:
                        continue
                    rest = {
                        n: v for n, v in base.items() if n in [k for k, _ in known[place + 1 :]]
                    }
                    yield Form(name, (*before, value), tuple(rest.items()), shape, parameter)


def forms() -> Iterator[Form]:
    """All calls, in an order of torch's signatures that does not change."""
    for pattern, required in FUNCTIONS.items():
        yield from _each(pattern, required, _of_function)
    for pattern, required in LAYERS.items():
        yield from _each(pattern, required, _of_layer)


def built(form: Form) -> Net | None:
    """The model of a form; `None` where torch refuses to construct the layer."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return Net(form)
        except Exception:  # Whatever it is, the layer does not exist.
            return None
