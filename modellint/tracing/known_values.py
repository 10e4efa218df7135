"""Values in a run that has none: what depends on no input, and how torch asks for the rest."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import nn

from modellint.tracing.tape import Record, translated


def replay(record: Record) -> torch.Tensor | None:
    """The real value of a record that depends on no input; `None` where a leaf has no value."""
    needed: dict[int, Record] = {}
    pending = [record]
    while pending:
        current = pending.pop()
        if current.index not in needed:
            needed[current.index] = current
            pending.extend(current.inputs)
    values: dict[int, Any] = {}
    with torch._C.DisableTorchFunction(), torch.no_grad():
        for index in sorted(needed):
            current = needed[index]
            if current.func is None and current.leaf is None and current.op == "unpack":
                value = values[current.inputs[0].index]
                for step in current.path:
                    value = value[step]
            elif current.op == "update":
                value = values[current.inputs[0].index]
            elif current.leaf is not None:
                if current.leaf.is_meta or isinstance(current.leaf, nn.Parameter):
                    return None
                value = current.leaf.detach().clone()
            else:
                args, kwargs = translated(
                    (current.args, current.kwargs), lambda of: values[of.index]
                )
                value = current.func(*args, **kwargs)
                if current.op == "setitem":
                    value = values[current.inputs[0].index]
            values[index] = value
    final = values[record.index]
    return final if isinstance(final, torch.Tensor) else None


def asks_for_values(error: BaseException) -> bool:
    """Whether a meta tensor was asked for its values."""
    text = str(error)
    return (
        "meta tensor" in text
        or "local_scalar_dense" in text
        or "data-dependent" in text
        or "Tensor.item" in text
        # Lengths of a packed sequence, whose values say how it is packed.
        or "CPU int64 tensor" in text
        or type(error).__name__.startswith("DataDependent")
    )


def refuses_dtype(error: BaseException) -> bool:
    """Whether an operation is written for no tensors of this dtype.

    Of half precision that says little: it may be only the CPU that has none.
    """
    return re.search(r"not implemented for '(?!Half|BFloat16)\w+'", str(error)) is not None


def lacks_kernel(error: Exception) -> bool:
    """Whether an operation is only not written for the CPU, which says nothing of its arguments."""
    return any(sign in str(error) for sign in ("Could not run", "not implemented for", "backend"))
