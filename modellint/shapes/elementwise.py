"""Shapes of what works value by value, or keeps the shape for another reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modellint.shapes.core import (
    OPS,
    Op,
    Refused,
    Shape,
    Tensor,
    Unsure,
    at_least,
    axes,
    axis,
    broadcast,
    equal,
    fitting,
    numel,
    op,
    plain,
    same,
    show,
)
from modellint.symbolic.dims import symbolic

#: One tensor in, the same shape and dtype out, whatever the other arguments are.
SAME = """
relu relu6 elu selu celu gelu silu mish softplus softsign softshrink hardshrink tanhshrink
hardtanh hardswish hardsigmoid leaky_relu rrelu log_sigmoid threshold
sigmoid tanh exp expm1 log log1p log2 log10 sqrt rsqrt abs neg sign sin cos tan asin acos atan sinh
cosh erf erfc square reciprocal floor ceil round trunc frac clamp_min clamp_max nan_to_num
dropout dropout1d dropout2d dropout3d alpha_dropout feature_dropout feature_alpha_dropout
renorm
fliplr flipud tril triu
fill zero uniform bernoulli exponential random log_normal
zeros_like ones_like empty_like full_like rand_like randn_like
positive conj resolve_conj resolve_neg sgn erfinv lgamma digamma
logit sinc i0 exp2 deg2rad rad2deg
""".split()

#: These fill or rearrange; they stay on the meta backend because their dtype may change.
ON_META = frozenset(
    ["zeros_like", "ones_like", "empty_like", "full_like", "rand_like", "randn_like"]
)

for _name in SAME:
    OPS[_name] = Op(_name, same, ("input",), (None,), None, _name in ON_META, None)


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Shape:
    """The input's shape; a share of its values is left out in training."""
    if not 0 <= p <= 1:
        raise Unsure
    return input.shape


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Shape:
    """`dropout` of whole channels, which takes rows of channels alone, with a batch or without."""
    if len(input.shape) not in (2, 3):
        raise Refused(
            f"dropout1d takes inputs of two or three axes, and this has {len(input.shape)}: "
            f"{show(input.shape)}"
        )
    return dropout(input, p, training, inplace)


for _name in SAME:
    if "dropout" in _name:
        op(_name)(dropout1d if _name == "dropout1d" else dropout)

#: Two tensors or numbers in, broadcast.
BINARY = """
add sub mul div true_divide floor_divide remainder fmod pow rsub atan2 maximum minimum fmax fmin
hypot logaddexp logaddexp2 xlogy copysign ldexp bitwise_left_shift bitwise_right_shift nextafter
heaviside gcd lcm
""".split()
COMPARISONS = """
eq ne lt le gt ge logical_and logical_or logical_xor greater less greater_equal less_equal
not_equal isclose
""".split()


def _shapes(*values: Any) -> list[Shape]:
    return [value.shape for value in values if isinstance(value, Tensor)]


def binary(input: Any, other: Any = None, **_: Any) -> Shape:
    """The operands broadcast against each other."""
    return broadcast(*_shapes(input, other))


def _masks(name: str, *operands: Any) -> None:
    """Refuse floats where bits or masks are taken; other numbers are left to torch."""
    for operand in operands:
        dtype = str(operand.dtype) if isinstance(operand, Tensor) else ""
        if "float" in dtype or "complex" in dtype:
            named = dtype.removeprefix("torch.")
            raise Refused(f"{name} takes a mask of booleans, and gets {named}", mask=operand)


def _bits(name: str) -> Callable[..., Shape]:
    def shape(input: Any, other: Any = None) -> Shape:
        _masks(name, input, other)
        return broadcast(*_shapes(input, other))

    return shape


for _name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
    OPS[_name] = Op(_name, _bits(_name), ("input", "other"), (None, None), None, False, "promote")
for _name in BINARY:
    OPS[_name] = Op(_name, binary, ("input", "other"), (None, None), None, False, "promote")
for _name in COMPARISONS:
    OPS[_name] = Op(_name, binary, ("input", "other"), (None, None), None, False, "bool")
for _name in ("isnan", "isinf", "isfinite", "logical_not", "signbit", "isposinf", "isneginf"):
    OPS[_name] = Op(_name, same, ("input",), (None,), None, False, "bool")
# The result is float64 whatever the operands are.
OPS["float_power"] = Op("float_power", binary, ("input", "other"), (None, None), None, True, None)
OPS["bitwise_not"] = Op("bitwise_not", _bits("bitwise_not"), ("input",), (None,), None, False, None)


@op("complex", runs=True)
def complex_of(real: Tensor, imag: Tensor) -> Shape:
    """Complex numbers of two parts."""
    return broadcast(real.shape, imag.shape)


@op("polar", runs=True)
def polar(abs: Tensor, angle: Tensor) -> Shape:
    """Complex numbers of a size and an angle."""
    return broadcast(abs.shape, angle.shape)


@op("fill")
def fill(input: Tensor, value: Any) -> Shape:
    """The input's shape, every value replaced by one."""
    if isinstance(value, Tensor) and value.shape:
        raise Refused(f"fill takes a number or a tensor without axes, not {show(value.shape)}")
    return input.shape


@op("clamp", "clip", dtype="promote")
def clamp(input: Tensor, min: Any = None, max: Any = None) -> Shape:
    """The input, between two bounds."""
    if min is None and max is None:
        raise Refused("neither a least nor a greatest value is given")
    if isinstance(min, complex) or isinstance(max, complex):
        raise Refused("complex numbers have no order")
    return broadcast(*_shapes(input, min, max))


@op("where", dtype="promote_last")
def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """One of two by a condition; the condition's places alone depend on values."""
    if input is None and other is None:
        return None
    _masks("where", condition)
    return broadcast(*_shapes(condition, input, other))


@op("lerp", "addcmul", "addcdiv")
def ternary(input: Tensor, second: Any, third: Any, value: Any = None) -> Shape:
    """Three operands broadcast."""
    return broadcast(*_shapes(input, second, third))


@op("normal", runs=True)
def normal(mean: Any = None, std: Any = 1.0, size: Any = None, **_: Any) -> Shape:
    """Random numbers of a size, or of that of what says their means and deviations."""
    return tuple(size) if size is not None else broadcast(*_shapes(mean, std))


@op("masked_fill")
def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Shape:
    """The input with a number where the mask says so."""
    _masks("masked_fill", mask)
    return broadcast(input.shape, mask.shape)


@op("masked_scatter")
def masked_scatter(input: Tensor, mask: Tensor, source: Any) -> Shape:
    """The input's shape."""
    _masks("masked_scatter", mask)
    return broadcast(input.shape, mask.shape)


@op("softmax", "log_softmax", "softmin", "cumsum", "cumprod")
def along(input: Tensor, dim: Any = None, **_: Any) -> Shape:
    """The input's shape; what happens along an axis needs the axis."""
    axes(dim, len(input.shape))
    return input.shape


@op("local_response_norm")
def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Shape:
    """The input's shape: divided by a sum over neighbouring channels (axis 1)."""
    if plain(size) < 1 or len(input.shape) < 3:
        raise Unsure
    return input.shape


@op("gumbel_softmax")
def gumbel_softmax(
    logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Shape:
    """The input's shape: along an axis."""
    axis(dim, len(logits.shape))
    return logits.shape


@op("normalize")
def normalize(input: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, **_: Any) -> Shape:
    """The input's shape: divided by its norm along an axis."""
    axes(dim, len(input.shape))
    return input.shape


@op("hardtanh")
def hardtanh(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Shape:
    """The input's shape: clipped to two bounds in their order."""
    if min_val > max_val:
        raise Unsure
    return input.shape


@op("flip")
def flip(input: Tensor, *dims: int) -> Shape:
    """Some axes turned round."""
    axes(dims, len(input.shape))
    return input.shape


def _several(value: Any) -> tuple[Any, ...]:
    """An argument of one number or several, as several."""
    if isinstance(value, int):
        return (value,)
    if not isinstance(value, tuple | list):
        raise Unsure
    return tuple(value)


@op("roll")
def roll(input: Tensor, shifts: Any, dims: Any = None) -> Shape:
    """Some axes shifted in a circle, or all as one."""
    steps, along = _several(shifts), () if dims is None else _several(dims)
    axes(along, len(input.shape))
    if len(steps) != len(along) and (len(steps) != 1 or along):
        raise Refused(f"{len(steps)} shifts for {len(along)} axes")
    return input.shape


@op("channel_shuffle", "native_channel_shuffle")
def channel_shuffle(input: Tensor, groups: int) -> Shape:
    """Channels (axis 1) dealt out again; groups must divide them."""
    if len(input.shape) < 3 or plain(groups) < 1:
        raise Unsure
    channels = input.shape[1]
    equal(
        channels % groups,
        0,
        lambda: Refused(f"{groups} groups do not divide {symbolic(channels)} channels"),
    )
    return input.shape


@op("prelu")
def prelu(input: Tensor, weight: Tensor) -> Shape:
    """A slope for all or for each channel."""
    if weight.dtype != input.dtype or len(weight.shape) > 1:
        raise Unsure
    if len(weight.shape) == 1 and weight.shape != (1,) and len(input.shape) > 1:
        _count("prelu", input.shape[1], weight.shape[0], "num_parameters")
    return input.shape


@op("glu")
def glu(input: Tensor, dim: int = -1) -> Shape:
    """Half of an axis, gated by the other half."""
    sizes = list(input.shape)
    axis(dim, len(sizes))
    if not sizes:
        raise Unsure
    equal(
        sizes[dim] % 2,
        0,
        lambda: Refused(f"glu halves an axis of {symbolic(sizes[dim])}, which is odd"),
    )
    sizes[dim] = sizes[dim] // 2
    return tuple(sizes)


def _per_channel(name: str, input: Tensor, given: Tensor, argument: str) -> None:
    if len(input.shape) < 2 or len(given.shape) != 1:
        raise Unsure
    _count(name, input.shape[1], given.shape[0], argument)


def _count(name: str, channels: int, expected: int, argument: str) -> None:
    equal(
        channels,
        expected,
        lambda: Refused(
            f"{name} is made for {symbolic(expected)} channels and gets {symbolic(channels)}",
            fitting(argument, channels, expected),
        ),
    )


@op("batch_norm")
def batch_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
    **_: Any,
) -> Shape:
    """Channels (axis 1) must be as many as the statistics."""
    if eps < 0 or (not training and (running_mean is None or running_var is None)):
        raise Unsure
    for given in (running_mean, running_var, weight, bias):
        if given is not None:
            _per_channel("batch_norm", input, given, "num_features")
    return input.shape


@op("instance_norm")
def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
    **_: Any,
) -> Shape:
    """Each channel of each sample alone; one value has no variance."""
    stated = running_mean is not None
    if stated is not (running_var is not None) or not (use_input_stats or stated):
        raise Unsure
    if use_input_stats:
        at_least(
            numel(input.shape[2:]),
            2,
            lambda: Refused(f"instance_norm of one value a channel: {show(input.shape)}"),
        )
    for given in (running_mean, running_var, weight, bias):
        if given is not None:
            _per_channel("instance_norm", input, given, "num_features")
    return input.shape


@op("group_norm")
def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    **_: Any,
) -> Shape:
    """Groups must divide the channels (axis 1)."""
    if len(input.shape) < 2 or plain(num_groups) < 1:
        raise Unsure
    channels = input.shape[1]
    equal(
        channels % num_groups,
        0,
        lambda: Refused(f"{num_groups} groups do not divide {symbolic(channels)} channels"),
    )
    for given in (weight, bias):
        if given is not None:
            _per_channel("group_norm", input, given, "num_channels")
    return input.shape


@op("layer_norm")
def layer_norm(
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enable: Any = None,
) -> Shape:
    """The last axes must be the normalized shape."""
    wanted = tuple(normalized_shape)
    if not wanted:
        raise Unsure
    last = input.shape[len(input.shape) - len(wanted) :] if wanted else ()
    if len(last) != len(wanted):
        raise Refused(f"layer_norm over {show(wanted)} of an input {show(input.shape)}")
    for have, want in zip(last, wanted, strict=True):
        equal(
            have,
            want,
            lambda: Refused(
                f"layer_norm over {show(wanted)} gets an input that ends in {show(last)}",
                f"normalized_shape should be {show(last)}, here {show(wanted)}",
            ),
        )
    if weight is not None and weight.shape != wanted:
        raise Refused(f"layer_norm over {show(wanted)} has a weight {show(weight.shape)}")
    return input.shape


@op("rms_norm")
def rms_norm(
    input: Tensor, normalized_shape: Any, weight: Tensor | None = None, eps: Any = None
) -> Shape:
    """As layer_norm, without a mean or bias."""
    shape: Shape = layer_norm(input, normalized_shape, weight)
    return shape
