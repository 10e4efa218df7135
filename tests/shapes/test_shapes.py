"""The table of shape functions, entry by entry, against eager PyTorch at several sizes."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from modellint.shapes import OPS
from modellint.shapes import Tensor as Sized
from modellint.symbolic.dims import Dim, evaluate, free
from modellint.tracing.forward_run import Traced, run

SIZES = [
    {"N": 2, "C": 6, "H": 12, "W": 10, "L": 8, "S": 5},
    {"N": 1, "C": 6, "H": 13, "W": 7, "L": 11, "S": 3},
    {"N": 3, "C": 6, "H": 30, "W": 24, "L": 16, "S": 9},
    {"N": 4, "C": 12, "H": 5, "W": 9, "L": 6, "S": 4},
]


@dataclass(frozen=True)
class Case:
    """One operation on inputs of symbolic shapes."""

    op: str
    call: Callable[..., Any]
    inputs: tuple[str, ...]

    def __repr__(self) -> str:
        return f"{self.op}({'; '.join(self.inputs)})"


CASES: list[Case] = []


def case(names: str, call: Callable[..., Any] | str, *inputs: str) -> None:
    """Enter cases; a text of names with a text of places stands for `place.name` each."""
    for name in names.split():
        found = call
        if isinstance(call, str):
            place = {"F": F, "torch": torch, "Tensor": Tensor, "fft": torch.fft}[call]
            found = getattr(place, name)
        assert callable(found)
        CASES.append(Case(name, found, inputs))


def named(names: str, make: Callable[[str], Callable[..., Any]], *inputs: str) -> None:
    """Enter one case a name, its call made from the name."""
    for name in names.split():
        CASES.append(Case(name, make(name), inputs))


MAP = "N,3,H,W"

# Value by value.
case(
    """relu relu6 elu selu celu gelu silu mish softplus softsign softshrink hardshrink tanhshrink
    hardtanh hardswish hardsigmoid leaky_relu rrelu alpha_dropout dropout dropout2d
    feature_alpha_dropout gumbel_softmax normalize""",
    "F",
    MAP,
)
named("softmax log_softmax softmin", lambda n: lambda x: getattr(F, n)(x, 1), MAP)
case("log_sigmoid", F.logsigmoid, MAP)
case("dropout1d", F.dropout1d, "N,3,L")
case("dropout3d", F.dropout3d, "N,3,S,H,W")
case("feature_dropout", lambda x: torch.feature_dropout(x, 0.1, False), MAP)
case("threshold", lambda x: F.threshold(x, 0.1, 2.0), MAP)
case(
    """sigmoid tanh exp expm1 log log1p log2 log10 sqrt rsqrt abs neg sign sin cos tan asin acos
    atan sinh cosh erf erfc square reciprocal floor ceil round trunc frac nan_to_num tril triu
    zeros_like ones_like empty_like rand_like randn_like positive conj resolve_conj resolve_neg sgn
    erfinv lgamma digamma logit sinc i0 exp2 deg2rad rad2deg fliplr flipud isnan isinf isfinite
    logical_not signbit isposinf isneginf argsort sort clone detach
    ravel adjoint""",
    "torch",
    MAP,
)
case("bitwise_not", torch.bitwise_not, "N,L:bool")
case("clamp_min", lambda x: x.clamp_min(0), MAP)
case("clamp_max", lambda x: torch.clamp_max(x, 1), MAP)
case("clamp", lambda x: x.clamp(0, 1), MAP)
case("clip", lambda x, low: torch.clip(x, min=low), MAP, "W")
case("local_response_norm", lambda x: F.local_response_norm(x, 2), MAP)
case("renorm", lambda x: torch.renorm(x, 2, 0, 1.0), MAP)
case("cumsum", lambda x: x.cumsum(-1), MAP)
case("cumprod", lambda x: torch.cumprod(x, dim=1), MAP)
case("roll", lambda x: torch.roll(x, (1, 2), (2, 3)), MAP)
case("flip", lambda x: x.flip(-1), MAP)
case("full_like", lambda x: torch.full_like(x, 3.0), MAP)
case("channel_shuffle", lambda x: F.channel_shuffle(x, 2), "N,6,H,W")
case("native_channel_shuffle", lambda x: torch.native_channel_shuffle(x, 2), "N,6,H,W")
case("bernoulli", torch.bernoulli, MAP)
named(
    "zero uniform normal exponential random log_normal",
    lambda n: lambda x: getattr(x.clone(), f"{n}_")(),
    MAP,
)
case("fill", lambda x: x.clone().fill_(3), MAP)
BINARY = """add sub mul div true_divide floor_divide remainder fmod pow atan2 maximum minimum fmax
fmin hypot logaddexp logaddexp2 xlogy copysign ldexp nextafter heaviside float_power eq ne lt le gt
ge logical_and logical_or logical_xor greater less greater_equal less_equal not_equal isclose"""
case(BINARY, "torch", MAP, "3,1,W")
case("rsub", lambda x: 1 - x, MAP)
case(
    """bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift gcd lcm""",
    "torch",
    "N,L:int64",
    "L:int64",
)
case("where", torch.where, "N,1,H,W:bool", MAP, MAP)
case("lerp", lambda x, y: torch.lerp(x, y, 0.5), MAP, "N,3,1,1")
case("addcmul addcdiv", "torch", MAP, "3,1,1", "W")
case("masked_fill", lambda x, mask: x.masked_fill(mask, 0.0), MAP, "H,W:bool")
case("masked_scatter", lambda x, mask, y: x.masked_scatter(mask, y), MAP, "H,W:bool", MAP)
case("scatter", lambda x, i: x.scatter(1, i, 1.0), "N,L", "N,L:int64")
case("scatter_add", lambda x, i, y: x.scatter_add(1, i, y), "N,L", "N,L:int64", "N,L")
case("scatter_reduce", lambda x, i, y: x.scatter_reduce(1, i, y, "sum"), "N,L", "N,L:int64", "N,L")
case("index_add", lambda x, i, y: x.index_add(0, i, y), "N,L", "1:int64", "1,L")
case("index_copy", lambda x, i, y: x.index_copy(0, i, y), "N,L", "1:int64", "1,L")
case("index_fill", lambda x, i: x.index_fill(0, i, 2.0), "N,L", "1:int64")
case("index_put", lambda x, i, y: x.index_put((i,), y), "N,L", "1:int64", "1,L")
case("copy", lambda x, y: x.clone().copy_(y), "N,L", "L")


def _set(x: Tensor, y: Tensor) -> Tensor:
    made = x.clone()
    made[:, 0] = y
    return made


case("setitem", _set, "N,3,L", "N,L")
case("prelu", F.prelu, MAP, "3")
case("prelu", F.prelu, MAP, "1")
case("glu", lambda x: F.glu(x, 1), "N,6,H,W")
case("glu", F.glu, "N,3,H,W")
case("batch_norm", F.batch_norm, MAP, "3", "3")
case("instance_norm", F.instance_norm, MAP)
case("group_norm", lambda x, w: F.group_norm(x, 3, w), "N,6,H,W", "6")
case("layer_norm", lambda x, w: F.layer_norm(x, (7,), w), "N,L,7", "7")
case("layer_norm", lambda x: F.layer_norm(x, x.shape[-2:]), MAP)
case("rms_norm", lambda x, w: F.rms_norm(x, (7,), w), "N,L,7", "7")

# Joins.
case("cat", lambda x, y: torch.cat([x, y], 1), MAP, "N,C,H,W")
case("concat", lambda x, y: torch.concat((x, y), dim=-1), "N,L", "N,S")
case("concatenate", lambda x, y: torch.concatenate((x, y)), "N,L", "S,L")
case("stack", lambda x, y: torch.stack([x, y], -1), "N,L", "N,L")
case("hstack", lambda x, y: torch.hstack([x, y]), "N,L", "N,S")
case("hstack", lambda x, y: torch.hstack([x, y]), "L", "S")
case("column_stack", lambda x, y: torch.column_stack([x, y]), "N,L", "N,S")
case("column_stack", lambda x, y: torch.column_stack([x, y]), "L", "L")
case("vstack", lambda x, y: torch.vstack([x, y]), "L", "N,L")
case("row_stack", lambda x, y: torch.row_stack([x, y]), "N,L", "S,L")
case("broadcast_tensors", torch.broadcast_tensors, "N,1,W", "H,1")
case("meshgrid", lambda x, y: torch.meshgrid(x, y, indexing="ij"), "H", "W")
case("meshgrid", lambda x, y: torch.meshgrid(x, y, indexing="xy"), "H", "W")

# Products.
case("linear", F.linear, "N,L,7", "5,7", "5")
case("linear", F.linear, "7", "5,7")
case("bilinear", F.bilinear, "N,7", "N,4", "5,7,4")
case("matmul", operator.matmul, "N,3,H,W", "W,S")
case("matmul", torch.matmul, "L", "L")
case("matmul", torch.matmul, "N,H,L", "L")
case("matmul", torch.matmul, "L", "N,L,S")
case("bmm", torch.bmm, "N,H,W", "N,W,S")
case("mm", torch.mm, "H,W", "W,S")
case("mv", torch.mv, "H,W", "W")
case("dot vdot", "torch", "L", "L")
case("baddbmm", torch.baddbmm, "N,H,S", "N,H,W", "N,W,S")
case("addmm", torch.addmm, "S", "H,W", "W,S")
case("addmv", torch.addmv, "H", "H,W", "W")
case("outer ger", "torch", "H", "W")
case("einsum", lambda x, y: torch.einsum("bchw,bkhw->bck", x, y), MAP, "N,5,H,W")
case("einsum", lambda x, y: torch.einsum("...ij,jk", x, y), "N,3,H,W", "W,S")
case("einsum", lambda x: torch.einsum("ij->ji", [x]), "H,W")
case("einsum", lambda x, y: torch.einsum("ij,jk", x, y), "S,W", "W,H")
case("tensordot", lambda x, y: torch.tensordot(x, y, dims=1), "N,H,W", "W,S")
case("tensordot", lambda x, y: torch.tensordot(x, y, dims=([1, 2], [0, 1])), "N,H,W", "H,W,S")
case(
    "scaled_dot_product_attention", F.scaled_dot_product_attention, "N,2,L,8", "N,2,S,8", "N,2,S,4"
)
if torch.__version__ >= (2, 5):
    case(
        "scaled_dot_product_attention",
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, enable_gqa=True),
        "N,4,L,8",
        "N,2,S,8",
        "N,2,S,8",
    )
case("embedding_bag", F.embedding_bag, "N,L:int64", "9,4")
case("embedding_bag", F.embedding_bag, "12:int64", "9,4", "S:int64")
case("cross_entropy_loss", F.cross_entropy, "N,6", "N:int64")
case("cross_entropy_loss", lambda x, y: F.cross_entropy(x, y, reduction="none"), MAP, MAP)
case("nll_loss_nd", lambda x, y: F.nll_loss(x, y, reduction="none"), MAP, "N,H,W:int64")
case("complex polar", "torch", MAP, "3,1,W")
case("stft", lambda x: torch.stft(x, 8, 2, return_complex=True), "N,L")
case(
    "stft",
    lambda x: torch.stft(x, 5, center=False, onesided=False, return_complex=True),
    "N,L",
)
case("istft", lambda x: torch.istft(torch.complex(x, x), 8, 2), "N,5,L")
case("istft", lambda x: torch.istft(torch.complex(x, x), 8, length=9), "5,L")
case("take_along_dim", lambda x, i: torch.take_along_dim(x, i, 1), "N,L,4", "N,1,1:int64")
case("take_along_dim", torch.take_along_dim, "N,L", "N,L:int64")
case("cdist", torch.cdist, "N,H,4", "N,W,4")
case("cosine_similarity", F.cosine_similarity, MAP, "N,3,1,1")
case("getitem", lambda x: x[:, :: x.shape[1] // 3], "N,L")
case("pairwise_distance", F.pairwise_distance, "N,L", "N,L")
case("pairwise_distance", F.pairwise_distance, MAP, "N,3,1,1")
case("pairwise_distance", lambda x, y: F.pairwise_distance(x, y, keepdim=True), "N,L", "N,L")
case("normal", lambda x: torch.normal(x, 1.0), "N,L")
case("normal", lambda x: x + torch.normal(0.0, 1.0, x.shape), "N,L")

# Reductions.
for _name in ("mean", "sum", "prod", "nansum", "amax", "amin", "any", "all", "count_nonzero"):
    case(
        _name,
        lambda x, n=_name: (
            getattr(x, n)((-2, -1)) if n not in ("prod", "any", "all") else (getattr(x, n)(-1))
        ),
        MAP,
    )
    case(_name, lambda x, n=_name: getattr(torch, n)(x), MAP)
case("mean", lambda x: x.mean(dim=(2, 3), keepdim=True), MAP)
case("sum", lambda x: x.sum(1, keepdim=True), MAP)
case("amax", lambda x: torch.amax(x, dim=1, keepdim=True), MAP)
case("logsumexp", lambda x: torch.logsumexp(x, 1), MAP)
case("argmax argmin", "torch", MAP)
case("argmax", lambda x: x.argmax(1), MAP)
case("max", lambda x: x.max(1, keepdim=True), MAP)
case("max", torch.max, MAP)
case("max", torch.max, MAP, "3,1,1")
case("min", lambda x: torch.min(x, dim=-1), MAP)
case("topk", lambda x: x.topk(3, 1), "N,L")
if torch.__version__ >= (2, 5):  # Before, it does not run on meta, so values are needed.
    case("kthvalue", lambda x: torch.kthvalue(x, 2), "N,L")
case("mode", lambda x: torch.mode(x, 0), "N,L")
case("cummax", lambda x: torch.cummax(x, 1), "N,L")
case("cummin", lambda x: torch.cummin(x, 1), "N,L")
case("median nanmedian", "torch", "N,L")
case("median", lambda x: x.median(dim=1), "N,L")
case("nanmedian", lambda x: torch.nanmedian(x, 1, keepdim=True), "N,L")
case("var std", "torch", MAP)
case("var", lambda x: x.var(dim=1, unbiased=False, keepdim=True), MAP)
case("std", lambda x: torch.std(x, (2, 3), correction=0), MAP)
case("var", lambda x: x.var(False), MAP)
case("var_mean", lambda x: torch.var_mean(x, (2, 3), keepdim=True), MAP)
case("std_mean", lambda x: torch.std_mean(x, 1), MAP)
case("norm", lambda x: x.norm(dim=1, keepdim=True), MAP)
case("norm", lambda x: torch.norm(x), MAP)
case("linalg_vector_norm", lambda x: torch.linalg.vector_norm(x, dim=1), MAP)

# Resampling and transforms.
case("interpolate", lambda x: F.interpolate(x, scale_factor=2), MAP)
case("interpolate", lambda x: F.interpolate(x, scale_factor=(1.5, 0.5)), MAP)
case("interpolate", lambda x: F.interpolate(x, (7, 9), mode="bilinear", align_corners=True), MAP)
case("interpolate", lambda x, y: F.interpolate(x, size=y.shape[2:]), MAP, "N,1,S,L")
case("interpolate", lambda x: F.interpolate(x, scale_factor=0.3, mode="linear"), "N,3,L")
case("interpolate", lambda x: F.upsample(x, scale_factor=2), MAP)
case("interpolate", lambda x: F.upsample_nearest(x, scale_factor=2), MAP)
case("interpolate", lambda x: F.upsample_bilinear(x, size=(4, 4)), MAP)
case("pixel_shuffle", lambda x: F.pixel_shuffle(x, 2), "N,8,H,W")
case("pixel_unshuffle", lambda x: F.pixel_unshuffle(x, 2), MAP)
case("grid_sample", F.grid_sample, MAP, "N,L,S,2")
case("affine_grid", lambda theta, x: F.affine_grid(theta, list(x.shape)), "N,2,3", MAP)
for _name in [a + b for a in ("fft", "ifft", "rfft", "irfft") for b in ("", "2", "n")]:
    case(f"fft_{_name}", getattr(torch.fft, _name), MAP)
case("fft_rfft", lambda x: torch.fft.rfft(x, n=9, dim=2), MAP)
case("fft_irfft", lambda x: torch.fft.irfft(x, n=x.shape[-1], dim=2), MAP)
case("fft_rfft2", lambda x: torch.fft.rfft2(x, s=(8, 6), norm="ortho"), MAP)
case("fft_irfft2", lambda x: torch.fft.irfft2(x, s=x.shape[-2:]), MAP)
case("fft_fftshift", lambda x: torch.fft.fftshift(x, dim=(-2, -1)), MAP)
case("fft_ifftshift", torch.fft.ifftshift, MAP)

# Sequences and new tensors.
case("embedding", F.embedding, "N,L:int64", "10,7")
case("one_hot", lambda x: F.one_hot(x, 5), "N,L:int64")
_LSTM, _GRU = nn.LSTM(7, 5, 2, bidirectional=True), nn.GRU(7, 5, batch_first=True)
_RNN, _RELU = nn.RNN(7, 5), nn.RNN(7, 5, nonlinearity="relu")
case("lstm", _LSTM, "L,N,7")
case("gru", _GRU, "N,L,7")
case("rnn_tanh", _RNN, "L,N,7")
case("rnn_relu", _RELU, "L,N,7")
case("gru", _GRU, "L,7")
case("lstm_cell", nn.LSTMCell(7, 5), "N,7")
case("gru_cell", nn.GRUCell(7, 5), "N,7")
case("rnn_tanh_cell", nn.RNNCell(7, 5), "N,7")
case("rnn_relu_cell", nn.RNNCell(7, 5, nonlinearity="relu"), "N,7")
named(
    "zeros ones empty rand randn",
    lambda n: lambda x: getattr(torch, n)(x.shape[0], 3, x.size(2)),
    MAP,
)
case("zeros", lambda x: torch.zeros(x.shape), MAP)
case("zeros", lambda x: torch.zeros(size=(x.shape[1], 2)), MAP)
case("ones", lambda x: torch.ones((x.shape[0], 4), dtype=torch.long), MAP)
case("full", lambda x: torch.full((x.shape[2], 2), 1.0), MAP)
named(
    "new_zeros new_ones new_empty", lambda n: lambda x: getattr(x, n)(x.shape[0], x.shape[3]), MAP
)
case("new_zeros", lambda x: x.new_zeros((x.shape[0], 2)), MAP)
case("new_full", lambda x: x.new_full((x.shape[0], 2), 1.0), MAP)
case("arange", lambda x: torch.arange(x.shape[1]), "N,L")
case("arange", lambda x: torch.arange(2, x.shape[1] + 3, 2), "N,L")
case("arange", lambda x: torch.arange(x.shape[1] - 1, -1, -1), "N,L")
case("arange", lambda x: torch.arange(0, end=x.shape[1], step=3), "N,L")
case("linspace", lambda x: torch.linspace(0, 1, x.shape[1]), "N,L")
case("linspace", lambda x: torch.linspace(0, 1, steps=x.shape[1] * 2), "N,L")
case("logspace", lambda x: torch.logspace(0, 1, x.shape[1]), "N,L")
case("eye", lambda x: torch.eye(x.shape[1]), "N,L")
case("eye", lambda x: torch.eye(x.shape[1], x.shape[0]), "N,L")

# Views.
case("view", lambda x: x.view(x.shape[0], -1), MAP)
case("view", lambda x: x.view(x.size(0), 3, -1), MAP)
case("view", lambda x: x.view(-1), MAP)
case("view", lambda x: x.view(x.shape), MAP)
case("view", lambda x: x.view(-1, 4), "N,8,H")
case("reshape", lambda x: torch.reshape(x, (x.shape[0], x.shape[2] * x.shape[3], 3)), MAP)
case("reshape", lambda x: x.reshape(x.shape[0] // 2, 2, -1), MAP)
case("reshape", lambda x: x.reshape(x.shape[0], 3, x.shape[2] // 2, 2, x.shape[3] // 2, 2), MAP)
case("reshape", lambda x: x.reshape(x.shape[1], x.shape[0]), "N,L")
case("view_copy", lambda x: torch.view_copy(x, [x.shape[1] * x.shape[0]]), "N,L")
case("view_as", lambda x, y: x.view_as(y), "N,1,H", "N,H")
case("reshape_as", lambda x, y: x.reshape_as(y), "N,1,H", "N,H,1")
case("expand_as", lambda x, y: x.expand_as(y), "N,1,1,W", MAP)
case("flatten", lambda x: torch.flatten(x, 1), MAP)
case("flatten", lambda x: x.flatten(), MAP)
case("flatten", lambda x: x.flatten(1, 2), MAP)
case("ravel", lambda x: x.ravel(), MAP)
case("unflatten", lambda x: x.unflatten(1, (2, 3)), "N,6,H")
case("unflatten", lambda x: x.unflatten(2, (-1, 2)), "N,6,H")
case("permute", lambda x: x.permute(0, 2, 3, 1), MAP)
case("permute", lambda x: torch.permute(x, (3, 0, -2, 1)), MAP)
named("transpose swapaxes swapdims", lambda n: lambda x: getattr(torch, n)(x, 1, -1), MAP)
case("t", lambda x: x.t(), "N,L")
case("t", lambda x: x.t(), "L")
case("T", lambda x: x.T, "N,L")
case("T", lambda x: x.T, MAP)
case("mT", lambda x: x.mT, MAP)
case("mH", lambda x: x.mH, MAP)
case("H", lambda x: x.H, "N,L")
case("movedim", lambda x: torch.movedim(x, 1, -1), MAP)
case("moveaxis", lambda x: torch.moveaxis(x, (1, 2), (3, 0)), MAP)
case("squeeze", lambda x: x.squeeze(1), "N,1,H,1")
case("squeeze", lambda x: x.squeeze(), "N,1,H,1")
case("squeeze", lambda x: torch.squeeze(x, (1, 3)), "N,1,H,1")
case("squeeze", lambda x: x.squeeze(2), "N,1,H,1")
case("unsqueeze", lambda x: x.unsqueeze(-1), MAP)
case("unsqueeze", lambda x: torch.unsqueeze(x, 0), MAP)
case("expand", lambda x: x.expand(-1, -1, 4, -1), "N,3,1,W")
case("expand", lambda x: x.expand(5, *x.shape), MAP)
case("broadcast_to", lambda x, y: torch.broadcast_to(x, y.shape), "1,W", "H,W")
case("repeat", lambda x: x.repeat(2, 1, 3, 1, 1), MAP)
case("tile", lambda x: torch.tile(x, (2, 3)), MAP)
case("repeat_interleave", lambda x: x.repeat_interleave(2, dim=2), MAP)
case("repeat_interleave", lambda x: torch.repeat_interleave(x, 3), "N,L")
case("contiguous", lambda x: x.transpose(1, 2).contiguous(), MAP)
case("detach", lambda x: torch.ops.aten.detach(x), MAP)
case("data", lambda x: x.data, MAP)
case("real", lambda x: x.real, "N,L:complex64")
case("imag", lambda x: x.imag, "N,L:complex64")
case("narrow", lambda x: x.narrow(2, 1, 3), MAP)
case("narrow", lambda x: torch.narrow(x, 2, 0, x.shape[2] - 2), MAP)
case("select", lambda x: x.select(1, 0), MAP)
case("split", lambda x: x.split(2, 1), "N,6,H")
case("split", lambda x: torch.split(x, [2, 4], 1), "N,6,H")
case("split", lambda x: x.split(5, 2), "N,6,H")
case("split", lambda x: x.split((x.shape[2] - 3, 3), 2), "N,6,H")
case("split", lambda x: x.split(x.shape[2] // 2, 2), "N,6,H")
case("split_with_sizes", lambda x: x.split_with_sizes([1, 5], 1), "N,6,H")
case("chunk", lambda x: x.chunk(3, 1), "N,6,H")
case("chunk", lambda x: x.chunk(2, -1), "N,6,H")
case("chunk", lambda x: torch.chunk(x, 4, dim=1), "N,6,H")
case("tensor_split", lambda x: torch.tensor_split(x, 3, 1), "N,L")
case("tensor_split", lambda x: x.tensor_split((1, 4), 1), "N,L")
case("unbind", lambda x: x.unbind(1), MAP)
case("diagonal", lambda x: x.diagonal(dim1=1, dim2=2), "N,L,L")
case("diagonal", lambda x: torch.diagonal(x), "3,3,L")
case("index_select", lambda x, i: x.index_select(1, i), "N,L", "S:int64")
case("gather", lambda x, i: x.gather(1, i), "N,L", "N,S:int64")
case("take_along_dim", lambda x, i: torch.take_along_dim(x, i, 1), "N,L", "N,S:int64")
case("view_as_real", torch.view_as_real, "N,L:complex64")
case("view_as_complex", torch.view_as_complex, "N,L,2")
case("unfold_axis", lambda x: x.unfold(2, 3, 2), MAP)

# Indexing.
case("getitem", lambda x: x[0], MAP)
case("getitem", lambda x: x[:, 1, :-1, 2:], MAP)
case("getitem", lambda x: x[..., ::2], MAP)
case("getitem", lambda x: x[:, None, ..., 1::3], MAP)
case("getitem", lambda x: x[:, :, x.shape[2] // 2 :, : x.shape[3] // 2], MAP)
case("getitem", lambda x: x[:, [2, 0]], MAP)
case("getitem", lambda x, i: x[:, :, i], MAP, "S:int64")
case("getitem", lambda x, i: x[:, i, :, i], MAP, "S:int64")
case("getitem", lambda x, i, j: x[i[:, None], 0, j], MAP, "S:int64", "L:int64")
case("getitem", lambda x: x[:, :, -3:-1], MAP)
case("getitem", lambda x: x[:, :, : x.shape[2] - 1][:, :, 1:], MAP)
case("getitem", lambda x: x[:, :, :100], MAP)
case("getitem", lambda x: x[:, :, -100:], MAP)
case("getitem", lambda x: x[:, -1], MAP)
case("getitem", lambda x: x[:, 5:2], MAP)

# Windows.
for _rank, _map in ((1, "L"), (2, "H,W"), (3, "S,H,W")):
    _x, _ones = f"N,4,{_map}", ",".join(["3"] * _rank)
    _conv, _up = f"conv{_rank}d", f"conv_transpose{_rank}d"
    case(_conv, getattr(F, _conv), _x, f"6,4,{_ones}", "6")
    case(_conv, getattr(F, _conv), f"4,{_map}", f"6,4,{_ones}")
    for _options in (
        {"stride": 2, "padding": 1},
        {"dilation": 2, "padding": 3, "groups": 2},
        {"padding": "same", "groups": 2},
        {"padding": "valid", "groups": 2, "stride": 3},
    ):
        _deep = 4 // _options.get("groups", 1)
        case(
            _conv,
            lambda x, w, n=_conv, o=_options: getattr(F, n)(x, w, **o),
            _x,
            f"6,{_deep},{_ones}",
        )
    case(_up, getattr(F, _up), _x, f"4,5,{_ones}", "5")
    for _options in (
        {"stride": 2, "padding": 1, "output_padding": 1},
        {"stride": 3, "dilation": 2, "groups": 2},
    ):
        case(_up, lambda x, w, n=_up, o=_options: getattr(F, n)(x, w, **o), _x, f"4,5,{_ones}")
    for _kind in ("max", "avg", "lp"):
        _name = f"{_kind}_pool{_rank}d"
        for _sizes in ((2,), (3, 2), (3, 1), (2, 3)):
            for _ceil in (False, True):
                _arguments = (2, *_sizes) if _kind == "lp" else _sizes
                case(
                    _name,
                    lambda x, n=_name, a=_arguments, c=_ceil: getattr(F, n)(x, *a, ceil_mode=c),
                    _x,
                )
                if _kind != "lp":
                    case(
                        _name,
                        lambda x, n=_name, a=_arguments, c=_ceil: getattr(F, n)(
                            x, *a, padding=1, ceil_mode=c
                        ),
                        _x,
                    )
    case(f"max_pool{_rank}d", lambda x, n=_rank: getattr(F, f"max_pool{n}d")(x, 2, 1, 0, 2), _x)
    case(
        f"max_pool{_rank}d_with_indices",
        lambda x, n=_rank: getattr(F, f"max_pool{n}d")(x, 2, return_indices=True),
        _x,
    )
    for _kind in ("avg", "max"):
        _name = f"adaptive_{_kind}_pool{_rank}d"
        case(_name, lambda x, n=_name: getattr(F, n)(x, 3), _x)
        if _rank > 1:
            case(_name, lambda x, n=_name, r=_rank: getattr(F, n)(x, (None, *[2] * (r - 1))), _x)
    case(
        f"max_unpool{_rank}d",
        lambda x, n=_rank: getattr(F, f"max_unpool{n}d")(
            x, torch.zeros_like(x, dtype=torch.int64), 3, 2, 1
        ),
        _x,
    )
    case(
        f"max_unpool{_rank}d",
        lambda x, n=_rank: getattr(F, f"max_unpool{n}d")(
            *getattr(F, f"max_pool{n}d")(x, 2, return_indices=True), 2, output_size=x.shape
        ),
        _x,
    )
    case(
        f"adaptive_max_pool{_rank}d_with_indices",
        lambda x, n=_rank: getattr(F, f"adaptive_max_pool{n}d")(x, 2, return_indices=True),
        _x,
    )
case("pad", lambda x: F.pad(x, (1, 2, 0, 3)), MAP)
case("pad", lambda x: F.pad(x, (-1, -1)), MAP)
case("pad", lambda x: F.pad(x, (1, 1, 2, 2), mode="reflect"), MAP)
case("pad", lambda x: F.pad(x, (1, 1), mode="circular"), "N,3,L")
case("pad", lambda x: F.pad(x, (3, 1, 0, 2), mode="replicate"), MAP)
case("pad", lambda x: F.pad(x, (0, -x.shape[-1] % 8)), MAP)
case("pad", lambda x: F.pad(x, (0, x.shape[-1] % 2, x.shape[-2] % 2, 0)), MAP)
case("pad", lambda x: F.pad(x, (0, x.shape[-1] % 3)), MAP)
case("constant_pad_nd", lambda x: torch.constant_pad_nd(x, (1, 1)), MAP)
case("unfold", lambda x: F.unfold(x, 3, padding=1, stride=2), MAP)
case("unfold", lambda x: F.unfold(x, (2, 3), dilation=2), MAP)
case("fold", lambda x: F.fold(F.unfold(x, 2, stride=2), x.shape[2:], 2, stride=2), MAP)
case("fold", lambda x: F.fold(x, (4, 5), (2, 2)), "N,12,12")

# Steps that are sizes.
case("getitem", lambda x, y: x[:, :: y.shape[0]], "N,L", "S")
case("getitem", lambda x: x[:, 1 :: x.shape[1] % 3 + 1], "N,L")

# Along axes.
case("diagonal", lambda x: torch.diagonal(x, 0, 2, 3), MAP)
case("diagonal", lambda x: x.diagonal(offset=1, dim1=1, dim2=2), MAP)
case("diagonal", lambda x: x.diagonal(-2, -1, -2), MAP)
case("diff", torch.diff, "N,L")
case("diff", lambda x: torch.diff(x, dim=1), MAP)
case("diff", lambda x, y: x.diff(2, dim=1, prepend=y, append=y), "N,L", "N,S")
case("quantile nanquantile", "torch", MAP, "")
case("quantile", lambda x: torch.quantile(x, 0.5, dim=1, keepdim=True), MAP)
case("quantile", lambda x, q: x.quantile(q, -1), "N,L", "S")
case("nanmean", lambda x: torch.nanmean(x, (2, 3)), MAP)
case("nanmean", lambda x: x.nanmean(-1, keepdim=True), MAP)
case("aminmax", lambda x: torch.aminmax(x, dim=2), MAP)
case("rot90", lambda x: torch.rot90(x, 1, (2, 3)), MAP)
case("rot90", lambda x: torch.rot90(x, dims=(1, 2), k=-2), MAP)
case("linalg_norm", lambda x: torch.linalg.norm(x, dim=1), MAP)
case("linalg_norm", lambda x: torch.linalg.norm(x, dim=(2, 3), keepdim=True), MAP)
case("linalg_norm", torch.linalg.norm, MAP)
case("linalg_matrix_norm", torch.linalg.matrix_norm, MAP)
case("as_strided", lambda x: x.as_strided((x.shape[0], 3), (1, 1)), "N,L")
case("kron", torch.kron, "H,W", "N,S")
case("kron", torch.kron, "L", "N,S,3")
case("trapezoid trapz", "torch", "N,L")
case("trapezoid", lambda x: torch.trapezoid(x, dx=0.5, dim=1), MAP)
case("histc", lambda x: torch.histc(x, 7), "N,L")
case("bucketize", torch.bucketize, MAP, "L")
case("searchsorted", torch.searchsorted, "L", "S")
case("linalg_multi_dot", lambda *x: torch.linalg.multi_dot(x), "N,L", "L,S", "S,H")
case("linalg_multi_dot", lambda *x: torch.linalg.multi_dot(x), "N", "N,S", "S")
case("chain_matmul", torch.chain_matmul, "N,L", "L,S", "S,H")
case("pdist", F.pdist, "L,S")
case("dstack", lambda *x: torch.dstack(x), "N,L", "N,L")
case("dstack", lambda *x: torch.dstack(x), "N,L,S", "N,L,H")
case("gradient", lambda x: torch.gradient(x, dim=1), "N,L")
case("gradient", lambda x: torch.gradient(x, dim=(1, 2)), "N,L,S")
case("cross", lambda x, y: torch.cross(x, y, dim=1), "N,3,L", "N,3,L")
case("linalg_cross", torch.linalg.cross, "N,L,3", "N,L,3")


#: Entries whose size depends on values, and that therefore promise nothing.
BY_VALUE = {"nonzero", "masked_select", "unique", "tril_indices", "triu_indices"}
#: By values too, but not the sizes of what it packs.
PACKED = {"_pack_padded_sequence"}


class Called(nn.Module):
    """A model that is one call."""

    def __init__(self, call: Callable[..., Any]) -> None:
        super().__init__()
        if isinstance(call, nn.Module):
            self.inner = call
        self.call = call

    def forward(self, *tensors: Tensor) -> Any:
        return self.call(*tensors)


def described(spec: str) -> tuple[list[str], str]:
    shape, _, dtype = spec.partition(":")
    return shape.split(",") if shape else [], dtype or "float32"


def traced(call: Callable[..., Any], inputs: tuple[str, ...], sizes: dict[str, int]) -> Traced:
    symbols = {name: free(name, size) for name, size in sizes.items()}
    given = []
    for spec in inputs:
        shape, dtype = described(spec)
        given.append(Sized(tuple(symbols.get(s) or int(s) for s in shape), dtype))
    return run(Called(call), given, {})


def eager(call: Callable[..., Any], inputs: tuple[str, ...], sizes: dict[str, int]) -> Any:
    tensors = []
    for spec in inputs:
        shape, dtype = described(spec)
        made = [sizes.get(s) or int(s) for s in shape]
        tensors.append(torch.zeros(made, dtype=getattr(torch, dtype)))
    model = Called(call).eval()
    with torch.no_grad():
        return model(*tensors)


def tensors(result: Any) -> Iterator[Tensor]:
    if isinstance(result, Tensor):
        yield result
    else:
        for item in result:
            yield from tensors(item)


@pytest.mark.parametrize("one", CASES, ids=[f"{i}-{c.op}" for i, c in enumerate(CASES)])
@pytest.mark.filterwarnings("ignore")
def test_the_tables_shape_is_the_eager_shape_at_every_size_it_admits(one: Case) -> None:
    found = traced(one.call, one.inputs, SIZES[0])
    assert found.refused is None, found.refused
    shapes = [record.shapes[0] for record in found.outputs]
    results = list(tensors(eager(one.call, one.inputs, SIZES[0])))
    assert [str(r.dtype)[6:] for r in results] == [record.dtypes[0] for record in found.outputs]
    compared = 0
    for sizes in SIZES:
        if not all(demand.holds(sizes) for demand in found.tape.constraints.values()):
            continue
        compared += 1
        results = list(tensors(eager(one.call, one.inputs, sizes)))
        assert len(results) == len(shapes)
        for shape, result in zip(shapes, results, strict=True):
            assert not any(isinstance(size, Dim) and size.unknown for size in shape)
            assert tuple(evaluate(size, sizes) for size in shape) == tuple(result.shape)
    assert compared


def test_every_entry_of_the_table_has_a_case() -> None:
    old = set() if torch.__version__ >= (2, 5) else {"kthvalue"}
    assert set(OPS) - BY_VALUE - PACKED - old <= {one.op for one in CASES}


@pytest.mark.filterwarnings("ignore")
def test_every_case_arrives_at_the_entry_it_names() -> None:
    missed = []
    for one in CASES:
        arrived = {record.op for record in traced(one.call, one.inputs, SIZES[0]).tape.records}
        if one.op.removesuffix("_axis") not in arrived:
            missed.append((one.op, arrived - {"input", "constant", "parameter"}))
    assert not missed


REFUSED: list[tuple[str, Callable[..., Any], tuple[str, ...]]] = [
    ("wrong channels", F.conv2d, (MAP, "8,4,3,3")),
    ("wrong channels of groups", lambda x, w: F.conv2d(x, w, groups=2), (MAP, "8,3,3,3")),
    ("groups that do not divide", lambda x, w: F.conv2d(x, w, groups=3), ("N,6,H,W", "4,2,1,1")),
    ("transposed channels", F.conv_transpose2d, (MAP, "8,4,3,3")),
    ("a kernel wider than the map", F.conv2d, (MAP, "8,3,3,19")),
    ("a pool wider than the map", lambda x: F.max_pool2d(x, 14), (MAP,)),
    ("padding over half the pool", lambda x: F.max_pool2d(x, 3, padding=2), (MAP,)),
    ("the rank of a convolution", F.conv2d, ("N,3", "8,3,3,3")),
    ("a bias of another length", F.conv2d, (MAP, "8,3,3,3", "7")),
    ("cat of other sides", lambda x, y: torch.cat([x, y], 1), (MAP, "N,3,W,H")),
    ("cat of other ranks", lambda x, y: torch.cat([x, y]), (MAP, "N,3,H")),
    ("cat on no axis", lambda x: torch.cat([x, x], 4), (MAP,)),
    ("stack of other shapes", lambda x, y: torch.stack([x, y]), ("N,L", "N,S")),
    ("broadcasting", operator.add, (MAP, "N,3,H,S")),
    ("broadcasting of ranks", operator.mul, (MAP, "N,3")),
    ("a view that does not fit", lambda x: x.view(-1, 7), ("N,3,H",)),
    ("a view of other values", lambda x: x.view(x.shape[0], 3), (MAP,)),
    ("a view of another order", lambda x: x.permute(0, 2, 3, 1).view(-1), (MAP,)),
    ("bmm of other batches", torch.bmm, ("N,H,W", "3,W,S")),
    ("bmm of matrices", torch.bmm, ("H,W", "W,S")),
    ("mm of batches", torch.mm, ("N,H,W", "N,W,S")),
    ("matmul inside", operator.matmul, ("N,H,W", "S,L")),
    ("linear features", F.linear, ("N,L,7", "5,6")),
    ("linear bias", F.linear, ("N,L,7", "5,7", "4")),
    ("layer_norm", lambda x: F.layer_norm(x, (7,)), ("N,L,8",)),
    ("layer_norm weight", lambda x, w: F.layer_norm(x, (8,), w), ("N,L,8", "7")),
    ("group_norm", lambda x: F.group_norm(x, 4), ("N,6,H,W",)),
    ("batch_norm", F.batch_norm, (MAP, "4", "4")),
    ("instance_norm of one value", F.instance_norm, ("N,3,1,1",)),
    ("prelu", F.prelu, (MAP, "4")),
    ("glu", lambda x: F.glu(x, 1), (MAP,)),
    ("attention features", F.scaled_dot_product_attention, ("N,2,L,8", "N,2,S,4", "N,2,S,8")),
    ("lstm cell features", nn.LSTMCell(7, 5), ("N,6",)),
    ("gru cell features", nn.GRUCell(7, 5), ("N,6",)),
    ("pixel_shuffle", lambda x: F.pixel_shuffle(x, 2), ("N,6,H,W",)),
    ("pixel_unshuffle", lambda x: F.pixel_unshuffle(x, 5), (MAP,)),
    ("reflect padding as wide as the map", lambda x: F.pad(x, (10, 0), mode="reflect"), (MAP,)),
    ("circular padding wider than the map", lambda x: F.pad(x, (11, 0), mode="circular"), (MAP,)),
    ("more padding than axes", lambda x: F.pad(x, (1, 1, 1, 1, 1, 1)), ("N,L",)),
    ("negative sizes", lambda x: F.pad(x, (-8, -8)), ("N,L",)),
    ("no such channel", lambda x: x[:, 3], (MAP,)),
    ("too many indices", lambda x: x[0, 0, 0, 0, 0], (MAP,)),
    ("no such axis", lambda x: x.mean(4), (MAP,)),
    ("no such axis for softmax", lambda x: x.softmax(4), (MAP,)),
    ("transpose of no axis", lambda x: x.transpose(1, 4), (MAP,)),
    ("permute of fewer axes", lambda x: x.permute(0, 1, 2), (MAP,)),
    ("permute of one axis twice", lambda x: x.permute(0, 1, 2, 2), (MAP,)),
    ("squeeze of no axis", lambda x: x.squeeze(4), (MAP,)),
    ("expand", lambda x: x.expand(-1, 5, -1, -1), (MAP,)),
    ("repeat of fewer axes", lambda x: x.repeat(2, 2), (MAP,)),
    ("split that does not add up", lambda x: x.split([1, 1], 1), (MAP,)),
    ("narrow beyond the end", lambda x: x.narrow(1, 2, 2), (MAP,)),
    ("select beyond the end", lambda x: x.select(1, 3), (MAP,)),
    ("topk of more than there are", lambda x: x.topk(4, 1), (MAP,)),
    ("einsum", lambda x, y: torch.einsum("ij,jk->ik", x, y), ("H,W", "S,L")),
    ("einsum ranks", lambda x: torch.einsum("ijk->ij", x), ("H,W",)),
    ("interpolate of no map", lambda x: F.interpolate(x, scale_factor=2), ("N,L",)),
    ("interpolate to nothing", lambda x: F.interpolate(x, size=(0, 3)), (MAP,)),
    ("grid_sample batches", F.grid_sample, (MAP, "3,L,S,2")),
    ("grid_sample coordinates", F.grid_sample, (MAP, "N,L,S,3")),
    ("fold blocks", lambda x: F.fold(x, (4, 5), (2, 2)), ("N,12,11",)),
    ("fold rows", lambda x: F.fold(x, (4, 5), (2, 2)), ("N,13,12",)),
    ("unfold wider than the map", lambda x: F.unfold(x, 13), (MAP,)),
    ("runs longer than the axis", lambda x: x.unfold(2, 13, 1), (MAP,)),
    ("masked_fill", lambda x, m: x.masked_fill(m, 0.0), (MAP, "H,S:bool")),
    ("where", torch.where, ("N,L:bool", "N,L", "N,S")),
    ("cdist", torch.cdist, ("N,H,4", "N,W,5")),
    ("bilinear", F.bilinear, ("N,7", "N,4", "5,7,3")),
    (
        "same padding with a stride",
        lambda x, w: F.conv2d(x, w, stride=2, padding="same"),
        (MAP, "4,3,3,3"),
    ),
    ("an in-place sum that grows", lambda x, y: x.clone().add_(y), ("N,1,H", "N,3,H")),
    ("adaptive pool of a matrix", lambda x: F.adaptive_avg_pool2d(x, 2), ("N,L",)),
    ("tensordot", lambda x, y: torch.tensordot(x, y, dims=1), ("N,H,W", "S,L")),
    ("outer of matrices", torch.outer, ("N,L", "L")),
    ("dot", torch.dot, ("L", "S")),
    ("gather ranks", lambda x, i: x.gather(1, i), ("N,L", "L:int64")),
    ("index_select of an axis", lambda x, i: x.index_select(2, i), ("N,L", "S:int64")),
    ("addmm", torch.addmm, ("L", "H,W", "W,S")),
    ("roll of no axis", lambda x: x.roll(1, 4), (MAP,)),
    ("flip of no axis", lambda x: x.flip(4), (MAP,)),
    ("cumsum of no axis", lambda x: x.cumsum(4), (MAP,)),
    ("channel_shuffle", lambda x: F.channel_shuffle(x, 2), (MAP,)),
    ("chunk of no axis", lambda x: x.chunk(2, 4), (MAP,)),
    ("setitem", _set, ("N,3,L", "N,S")),
]


@pytest.mark.parametrize(("call", "inputs"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
@pytest.mark.filterwarnings("ignore")
def test_what_eager_refuses_is_refused(call: Callable[..., Any], inputs: tuple[str, ...]) -> None:
    with pytest.raises((RuntimeError, ValueError, IndexError)):
        eager(call, inputs, SIZES[0])
    assert traced(call, inputs, SIZES[0]).refused is not None


@pytest.mark.parametrize("name", sorted(BY_VALUE))
def test_what_values_decide_is_not_promised(name: str) -> None:
    assert OPS[name].outcome(OPS[name].bind((Sized((4, 4), "float32"), 4), {})) is None


def test_a_slice_that_reaches_over_the_end_holds_for_sizes_that_it_reaches_over() -> None:
    found = traced(lambda x: x[:, :100], ("N,L",), SIZES[0])
    assert [c.origin for c in found.tape.constraints.values()] == ["branch"]
    assert all(c.holds({"L": 99}) for c in found.tape.constraints.values())
    assert not all(c.holds({"L": 101}) for c in found.tape.constraints.values())


def test_a_refusal_names_both_sizes_and_what_would_fit() -> None:
    refused = traced(F.linear, ("N,9", "5,7"), SIZES[0]).refused
    assert refused is not None
    record, reason = refused
    assert record.op == "linear"
    assert "7" in reason.message
    assert "9" in reason.message
    assert reason.help is not None
    assert "in_features" in reason.help


def test_what_is_padded_by_its_remainder_is_said_as_what_is_rounded_up() -> None:
    def halved(x: Tensor) -> Tensor:
        for _ in range(3):
            x = F.pad(x, (0, x.shape[-1] % 2))[..., ::2]
        return x

    (size,) = traced(halved, ("N,L",), SIZES[0]).outputs[0].shapes[0][1:]
    assert isinstance(size, Dim)
    assert str(size.expr) == "(L - 1) // 8 + 1"
