"""The tensors in what a function is given or returns, however they are nested."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.utils import _pytree as pytree


@dataclasses.dataclass(frozen=True, slots=True)
class Made:
    """An object of the user's that holds tensors: made of its `fields` when these are known."""

    make: Callable[..., Any]
    fields: Mapping[str, Any]


def mapped(given: Any, leaf: Callable[[Any], Any]) -> Any:
    """An argument with `leaf` of all that is in its containers, in order."""
    if isinstance(given, Made):
        return given.make(**{name: mapped(one, leaf) for name, one in given.fields.items()})
    if type(given) in (list, tuple):
        return type(given)(mapped(one, leaf) for one in given)
    if type(given) is dict:
        return {key: mapped(one, leaf) for key, one in given.items()}
    return leaf(given)


def tensors_in(result: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    """The tensors of a nested result with the indices that lead to them."""
    if isinstance(result, torch.Tensor):
        return [(path, result)]
    if isinstance(result, (tuple, list)):
        return [leaf for i, item in enumerate(result) for leaf in tensors_in(item, (*path, i))]
    if isinstance(result, dict):
        return [leaf for key, item in result.items() for leaf in tensors_in(item, (*path, key))]
    return []


def plain_structure(output: Any) -> Any:
    """An output with dataclasses and plain objects as dicts, so that pytree finds the tensors."""
    if isinstance(output, torch.Tensor):
        return output
    if dataclasses.is_dataclass(output) and not isinstance(output, type):
        fields = dataclasses.fields(output)
        return {f.name: plain_structure(getattr(output, f.name)) for f in fields}
    if isinstance(output, Mapping):
        return {key: plain_structure(value) for key, value in output.items()}
    if isinstance(output, tuple) and hasattr(output, "_fields"):
        return type(output)(*(plain_structure(item) for item in output))
    if isinstance(output, (tuple, list)):
        kind = list if isinstance(output, list) else tuple
        return kind(plain_structure(item) for item in output)
    leaves, _ = pytree.tree_flatten(output)
    if len(leaves) == 1 and leaves[0] is output and hasattr(output, "__dict__"):
        held = {k: v for k, v in vars(output).items() if isinstance(v, (torch.Tensor, list, tuple))}
        return {key: plain_structure(value) for key, value in held.items()} or output
    return output
