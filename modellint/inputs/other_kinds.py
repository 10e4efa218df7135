"""Whether a forward that raises before a layer has its input would raise for what is no tensor too.

A forward may be meant for an array, a dictionary or a list. What it raises when it gets a tensor is
then no fault of it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from modellint.inputs.failures import Failure
from modellint.inputs.forwards import Forwards
from modellint.inputs.plain_runs import judged

if TYPE_CHECKING:
    from torch import Tensor


def fails_whatever_it_is(forwards: Forwards, failure: Failure) -> bool:
    """Whether a model with one input raises at the same line or before, whatever it is given."""
    import torch

    shape = failure.feed.shapes[0]
    sizes = [size if isinstance(size, int) else failure.feed.example[size] for size in shape]
    for other in _others(torch.zeros(sizes)):
        keyword = failure.feed.keywords[0]
        args = [] if keyword else [other]
        kwargs = {failure.feed.names[0]: other} if keyword else {}
        for verdict in judged(forwards.model, forwards.modules, args, kwargs, 0):
            if verdict.error is None:
                return False
            line = forwards.errors.line(verdict.error)
            if line is None or failure.line is None or line > failure.line:
                return False
    return True


def _others(tensor: Tensor) -> Iterator[Any]:
    yield from ([tensor] * 3, (tensor, tensor), {}, _Anything(tensor), None, 1, "")
    if "numpy" in sys.modules:
        yield tensor.numpy()


class _Anything(dict[Any, Any]):
    """A dictionary that has every key."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self._value = value

    def __missing__(self, key: Any) -> Any:
        return self._value
