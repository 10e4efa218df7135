"""What is told of a file, or of a model in it, that could not be followed to its end."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from modellint.building.failures import (
    chained,
    describe,
    line_in,
    ran_out_of_memory,
    what_is_missing,
)
from modellint.discovery.candidates import Candidate
from modellint.errors import FileError, NotAnalysed
from modellint.protocol.jobs import Job, incomplete_model
from modellint.protocol.limits import shown_memory
from modellint.results.crash_reports import crash_report
from modellint.results.report import Note, Problem, Report
from modellint.source.executed import words
from modellint.worker.askers import owner
from modellint.worker.user_calls import with_calls

if TYPE_CHECKING:
    from modellint.building.loader import LoadedModule


def meaning(
    job: Job, candidate: Candidate, error: BaseException, loaded: LoadedModule
) -> BaseException:
    """What ended a model, as a fault of its file or as something that is missing here."""
    line = error.line if isinstance(error, FileError) else _line(job, error)
    if ran_out_of_memory(error):
        path = error.path if isinstance(error, FileError) else job.path
        limit = shown_memory(job.memory)
        message = f"{candidate.name} takes more than {limit} of memory; --memory allows more"
        return FileError("memory-limit", path, line, message)
    if isinstance(error, Exception) and not _of_forward(error):
        if not isinstance(error, FileError | NotAnalysed) and _is_of_user(error):
            # As of a class that answers nothing: nobody knows whether it runs without us.
            return NotAnalysed(f"its own code raises {describe(error)} when it is looked at", line)
        return error
    for one in chained(error):
        if isinstance(one, NameError) and one.name:
            obstacle = loaded.obstacle(one.name)
            if obstacle is not None:
                return obstacle
    missing = what_is_missing(error)
    if missing is not None:
        return NotAnalysed(missing, line, elsewhere=True)
    if isinstance(error, Exception):
        return error
    # What is no Exception passed through the tracer, as `sys.exit` does.
    message = f"{candidate.name}.forward raises {describe(error)}"
    return FileError("trace-error", job.path, line, message)


def _of_forward(error: BaseException) -> bool:
    return isinstance(error, FileError) and error.kind == "trace-error"


def _is_of_user(error: BaseException) -> bool:
    """Whether an exception was raised in code that is neither ours nor a library's."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    name = frame.f_code.co_filename
    return not name.startswith("<") and owner(name) == "user"


def _line(job: Job, error: BaseException) -> int | None:
    """The file's line that an exception, or the one it came of, passed through."""
    lines = (line_in(one, job.path) for one in chained(error))
    return next((line for line in lines if line is not None), None)


def report_of(
    job: Job, candidate: Candidate, error: BaseException, shown: Callable[[str], str]
) -> Report:
    """The report of a model that could not be followed to its end."""
    if isinstance(error, NotAnalysed):
        reason = error.reason
        line = error.line
        if line is not None and line != candidate.line and words(job.path, line) not in reason:
            reason = f"{words(job.path, line)}: {reason}"
        return Report(models=(incomplete_model(job, candidate, "not-analysed", reason),))
    remarks: tuple[Note, ...] = ()
    if isinstance(error, FileError):
        told = problem(job, error, shown, candidate.line)
        told = with_calls(replace(told, model=candidate.name), error, job, shown)
    else:
        told = internal_error(job, candidate.line, candidate.name, error)
        remarks = crash_report(job.shown, candidate.line, f"linting {candidate.name}", error)
    model = incomplete_model(job, candidate, "failed", told.message)
    return Report(models=(model,), errors=(told,), remarks=remarks)


def problem(job: Job, error: FileError, shown: Callable[[str], str], line: int = 1) -> Problem:
    """What ended a file, or the lint of a model that stands at a line, as reports have it."""
    path = job.shown if error.path == job.path else shown(error.path)
    return Problem(path, error.line or line, error.kind, error.message)


def internal_error(job: Job, line: int, subject: str, error: BaseException) -> Problem:
    """What of a file modellint itself could not handle, with the line of modellint's code."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(last.filename).name}, line {last.lineno}"
    message = f"{subject}: {describe(error)} ({place})"
    return Problem(job.shown, line, "internal-error", message)
