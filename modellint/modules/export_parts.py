"""The modules of an exported program: their tensors at their paths, their classes by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import torch
from torch import nn

from modellint.exported.program import Held, Program, Ref, Step


class Part(nn.Module):
    """What stands for one module of an exported model: its tensors, and the calls that it makes."""

    #: What is asked of recurrent layers: an export has its samples first, for all that is known.
    batch_first = True

    def forward(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Make one call."""
        return function(*args, **kwargs)


#: What is registered at the paths of a program's values, by the names of these.
Registered = dict[str, tuple[nn.Module, str]]


def registered(
    program: Program, parts: dict[str, nn.Module], kinds: Mapping[str, str]
) -> Registered:
    """Register the tensors of a program; tied parameters are one."""
    known: dict[tuple[str, tuple[int, ...]], nn.Parameter] = {}
    found: Registered = {}
    for name, held in program.held.items():
        path, _, attribute = held.path.rpartition(".")
        part = part_at(path, parts, kinds)
        if held.kind == "parameter":
            parameter = known.get((held.storage, held.shape)) if held.storage else None
            if parameter is None:
                parameter = nn.Parameter(_empty(held), requires_grad=held.trained)
                known[held.storage, held.shape] = parameter
            part.register_parameter(attribute, parameter)
        else:
            part.register_buffer(attribute, _filled(held))
        found[name] = (part, attribute)
    return found


def _empty(held: Held) -> torch.Tensor:
    return torch.empty(held.shape, dtype=getattr(torch, held.dtype), device="meta")


def _filled(held: Held) -> torch.Tensor:
    """A buffer, with its values where they are small enough to be read."""
    data = b"" if held.values is None else held.values()
    dtype = getattr(torch, held.dtype)
    if len(data) != math.prod(held.shape) * dtype.itemsize or not data:
        return _empty(held)
    return torch.frombuffer(bytearray(data), dtype=dtype).reshape(held.shape)


def part_at(path: str, parts: dict[str, nn.Module], kinds: Mapping[str, str]) -> nn.Module:
    """The module at a path, made with those around it where it is not there yet."""
    found = parts.get(path)
    if found is None:
        parent, _, name = path.rpartition(".")
        found = parts[path] = _class_of(kinds.get(path, "Module"))()
        part_at(parent, parts, kinds).add_module(name, found)
    return found


@lru_cache(maxsize=4096)
def _class_of(kind: str) -> type[Part]:
    """A class by the name of the one that it stands for; `|` is before what that derives from."""
    name, _, base = kind.partition("|")
    bases = (_class_of(base),) if base else (Part,)
    module, _, called = name.rpartition(".")
    return type(called, bases, {"__module__": module or __name__})


def kinds_of(program: Program) -> dict[str, str]:
    """The classes of the modules by path, and behind them the layers of torch that they act as.

    A class that torch does not have is known by what is done with the weight of its module.
    """
    kinds = dict(program.modules)
    weights = {one.path.removesuffix(".weight"): one for one in program.held.values()}
    for step in program.steps:
        weight = weight_of(step)
        held = None if weight is None else program.held.get(weight.name)
        if held is None:
            # A weight that is computed of the module's own, as by weight standardisation.
            held = weights.get(step.module or "")
            if held is None or weight is None or not _is_convolution(step):
                continue
        if held.path.rpartition(".")[2] != "weight":
            continue
        path = held.path.rpartition(".")[0]
        layer = _layer(str(step.target), len(held.shape))
        told = kinds.get(path, "")
        if layer and not told.startswith("torch.nn.") and "|" not in told:
            kinds[path] = f"{told}|{layer}" if told else layer
    return kinds


def _is_convolution(step: Step) -> bool:
    return "conv" in str(step.target)


def _layer(target: str, rank: int) -> str:
    """The layer of torch that an operation with a weight is for; empty for others."""
    name = target.removeprefix("torch.ops.").removeprefix("aten.").partition(".")[0]
    if name == "convolution":
        name = f"conv{rank - 2}d"
    return _LAYERS.get(name, "")


_LAYERS = {
    **{f"conv{rank}d": f"torch.nn.modules.conv.Conv{rank}d" for rank in (1, 2, 3)},
    **{
        f"conv_transpose{rank}d": f"torch.nn.modules.conv.ConvTranspose{rank}d"
        for rank in (1, 2, 3)
    },
    "linear": "torch.nn.modules.linear.Linear",
    "batch_norm": "torch.nn.modules.batchnorm.BatchNorm2d",
    "layer_norm": "torch.nn.modules.normalization.LayerNorm",
    "group_norm": "torch.nn.modules.normalization.GroupNorm",
    "rms_norm": "torch.nn.modules.normalization.RMSNorm",
    "embedding": "torch.nn.modules.sparse.Embedding",
    "prelu": "torch.nn.modules.activation.PReLU",
}


def weight_of(step: Step) -> Ref | None:
    """The weight of a layer, if it is one of the program's tensors as it is."""
    found = next((one.value for one in step.arguments if one.name == "weight"), None)
    return found if isinstance(found, Ref) else None
