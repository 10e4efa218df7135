"""Input shapes as people write them: `1,3,32,32`, `N,3,H,W`, `mask=N,L:bool`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from modellint.errors import UsageError

_LETTERS = re.compile(r"[A-Za-z_]\w*\Z")
_DTYPES = frozenset(
    """float16 bfloat16 float32 float64 int8 uint8 int16 int32 int64 bool complex64
    complex128""".split()
)
_SHORT = {"float": "float32", "half": "float16", "double": "float64", "long": "int64"}
_SHORT |= {"int": "int64"}


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One input: sizes (numbers for the example, names for symbols, `None` for unknown) and dtype.

    `name` is the forward's parameter, or `None` for the next positional one.
    """

    name: str | None
    dims: tuple[int | str | None, ...]
    dtype: str | None = None
    source: str = "--input"


def parse_input(spec: str) -> InputSpec:
    """Read an input shape.

    Raises `UsageError` for what is neither a positive number nor a name, and for unknown dtypes.
    """
    text = spec.strip()
    name, equals, rest = text.partition("=")
    if equals and not name.strip().isidentifier():
        raise UsageError(f"input {spec!r}: {name.strip()!r} is no parameter name")
    shape, colon, dtype = (rest if equals else text).partition(":")
    dtype = dtype.strip().removeprefix("torch.")
    dtype = _SHORT.get(dtype, dtype)
    if colon and dtype not in _DTYPES:
        raise UsageError(
            f"input {spec!r}: {dtype!r} is no dtype; known are {', '.join(sorted(_DTYPES))}"
        )
    shape = shape.strip()
    if shape[:1] in "([" and shape[-1:] in ")]":
        shape = shape[1:-1]
    parts = [part.strip() for part in shape.rstrip(", ").split(",")] if shape else []
    if not parts:
        raise UsageError(f"input {spec!r} has no sizes; write them as 1,3,32,32 or N,3,H,W")
    dims: list[int | str] = []
    for part in parts:
        if part.isdecimal() and int(part) > 0:
            dims.append(int(part))
        elif _LETTERS.match(part):
            dims.append(part)
        else:
            raise UsageError(
                f"input {spec!r}: {part!r} is neither a positive number nor a name such as H"
            )
    return InputSpec(name.strip() if equals else None, tuple(dims), dtype if colon else None)


def tensor_expression(spec: InputSpec) -> str:
    """The call of torch that makes such a tensor: random floats, zeros of whole numbers.

    Raises `UsageError` for a size that is a name.
    """
    for dim in spec.dims:
        if not isinstance(dim, int):
            raise UsageError(f"{dim!r} is no size that a tensor can have; write a number")
    sizes = ", ".join(map(str, spec.dims))
    if spec.dtype is None:
        return f"torch.rand({sizes})"
    made = "rand" if "float" in spec.dtype or "complex" in spec.dtype else "zeros"
    return f"torch.{made}({sizes}, dtype=torch.{spec.dtype})"
