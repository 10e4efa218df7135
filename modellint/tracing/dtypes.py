"""The dtypes of results: of what does not run on meta, and of what is converted."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from modellint.shapes.elementwise import BINARY, SAME
from modellint.symbolic.dims import Dim
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


#: Operations that make floats of integers.
_FLOATS = frozenset("softmax log_softmax mean".split())

#: Operations that compute in the type of their weights.
_WEIGHTED = frozenset(
    """linear conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d""".split()
)

#: Work value by value, and make of integers, booleans and complex numbers what each has rules for.
_BY_VALUE = frozenset([*SAME, *BINARY, "clamp", "clip", "cumsum", "cumprod"])


def decides_dtype(name: str, values: Sequence[Any]) -> bool:
    """Whether only the operation itself tells its result's dtype, and so must run on meta.

    Such as `abs` of complex numbers, or `div` of integers with a rounding mode.
    """
    return name in _BY_VALUE and not all(value.tensor.is_floating_point() for value in values)


def result_dtype(rule: str | None, name: str, bound: Mapping[str, Any], values: Any) -> Any:
    """The dtype of an operation that does not run, by the entry's rule."""
    given = bound.get("dtype")
    if isinstance(given, torch.dtype):
        return given
    if rule == "bool":
        return torch.bool
    if rule is None:
        dtype = values[0].tensor.dtype
    elif rule == "promote":
        dtype = values[0].tensor.dtype
        others = values[1:]
        if not others:
            for argument in (bound.get("input"), bound.get("other")):
                if isinstance(argument, (float, complex, int)) and not isinstance(argument, Dim):
                    dtype = torch.result_type(values[0].tensor, argument)
        elif any(value.tensor.dtype is not dtype for value in others):
            promoted = values[0].tensor
            for value in others:
                dtype = torch.result_type(promoted, value.tensor)
                promoted = torch.empty(
                    (1,) if promoted.dim() or value.tensor.dim() else (), dtype=dtype, device="meta"
                )
    else:
        dtype = values[-1].tensor.dtype
        if len(values) == 3:
            dtype = torch.result_type(values[1].tensor, values[2].tensor)
    if not dtype.is_floating_point and not dtype.is_complex:
        if name in _FLOATS:
            return torch.get_default_dtype()
        if name in _WEIGHTED and len(values) > 1:
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
        elif isinstance(argument, type) and argument in (float, int, bool):
            found = {float: torch.float64, int: torch.int64, bool: torch.bool}[argument]
    if found is None or found == tensor.dtype:
        return None
    result: torch.dtype = found
    return result
