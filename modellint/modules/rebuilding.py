"""Layers of a built model with other arguments, for as long as it takes to try them.

What cannot be written into a file, since the argument is computed, can still be tried: the layer is
given the state of one that was built so. It stays the same object, wherever the model holds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import nn

from modellint.errors import NotAnalysed
from modellint.fixes.signatures import layer_arguments

_PLACES = frozenset({"device", "dtype"})


class Setting(NamedTuple):
    """An argument of the constructor of a layer, by the layer's path in its model."""

    path: str
    name: str
    value: Any


@contextmanager
def rebuilt(model: nn.Module, settings: Iterable[Setting]) -> Iterator[None]:
    """Give layers of `torch.nn` other arguments; afterwards they are as they were.

    Raises `NotAnalysed` where a layer is none that can be built anew from what it holds.
    """
    by_layer: dict[str, dict[str, Any]] = {}
    for path, name, value in settings:
        by_layer.setdefault(path, {})[name] = value
    before: list[tuple[nn.Module, dict[str, Any]]] = []
    try:
        for path, changes in by_layer.items():
            layer = _layer_at(model, path)
            _check_own_weights(layer, model)
            made = _like(layer, changes)
            before.append((layer, layer.__dict__))
            layer.__dict__ = made.train(layer.training).__dict__
        yield
    finally:
        for layer, state in before:
            layer.__dict__ = state


def _layer_at(model: nn.Module, path: str) -> nn.Module:
    try:
        return model.get_submodule(path)
    except AttributeError as error:
        raise NotAnalysed(f"{path} is no module of the model") from error


def _check_own_weights(layer: nn.Module, model: nn.Module) -> None:
    """Raise `NotAnalysed` where another layer holds a weight of this one, too."""
    own = {id(one) for one in layer.parameters()}
    for other in model.modules():
        if other is not layer and own & {id(one) for one in other._parameters.values()}:
            raise NotAnalysed("another layer has the same weights")


def _like(layer: nn.Module, changes: Mapping[str, Any]) -> nn.Module:
    """A new layer of the same class, where it lies, that differs in some arguments."""
    cls: Any = type(layer)
    names = layer_arguments(cls.__name__)
    plain = not (layer._forward_hooks or layer._forward_pre_hooks or "forward" in vars(layer))
    if names is None or not cls.__module__.startswith("torch.nn.modules.") or not plain:
        raise NotAnalysed(f"{cls.__name__} is not built anew")
    given = {name: _given(layer, name) for name in names if name not in _PLACES}
    given.update(changes)
    weight = next(layer.parameters(), None)
    if weight is not None and {*names} >= _PLACES:
        given |= {"device": weight.device, "dtype": weight.dtype}
    try:
        with torch.device("meta"):
            made: nn.Module = cls(**given)
    except (TypeError, ValueError, RuntimeError) as error:
        raise NotAnalysed(f"{cls.__name__} takes no such argument: {error}") from error
    return made


def _given(layer: nn.Module, name: str) -> Any:
    """What a layer was built with, as its attributes tell."""
    if name == "bias" and not isinstance(getattr(layer, "bias", None), bool):
        return getattr(layer, "bias", None) is not None
    if not hasattr(layer, name):
        raise NotAnalysed(f"a {type(layer).__name__} does not keep its {name}")
    return getattr(layer, name)
