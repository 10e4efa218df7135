"""The torch calls that need more than a shape: conversions, constants, writes, flags."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from modellint.shapes import OPS
from modellint.symbolic.dims import Dim, Ratio
from modellint.tracing.binding import bind
from modellint.tracing.dtypes import CONVERSIONS, dtype_names, target_dtype
from modellint.tracing.followed_numbers import holds_sizes
from modellint.tracing.held_tensors import Value
from modellint.tracing.layouts import laid_out
from modellint.tracing.nested import tensors_in
from modellint.tracing.recorder import Recorder
from modellint.tracing.tape import Leaf, NeedsValues, dims_in


def attribute(recorder: Recorder, func: Any, args: Any, kwargs: Any) -> Any:
    """A property that is no operation: `dtype`, `layout`, `names`, …."""
    return func(recorder.value_of(args[0]).tensor)


def _convert(recorder: Recorder, func: Any, args: Any, kwargs: Any) -> Any:
    """`to`, `cpu`, `cuda`, `type`, `float`, …: the dtype and the layout can change."""
    tensor = args[0]
    if len(args) + len(kwargs) == 1 and func is torch.Tensor.type:
        return torch.empty(0, dtype=recorder.value_of(tensor).tensor.dtype, device="cpu").type()
    dtype = target_dtype(func, args[1:], kwargs, tensor)
    values: list[Value] = []
    sized = recorder.sized(tensor, values, [None])
    given = [*args[1:], *kwargs.values()]
    order = next((one for one in given if isinstance(one, torch.memory_format)), None)
    if dtype is None and order is None and kwargs.get("copy") is not True:
        return tensor
    own = values[0].tensor
    changed: dict[str, Any] = {"memory_format": order or torch.preserve_format}
    made = own.to(dtype or own.dtype, copy=kwargs.get("copy") is True, **changed)
    if made is own:
        return tensor
    arguments = {"input": sized, "dtype": made.dtype}
    record = recorder.enter(
        "to", torch.Tensor.to, (sized, made.dtype), changed if order else {}, arguments, values
    )
    shape = values[0].shape
    if not recorder.real:
        shape = recorder.shared(shape, laid_out(made))
    record.shapes, record.dtypes = (shape,), dtype_names(made.dtype)
    recorder.keep(made, made, shape, record)
    return made


def _constant(recorder: Recorder, func: Any, args: Any, kwargs: Any) -> Any:
    """`torch.tensor` and its kin: a constant of the graph, whose values stay known."""
    if args and isinstance(args[0], torch.Tensor):
        return _convert(recorder, torch.Tensor.to, args, kwargs)
    if not recorder.real and any(recorder.value_of(t).record.varying for _, t in tensors_in(args)):
        raise NeedsValues(f"{func.__name__} of values that depend on the input")
    kwargs = {key: value for key, value in kwargs.items() if key != "device"}
    alone = args and (
        isinstance(args[0], (Dim, Ratio)) or (holds_sizes(args[0]) and not recorder.real)
    )
    for size in () if alone else dims_in(args):
        size.fix()
    made = func(*recorder.stand_ins(args), **kwargs)
    record = recorder.value_of(made).record
    if alone and isinstance(record, Leaf):
        record.number = args[0]
    return made


def _setitem(recorder: Recorder, func: Any, args: Any, kwargs: Any) -> Any:
    index = args[1]
    values: list[Value] = []
    entry = OPS["setitem"]
    sized = tuple([recorder.sized(arg, values, [None]) for arg in args])
    bound = bind(func, entry, sized, {})
    record = recorder.enter("setitem", func, sized, {}, bound, values)
    recorder.judge(entry, bound, record, torch.Tensor.__setitem__, args, {})
    if recorder.real or not _has_mask(index):
        with torch.no_grad():
            recorder.perform(torch.Tensor.__setitem__, args, {}, record)
    recorder.written(values[0], record)


def _has_mask(index: Any) -> bool:
    """Whether an index holds a boolean tensor: how much it selects depends on values."""
    entries = index if isinstance(index, tuple) else (index,)
    return any(isinstance(e, torch.Tensor) and e.dtype is torch.bool for e in entries)


def _set_data(recorder: Recorder, func: Any, args: Any, kwargs: Any) -> Any:
    tensor, new = args
    value, source = recorder.value_of(tensor), recorder.value_of(new)
    value.tensor = source.tensor
    value.made_by(source.record, source.shape)


def _gradient_flag(recorder: Recorder, func: Any, args: Any, kwargs: Any) -> Any:
    return args[0]


def _ignored(recorder: Recorder, func: Any, args: Any, kwargs: Any) -> None:
    return None


def _assertion(recorder: Recorder, func: Any, args: Any, kwargs: Any) -> Any:
    if not isinstance(args[0], torch.Tensor):
        return func(*args, **kwargs)
    return None


def _equal(recorder: Recorder, func: Any, args: Any, kwargs: Any) -> Any:
    return func(*(recorder.read(a) if isinstance(a, torch.Tensor) else a for a in args), **kwargs)


#: By functional name.
SPECIAL: Mapping[str, Callable[[Recorder, Any, Any, Any], Any]] = {
    **dict.fromkeys(CONVERSIONS, _convert),
    **dict.fromkeys(("tensor", "as_tensor", "asarray", "from_numpy", "scalar_tensor"), _constant),
    "setitem": _setitem,
    "set_data": _set_data,
    "requires_grad": _gradient_flag,
    "set_requires_grad": _ignored,
    "set_grad": _ignored,
    "retain_grad": _gradient_flag,
    "_assert": _assertion,
    "equal": _equal,
    "allclose": _equal,
    "is_nonzero": _equal,
}
