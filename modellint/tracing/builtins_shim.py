"""Builtins that keep a size's expression, put into a model's modules' globals.

`int(x)` and `len(x)` return plain ints whatever `x.__int__` and `x.__len__` return, and `range(n)`
counts without asking, so that they would lose what a size depends on. While a forward runs, the
modules that define the model see these instead; everything else, torch and the standard library
included, keeps the real ones.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import ModuleType
from typing import Any

import torch

from modellint.source.classes import module_of
from modellint.symbolic.dims import Dim, Ratio
from modellint.tracing.module_stand_ins import wanted


class _StandIn(type):
    """What answers as the builtin it stands in for to whoever asks or compares."""

    _plain: type

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls._plain)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, cls._plain)

    def __eq__(cls, other: object) -> bool:
        return other is cls or other is cls._plain

    def __hash__(cls) -> builtins.int:
        return hash(cls._plain)

    def __getattr__(cls, name: str) -> Any:
        return getattr(cls._plain, name)


class _IntType(_StandIn):
    _plain = builtins.int

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs:
            if isinstance(args[0], Dim):
                return args[0]
            if isinstance(args[0], Ratio):
                return args[0].__trunc__()
            if isinstance(args[0], torch.Tensor):
                return cls(args[0].item())
        return builtins.int(*args, **kwargs)


class Int(metaclass=_IntType):
    """`int`, except that a size stays a size."""


class _FloatType(_StandIn):
    _plain = builtins.float

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs and isinstance(args[0], (Dim, Ratio)):
            return Ratio.of(args[0])
        return builtins.float(*args, **kwargs)


class Float(metaclass=_FloatType):
    """`float`, except that a size keeps its expression."""


class _RangeType(_StandIn):
    _plain = builtins.range

    def __call__(cls, *bounds: Any) -> Any:
        for bound in bounds:
            if isinstance(bound, Dim):
                bound.fix()
        return builtins.range(*bounds)


class Range(metaclass=_RangeType):
    """`range`, except that counting up to a size is recorded: it is fixed from here on."""


def length(of: Any) -> int:
    """`len`, except that a tensor's first size stays a size."""
    if isinstance(of, torch.Tensor) and of.dim():
        return of.shape[0]
    return builtins.len(of)


_REPLACED = {"int": Int, "float": Float, "range": Range, "len": length}


def original(argument: Any) -> Any:
    """The real builtin where a stand-in of it is passed on, as in `dtype=int`."""
    return {Int: builtins.int, Float: builtins.float}.get(argument, argument)


@lru_cache(maxsize=8)
def _scopes(roots: frozenset[str], count: int) -> tuple[dict[str, Any], ...]:
    """The globals of all modules of some packages, as long as no more modules are loaded."""
    return tuple(
        vars(module)
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] in roots and isinstance(module, ModuleType)
    )


@contextmanager
def sizes_kept(classes: Iterable[type]) -> Iterator[None]:
    """Put the stand-ins into the packages that define these classes, and take them out again."""
    classes = tuple(classes)
    bases = {base for cls in classes for base in cls.__mro__}
    words, stand_ins = tuple(_REPLACED), wanted(classes)
    roots = {module_of(base).partition(".")[0] for base in bases} - _LEFT_ALONE
    put: list[tuple[dict[str, Any], str, Any, Any]] = []
    changed: list[tuple[dict[str, Any], Iterable[str]]] = []
    try:
        for scope in _scopes(frozenset(roots), len(sys.modules)):
            # A package may have a thousand modules, nearly all of which define none of the words.
            if scope.keys().isdisjoint(words):
                changed.append((scope, words))
                scope.update(_REPLACED)
            else:
                missing = _REPLACED.keys() - scope.keys()
                changed.append((scope, missing))
                scope.update({word: _REPLACED[word] for word in missing})
            for name, real, stands_in in stand_ins:
                if scope.get(name) is real:
                    put.append((scope, name, stands_in, real))
                    scope[name] = stands_in
        yield
    finally:
        for scope, name, stands_in, real in put:
            if scope.get(name) is stands_in:
                scope[name] = real
        for scope, words_put in changed:
            for word in words_put:
                scope.pop(word, None)


_LEFT_ALONE = {
    *("torch", "builtins", "modellint", "modellint_rules", "pytest", "_pytest"),
    *("abc", "collections", "enum", "typing"),
}
