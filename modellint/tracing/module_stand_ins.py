"""Stands in for `math` and `torch` where they would make plain numbers of sizes.

`math.log2` takes an int as it is, `math.sqrt` asks for a float, and `torch.FloatTensor(n, 3)` is a
constructor, which no mode sees.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, wraps
from types import FunctionType
from typing import Any

import torch

from modellint.source.classes import module_of
from modellint.symbolic.dims import Dim, Ratio, fresh

#: What a module is called where it is imported, the module, and what stands in for it.
StandIn = tuple[str, Any, Any]


def wanted(classes: Iterable[type]) -> Sequence[StandIn]:
    """What stands in for the modules that the code of these classes may lose sizes to."""
    return _NAMES if any(map(_constructs, classes)) else _NAMES[:1]


class _Math:
    """`math`, except that what a function makes of a size is one of which the example is known."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(math, name)
        if callable(found) and name not in _EXACT:
            found = _followed(found)
        setattr(self, name, found)
        return found


#: What asks a size itself.
_EXACT = frozenset("floor ceil trunc prod".split())


def _followed(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def of_math(*args: Any) -> Any:
        if not any(isinstance(arg, (Dim, Ratio)) for arg in args):
            return function(*args)
        made = function(*[_plain(arg) for arg in args])
        if isinstance(made, bool):
            return made
        return fresh(made) if isinstance(made, builtins.int) else Ratio(made, None)

    return of_math


def _plain(number: Any) -> Any:
    if isinstance(number, Dim):
        return number.value
    return float.__add__(number, 0.0) if isinstance(number, Ratio) else number


class _ConstructorType(type):
    """What a constructor of tensors must answer besides being called."""

    real: Any

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        sizes = args[0] if len(args) == 1 and isinstance(args[0], tuple) else args
        if any(isinstance(size, Dim) for size in sizes) and not kwargs:
            dtype = torch.get_default_dtype() if cls.real is torch.Tensor else cls.real.dtype
            return torch.empty(sizes, dtype=dtype)
        return cls.real(*args, **kwargs)

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls.real)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, cls.real)

    def __eq__(cls, other: object) -> bool:
        return other is cls or bool(other == cls.real)

    def __hash__(cls) -> builtins.int:
        return hash(cls.real)

    def __getattr__(cls, name: str) -> Any:
        return getattr(cls.real, name)


#: The constructors that take sizes.
CONSTRUCTORS = frozenset(
    """Tensor FloatTensor DoubleTensor HalfTensor BFloat16Tensor LongTensor IntTensor ShortTensor
    CharTensor ByteTensor BoolTensor""".split()
)


class _Torch:
    """`torch`, except that a tensor that a constructor makes keeps the sizes that it is given."""

    def __getattr__(self, name: str) -> Any:
        found = getattr(torch, name)
        if name in CONSTRUCTORS:
            found = _ConstructorType(name, (), {"real": found})
        setattr(self, name, found)
        return found


@lru_cache(maxsize=4096)
def _constructs(cls: type) -> bool:
    """Whether the code of a class names a constructor of tensors."""
    return any(
        not CONSTRUCTORS.isdisjoint(function.__code__.co_names)
        for base in cls.__mro__
        if not module_of(base).startswith("torch.")
        for function in vars(base).values()
        if isinstance(function, FunctionType)
    )


#: By what the modules are mostly called; `math` first, which any code may hand a size.
_NAMES: Sequence[StandIn] = (
    ("math", math, _Math()),
    ("torch", torch, _Torch()),
    ("th", torch, _Torch()),
)
