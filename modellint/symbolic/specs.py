"""Input shapes as people write them: `1,3,32,32`, `N,3,H,W`, `mask=N,L:bool`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from modellint.errors import UsageError

#: Python refuses to read thousands of them.
_DIGITS = 18
_LETTERS = re.compile(r"[A-Za-z_]\w*\Z")
#: The dtypes that an input may have.
DTYPES = frozenset(
    """float16 bfloat16 float32 float64 int8 uint8 int16 int32 int64 bool complex64
    complex128""".split()
)
_SHORT = {"float": "float32", "half": "float16", "double": "float64", "long": "int64"}
_SHORT |= {"int": "int64"}


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One input: sizes (numbers for the example, names for symbols, `None` for unknown) and dtype.

    `name` is the forward's parameter, or `None` for the next positional one. Of a `list`, `tuple`
    or `dict` (`kind`) the tensors are `parts`, by place or by key, which may be containers again.
    What a caller in Python gives may be more: of another class of containers `kind` is the name
    and `live` makes one of its parts, and of kind `value` is what is no tensor, `live` itself.
    """

    name: str | None
    dims: tuple[int | str | None, ...]
    dtype: str | None = None
    source: str = "--input"
    kind: str | None = None
    parts: tuple[tuple[Any, InputSpec], ...] = ()
    live: Any = field(default=None, compare=False)

    def leaves(self) -> Iterator[InputSpec]:
        """The tensors of the input: itself, or those in its containers."""
        if self.kind is None:
            yield self
        for _, part in self.parts:
            yield from part.leaves()


def is_number(word: str) -> bool:
    """Whether a word is a whole number, of no more digits than a size can have."""
    return word.isdecimal() and len(word) <= _DIGITS


def parse_input(spec: str) -> InputSpec:
    """Read an input shape, or a container of several: `[N,8; N,4]`, `{"a": N,8; "b": N:bool}`.

    Raises `UsageError` for what is neither a positive number nor a name, and for unknown dtypes.
    """
    text = spec.strip()
    name, equals, rest = text.partition("=")
    if equals and not name.strip().isidentifier():
        raise UsageError(f"input {spec!r}: {name.strip()!r} is no parameter name")
    container = (rest if equals else text).strip()
    kind = _container(container)
    if kind is not None:
        held = tuple(_parts(spec, kind, container[1:-1]))
        return InputSpec(name.strip() if equals else None, (), None, kind=kind, parts=held)
    shape, colon, dtype = (rest if equals else text).partition(":")
    dtype = dtype.strip().removeprefix("torch.")
    dtype = _SHORT.get(dtype, dtype)
    if colon and dtype not in DTYPES:
        raise UsageError(
            f"input {spec!r}: {dtype!r} is no dtype; known are {', '.join(sorted(DTYPES))}"
        )
    shape = shape.strip()
    if shape[:1] in "([" and shape[-1:] in ")]":
        shape = shape[1:-1]
    parts = [part.strip() for part in shape.rstrip(", ").split(",")] if shape else []
    if not parts:
        raise UsageError(f"input {spec!r} has no sizes; write them as 1,3,32,32 or N,3,H,W")
    dims: list[int | str] = []
    for part in parts:
        if is_number(part) and int(part) > 0:
            dims.append(int(part))
        elif _LETTERS.match(part):
            dims.append(part)
        elif part.isdecimal() and len(part) > _DIGITS:
            raise UsageError(f"input {spec!r}: no axis has a size of {len(part)} digits")
        else:
            raise UsageError(
                f"input {spec!r}: {part!r} is neither a positive number nor a name such as H"
            )
    return InputSpec(name.strip() if equals else None, tuple(dims), dtype if colon else None)


def is_size_name(text: str) -> bool:
    """Whether a text can stand for a size, such as `H`."""
    return _LETTERS.match(text) is not None


def spec_text(spec: InputSpec) -> str:
    """An input as `parse_input` reads it.

    Raises `UsageError` for what only a caller in Python can give: values, objects of classes, keys
    that are no text, and sizes that are `None`.
    """
    name = "" if spec.name is None else f"{spec.name}="
    return name + _unnamed(spec)


def _unnamed(spec: InputSpec) -> str:
    if spec.kind is None:
        if None in spec.dims:
            raise UsageError("None is no size here; write a name such as N")
        if not spec.dims:
            raise UsageError("a tensor without axes cannot be written as sizes")
        dtype = "" if spec.dtype is None else f":{spec.dtype}"
        return ",".join(map(str, spec.dims)) + dtype
    if spec.kind not in _BRACKETS or spec.live is not None or not spec.parts:
        raise UsageError(f"a {spec.kind} cannot be written as sizes")
    opening = _BRACKETS[spec.kind]
    items = [_unnamed(part) + ";" for _, part in spec.parts]
    if spec.kind == "dict":
        keys = [key for key, _ in spec.parts]
        if not all(isinstance(key, str) and '"' not in key for key in keys):
            raise UsageError("keys of a dict must be texts")
        items = [f'"{key}": {item}' for key, item in zip(keys, items, strict=True)]
    return f"{opening}{' '.join(items)}{_CLOSING[opening]}"


_KINDS = {"[": "list", "(": "tuple", "{": "dict"}
_BRACKETS = {kind: opening for opening, kind in _KINDS.items()}
_CLOSING = {"[": "]", "(": ")", "{": "}"}
_KEY = re.compile(r"""\s*(?:"(?P<quoted>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>\w+))\s*:""")


def _container(text: str) -> str | None:
    """The kind of container that a text spells; `None` for one shape, brackets around it or not."""
    opening = text[:1]
    if _CLOSING.get(opening) != text[-1:] or not text[1:-1].strip():
        return None
    nested = ";" in text or text[1:].lstrip()[:1] in _KINDS
    return _KINDS[opening] if opening == "{" or nested else None


def _parts(spec: str, kind: str, inside: str) -> Iterator[tuple[Any, InputSpec]]:
    """What a container holds, by place or by key."""
    items = [item for item in _split(inside) if item.strip()]
    if not items:
        raise UsageError(f"input {spec!r} holds nothing; write shapes with semicolons between them")
    for at, item in enumerate(items):
        if kind != "dict":
            yield at, parse_input(item)
            continue
        key = _KEY.match(item)
        if key is None:
            raise UsageError(
                f"input {spec!r}: {item.strip()!r} has no key, as in {{image: N,3,H,W}}"
            )
        yield key["quoted"] or key["single"] or key["bare"], parse_input(item[key.end() :])


def _split(text: str) -> list[str]:
    """The items between semicolons that stand in no inner container."""
    items = [""]
    depth = 0
    for letter in text:
        depth += (letter in "[({") - (letter in "])}")
        if letter == ";" and not depth:
            items.append("")
        else:
            items[-1] += letter
    return items


def tensor_expression(spec: InputSpec) -> str:
    """The call of torch that makes such a tensor: random floats, zeros of whole numbers.

    Raises `UsageError` for a size that is a name, and for containers.
    """
    if spec.kind is not None:
        raise UsageError(f"a {spec.kind} of tensors is no tensor; write one shape")
    for dim in spec.dims:
        if not isinstance(dim, int):
            raise UsageError(f"{dim!r} is no size that a tensor can have; write a number")
    sizes = ", ".join(map(str, spec.dims))
    if spec.dtype is None:
        return f"torch.rand({sizes})"
    made = "rand" if "float" in spec.dtype or "complex" in spec.dtype else "zeros"
    return f"torch.{made}({sizes}, dtype=torch.{spec.dtype})"
