"""What the arguments of a torch call are called: the table's entry for it binds them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import torch

from modellint.shapes import OPS, Op
from modellint.shapes import Tensor as Sized
from modellint.shapes.core import broadcast
from modellint.shapes.selections import normal_index
from modellint.tracing.tape import Record
from modellint.tracing.torch_functions import is_method, is_pointwise, name_of

#: Functions whose positional arguments differ from those of the functional of the same name.
_REORDERED: Mapping[Any, tuple[str, ...]] = {
    torch.batch_norm: (
        *("input", "weight", "bias", "running_mean", "running_var", "training"),
        *("momentum", "eps", "cudnn_enabled"),
    ),
    torch.instance_norm: (
        *("input", "weight", "bias", "running_mean", "running_var", "use_input_stats"),
        *("momentum", "eps", "cudnn_enabled"),
    ),
    torch.embedding: ("weight", "input", "padding_idx", "scale_grad_by_freq", "sparse"),
}

#: What takes an index, which people write in many ways.
_INDEXED = frozenset(["getitem", "setitem"])


@lru_cache(maxsize=4096)
def entry_of(func: Any) -> Op | None:
    """The table's entry for a torch function; one for each that works value by value."""
    name = name_of(func)[0]
    if name == "unfold" and is_method(func):
        return OPS["unfold_axis"]
    entry = OPS.get(name)
    if entry is None and is_pointwise(name):
        return Op(name, _pointwise, ("input",), (None,), None, True, None)
    return entry


def bind(
    func: Any, entry: Op | None, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """The arguments of a call by name, by the table's entry; by position where there is none."""
    if entry is None:
        return {**{str(index): arg for index, arg in enumerate(args)}, **kwargs}
    order = _REORDERED.get(func)
    if order is not None:
        kwargs = {**dict(zip(order, args, strict=False)), **kwargs}
        args = ()
    bound = entry.bind(args, kwargs)
    if entry.name in _INDEXED:
        bound["index"] = normal_index(bound["index"], len(bound["input"].shape))
    return bound


def arguments_of(record: Record) -> dict[str, Any]:
    """The arguments of a record by name; bound now, where its outcome was known already."""
    if record.arguments is None:
        entry = entry_of(record.func)
        record.arguments = bind(record.func, entry, record.args, record.kwargs)
        if entry is not None:
            entry.forms.read(record.arguments)
    return record.arguments


def _pointwise(**arguments: Any) -> tuple[int, ...]:
    return broadcast(*(a.shape for a in arguments.values() if isinstance(a, Sized)))
