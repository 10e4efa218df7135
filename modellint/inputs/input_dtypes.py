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

#: Losses, of which the second operand is a class each.
_LOSSES = ("cross_entropy", "nll_loss")
#: What takes whole numbers for places, classes or lengths.
_LOOKING_UP = frozenset(
    """embedding embedding_bag getitem setitem index_select gather scatter scatter_ scatter_add
    scatter_add_ one_hot take take_along_dim index_add index_copy bincount pack_padded_sequence
    _pack_padded_sequence cross_entropy nll_loss""".split()
)
#: Those of them that take a part of what comes first.
_OF_DATA = frozenset("getitem setitem index_select gather take take_along_dim".split())


def with_integers(feed: Feed, traced: Traced) -> Feed | None:
    """The feed with integers for the input that is taken for indices or classes, if it is free."""
    assert traced.refused is not None
    record = traced.refused[0]
    of_classes = record.op.startswith(_LOSSES) and len(record.inputs) > 1
    return _retyped(feed, traced, record.inputs[1] if of_classes else record, "int64")


def with_booleans(feed: Feed, traced: Traced) -> Feed | None:
    """The feed with booleans for an input of floats that is taken for a mask, if it is free."""
    assert traced.refused is not None
    mask = traced.refused[1].mask.record
    return None if _computed(mask) else _retyped(feed, traced, mask, "bool")


def _computed(record: Record) -> bool:
    """Whether layers have made something else of the inputs, whose dtype is theirs."""
    seen = {record}
    pending = [record]
    while pending:
        one = pending.pop()
        if one.op.startswith(_COMPUTING):
            return True
        pending += [source for source in one.inputs if source not in seen]
        seen.update(one.inputs)
    return False


def with_floats(feed: Feed, traced: Traced) -> Feed | None:
    """The feed with floats for an input that was taken for indices, and is none.

    It reaches a linear layer as it is, or nothing that looks something up with it.
    """
    if "int64" not in feed.dtypes:
        return None
    for record in traced.tape.records:
        if not record.op.startswith(_COMPUTING) or not record.inputs:
            continue
        if record.inputs[0].dtypes[:1] == ("int64",):
            floats = _retyped(feed, traced, record, "float32")
            if floats is not None:
                return floats
    for at, given in enumerate(traced.inputs):
        if feed.dtypes[at] == "int64" and at not in feed.typed and not _looks_up(traced, given):
            return _with_dtype(feed, at, "float32")
    return None


def _looks_up(traced: Traced, given: Record) -> bool:
    """Whether something is looked up with an input, or with whole numbers made of it."""
    made = {given}
    for record in traced.tape.records:
        if made.isdisjoint(record.inputs):
            continue
        of_data = record.op in _OF_DATA and made.isdisjoint(record.inputs[1:])
        if record.op in _LOOKING_UP and not of_data:
            return True
        if record.dtypes[:1] == ("int64",):
            made.add(record)
    return False


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
    return _with_dtype(feed, at, dtype)


def _with_dtype(feed: Feed, at: int, dtype: str) -> Feed:
    return replace(feed, dtypes=(*feed.dtypes[:at], dtype, *feed.dtypes[at + 1 :]))
