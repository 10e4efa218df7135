"""What a model's `state_dict` holds: the keys of a checkpoint, with the sizes of their tensors.

Read from the tables of the modules, as `nn.Module.state_dict` does, without a call of anything that
a class of the user's may have put in its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import nn

from modellint.graph import Saved
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
    own_ways: dict[type, _Ways] = {}
    pending: list[tuple[str, Any, int]] = [("", model, 0)]
    found = 0
    while pending and found < _MOST:
        prefix, module, depth = pending.pop()
        kind = type(module)
        if kind not in own_ways:
            own_ways[kind] = _ways_of(kind)
        ways = own_ways[kind]
        if not ways.is_module or "_parameters" not in (own := vars(module)):
            continue
        found += 1
        if own["_parameters"]:
            for name, tensor in own["_parameters"].items():
                if tensor is not None:
                    shapes[prefix + name] = _shape(tensor)
        buffers = own.get("_buffers")
        if buffers:
            passing = own.get("_non_persistent_buffers_set") or ()
            for name, tensor in buffers.items():
                if tensor is not None and name not in passing:
                    shapes[prefix + name] = _shape(tensor)
        if ways.extra:
            shapes[prefix + _EXTRA] = None
        if ways.overridden or _has_hooks(own):
            custom.append(prefix[:-1])
        # Under each path that it has, and parents before children.
        modules = own.get("_modules")
        if modules and depth < _DEEPEST:
            children = reversed(modules.items())
            pending += [(f"{prefix}{name}.", child, depth + 1) for name, child in children]
    return Saved(shapes, tuple(custom))


class _Ways(NamedTuple):
    """What a class does in its own way where its modules are saved."""

    is_module: bool
    #: Whether there is something beside its tensors.
    extra: bool
    overridden: bool


def _ways_of(kind: type) -> _Ways:
    if not issubclass(kind, nn.Module):
        return _Ways(False, False, False)
    others = any(_is_overridden(kind, name) for name in _METHODS)
    return _Ways(True, _is_overridden(kind, _GETTING), others)


def _shape(tensor: Any) -> tuple[int, ...] | None:
    """The sizes of a tensor; `None` for what has none yet, such as a lazy parameter."""
    if type(tensor) not in _USUAL and (
        not isinstance(tensor, torch.Tensor) or nn.parameter.is_lazy(tensor)
    ):
        return None
    return tuple(tensor.shape)


def _has_hooks(own: Mapping[str, Any]) -> bool:
    """Whether hooks that are not PyTorch's have a say in what a module saves or how it loads."""
    # A loop, and no call of `any`: it is asked of each module, and hardly one has hooks.
    for name in _HOOKS:
        table = own.get(name)
        if table:
            for hook in table.values():
                if not _is_torchs(getattr(hook, "hook", hook)):
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
