"""How a layer of a live model is exchanged, and the small modules that faults are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

#: What a layer of each class was built with, as its attributes tell.
_SETTINGS = {
    **dict.fromkeys(
        (nn.Conv1d, nn.Conv2d, nn.Conv3d),
        "in_channels out_channels kernel_size stride padding dilation groups padding_mode".split(),
    ),
    nn.ConvTranspose2d: """in_channels out_channels kernel_size stride padding output_padding groups
    dilation""".split(),
    nn.Linear: ["in_features", "out_features"],
    nn.MaxPool2d: "kernel_size stride padding dilation ceil_mode".split(),
    nn.AvgPool2d: "kernel_size stride padding ceil_mode count_include_pad".split(),
}


def settings(layer: nn.Module) -> list[str]:
    """The arguments that a layer can be built anew with; none for a layer of another class."""
    found = _SETTINGS.get(type(layer), [])
    return found.split() if isinstance(found, str) else list(found)


def like(layer: nn.Module, **changes: Any) -> nn.Module:
    """A new layer of the same class that differs in some arguments, on meta."""
    cls: Any = type(layer)
    given = {name: getattr(layer, name) for name in _SETTINGS[cls]}
    if hasattr(layer, "bias"):
        given["bias"] = layer.bias is not None
    weight = getattr(layer, "weight", None)
    with torch.device("meta"):
        made: nn.Module = cls(**{**given, **changes})
    return made if weight is None else made.to(weight.dtype)


def put(path: str, make: Callable[[nn.Module], nn.Module]) -> Callable[[nn.Module], None]:
    """A change of a model: the module at a path gives way to what is made of it."""

    def plant(model: nn.Module) -> None:
        parent, _, name = path.rpartition(".")
        holder = model.get_submodule(parent)
        old = model.get_submodule(path)
        with torch.device("meta"):
            setattr_in(holder, name, make(old).train(old.training))

    return plant


def setattr_in(holder: nn.Module, name: str, module: nn.Module | None) -> None:
    """Register a module under a name that may be a number, as those in a Sequential are."""
    holder._modules[name] = module


def key(op: str, method: Any) -> str:
    """The key of an operation in the first line of a method of a module below."""
    return f"{op}@{method.__code__.co_firstlineno + 1}"


class Levels(nn.Module):
    """A layer that reads a map and what is left of it halved and doubled: only even sizes fit."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        self.down = nn.AvgPool2d(2)
        self.up = nn.Upsample(scale_factor=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(self.join(x))

    def join(self, x: Tensor) -> Tensor:
        return x + self.up(self.down(x))


class Folded(nn.Module):
    """What `view(-1, channels)` makes of a map that was not pooled."""

    def __init__(self, *tail: int) -> None:
        super().__init__()
        self.tail = tail

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(-1, x.shape[1], *self.tail)


class Listed(nn.Module):
    """A layer in a plain list, which the model does not register."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layers = [layer]

    def forward(self, *given: Any, **named: Any) -> Any:
        return self.layers[0](*given, **named)


class Dropped(nn.Module):
    """A layer that is called, and whose result is dropped."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        self.layer(x)
        return x


class Truncated(nn.Module):
    """Its input as integers."""

    def forward(self, x: Tensor) -> Tensor:
        return x.long()


class Reordered(nn.Module):
    """A map whose axes are moved and whose sizes are then written as they were: (N, C, L) → it."""

    def forward(self, x: Tensor) -> Tensor:
        moved = x.movedim(1, -1)
        return moved.reshape(x.shape)

    #: The line that scrambles.
    line = forward.__code__.co_firstlineno + 2


class Centred(nn.Module):
    """A map from which the mean of everything is taken, of all samples together."""

    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean()

    #: The line that mixes.
    line = forward.__code__.co_firstlineno + 1


class Turned(nn.Module):
    """A transposition whose result is dropped."""

    def forward(self, x: Tensor) -> Tensor:
        x.transpose(-1, -2)
        return x


class Squeezed(nn.Module):
    """Its input without the axes of size 1."""

    def forward(self, x: Tensor) -> Tensor:
        return x.squeeze()
