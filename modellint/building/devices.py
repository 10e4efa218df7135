"""Sends what user code puts on a GPU to the meta device or the CPU while a model is built.

All of it is undone when the block ends, whatever the user's code raised.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from modellint.building.scripting import uncompiled
from modellint.modules.replacing import replaced

_HERE = frozenset({"cpu", "meta"})
_STAY = frozenset({"cuda", "pin_memory", "xpu", "mtia", "npu"})


@contextmanager
def redirected(device: str, *, parameters_to_meta: bool = False) -> Iterator[None]:
    """Build on `device` (`meta` or `cpu`) whatever device the code names.

    With `parameters_to_meta`, each parameter's values are dropped as it is registered, so that a
    model of any size can be built on the CPU, whose values its constructor may read.
    """
    with ExitStack() as stack:
        for owner, name, value in _replacements():
            stack.enter_context(replaced(owner, name, value))
        if parameters_to_meta:
            moved = _moving_parameters(nn.Module.register_parameter)
            stack.enter_context(replaced(nn.Module, "register_parameter", moved))
        stack.enter_context(torch.device(device))
        stack.enter_context(_Redirect(device))
        yield


class _Redirect(TorchFunctionMode):
    """Rewrites `device="cuda"` in every torch call and drops moves to a GPU."""

    def __init__(self, device: str) -> None:
        super().__init__()
        self._device = device

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        named = dict(kwargs or {})
        if _elsewhere(named.get("device")):
            named["device"] = self._device
        name = getattr(func, "__name__", "")
        if name == "normal_" and _draws_nothing(func, args, named):
            return args[0] if args else named["tensor"]
        if name in _STAY and args and isinstance(args[0], torch.Tensor):
            return args[0]
        if name == "to" and len(args) > 1 and _elsewhere(args[1]):
            args = (args[0], args[0].device, *args[2:])
        if name == "to" and "device" in named and args:
            named["device"] = args[0].device
        return func(*args, **named)


def _draws_nothing(
    func: Callable[..., Any], args: tuple[Any, ...], named: Mapping[str, Any]
) -> bool:
    """Whether values are drawn for a tensor that has none, with arguments that torch takes.

    Each embedding does so. On meta tensors torch goes through Python for it, and imports sympy,
    which takes a quarter of a second in the process of each file.
    """
    tensor: Any = args[0] if args else named.get("tensor")
    std = args[2] if len(args) > 2 else named.get("std", 1.0)
    if type(tensor) not in (torch.Tensor, nn.Parameter) or not isinstance(std, int | float):
        return False
    if not (tensor.is_meta and tensor.is_floating_point() and std >= 0):
        return False
    if func is nn.init.normal_:
        return True
    # The method itself is refused for a parameter whose gradients are on.
    return func is torch.Tensor.normal_ and not (tensor.requires_grad and torch.is_grad_enabled())


def _elsewhere(device: object) -> bool:
    if isinstance(device, bool):
        return False
    if isinstance(device, int):
        return True
    if isinstance(device, torch.device):
        return device.type not in _HERE
    return isinstance(device, str) and device.partition(":")[0] not in _HERE


def _replacements() -> list[tuple[Any, str, Any]]:
    original_to = nn.Module.to

    def to(self: nn.Module, *args: Any, **kwargs: Any) -> nn.Module:
        _, dtype, _, _ = torch._C._nn._parse_to(*args, **kwargs)
        return original_to(self, dtype=dtype) if dtype is not None else self

    def stay(self: nn.Module, device: Any = None) -> nn.Module:
        return self

    return [
        (nn.Module, "to", to),
        (nn.Module, "cuda", stay),
        (nn.Module, "cpu", stay),
        # The file's default device would outlive the build and reach the trace.
        (torch, "set_default_device", lambda device=None: None),
        (torch.cuda, "set_device", lambda device: None),
        (torch.cuda, "current_device", lambda: 0),
        # The tracer runs the plain Python: compiling it would only cost time and hide it.
        *uncompiled(),
    ]


def _moving_parameters(original: Callable[..., None]) -> Callable[..., None]:
    """A `register_parameter` that keeps shape and dtype only; tied parameters stay tied."""
    moved: dict[int, tuple[weakref.ref[nn.Parameter], nn.Parameter]] = {}

    def register(self: nn.Module, name: str, param: nn.Parameter | None) -> None:
        # Lazy and other special parameters keep their own class and behaviour.
        if type(param) is nn.Parameter and param.device.type != "meta":
            known = moved.get(id(param))
            if known is not None and known[0]() is param:
                replacement = known[1]
            else:
                data = torch.empty_like(param, device="meta")
                replacement = nn.Parameter(data, requires_grad=param.requires_grad)
                moved[id(param)] = (weakref.ref(param), replacement)
            param = replacement
        original(self, name, param)

    return register
