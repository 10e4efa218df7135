"""Asks torch before a forward is called broken, and takes its word.

A trace refuses sizes by a table of ours, and a forward may raise because of what stands for its
tensors. So the untouched model runs once at the very sizes. Where torch refuses them at the same
line, what the trace said stands. Where torch runs them, the operation that the table refused is
left to torch and the trace goes on, `partial` from there. Nothing of this happens where a trace
comes to its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from modellint.building.failures import describe
from modellint.errors import FileError, NotAnalysed
from modellint.graph import Graph
from modellint.inputs.feeds import Feed
from modellint.inputs.forwards import Forwards, arguments_at, sizes_of
from modellint.inputs.objections import Objected
from modellint.inputs.plain_runs import Verdict, judged, numbers_in
from modellint.source.executed import words

if TYPE_CHECKING:
    from modellint.tracing.forward_run import Traced
    from modellint.tracing.tape import Record

#: How many operations of one forward may be left to torch.
_MOST = 8
_REPORT = "please report it, with what `modellint --version -v` prints"


@dataclass(frozen=True, eq=False)
class SecondOpinions:
    """What torch says of the forwards of one model."""

    forwards: Forwards

    def on_refusal(self, feed: Feed, traced: Traced) -> Graph:
        """The graph of a run whose sizes were refused, or of one that goes on where torch does.

        Raises `FileError` where torch refuses another line, `NotAnalysed` where torch runs the
        forward and no trace of it comes to its end.
        """
        first = traced
        left_to_torch: list[Record] = []
        feed = replace(feed, example={**feed.example, **sizes_of(feed, traced)})
        real = False
        while traced.refused is not None:
            refused, refusal = traced.refused
            verdicts = self._verdicts(feed, traced.tape.records)
            if not verdicts or any(_raised_at(one, refused) for one in verdicts):
                return self.forwards.freeze(feed, traced)
            if not any(one.ran for one in verdicts):
                raise self._by_torch(verdicts[0], feed)
            known = frozenset(record.index for record in left_to_torch)
            told = f"{_named(refused)} is refused ({refusal.message})"
            line = refused.call.line if refused.call else None
            if len(known) == _MOST or (real and refused.index in known):
                raise self._beyond_us(told, line)
            real = real or refused.index in known  # Torch's operation on meta refuses it, too.
            left_to_torch.append(refused)
            left = known | {refused.index}
            try:
                traced = self.forwards.run(
                    feed, exact=True, real=real, again=False, distrusted=left
                )
            except Exception as raised:  # Whatever a trace ends with, torch runs the forward.
                raise self._beyond_us(told, line) from raised
        if traced is first:
            return self.forwards.freeze(feed, traced)
        named = ", ".join(dict.fromkeys(map(_named, left_to_torch)))
        reason = f"{named} was refused at sizes that PyTorch takes; {_REPORT}"
        left = frozenset(record.index for record in left_to_torch)
        return replace(self.forwards.freeze(feed, traced, distrusted=left), partial=reason)

    def on_error(self, feed: Feed, error: Exception) -> Graph:
        """The graph of a forward that raised while it was traced, if torch runs it.

        Raises the error where torch raises at its line as well, and torch's own where that stands
        in another; `NotAnalysed` where torch runs the forward and no trace comes to its end.
        """
        sizes = error.sizes if isinstance(error, Objected) else feed.example
        feed = replace(feed, example={**feed.example, **sizes})
        verdicts = self._verdicts(feed, ())
        line = error.line if isinstance(error, FileError) else None
        if not verdicts or any(self._same(one, error) for one in verdicts):
            raise error
        if not any(one.ran for one in verdicts):
            raise self._by_torch(verdicts[0], feed) from error
        told = error.message if isinstance(error, FileError) else describe(error)
        try:
            traced = self.forwards.run(feed, exact=True, real=True, again=False)
        except Exception as raised:  # Whatever a trace ends with, torch runs the forward.
            raise self._beyond_us(told, line) from raised
        if traced.refused is not None:
            raise self._beyond_us(told, line) from error
        reason = f"only a trace ended: {told}; {_REPORT}"
        return replace(self.forwards.freeze(feed, traced), partial=reason)

    def _verdicts(self, feed: Feed, records: Sequence[Record]) -> tuple[Verdict, ...]:
        made = numbers_in([shape for record in records for shape in record.shapes])
        args, kwargs = arguments_at(feed, feed.example, self.forwards.model)
        return judged(self.forwards.model, self.forwards.modules, args, kwargs, made)

    def _same(self, verdict: Verdict, error: Exception) -> bool:
        """Whether torch raised where a trace did."""
        if verdict.error is None or not isinstance(error, FileError):
            return False
        return self.forwards.errors.line(verdict.error) == error.line

    def _by_torch(self, verdict: Verdict, feed: Feed) -> FileError | NotAnalysed:
        from modellint.tracing.tape import Tape

        assert verdict.error is not None
        return self.forwards.errors.raised(verdict.error, Tape(), feed.example)

    def _beyond_us(self, told: str, line: int | None) -> NotAnalysed:
        name = self.forwards.name
        return NotAnalysed(f"PyTorch runs {name}, and a trace of it ends: {told}; {_REPORT}", line)


def _raised_at(verdict: Verdict, record: Record) -> bool:
    """Whether torch raised at the line of an operation, as far as there are lines of the user's."""
    if verdict.ran:
        return False
    # Torch's own layers, called by nobody's forward, have none.
    if record.call is None or verdict.place is None:
        return True
    return verdict.place == (record.call.path, record.call.line)


def _named(record: Record) -> str:
    call = record.call
    return record.op if call is None else f"{record.op} ({words(call.path, call.line)})"
