"""What is put around a model to make it faster, and a trace does without."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

_WRAPPERS = frozenset(
    ["DataParallel", "DistributedDataParallel", "FullyShardedDataParallel", "OptimizedModule"]
)


def unwrapped(model: nn.Module) -> nn.Module:
    """The model inside `torch.compile`, `DataParallel` and its kin."""
    while True:
        inner = model._modules.get("_orig_mod")
        if inner is None and type(model).__name__ in _WRAPPERS:
            inner = model._modules.get("module")
        if inner is None:
            return model
        model = inner


@contextmanager
def eager() -> Iterator[None]:
    """No compilation inside the block: what is compiled runs as it was written."""
    stance = getattr(torch.compiler, "set_stance", None)
    frames = sys.modules.get("torch._dynamo.eval_frame")
    # Setting a stance formats the stack: 0.8 ms, only where something was compiled.
    if stance is None or frames is None or not getattr(frames, "cached_backends", True):
        yield
        return
    with stance("force_eager"):
        yield
