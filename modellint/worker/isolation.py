"""What a file's process sets up for itself before any user code runs in it, and how it ends."""

from __future__ import annotations

import contextlib
import faulthandler
import io
import os
import random
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from os import _exit, getpid  # Bound here: the hooks replace one, and user code may replace both.
from typing import Any, NoReturn

from modellint.building.steady_texts import steady
from modellint.errors import PluginError
from modellint.linting.plugins import Rules
from modellint.protocol.frames import frame, send
from modellint.protocol.jobs import Job
from modellint.protocol.limits import leave_no_core, limit_memory
from modellint.results.crash_reports import crash_report
from modellint.results.report import Problem, Report
from modellint.rules import Rule
from modellint.source.paths import project_root, shown_path
from modellint.worker.audit_hook import watch
from modellint.worker.dependencies import Readings
from modellint.worker.leftovers import is_left_to_do, leave, settle, temporary_in
from modellint.worker.moved_modules import import_from
from modellint.worker.pipeline import lint_file
from modellint.worker.stages import Fixed, Lacking
from modellint.worker.unfinished import internal_error
from modellint.worker.warming import imported_late

#: Above the descriptors that user code is likely to meet, or to close in a loop.
_PRIVATE = 200
#: How long before the time-out the stack is written down, in seconds.
_BEFORE = 0.5


def move_high(descriptor: int) -> int:
    """Move a descriptor out of the reach of user code; it closes in programs that are started."""
    try:
        import fcntl

        moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _PRIVATE)
    except (ImportError, OSError):  # Windows, or a shell that allows fewer descriptors.
        moved = os.dup(descriptor)
    os.close(descriptor)
    return moved


def redirect(descriptor: int, *streams: int) -> None:
    """Make standard streams, by number, mean another descriptor, which is closed."""
    for stream in streams:
        if stream == descriptor:
            os.set_inheritable(descriptor, True)
        else:
            os.dup2(descriptor, stream)
    if descriptor not in streams:
        os.close(descriptor)


def lint_alone(job: Job, installed: Rules, answers: int, log: int, folder: str | None) -> NoReturn:
    """Lint one file in this process, send what comes of it, and end the process.

    `answers` is the descriptor that messages go to, `log` the one for stacks of a crash; `folder`
    is what whoever started this process clears when it has ended.
    """
    status = 1
    tell = _only_from(getpid(), answers)
    try:
        settle(folder, move_high)
        readings = None
        if job.observed:
            temporary = None if folder is None else temporary_in(folder)
            readings = Readings(project_root(job.path), temporary)
        changed = _confine(job, log, readings)
        for message in _messages(job, _chosen(job, installed)):
            tell(message)
        read = None if readings is None else readings.to_dict()
        late, leaving = imported_late(), is_left_to_do()
        done = {"changed": changed, "late": late, "read": read, "leaving": leaving}
        tell(frame({"type": "done", **done}))
        status = 0
        if leaving:
            leave()
    except PluginError as error:  # The front end has loaded it, but this may be another Python.
        _send(tell, Report(errors=(Problem(job.shown, 1, "plugin-error", str(error)),)))
    except Exception as error:  # The edge of the tool: a fault of its own is told as such.
        told = crash_report(job.shown, 1, "linting a file", error)
        _send(
            tell, Report(errors=(internal_error(job, 1, "linting the file", error),), remarks=told)
        )
    finally:
        # Not sys.exit: threads, exit handlers and buffers of user code end here.
        _exit(status)


def _confine(job: Job, log: int, readings: Readings | None) -> list[str]:
    """Limit this process; the list that changed files will be noted in, if that is asked for."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # What a helper module compiles to would be written beside it.
    sys.dont_write_bytecode = True
    if job.verbose:
        # What is printed before a crash should have arrived.
        sys.stdout = sys.__stdout__ = _unbuffered(1)  # type: ignore[misc]
        sys.stderr = sys.__stderr__ = _unbuffered(2)  # type: ignore[misc]
    _seed()
    leave_no_core()
    limit_memory(job.memory)
    with contextlib.suppress(OSError):  # The file may be standard input in a folder that is not.
        os.chdir(project_root(job.path))
    if job.moved:
        import_from(*job.moved)
    changed: list[str] = []
    if readings is not None:
        readings.begin(job.path)
    watch(log, changed if job.verbose else None, readings)
    faulthandler.enable(log)
    faulthandler.dump_traceback_later(max(job.timeout - _BEFORE, job.timeout * 0.9), file=log)
    return changed


def _unbuffered(descriptor: int) -> io.TextIOWrapper:
    file = open(descriptor, "wb", 0, closefd=False)  # noqa: SIM115 - it stays open
    return io.TextIOWrapper(file, "utf-8", "backslashreplace", write_through=True)


def _seed() -> None:
    """Let what draws numbers while it loads draw the same in every run."""
    random.seed(0)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(0)


def _only_from(process: int, answers: int) -> Callable[[bytes], None]:
    """What sends a message, and ends any process but this one that would send it.

    A model may fork, and the child come back out of its constructor or forward, by `sys.exit` say.
    """

    def tell(message: bytes) -> None:
        if getpid() != process:
            _exit(0)
        send(answers, message)

    return tell


def _send(tell: Callable[[bytes], None], report: Report) -> None:
    """Tell of a file that could not be linted, and that this is all."""
    tell(_reported(report))
    nothing: dict[str, Any] = {"changed": [], "late": [], "read": None, "leaving": False}
    tell(frame({"type": "done", **nothing}))


def _chosen(job: Job, installed: Rules) -> Sequence[Rule]:
    """The rules that a job names, its project's own included."""
    rules = installed.with_files(job.plugins) if job.plugins else installed
    return [rules[name] for name in job.rules]


def _messages(job: Job, rules: Sequence[Rule]) -> Iterator[bytes]:
    for result in lint_file(job, rules, _shown_below(job.folder)):
        if isinstance(result, Report):
            yield _reported(_steady(result))
        elif isinstance(result, Lacking):
            yield frame({"type": "lacking", **asdict(result)})
        elif isinstance(result, Fixed):
            told = [finding.to_dict() for finding in result.findings]
            yield frame({"type": "fixed", "findings": told})
        else:
            yield frame({"type": "stage", **asdict(result)})


def _reported(report: Report) -> bytes:
    remarks = [one.to_dict() for one in report.remarks]
    told = {
        "type": "report",
        "report": report.to_dict(pictures=True, annotated=True),
        "remarks": remarks,
    }
    return frame(told)


def _steady(report: Report) -> Report:
    """The report with texts of exceptions that are the same in each run."""
    return replace(
        report,
        errors=tuple(replace(one, message=steady(one.message)) for one in report.errors),
        notes=tuple(replace(one, message=steady(one.message)) for one in report.notes),
        models=tuple(
            replace(one, reason=steady(one.reason)) if one.reason else one for one in report.models
        ),
    )


def _shown_below(folder: str) -> Callable[[str], str]:
    """How absolute paths are printed; user code may leave the folder that this counts from."""
    return lambda path: shown_path(path, folder)
