"""What a tensor of a trace answers when it is asked, without an operation: its sizes, its values.

Sizes are answered with their expressions. A value is answered only where it does not depend on an
input; else the answer is `NeedsValues`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import index
from typing import Any, Protocol

import torch
from torch import nn

from modellint.shapes.core import numel, plain
from modellint.symbolic.dims import Dim, Ratio, fresh
from modellint.tracing.asking import note
from modellint.tracing.held_tensors import Sizes, Value
from modellint.tracing.tape import Leaf, Tape


class Run(Protocol):
    """What is asked of the run that a tensor belongs to."""

    tape: Tape
    real: bool

    def value_of(self, tensor: torch.Tensor) -> Value:
        """What is known of a tensor."""

    def read(self, tensor: torch.Tensor) -> torch.Tensor:
        """A tensor with its real values, or `NeedsValues`."""

    def sizes_in(self, tensor: torch.Tensor) -> Any:
        """The size, or the numbers and sizes, that a tensor was made of, where it is known."""

    def call(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result of one operation, which is recorded."""


def _shape(run: Run, tensor: torch.Tensor) -> Sizes:
    note(run.tape.asking, 2)
    return Sizes(run.value_of(tensor).shape)


def _size(run: Run, tensor: torch.Tensor, dim: int | None = None) -> Any:
    note(run.tape.asking, 2)
    shape = run.value_of(tensor).shape
    return Sizes(shape) if dim is None else shape[dim]


def _numel(run: Run, tensor: torch.Tensor) -> int:
    note(run.tape.asking, 2)
    return numel(run.value_of(tensor).shape)


def _rank(run: Run, tensor: torch.Tensor) -> int:
    return len(run.value_of(tensor).shape)


def _length(run: Run, tensor: torch.Tensor) -> int:
    # len() makes a plain int of whatever this returns, so the size is fixed here.
    shape = run.value_of(tensor).shape
    if not shape:
        raise TypeError("len() of a 0-d tensor")
    if isinstance(shape[0], Dim):
        shape[0].fix()
    return plain(shape[0])


def _device(run: Run, tensor: torch.Tensor) -> torch.device:
    return torch.device("cpu")


def _yes(run: Run, tensor: torch.Tensor) -> bool:
    return True


def _no(run: Run, tensor: torch.Tensor) -> bool:
    return False


def _trainable(run: Run, tensor: torch.Tensor) -> bool:
    return isinstance(tensor, nn.Parameter)


def _nothing(run: Run, tensor: torch.Tensor) -> None:
    return None


def _iterate(run: Run, tensor: torch.Tensor) -> Any:
    return iter(run.call(torch.unbind, (tensor, 0), {}))


def _stride(run: Run, tensor: torch.Tensor, dim: int | None = None) -> Any:
    note(run.tape.asking, 2)
    value = run.value_of(tensor)
    shape, plain_strides = value.shape, value.tensor.stride()
    order = sorted(range(len(shape)), key=lambda at: (plain_strides[at], -at))
    strides = [0] * len(shape)
    for place, at in enumerate(order):
        strides[at] = numel([shape[inner] for inner in order[:place]])
    if tuple(map(plain, strides)) != plain_strides:
        # Not dense, so that more than its own sizes tell.
        for size in shape:
            if isinstance(size, Dim):
                size.fix()
        strides = [*plain_strides]
    return tuple(strides) if dim is None else strides[dim]


def _value(convert: Callable[[torch.Tensor], Any]) -> Callable[..., Any]:
    def answer(run: Run, tensor: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        return convert(run.read(tensor))

    return answer


def item(run: Run, tensor: torch.Tensor) -> Any:
    """The value of a tensor of one number: a size still, where it was made of one."""
    record = run.value_of(tensor).record
    if not isinstance(record, Leaf) or isinstance(record.number, (tuple, list, type(None))):
        size = run.sizes_in(tensor)
        return size if isinstance(size, Dim) else run.read(tensor).item()
    value, number = record.leaf.item(), record.number
    if isinstance(value, int):
        return number if isinstance(number, Dim) else fresh(value)
    whole = Ratio.of(number)
    # Halves are the same in single precision; of a third only its own floor is.
    halves = whole.ratio is not None and whole.ratio[1] & (whole.ratio[1] - 1) == 0
    return Ratio(value, whole.ratio if halves else None)


def _listed(run: Run, tensor: torch.Tensor) -> Any:
    sizes = run.sizes_in(tensor)
    return run.read(tensor).tolist() if sizes is None else sizes


#: Typed loosely, since the type checker sees the values of attributes where these are descriptors.
_TENSOR: Any = torch.Tensor
#: By the function that torch hands over.
ANSWERS: Mapping[Any, Callable[..., Any]] = {
    _TENSOR.shape.__get__: _shape,
    _TENSOR.size: _size,
    _TENSOR.numel: _numel,
    _TENSOR.nelement: _numel,
    torch.numel: _numel,
    _TENSOR.dim: _rank,
    _TENSOR.ndimension: _rank,
    _TENSOR.ndim.__get__: _rank,
    _TENSOR.__len__: _length,
    _TENSOR.__iter__: _iterate,
    _TENSOR.stride: _stride,
    _TENSOR.device.__get__: _device,
    _TENSOR.is_meta.__get__: _no,
    _TENSOR.is_cuda.__get__: _no,
    _TENSOR.is_cpu.__get__: _yes,
    _TENSOR.requires_grad.__get__: _trainable,
    _TENSOR.grad.__get__: _nothing,
    _TENSOR.grad_fn.__get__: _nothing,
    _TENSOR.item: item,
    _TENSOR.tolist: _listed,
    _TENSOR.__bool__: _value(bool),
    _TENSOR.__int__: _value(int),
    _TENSOR.__float__: _value(float),
    _TENSOR.__index__: _value(index),
    _TENSOR.numpy: _value(lambda real: real.detach().numpy()),
    _TENSOR.__array__: _value(lambda real: real.detach().numpy()),
}
