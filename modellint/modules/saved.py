"""What a model's `state_dict` holds: the keys of a checkpoint, with the sizes of their tensors.

Read from the tables of the modules, as `nn.Module.state_dict` does, without a call of anything that
a class of the user's may have put in its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from modellint.graph import Saved
from modellint.modules.members import is_module
from modellint.source.classes import module_of

#: What of a module decides what it saves and how it loads, beside its tables.
_METHODS = ("state_dict", "_save_to_state_dict", "load_state_dict", "_load_from_state_dict")
_HOOKS = (
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)
_EXTRA, _GETTING = "_extra_state", "get_extra_state"
#: What has a size for certain.
_USUAL = frozenset([torch.Tensor, nn.Parameter])
#: Modules may hold one another in a circle, and one may be held in very many places.
_DEEPEST, _MOST = 500, 100_000


def saved_state(model: nn.Module) -> Saved:
    """The keys and sizes of a model's `state_dict`, and the modules that have a way of their own.

    A module that is held in two places has its tensors under both names, as in a checkpoint.
    """
    shapes: dict[str, tuple[int, ...] | None] = {}
    custom: list[str] = []
    # Of a class once: a model has a thousand modules of ten classes.
    own_ways: dict[int, tuple[bool, bool]] = {}
    for path, module in _everywhere(model):
        own, kind = vars(module), type(module)
        if own.get("_parameters") or own.get("_buffers"):  # Most modules have neither.
            prefix = f"{path}." if path else ""
            for name, tensor in _own_tensors(own):
                shapes[prefix + name] = _shape(tensor)
        found = own_ways.get(id(kind))
        if found is None:
            extra, others = (
                _is_overridden(kind, _GETTING),
                any(_is_overridden(kind, name) for name in _METHODS),
            )
            found = own_ways[id(kind)] = (extra, others)
        if found[0]:
            shapes[f"{path}.{_EXTRA}" if path else _EXTRA] = None
        if found[1] or _has_hooks(own):
            custom.append(path)
    return Saved(shapes, tuple(custom))


def _everywhere(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Every module under every path that it has, parents before children."""
    pending = [("", model, 0)]
    found = 0
    while pending and found < _MOST:
        path, module, depth = pending.pop()
        yield path, module
        found += 1
        children = vars(module).get("_modules")
        if children and depth < _DEEPEST:
            prefix = f"{path}." if path else ""
            pending += [
                (prefix + name, child, depth + 1)
                for name, child in reversed(children.items())
                if is_module(child)
            ]


def _own_tensors(own: Mapping[str, Any]) -> list[tuple[str, Any]]:
    parameters, buffers = own.get("_parameters") or {}, own.get("_buffers")
    found = [(name, tensor) for name, tensor in parameters.items() if tensor is not None]
    if buffers:
        passing = own.get("_non_persistent_buffers_set") or ()
        for name, tensor in buffers.items():
            if tensor is not None and name not in passing:
                found.append((name, tensor))
    return found


def _shape(tensor: Any) -> tuple[int, ...] | None:
    """The sizes of a tensor; `None` for what has none yet, such as a lazy parameter."""
    if type(tensor) not in _USUAL and (
        not isinstance(tensor, torch.Tensor) or nn.parameter.is_lazy(tensor)
    ):
        return None
    return tuple(map(int, tensor.shape))


def _has_hooks(own: Mapping[str, Any]) -> bool:
    """Whether hooks that are not PyTorch's have a say in what a module saves or how it loads."""
    for name in _HOOKS:
        table = own.get(name)
        if table and not all(_is_torchs(getattr(hook, "hook", hook)) for hook in table.values()):
            return True
    return False


def _is_overridden(kind: type, name: str) -> bool:
    """Whether a class, or a base of it, that is none of PyTorch's has a method of this name."""
    for base in kind.__mro__:
        if name in vars(base):
            return not module_of(base).startswith("torch.")
    return False


def _is_torchs(hook: Any) -> bool:
    while hasattr(hook, "func"):  # What functools.partial has prepared.
        hook = hook.func
    return str(getattr(hook, "__module__", "")).startswith("torch.")
