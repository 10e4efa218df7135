"""Puts floats that ask for sizes into the code of a model, and into its attributes, for one run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any

from modellint.modules.members import Members
from modellint.source.classes import module_of
from modellint.symbolic.literals import Literal

_ASKED = frozenset(["shape", "size"])
#: By the code's identity, since a code object hashes all that it holds; it is kept alive beside.
_codes: dict[int, tuple[CodeType, CodeType]] = {}


def asks_for_sizes(code: CodeType) -> bool:
    """Whether code names what tells a tensor's size."""
    return not _ASKED.isdisjoint(code.co_names)


@lru_cache(maxsize=4096)
def own_functions(cls: type) -> tuple[FunctionType, ...]:
    """The functions of a class and its bases, torch's own left out."""
    return tuple(
        function
        for base in cls.__mro__
        if module_of(base).partition(".")[0] not in ("torch", "builtins")
        for function in vars(base).values()
        if isinstance(function, FunctionType)
    )


@lru_cache(maxsize=4096)
def asking_functions(cls: type) -> tuple[FunctionType, ...]:
    """Those of a class's own functions that look at sizes."""
    return tuple(of for of in own_functions(cls) if asks_for_sizes(of.__code__))


@contextmanager
def literals_followed(modules: Members) -> Iterator[None]:
    """Follow floats that stand left of sizes, as long as a forward runs."""
    functions: dict[int, tuple[FunctionType, CodeType]] = {}
    attributes: list[tuple[dict[str, Any], str, float]] = []
    for module in modules.own:
        cls: Any = type(module)
        asking = asking_functions(cls)
        functions.update((id(function), (function, function.__code__)) for function in asking)
        own = vars(module)  # A function that asks for sizes may be handed the module.
        attributes += [(own, name, held) for name, held in own.items() if type(held) is float]
    try:
        for function, code in functions.values():
            function.__code__ = _following(code)
        for own, name, held in attributes:
            own[name] = Literal(held)
        yield
    finally:
        for own, name, held in attributes:
            if type(own.get(name)) is Literal and own[name] == held:
                own[name] = held
        for function, code in functions.values():
            function.__code__ = code


def _following(code: CodeType) -> CodeType:
    """The same code with literals that ask; itself where it has no float."""
    known = _codes.get(id(code))
    if known is None:
        constants = tuple(map(_constant, code.co_consts))
        same = all(map(_same, constants, code.co_consts))
        known = (code if same else code.replace(co_consts=constants), code)
        _codes[id(code)] = known
    return known[0]


def _same(one: Any, other: Any) -> bool:
    return one is other


def _constant(held: Any) -> Any:
    if type(held) is float:
        return Literal(held)
    return _following(held) if isinstance(held, CodeType) else held
