"""The tensors that calls of torch and NumPy give, as far as their sizes are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from modellint.discovery.example_tensors import CASTS, DTYPES, NUMPY_SIZED, SIZED, UNCHANGED
from modellint.discovery.tensor_methods import broadcast, joined, reshaped
from modellint.programs.values import UNKNOWN, Library, Tensor, Unknown, Value

Sizes = tuple[int | None, ...]

#: Functions of torch that keep the sizes of what they are given.
_KEEPING = frozenset(
    """rand_like randn_like zeros_like ones_like empty_like full_like from_numpy as_tensor tensor
    asarray array abs exp log sigmoid tanh relu softmax log_softmax clamp sqrt normalize Variable
    ascontiguousarray clip maximum minimum sin cos float32 int64 cumprod cumsum where""".split()
)
_LISTED = frozenset("tensor as_tensor array asarray Tensor FloatTensor LongTensor".split())
_SOURCES = ("torch.", "numpy.")
#: Sizes of images and of what else is drawn at random, by the method of a generator.
_DRAWN = {
    **dict.fromkeys(["random", "standard_normal"], "float64"),
    **dict.fromkeys(["normal", "uniform", "integers", "choice", "poisson"], "float64"),
    "integers": "int64",
}


def of_library(dotted: str, given: Sequence[Value], named: Mapping[str, Value]) -> Tensor | None:
    """The tensor that a function of torch or NumPy gives; `None` for others."""
    if not dotted.startswith(_SOURCES):
        return None
    name = dotted.partition(".")[2]
    last = name.rpartition(".")[2]
    first = given[0] if given else None
    if (last in _KEEPING or last in SIZED) and isinstance(first, Tensor):
        others = [one for one in given[1:] if isinstance(one, Tensor)]
        if others:
            return None
        dtype = SIZED.get(name, first.dtype) if name.endswith("Tensor") else first.dtype
        return typed(replace(first, dtype=dtype), named)
    if last in _LISTED and isinstance(first, list | tuple):
        return _listed(name, first, named)
    table = SIZED if dotted.startswith("torch.") else NUMPY_SIZED
    if name in table:
        return _sized(_sizes(named.get("size", named.get("shape", given))), table[name], named)
    return _by_rule(name, given, named)


def _by_rule(name: str, given: Sequence[Value], named: Mapping[str, Value]) -> Tensor | None:
    last = name.rpartition(".")[2]
    if last in ("randint", "normal", "uniform"):
        where = named.get("size", next((one for one in reversed(given) if _is_sizes(one)), None))
        dtype = "int64" if last == "randint" else "float64"
        return None if where is None else _sized(_sizes(where), dtype, named)
    if last == "full" and given:
        return _sized(_sizes(given[0]), "float32", named)
    if last in ("arange", "randperm"):
        return _sized(_counted(given), "int64", named)
    if last == "eye" and given:
        return _sized((_sizes(given[:2]) * 2)[:2], "float32", named)
    if last in ("linspace", "logspace"):
        steps = named.get("steps", given[2] if len(given) > 2 else UNKNOWN)
        return _sized(_sizes([steps]), "float32", named)
    if last in ("cat", "concat", "stack", "concatenate") and given:
        return _joined(last, given, named)
    return None


def drawn(method: str, given: Sequence[Value], named: Mapping[str, Value]) -> Tensor | None:
    """What a generator of random numbers draws, if its sizes are said."""
    if method not in _DRAWN:
        return None
    where = named.get("size", next((one for one in reversed(given) if _is_sizes(one)), None))
    if where is None and method in ("random", "standard_normal"):
        where = given[0] if given else None
    return None if where is None else _sized(_sizes(where), _DRAWN[method], named)


def _is_sizes(value: Value) -> bool:
    return isinstance(value, list | tuple)


def _sizes(value: Value) -> Sizes:
    if isinstance(value, list | tuple):
        if len(value) == 1 and isinstance(value[0], list | tuple):
            return _sizes(value[0])
        if len(value) == 1 and size_of(value[0]) is None:
            return ()  # It may be a number or several.
        return tuple(map(size_of, value))
    return (size_of(value),)


def size_of(value: Value) -> int | None:
    """A size, `None` where it is not known."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return None


def _counted(given: Sequence[Value]) -> Sizes:
    bounds = [size_of(one) for one in given[:3]]
    known = [one for one in bounds if one is not None]
    if len(known) < len(bounds) or not known or 0 in known[2:]:
        return (None,)
    return (len(range(*known)),)


def _sized(shape: Sizes, dtype: str, named: Mapping[str, Value]) -> Tensor | None:
    return typed(Tensor(shape, dtype), named) if shape else None


def typed(tensor: Tensor, named: Mapping[str, Value]) -> Tensor:
    """The tensor with the dtype that arguments name, if they do."""
    for value in named.values():
        if isinstance(value, Library):
            head, _, last = value.dotted.rpartition(".")
            short = DTYPES.get(last, last)
            if head in ("torch", "numpy") and short in _KNOWN_DTYPES:
                return replace(tensor, dtype=short)
        if isinstance(value, str) and value in _KNOWN_DTYPES:
            return replace(tensor, dtype=value)
    return tensor


_KNOWN_DTYPES = frozenset(
    """float32 float64 float16 bfloat16 int64 int32 int16 int8 uint8 bool complex64
    complex128""".split()
)


def _listed(name: str, items: Sequence[Value], named: Mapping[str, Value]) -> Tensor | None:
    shape: list[int | None] = []
    value: Value = items
    while isinstance(value, list | tuple) and value:
        shape.append(len(value))
        value = value[0]
    if isinstance(value, Tensor):
        return typed(replace(value, shape=(*shape, *value.shape)), named)
    kind = {bool: "bool", int: "int64", float: "float32"}.get(type(value))
    dtype = SIZED.get(name, kind)
    return None if dtype is None else typed(Tensor(tuple(shape), dtype), named)


def _joined(last: str, given: Sequence[Value], named: Mapping[str, Value]) -> Tensor | None:
    parts = given[0]
    if not isinstance(parts, list | tuple) or not parts:
        return None
    tensors = [part for part in parts if isinstance(part, Tensor) and part.of is None]
    axis = named.get("dim", named.get("axis", given[1] if len(given) > 1 else 0))
    if len(tensors) < len(parts):
        return None
    shape = joined([one.shape for one in tensors], axis, last == "stack")
    return None if shape is None else replace(tensors[0], shape=shape)


def of_method(
    tensor: Tensor, name: str, given: Sequence[Value], named: Mapping[str, Value]
) -> Value:
    """What a method of a tensor gives; unknown where its sizes are."""
    if name in ("to", "type", "astype"):
        dtypes = {str(at): one for at, one in enumerate(given)}
        return typed(tensor, {**dtypes, **named})
    if name in UNCHANGED or name in _SAME:
        return tensor
    if name in CASTS:
        return replace(tensor, dtype=CASTS[name])
    if tensor.of is not None:
        return UNKNOWN
    if name in ("dim", "ndimension"):
        return len(tensor.shape)
    if name == "size":
        return sizes_read(tensor, given)
    if name in ("numel", "nelement"):
        return _product(tensor.shape)
    if name in _REDUCING:
        return _reduced(tensor, name, given, named)
    shape = reshaped(tensor.shape, name, [_plain(one) for one in given])
    return UNKNOWN if shape is None else replace(tensor, shape=shape)


_SAME = frozenset("copy numpy cumsum cumprod flip add mul sub div mul_ add_ masked_fill".split())
_REDUCING = frozenset("argmax argmin mean sum amax amin std var".split())


def _reduced(
    tensor: Tensor, name: str, given: Sequence[Value], named: Mapping[str, Value]
) -> Value:
    axis = named.get("dim", named.get("axis", given[0] if given else None))
    if not isinstance(axis, int):
        return UNKNOWN
    rank = len(tensor.shape)
    if not -rank <= axis < rank:
        return UNKNOWN
    at = axis % rank
    kept = (1,) if named.get("keepdim") or named.get("keepdims") else ()
    shape = (*tensor.shape[:at], *kept, *tensor.shape[at + 1 :])
    return Tensor(shape, "int64" if name.startswith("arg") else tensor.dtype)


def _plain(value: Value) -> Any:
    if isinstance(value, list | tuple):
        return tuple(size_of(one) for one in value)
    return size_of(value)


def sizes_read(tensor: Tensor, given: Sequence[Value]) -> Value:
    """What `tensor.size(...)` and `tensor.shape` give."""
    sizes = tuple(UNKNOWN if size is None else size for size in tensor.shape)
    if not given:
        return sizes
    at = given[0]
    if isinstance(at, int) and -len(sizes) <= at < len(sizes):
        return sizes[at]
    return UNKNOWN


def _product(shape: Sizes) -> Value:
    count = 1
    for size in shape:
        if size is None:
            return UNKNOWN
        count *= size
    return count


def indexed(tensor: Tensor, index: Value) -> Value:
    """What an index picks of a tensor: numbers, slices, `None` and the ellipsis are known."""
    if tensor.of is not None:
        return UNKNOWN
    entries = list(index) if isinstance(index, tuple) else [index]
    if any(entry is Ellipsis for entry in entries):
        at = next(place for place, entry in enumerate(entries) if entry is Ellipsis)
        taken = sum(one is not None for one in entries) - 1
        whole = [slice(None)] * max(len(tensor.shape) - taken, 0)
        entries[at : at + 1] = whole
    sizes: list[int | None] = []
    rest = list(tensor.shape)
    for entry in entries:
        if entry is None:
            sizes.append(1)
            continue
        if not rest:
            return UNKNOWN
        size = rest.pop(0)
        if isinstance(entry, slice):
            sizes.append(_sliced(entry, size))
        elif isinstance(entry, Tensor) and len(entry.shape) == 1 and entry.dtype != "bool":
            sizes.append(entry.shape[0])
        elif not isinstance(entry, int | Unknown) or isinstance(entry, bool):
            return UNKNOWN
    return replace(tensor, shape=(*sizes, *rest))


def _sliced(by: slice, size: int | None) -> int | None:
    bounds = (by.start, by.stop, by.step)
    if all(one is None for one in bounds):
        return size
    if size is None or not all(one is None or type(one) is int for one in bounds):
        return None
    return None if by.step == 0 else len(range(*by.indices(size)))


def together(left: Value, right: Value) -> Value:
    """What an operator makes of two values of which one is a tensor at least."""
    if isinstance(left, Tensor) and isinstance(right, Tensor) and not (left.of or right.of):
        floats = left if "float" in left.dtype else right
        return replace(floats, shape=broadcast(left.shape, right.shape))
    known = left if isinstance(left, Tensor) else right
    other = right if known is left else left
    plain = isinstance(other, int | float) or (isinstance(other, Tensor) and other.of is not None)
    return known if plain else UNKNOWN


def multiplied(left: Tensor, right: Tensor) -> Value:
    """What a matrix product gives."""
    if len(left.shape) < 2 or len(right.shape) != 2:
        return UNKNOWN
    return replace(left, shape=(*left.shape[:-1], right.shape[-1]))


def batched(item: Value, size: Value) -> Value:
    """What a loader makes of many such items."""
    if isinstance(item, Tensor):
        return replace(item, shape=(size_of(size), *item.shape)) if item.of is None else UNKNOWN
    if isinstance(item, bool):
        return Tensor((size_of(size),), "bool")
    if isinstance(item, int):
        return Tensor((size_of(size),), "int64")
    if isinstance(item, float):
        return Tensor((size_of(size),), "float64")
    if isinstance(item, list | tuple):
        return [batched(one, size) for one in item]
    if isinstance(item, dict):
        return {key: batched(one, size) for key, one in item.items()}
    return UNKNOWN


Made = Callable[[Sequence[Value], Mapping[str, Value]], Value]
