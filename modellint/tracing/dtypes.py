"""The dtypes of results: of what does not run, and of what is converted."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from modellint.shapes import Tensor as Sized
from modellint.shapes.core import plain
from modellint.shapes.elementwise import BINARY, COMPARISONS, SAME
from modellint.tracing.torch_functions import name_of

_DTYPES: dict[str, torch.dtype] = {
    name: value for name, value in vars(torch).items() if isinstance(value, torch.dtype)
}


def dtype_of(dtype: Any) -> torch.dtype:
    """The dtype of a name or a dtype; `None` is the default dtype."""
    if dtype is None:
        return torch.get_default_dtype()
    return dtype if isinstance(dtype, torch.dtype) else _DTYPES[dtype]


@functools.lru_cache(maxsize=64)
def dtype_name(dtype: torch.dtype) -> str:
    """`float32` for `torch.float32`."""
    return str(dtype).removeprefix("torch.")


@functools.lru_cache(maxsize=64)
def dtype_names(dtype: torch.dtype) -> tuple[str]:
    """The name of a dtype as the dtypes of an operation with one result."""
    return (dtype_name(dtype),)


#: Operations that compute in the type of their weights.
_WEIGHTED = frozenset(
    """linear conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d""".split()
)

#: What one value tells the dtype of, or the refusal of a dtype, whatever the sizes are.
_BY_VALUE = frozenset([*SAME, *BINARY, *COMPARISONS]).union(
    """where clamp clip lerp addcmul addcdiv masked_fill bitwise_not logical_not isnan isinf
    isfinite
    signbit isposinf isneginf softmax log_softmax softmin cumsum cumprod mean""".split()
) - {"instance_norm", "normal", "bernoulli"}

#: What takes no floats.
_OF_INTEGERS = frozenset(name for name in _BY_VALUE if name.startswith("bitwise")) | {"gcd", "lcm"}


def decides_dtype(name: str, bound: Mapping[str, Any], values: Sequence[Any]) -> bool:
    """Whether only the operation itself tells the dtype of its result.

    Such as `abs` of complex numbers, `div` of integers with a rounding mode, a choice among
    numbers. Floats of one kind stay what they are.
    """
    if name not in _BY_VALUE or not values:
        return name in _BY_VALUE  # Numbers alone, of which torch makes a tensor.
    first = values[0].tensor.dtype
    numbers = (bound.get("input"), bound.get("other"))
    return (
        name in _OF_INTEGERS
        or not first.is_floating_point
        or any(value.tensor.dtype is not first for value in values)
        or any(type(number) in (bool, complex) for number in numbers)
    )


def dtype_of_one(func: Any, args: Any, kwargs: Any) -> torch.dtype | None:
    """The dtype that an operation makes of tensors of one value; raises what torch raises.

    Promotion goes by dtypes, by what has axes and what are numbers, never by sizes.
    """
    made = func(*map(_one, args), **{name: _one(value) for name, value in kwargs.items()})
    return made.dtype if isinstance(made, torch.Tensor) else None


def _one(argument: Any) -> Any:
    if isinstance(argument, Sized):
        return torch.ones((1,) * len(argument.shape), dtype=argument.dtype, device="cpu")
    if isinstance(argument, (tuple, list)):
        return type(argument)(map(_one, argument))
    return plain(argument)


def result_dtype(rule: str | None, name: str, bound: Mapping[str, Any], values: Any) -> Any:
    """The dtype of an operation that does not run, by the entry's rule."""
    given = bound.get("dtype")
    if isinstance(given, torch.dtype):
        return given
    if rule == "bool":
        return torch.bool
    dtype = values[0].tensor.dtype
    if rule is not None and any(value.tensor.dtype is not dtype for value in values):
        promoted = values[0].tensor
        for value in values[1:]:
            dtype = torch.result_type(promoted, value.tensor)
            promoted = torch.empty(
                (1,) if promoted.dim() or value.tensor.dim() else (), dtype=dtype, device="meta"
            )
    whole = not dtype.is_floating_point and not dtype.is_complex
    if whole and name in _WEIGHTED and len(values) > 1:
        # An eager run refuses it: what comes after must not look refused as well.
        return values[1].tensor.dtype
    return dtype


CONVERSIONS = frozenset(
    """to cpu cuda xpu type type_as float half double bfloat16 int long short bool char byte cfloat
    cdouble""".split()
)
_METHODS = {
    "float": torch.float32,
    "half": torch.float16,
    "double": torch.float64,
    "bfloat16": torch.bfloat16,
    "int": torch.int32,
    "long": torch.int64,
    "short": torch.int16,
    "bool": torch.bool,
    "char": torch.int8,
    "byte": torch.uint8,
    "cfloat": torch.complex64,
    "cdouble": torch.complex128,
}


#: What `torch.FloatTensor` and its kin are.
_TENSOR_TYPE = type(torch.FloatTensor)
#: Python's numbers, which stand for dtypes.
_PYTHON = {float: torch.float64, int: torch.int64, bool: torch.bool, complex: torch.complex128}


def target_dtype(
    func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], tensor: Any
) -> torch.dtype | None:
    """The dtype that a conversion leads to, or `None` where it changes none."""
    name = name_of(func)[0]
    found: Any = _METHODS.get(name)
    for argument in (*args, *kwargs.values()):
        if isinstance(argument, torch.dtype):
            found = argument
        elif isinstance(argument, torch.Tensor):
            found = argument.dtype
        elif isinstance(argument, str) and argument.startswith("torch."):
            found = torch.empty(0).type(argument).dtype
        elif argument in _PYTHON:
            found = _PYTHON[argument]
        elif type(argument) is _TENSOR_TYPE:
            found = argument.dtype
    if found is None or found == tensor.dtype:
        return None
    result: torch.dtype = found
    return result
