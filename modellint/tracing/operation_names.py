"""The names that an operation of a graph may have: what rules can ask a graph for."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch.nn import functional

from modellint.shapes import OPS

#: What is recorded besides calls of torch's own names.
_OWN = frozenset("input parameter buffer constant unpack update identity rmatmul".split())


@lru_cache(maxsize=1)
def operation_names() -> frozenset[str]:
    """All of them, those of libraries that have registered operations by now included."""
    found = {*OPS, *_OWN}
    for owner in (torch, torch.Tensor, functional):
        for name in dir(owner):
            found |= {name, name.rstrip("_")}
    # Private, for a list that torch.ops fills only as its entries are used: without it, the name of
    # a library's operation may be taken for a slip (tests/tracing/test_operation_names.py).
    for name in torch._C._dispatch_get_all_op_names():
        found.add(name.partition("::")[2].partition(".")[0].rstrip("_"))
    return frozenset(found)
