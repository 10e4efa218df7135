"""The items and batches that data sets and loaders give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from modellint.programs import tensors
from modellint.programs.known_calls import Given, Known, Named
from modellint.programs.values import (
    UNKNOWN,
    Data,
    Either,
    Instance,
    Scope,
    Stream,
    Tensor,
    Value,
    either,
)

if TYPE_CHECKING:
    from modellint.programs.calls import Calls


def _dataset(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    items = [tensors.indexed(one, 0) if isinstance(one, Tensor) else UNKNOWN for one in given]
    return Data(tuple(items))


def _loader(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    """The one batch that stands for all of a loader."""
    data = named.get("dataset", given[0] if given else UNKNOWN)
    size = named.get("batch_size", given[1] if len(given) > 1 else 1)
    item = _sample(reader, data)
    collate = named.get("collate_fn")
    if collate is not None:
        return Data(reader.called(collate, [Stream((item,))], {}, scope))
    if size is None or "batch_sampler" in named:
        return Data(item if size is None else tensors.batched(item, UNKNOWN))
    return Data(tensors.batched(item, size))


def _sample(reader: Calls, data: Value) -> Value:
    if isinstance(data, Instance):
        return reader.iterated(data)
    if isinstance(data, Either):
        return either([_sample(reader, one) for one in data.options])
    return reader.looped(data)[0][0] if reader.looped(data)[0] else UNKNOWN


def _split(reader: Calls, given: Given, named: Named, scope: Scope) -> Value:
    count = len(given[1]) if len(given) > 1 and isinstance(given[1], list | tuple) else 2
    return [given[0]] * count if given else UNKNOWN


#: The calls that make data sets and loaders, as `library_calls` has them.
LOADERS: Mapping[str, Known] = {
    "*.DataLoader": _loader,
    "*.TensorDataset": _dataset,
    "*.random_split": _split,
}
