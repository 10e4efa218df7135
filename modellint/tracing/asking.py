"""Which code asks for sizes in a run, and which of its names hold floats when it does."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

import torch
from torch import nn

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


def may_hold_float(value: Any) -> bool:
    """Whether a value is a float or holds some, as far as is seen at once."""
    if isinstance(value, (tuple, list)):
        return any(map(may_hold_float, value))
    return not (
        value is None or isinstance(value, (int, str, torch.Tensor, nn.Module, torch.dtype))
    )
