"""Leaves models in Python that would be compiled: the code that was written is what is analysed.

What `PYTORCH_JIT=0` does to torch, for the time in which user code is loaded and models are built.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn


class _Unscripted(nn.Module):
    """The base of what derives from `torch.jit.ScriptModule`: a module whose forward is Python."""

    def __setattr__(self, name: str, value: Any) -> None:
        # A ScriptModule unpacks what comes with a type.
        is_typed = isinstance(value, torch.jit.Attribute)
        super().__setattr__(name, value.value if is_typed else value)


def uncompiled() -> Iterator[tuple[Any, str, Any]]:
    """What compiles models, and what stands for it: owner, name and value of each."""
    yield torch, "compile", _unchanged
    for name in ("script", "script_method", "trace", "trace_module", "freeze"):
        yield torch.jit, name, _unchanged
    yield torch.jit, "optimize_for_inference", _unchanged
    yield torch.jit, "ScriptModule", _Unscripted


def _unchanged(value: Any = None, *args: Any, **kwargs: Any) -> Any:
    # As a decorator with options, `@torch.compile(mode=...)`, it is called without a value.
    return value if value is not None else _unchanged
