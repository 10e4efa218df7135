"""What a forward demands of its sizes by indices that it counts itself, as `arange(T)`.

On meta an index has no value, so that a table of 128 positions takes a sequence of any length. Of
numbers that come from a range, moved about and shifted but not chosen among, the greatest is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from modellint.shapes import Refused
from modellint.shapes.core import axis, fitting, plain
from modellint.symbolic import expressions as ex
from modellint.symbolic.constraints import demand
from modellint.symbolic.dims import expr_of, symbolic
from modellint.tracing.binding import arguments_of
from modellint.tracing.tape import Handle, Record, Tape

#: What leaves every number where it is, or moves and repeats all of them.
_KEPT = frozenset(
    """view reshape _unsafe_view view_copy view_as reshape_as expand expand_as broadcast_to
    unsqueeze squeeze flatten ravel unflatten repeat tile repeat_interleave transpose swapaxes
    swapdims permute movedim moveaxis t T flip roll contiguous clone detach data alias""".split()
)
_INTEGERS = frozenset(["int64", "int32", "int16", "torch.int64", "torch.int32", "torch.int16"])


class _Asked(NamedTuple):
    """Rows of a table, how many there are, and the indices that pick them."""

    rows: int
    by: Handle
    what: str


def judge_indices(tape: Tape) -> tuple[Record, Refused] | None:
    """Enter on the tape what ranges demand as indices; the first that is too long is refused."""
    for record in [record for record in tape.records if record.op in _READERS]:
        for asked in _READERS[record.op](arguments_of(record)):
            greatest = _greatest(asked.by.record)
            if greatest is None:
                continue
            gap = ex.subtract(expr_of(asked.rows - 1), expr_of(greatest))
            place = record.call
            tape.describe = _at(record.op, f"{place.path}:{place.line}" if place else "")
            demand(gap, ">=")
            if plain(asked.rows) <= plain(greatest):
                return record, _refusal(asked, greatest)
    return None


def _at(op: str, place: str) -> Callable[[], str]:
    return lambda: f"{op} at {place}" if place else ""


def _refusal(asked: _Asked, greatest: int) -> Refused:
    needed = greatest + 1
    message = (
        f"{asked.what} has {symbolic(asked.rows)} rows, and a range asks for {symbolic(needed)}"
    )
    return Refused(message, fitting(asked.what, needed, asked.rows))


def _greatest(record: Record) -> int | None:
    """The greatest of the numbers that a record holds, where it is known for every size."""
    shift = 0
    while True:
        bound = arguments_of(record)
        if record.op == "arange":
            last = _last(record, bound)
            return None if last is None else last + shift
        if record.op in ("add", "sub"):
            by = bound.get("other")
            if (
                type(by) is bool
                or not isinstance(by, int)
                or bound.get("alpha", 1) not in (1, None)
            ):
                return None
            shift = shift + by if record.op == "add" else shift - by
        elif record.op == "to":
            if str(record.dtypes[0]) not in _INTEGERS:
                return None
        elif record.op == "getitem":
            if not all(
                entry in (None, Ellipsis) or entry == slice(None) for entry in bound["index"]
            ):
                return None
        elif record.op not in _KEPT:
            return None
        given = bound.get("input")
        if not isinstance(given, Handle):
            return None
        record = given.record


def _last(record: Record, bound: Mapping[str, Any]) -> int | None:
    """The last number of a rising range of integers, which has at least one."""
    given = [*bound.get("bounds", ())]
    if bound.get("end") is not None:
        given = [bound.get("start") or 0, bound["end"]]
    if not given or not all(isinstance(number, int) for number in given):
        return None
    step = bound.get("step") or (given[2] if len(given) == 3 else 1)
    if plain(step) != 1 or plain(record.shapes[0][0]) == 0:
        return None
    end: int = given[0] if len(given) == 1 else given[1]
    return end - 1


def _embedding(bound: Mapping[str, Any]) -> Iterator[_Asked]:
    yield _Asked(bound["weight"].shape[0], bound["input"], "num_embeddings")


def _index_select(bound: Mapping[str, Any]) -> Iterator[_Asked]:
    shape = bound["input"].shape
    at = axis(bound["dim"], len(shape))
    yield _Asked(shape[at], bound["index"], f"axis {at}")


def _getitem(bound: Mapping[str, Any]) -> Iterator[_Asked]:
    at = 0
    for entry in bound["index"]:
        if isinstance(entry, Handle):
            yield _Asked(bound["input"].shape[at], entry, f"axis {at}")
        at += entry is not None


#: By operation: the tables that it reads, and with which indices.
_READERS: Mapping[str, Callable[[Mapping[str, Any]], Iterator[_Asked]]] = {
    "embedding": _embedding,
    "index_select": _index_select,
    "getitem": _getitem,
}
