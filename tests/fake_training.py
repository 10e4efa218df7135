"""A few steps of training on fake tensors, and the most memory that torch makes in them.

Fake tensors have sizes and storages and no values. Two things are as on a GPU, where training is
done: dropout keeps a mask of booleans (that of attention is made again in its kernel), and the
optimizer steps over all parameters at once.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode


def _dropout(x: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    if not training or p == 0:
        return x
    return torch.native_dropout(x, p, True)[0]


class _Attention(torch.autograd.Function):
    """Attention with a mask that is trained, which is fused on a GPU and not on the CPU."""

    @staticmethod
    def forward(ctx: Any, query: Any, key: Any, value: Any, mask: Any) -> Any:
        result, sums = torch.empty_like(query), query.new_empty(query.shape[:-1])
        ctx.save_for_backward(query, key, value, mask, result, sums)
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        query, key, value, mask, _, _ = ctx.saved_tensors
        whole = query.new_empty((*query.shape[:-1], key.shape[-2]))
        return (*map(torch.empty_like, (query, key, value)), whole.sum_to_size(mask.shape))


@contextmanager
def _as_on_gpu() -> Iterator[None]:
    """Dropout as the GPU's kernels do it: in one operation, or inside of attention."""
    attention = nn.functional.scaled_dot_product_attention

    def attend(*given: Any, **named: Any) -> Any:
        names = ("query", "key", "value", "attn_mask")
        named = dict(zip(names, given, strict=False)) | named
        named.pop("dropout_p", None)
        mask = named.get("attn_mask")
        if mask is not None and mask.requires_grad:
            return _Attention.apply(*(named[name] for name in names))
        return attention(**named)

    with (
        patch.object(nn.functional, "dropout", _dropout),
        patch.object(nn.functional, "scaled_dot_product_attention", attend),
    ):
        yield


class _Storages(TorchDispatchMode):
    """Counts the bytes of all storages that are alive, and the most there were."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self.alive: dict[int, int] = {}

    def see(self, values: Any) -> None:
        """Count the storages of tensors among these values, each until it goes."""
        for tensor in pytree.tree_leaves(values):
            if not isinstance(tensor, torch.Tensor):
                continue
            storage = tensor.untyped_storage()
            key = storage._cdata
            if key not in self.alive:
                self.alive[key] = storage.nbytes()
                self.now += storage.nbytes()
                self.most = max(self.most, self.now)
                weakref.finalize(storage, self._gone, key)

    def _gone(self, key: int) -> None:
        self.now -= self.alive.pop(key)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.see(result)
        return result


def torch_peak(
    model: nn.Module,
    inputs: Mapping[str, tuple[tuple[int, ...], str]],
    name: str,
    options: Mapping[str, Any],
    tracked: bool = False,
) -> int:
    """The most bytes that torch counts in the second of two steps, which has all states."""
    with FakeTensorMode():
        _fill(model)
        model.train()
        optimizer = getattr(torch.optim, name)(model.parameters(), lr=0.1, foreach=True, **options)
        given = {key: _fake(shape, dtype) for key, (shape, dtype) in inputs.items()}
        if tracked:
            from torch.distributed._tools.mem_tracker import MemTracker

            tracker = MemTracker()
            tracker.track_external(model, optimizer, *given.values())
            with _as_on_gpu(), tracker:
                for _ in range(2):
                    _step(model, optimizer, given)
                    tracker.reset_mod_stats()
            snapshot = tracker.get_tracker_snapshot("peak")
            return sum(int(parts["Total"]) for parts in snapshot.values())
        storages = _Storages()
        storages.see((list(model.parameters()), list(model.buffers()), given))
        with _as_on_gpu(), storages:
            for _ in range(2):
                _step(model, optimizer, given)
        return storages.most


def _step(model: nn.Module, optimizer: Any, given: dict[str, torch.Tensor]) -> None:
    optimizer.zero_grad()
    output = model(**given)
    torch.autograd.backward(_loss(output))
    optimizer.step()


def _fake(shape: tuple[int, ...], dtype: str) -> torch.Tensor:
    kind = getattr(torch, dtype)
    return torch.empty(shape, dtype=kind)


class _Loss(torch.autograd.Function):
    """A number of any tensors, whose gradients are as large as these; it keeps nothing."""

    @staticmethod
    def forward(ctx: Any, *outputs: torch.Tensor) -> torch.Tensor:
        ctx.alike = [(one.shape, one.dtype) for one in outputs]
        return torch.empty(())

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        return tuple(torch.empty(shape, dtype=dtype) for shape, dtype in ctx.alike)


def _loss(output: Any) -> torch.Tensor:
    """What stands for the loss of all that comes out."""
    if hasattr(output, "to_tuple"):
        output = output.to_tuple()
    tensors = [one for one in pytree.tree_leaves(output) if isinstance(one, torch.Tensor)]
    found: torch.Tensor = _Loss.apply(*(one for one in tensors if one.grad_fn is not None))
    return found


def _fill(model: nn.Module) -> None:
    """Give a model fake tensors of its own sizes; tied ones stay tied."""
    made: dict[int, torch.Tensor] = {}
    for module in model.modules():
        holders: tuple[dict[str, Any], ...] = (module._parameters, module._buffers)
        for tensors in holders:
            for name, tensor in tensors.items():
                if tensor is None:
                    continue
                if id(tensor) not in made:
                    empty = torch.empty(tensor.shape, dtype=tensor.dtype, device="cpu")
                    trained = tensor.requires_grad
                    made[id(tensor)] = (
                        nn.Parameter(empty, trained) if isinstance(tensor, nn.Parameter) else empty
                    )
                tensors[name] = made[id(tensor)]
