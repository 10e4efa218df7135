"""What an exception of user code passed through: the user's own calls, and the whole traceback."""

from __future__ import annotations

import linecache
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace

from modellint.building.failures import chained
from modellint.building.steady_texts import steady
from modellint.errors import FileError, ModellintError
from modellint.protocol.jobs import Job
from modellint.results.report import Problem
from modellint.results.user_calls import UserCall
from modellint.source.file import column_in
from modellint.source.paths import is_installed


def with_calls(
    problem: Problem, error: FileError, job: Job, shown: Callable[[str], str]
) -> Problem:
    """The error with the user's calls, where user code raised it; one met several times, once."""

    def printed(path: str) -> str:
        return job.shown if path == job.path else shown(path)

    for one in [error.origin] if error.origin is not None else chained(error):
        frames = [] if isinstance(one, ModellintError) else [*_frames(one, job.path)]
        if not frames:
            continue
        found = {_call(frame, name, printed): _end(frame) for frame, name in frames}
        told = _text(one, frames[0][0]) if job.verbose else None
        problem = replace(problem, calls=tuple(found), traceback=told)
        for call, end in reversed(found.items()):
            if (call.path, call.line) == (problem.path, problem.line):
                return replace(problem, column=call.column, end_column=end)
        break
    return problem


def _frames(error: BaseException, path: str) -> Iterator[tuple[traceback.FrameSummary, str]]:
    """The frames of the user's files, with the names of their functions."""
    # Where nothing was run, torch is not there yet, and these need it.
    from modellint.modules.construction_sites import SYNTHETIC
    from modellint.modules.user_files import is_users_file

    summaries = traceback.extract_tb(error.__traceback__)
    frames = traceback.walk_tb(error.__traceback__)
    for summary, (frame, _) in zip(summaries, frames, strict=False):
        if summary.filename != path:
            if not is_users_file(summary.filename) or is_installed(summary.filename):
                continue
            if summary.filename.startswith("<"):
                continue
        if frame.f_code.co_name != SYNTHETIC:  # Ours, that calls the user's.
            yield summary, frame.f_code.co_qualname


def _call(frame: traceback.FrameSummary, function: str, shown: Callable[[str], str]) -> UserCall:
    line = frame.lineno or 1
    column = _column(frame, frame.colno)
    name = function.replace("<locals>.", "")
    return UserCall(shown(frame.filename), line, column, name)


def _end(frame: traceback.FrameSummary) -> int | None:
    """The column behind what was called; nothing where that is on another line."""
    same = frame.end_lineno == frame.lineno and frame.end_colno is not None
    return _column(frame, frame.end_colno) if same else None


def _column(frame: traceback.FrameSummary, offset: int | None) -> int:
    """The column in code points of an offset in bytes."""
    return column_in(linecache.getline(frame.filename, frame.lineno or 1), offset or 0)


def _text(error: BaseException, first: traceback.FrameSummary) -> str:
    """The traceback from the user's first call on: what is above are calls of modellint's."""
    told = traceback.TracebackException.from_exception(error)
    places = [(one.filename, one.lineno) for one in told.stack]
    begin = places.index((first.filename, first.lineno))
    told.stack[:] = told.stack[begin:]
    told.__cause__ = told.__context__ = None
    return steady("".join(told.format()).rstrip())
