"""Shapes of what works value by value, or keeps the shape for another reason."""

from __future__ import annotations

from typing import Any

from modellint.shapes.core import (
    OPS,
    Op,
    Refused,
    Shape,
    Tensor,
    at_least,
    axes,
    broadcast,
    equal,
    fitting,
    numel,
    op,
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
gumbel_softmax
local_response_norm instance_norm normalize renorm
fliplr flipud tril triu
fill zero uniform normal bernoulli exponential random log_normal
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

#: What rules ask of these besides the input, in the functional's order.
_NAMED: dict[tuple[str, ...], dict[str, Any]] = {
    tuple(name for name in SAME if "dropout" in name): {
        "p": 0.5, "training": True, "inplace": False,
    },
    ("hardtanh",): {"min_val": -1.0, "max_val": 1.0, "inplace": False},
}  # fmt: skip
for _names, _arguments in _NAMED.items():
    for _name in _names:
        _order, _defaults = ("input", *_arguments), (None, *_arguments.values())
        OPS[_name] = Op(_name, same, _order, _defaults, None, False, None)

#: Two tensors or numbers in, broadcast.
BINARY = """
add sub mul div true_divide floor_divide remainder fmod pow rsub atan2 maximum minimum fmax fmin
hypot logaddexp logaddexp2 xlogy copysign ldexp bitwise_and bitwise_or bitwise_xor
bitwise_left_shift bitwise_right_shift nextafter heaviside gcd lcm
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


for _name in BINARY:
    OPS[_name] = Op(_name, binary, ("input", "other"), (None, None), None, False, "promote")
for _name in COMPARISONS:
    OPS[_name] = Op(_name, binary, ("input", "other"), (None, None), None, False, "bool")
for _name in ("isnan", "isinf", "isfinite", "logical_not", "signbit", "isposinf", "isneginf"):
    OPS[_name] = Op(_name, same, ("input",), (None,), None, False, "bool")
# The result is float64 whatever the operands are.
OPS["float_power"] = Op("float_power", binary, ("input", "other"), (None, None), None, True, None)
OPS["bitwise_not"] = Op("bitwise_not", same, ("input",), (None,), None, False, None)


@op("complex", runs=True)
def complex_of(real: Tensor, imag: Tensor) -> Shape:
    """Complex numbers of two parts."""
    return broadcast(real.shape, imag.shape)


@op("polar", runs=True)
def polar(abs: Tensor, angle: Tensor) -> Shape:
    """Complex numbers of a size and an angle."""
    return broadcast(abs.shape, angle.shape)


@op("clamp", "clip", dtype="promote")
def clamp(input: Tensor, min: Any = None, max: Any = None) -> Shape:
    """The input, between two bounds."""
    return broadcast(*_shapes(input, min, max))


@op("where", dtype="promote_last")
def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """One of two by a condition; the condition's places alone depend on values."""
    if input is None and other is None:
        return None
    return broadcast(*_shapes(condition, input, other))


@op("lerp", "addcmul", "addcdiv")
def ternary(input: Tensor, second: Any, third: Any, value: Any = None) -> Shape:
    """Three operands broadcast."""
    return broadcast(*_shapes(input, second, third))


@op("masked_fill")
def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Shape:
    """The input with a number where the mask says so."""
    return broadcast(input.shape, mask.shape)


@op("masked_scatter")
def masked_scatter(input: Tensor, mask: Tensor, source: Any) -> Shape:
    """The input's shape."""
    return broadcast(input.shape, mask.shape)


@op("softmax", "log_softmax", "softmin", "cumsum", "cumprod")
def along(input: Tensor, dim: Any = None, **_: Any) -> Shape:
    """The input's shape; what happens along an axis needs the axis."""
    axes(dim, len(input.shape))
    return input.shape


@op("flip")
def flip(input: Tensor, *dims: int) -> Shape:
    """Some axes turned round."""
    axes(dims, len(input.shape))
    return input.shape


@op("roll")
def roll(input: Tensor, shifts: Any, dims: Any = None) -> Shape:
    """Some axes shifted in a circle."""
    axes(dims, len(input.shape))
    return input.shape


@op("channel_shuffle", "native_channel_shuffle")
def channel_shuffle(input: Tensor, groups: int) -> Shape:
    """Channels (axis 1) dealt out again; groups must divide them."""
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
    if len(weight.shape) == 1 and weight.shape != (1,) and len(input.shape) > 1:
        _count("prelu", input.shape[1], weight.shape[0], "num_parameters")
    return input.shape


@op("glu")
def glu(input: Tensor, dim: int = -1) -> Shape:
    """Half of an axis, gated by the other half."""
    sizes = list(input.shape)
    equal(
        sizes[dim] % 2,
        0,
        lambda: Refused(f"glu halves an axis of {symbolic(sizes[dim])}, which is odd"),
    )
    sizes[dim] = sizes[dim] // 2
    return tuple(sizes)


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
    given = next((t for t in (running_mean, weight) if t is not None), None)
    if given is not None:
        _count("batch_norm", input.shape[1], given.shape[0], "num_features")
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
    if use_input_stats:
        at_least(
            numel(input.shape[2:]),
            2,
            lambda: Refused(f"instance_norm of one value a channel: {show(input.shape)}"),
        )
    if weight is not None:
        _count("instance_norm", input.shape[1], weight.shape[0], "num_features")
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
    channels = input.shape[1]
    equal(
        channels % num_groups,
        0,
        lambda: Refused(f"{num_groups} groups do not divide {symbolic(channels)} channels"),
    )
    if weight is not None:
        _count("group_norm", channels, weight.shape[0], "num_channels")
    return input.shape


@op("layer_norm")
def layer_norm(
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: Any = None,
    cudnn_enable: Any = None,
) -> Shape:
    """The last axes must be the normalized shape."""
    wanted = tuple(normalized_shape)
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
