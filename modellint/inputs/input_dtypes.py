"""The dtypes of inputs that nobody said, by what the layers that read them take."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from modellint.inputs.feeds import Feed

if TYPE_CHECKING:
    from modellint.tracing.forward_run import Traced
    from modellint.tracing.tape import Record

#: Layers that compute in the dtype of their weights.
_COMPUTING = ("linear", "conv", "lstm", "gru", "rnn", "batch_norm", "layer_norm", "bilinear")


def with_integers(feed: Feed, traced: Traced) -> Feed | None:
    """The feed with integers for the input that reaches a table of embeddings, if it is free."""
    assert traced.refused is not None
    return _retyped(feed, traced, traced.refused[0], "int64")


def with_floats(feed: Feed, traced: Traced) -> Feed | None:
    """The feed with floats for an input that was taken for indices, and reaches a linear layer."""
    if "int64" not in feed.dtypes:
        return None
    for record in traced.tape.records:
        if not record.op.startswith(_COMPUTING) or not record.inputs:
            continue
        if record.inputs[0].dtypes[:1] == ("int64",):
            floats = _retyped(feed, traced, record, "float32")
            if floats is not None:
                return floats
    return None


def _retyped(feed: Feed, traced: Traced, record: Record, dtype: str) -> Feed | None:
    """The feed with another dtype for the input that a record was computed of."""
    while record.op != "input":
        above = [source for source in record.inputs if source.varying]
        if not above:
            return None
        record = above[0]
    at = traced.inputs.index(record)
    if feed.dtypes[at] == dtype or at in feed.typed:
        return None
    return replace(feed, dtypes=(*feed.dtypes[:at], dtype, *feed.dtypes[at + 1 :]))
