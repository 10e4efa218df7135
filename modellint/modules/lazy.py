"""The parameters of lazy modules, which their first inputs give them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from modellint.modules.members import Members


def has_lazy(modules: Members) -> bool:
    """Whether a parameter still waits for its first input."""
    kinds: set[type] = set()
    for _, module in modules:
        kinds.update(map(type, module._parameters.values()))
    waiting = (nn.parameter.UninitializedParameter, nn.parameter.UninitializedBuffer)
    return any(issubclass(kind, waiting) for kind in kinds)


def lazy_copy(model: nn.Module, modules: Members) -> nn.Module:
    """A copy of a model with lazy modules; a lazy buffer, unlike a parameter, copies not itself."""
    kind: Any = nn.parameter.UninitializedBuffer
    memo: dict[int, Any] = {
        id(buffer): kind(requires_grad=False, device=buffer.device, dtype=buffer.dtype)
        for _, module in modules
        for buffer in module._buffers.values()
        if isinstance(buffer, kind)
    }
    return copy.deepcopy(model, memo)


def materialize(module: nn.Module, args: Any, kwargs: Any) -> None:
    """Give a lazy module its parameters, by the sizes of its inputs on meta."""
    infer: Any = module._infer_parameters
    with torch._C.DisableTorchFunction(), torch.device("meta"):
        infer(module, args, kwargs)


def settle(modules: Members) -> None:
    """Have lazy modules that an earlier run gave their parameters ask for none again.

    That run's end put their hooks back. Whoever calls puts back what was there.
    """
    for _, module in modules:
        handle: Any = vars(module).get("_initialize_hook")
        if handle is None:
            continue
        given = (one for one in module._parameters.values() if one is not None)
        if not any(map(nn.parameter.is_lazy, given)):
            module._forward_pre_hooks.pop(handle.id, None)


def ask_for_parameters(
    modules: Iterable[tuple[str, nn.Module]], infer: Callable[[nn.Module, Any, Any], None]
) -> None:
    """Have the lazy modules of a model (a copy of the user's) ask `infer` for their parameters."""
    # Asked of the classes: a module answers for what it has not by a search in Python.
    kinds: dict[type, Any] = {type(module): None for _, module in modules}
    for kind in kinds:
        kinds[kind] = getattr(kind, "has_uninitialized_params", None)
    if not any(kinds.values()):
        return
    for _, module in modules:
        waits = kinds[type(module)]
        if waits is not None and waits(module):
            handle: Any = module._initialize_hook
            module._forward_pre_hooks[handle.id] = infer
