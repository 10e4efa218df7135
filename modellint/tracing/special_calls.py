"""The torch calls that need more than a shape: conversions, constants, writes, flags."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch

from modellint.shapes import OPS
from modellint.shapes.selections import normal_index
from modellint.symbolic.dims import demand
from modellint.symbolic.expressions import constant, subtract
from modellint.tracing import torch_internals
from modellint.tracing.tape import NeedsValues, dims_in

if TYPE_CHECKING:
    from modellint.tracing.tracer import Tracer, Value


def attribute(tracer: Tracer, func: Any, args: Any, kwargs: Any) -> Any:
    """A property that is no operation: `dtype`, `layout`, `names`, …."""
    return func(tracer.value_of(args[0]).tensor)


def _convert(tracer: Tracer, func: Any, args: Any, kwargs: Any) -> Any:
    """`to`, `cpu`, `cuda`, `type`, `float`, …: only the dtype can change."""
    tensor = args[0]
    dtype = torch_internals.target_dtype(func, args[1:], kwargs, tensor)
    values: list[Value] = []
    sized = tracer.sized(tensor, values, [None])
    if dtype is None:
        return tensor
    record = tracer.enter(
        "to", torch.Tensor.to, (sized, dtype), {}, {"input": sized, "dtype": dtype}, values
    )
    made = (
        values[0].tensor.to(dtype)
        if tracer.real
        else torch.empty_like(values[0].tensor, dtype=dtype)
    )
    record.shapes, record.dtypes = (values[0].shape,), (torch_internals.dtype_name(dtype),)
    tracer.keep(made, made, values[0].shape, record)
    return made


def _constant(tracer: Tracer, func: Any, args: Any, kwargs: Any) -> Any:
    """`torch.tensor` and its kin: a constant of the graph, whose values stay known."""
    if args and isinstance(args[0], torch.Tensor):
        return _convert(tracer, torch.Tensor.to, args, kwargs)
    if not tracer.real and any(
        tracer.value_of(t).record.varying for _, t in torch_internals.tensors_in(args)
    ):
        raise NeedsValues(f"{func.__name__} of values that depend on the input")
    kwargs = {key: value for key, value in kwargs.items() if key != "device"}
    for size in dims_in(args):
        demand(subtract(size.expr, constant(size.value)), "==", "tool")
    made = func(*tracer.stand_ins(args), **kwargs)
    tracer.value_of(made)
    return made


def _setitem(tracer: Tracer, func: Any, args: Any, kwargs: Any) -> Any:
    index = args[1]
    values: list[Value] = []
    sized = [tracer.sized(arg, values, [None]) for arg in args]
    bound = dict(zip(("input", "index", "value"), sized, strict=True))
    bound["index"] = normal_index(bound["index"], len(values[0].shape))
    record = tracer.enter("setitem", func, tuple(sized), {}, bound, values)
    tracer.judge(OPS["setitem"], bound, record)
    if tracer.real or not torch_internals.has_mask(index):
        with torch.no_grad():
            tracer.perform(torch.Tensor.__setitem__, args, {}, record)
    tracer.written(values[0], record)


def _set_data(tracer: Tracer, func: Any, args: Any, kwargs: Any) -> Any:
    tensor, new = args
    value, source = tracer.value_of(tensor), tracer.value_of(new)
    value.tensor = source.tensor
    value.made_by(source.record, source.shape)


def _gradient_flag(tracer: Tracer, func: Any, args: Any, kwargs: Any) -> Any:
    return args[0]


def _ignored(tracer: Tracer, func: Any, args: Any, kwargs: Any) -> None:
    return None


def _assertion(tracer: Tracer, func: Any, args: Any, kwargs: Any) -> Any:
    if not isinstance(args[0], torch.Tensor):
        return func(*args, **kwargs)
    return None


def _equal(tracer: Tracer, func: Any, args: Any, kwargs: Any) -> Any:
    return func(*(tracer.read(a) if isinstance(a, torch.Tensor) else a for a in args), **kwargs)


#: By functional name.
SPECIAL: Mapping[str, Callable[[Tracer, Any, Any, Any], Any]] = {
    **dict.fromkeys(torch_internals.CONVERSIONS, _convert),
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
