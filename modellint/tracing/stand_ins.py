"""Tensors that stand for others in a run: on meta, or with made-up values on the CPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree as pytree

from modellint.symbolic.dims import Dim

_META = torch.device("meta")


def stand_in(tensor: torch.Tensor) -> tuple[torch.Tensor, tuple[int, ...]]:
    """A meta tensor of a tensor's size, stride and dtype, and its shape."""
    shape = tuple(tensor.shape)
    if tensor.is_meta:
        return tensor, shape
    if tensor.layout is not torch.strided:
        return torch.empty(shape, dtype=tensor.dtype, device="meta"), shape
    made = torch.empty_strided(shape, tensor.stride(), dtype=tensor.dtype, device="meta")
    return made, shape


def real_stand_in(tensor: torch.Tensor) -> torch.Tensor:
    """A real tensor on the CPU for one that may be on meta: small random numbers, or ones."""
    if not tensor.is_meta:
        kept = tensor.detach().cpu()
        return kept if isinstance(tensor, nn.Parameter) else kept.clone()
    if isinstance(tensor, nn.Parameter):
        return torch.randn(tensor.shape, dtype=tensor.dtype) * 0.02
    if tensor.dtype.is_floating_point:
        return torch.ones(tensor.shape, dtype=tensor.dtype)
    return torch.zeros(tensor.shape, dtype=tensor.dtype)


def with_values(arguments: Any, value: int = 0) -> Any:
    """Arguments with a value on the CPU for meta tensors, and on the CPU what was to be made."""
    if isinstance(arguments, torch.Tensor):
        filled = arguments.is_meta
        return torch.full_like(arguments, value, device="cpu") if filled else arguments
    if isinstance(arguments, (tuple, list)):
        kind = list if isinstance(arguments, list) else tuple
        return kind(with_values(one, value) for one in arguments)
    if isinstance(arguments, dict):
        given = {name: with_values(one, value) for name, one in arguments.items()}
        return {**given, "device": torch.device("cpu")} if "device" in given else given
    return arguments


def with_numbers(arguments: Any, numbers: Mapping[int, float]) -> Any:
    """Arguments with the values of some of their tensors, by identity, in place of these."""
    if id(arguments) in numbers:
        return numbers[id(arguments)]
    if isinstance(arguments, (tuple, list)):
        kind = list if isinstance(arguments, list) else tuple
        return kind(with_numbers(one, numbers) for one in arguments)
    if isinstance(arguments, dict):
        return {name: with_numbers(one, numbers) for name, one in arguments.items()}
    return arguments


def holds_huge(arguments: Any) -> bool:
    """Whether a number among arguments has more than 31 bits: some kernels never end on it."""
    return any(isinstance(leaf, int) and leaf >> 31 > 0 for leaf in pytree.tree_leaves(arguments))


def example_input(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """An input of a size: without values on meta, else the same random ones every time.

    One whole number a sample may be its length, which is at least 1; others may be indices.
    """
    if device.type == "meta":
        return torch.empty(shape, dtype=dtype, device=device)
    if dtype.is_floating_point or dtype.is_complex:
        # A generator of its own: the same run gives the same report, and no other is disturbed.
        return torch.rand(shape, dtype=dtype, generator=torch.Generator().manual_seed(0))
    counts = len(shape) == 1 and dtype is not torch.bool
    return torch.ones(shape, dtype=dtype) if counts else torch.zeros(shape, dtype=dtype)


@lru_cache(maxsize=4096)
def blank(
    sizes: tuple[int, ...], dtype: torch.dtype, strides: tuple[int, ...] | None = None
) -> torch.Tensor:
    """An empty meta tensor to take others from, whoever's forward asks for it first."""
    with torch.inference_mode(False):
        if strides is None:
            return torch.empty(sizes, dtype=dtype, device=_META)
        return torch.empty_strided(sizes, strides, dtype=dtype, device=_META)


def is_as_made(tensor: torch.Tensor, sizes: tuple[int, ...] | None) -> bool:
    """Whether a tensor is what an empty one of these sizes is: no view as conjugate, no names."""
    lazy = tensor.layout is not torch.strided or tensor.is_conj() or tensor.is_neg()
    return sizes_of(tensor) == sizes and not (lazy or any(getattr(tensor, "names", ())))


def plain_sizes(shape: Sequence[int]) -> tuple[int, ...]:
    """A shape as torch takes it: without expressions."""
    return tuple([size.value if type(size) is Dim else size for size in shape])


def sizes_of(tensor: torch.Tensor) -> tuple[int, ...]:
    """A tensor's sizes as a plain tuple; called outside the mode."""
    return tuple(tensor.shape)


def with_lengths(data: torch.Tensor, lengths: torch.Tensor, batch_first: bool) -> Any:
    """The arguments of packing; lengths that stand for an input's, at most 1, are made whole."""
    if not lengths.numel() or (int(lengths.min()) > 0 and int(lengths.max()) > 1):
        return data, lengths, batch_first
    return data, torch.full_like(lengths, data.shape[1 if batch_first else 0]), batch_first
