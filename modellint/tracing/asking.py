"""Which code asks for sizes in a run or is handed some, and which of its names hold floats then."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

import torch
from torch import nn

from modellint.symbolic.literals import Literal
from modellint.tracing.builtins_shim import length


@dataclass(frozen=True, slots=True)
class Asking:
    """Code that asked for a size, its globals, and what its names held when it first did.

    `floats` tells of each whether it may hold a float. `nones` are those that held `None` whenever
    it asked.
    """

    code: CodeType
    scope: Mapping[str, Any]
    floats: Mapping[str, bool]
    tensors: frozenset[str]
    nones: set[str]


#: What runs as a function of its own up to Python 3.11, and is part of the code around it.
_INSIDE = frozenset(["<listcomp>", "<genexpr>", "<setcomp>", "<dictcomp>"])
#: Stands for `len` in the code that asks.
_LENGTH = length.__code__


def note(asking: dict[int, Asking], depth: int) -> None:
    """Note the code that asks, so many frames above; what it does with sizes may be looked at."""
    frame: FrameType = sys._getframe(depth + 1)
    code = frame.f_code
    while (code.co_name in _INSIDE or code is _LENGTH) and frame.f_back is not None:
        frame = frame.f_back
        code = frame.f_code
    known = asking.get(id(code))
    if known is None:
        held = frame.f_locals
        floats = {name: may_hold_float(value) for name, value in held.items()}
        tensors = frozenset(n for n, value in held.items() if isinstance(value, torch.Tensor))
        nones = {name for name, value in held.items() if value is None}
        asking[id(code)] = Asking(code, frame.f_globals, floats, tensors, nones)
    elif known.nones:
        held = frame.f_locals
        known.nones.difference_update([n for n in known.nones if held.get(n) is not None])


#: What a forward was handed that may be or hold a size: by class of its module, the positions
#: behind `self` and the names of such arguments.
Handings = dict[type, set[int | str]]


def note_handed(handings: Handings, module: nn.Module, args: Any, kwargs: Any) -> None:
    """Note which arguments of a module's forward may be sizes, or hold some."""
    found: set[int | str] = {at for at, value in enumerate(args) if may_hold_size(value)}
    found.update(name for name, value in kwargs.items() if may_hold_size(value))
    if found:
        kind: Any = type(module)
        handings.setdefault(kind, set()).update(found)


#: What is no size and holds none.
_PLAIN = frozenset([int, bool, float, str, type(None), torch.dtype, torch.device])


#: How deep in containers, and in how large ones, sizes are looked for; others may hold some.
_DEEP, _LARGE = 4, 100


def may_hold_size(value: Any, depth: int = 0) -> bool:
    """Whether a value is a size that carries its expression or may hold one; objects may."""
    kind = type(value)
    if kind in _PLAIN or issubclass(kind, (torch.Tensor, nn.Module)):
        return False
    if kind in (tuple, list, dict):
        if depth > _DEEP or len(value) > _LARGE:
            return True
        inside = value.values() if kind is dict else value
        return any(may_hold_size(one, depth + 1) for one in inside)
    return kind is not Literal


def may_hold_float(value: Any) -> bool:
    """Whether a value is a float or holds some, as far as is seen at once."""
    if isinstance(value, (tuple, list)):
        return any(map(may_hold_float, value))
    return not (
        value is None or isinstance(value, (int, str, torch.Tensor, nn.Module, torch.dtype))
    )
