"""The child process of a run: imports torch once, then lints each file in a fork of itself.

It reads jobs on descriptor 0 and answers on descriptor 1, both moved out of the reach of user
code at once. A fork a file costs milliseconds and gives each file a fresh interpreter state; it
is safe only because this process runs no tensor operation (torch's threads do not survive a fork).
Where there is no fork, one process does one job.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib import import_module
from typing import Any

from modellint.errors import PluginError
from modellint.frames import DONE, frame, receive, send, split_frames
from modellint.paths import shown_path
from modellint.pipeline import Job, lint_file
from modellint.results import Problem, Report
from modellint.rules import Rule

#: Above the descriptors that user code is likely to meet, or to close in a loop.
_PRIVATE = 200
#: How often the death of a child is noticed whose grandchildren keep its pipe open, in seconds.
_POLL = 0.1


def main() -> None:
    """Serve jobs until the front end closes its side."""
    requests, answers = _move_away(0, os.O_RDONLY), _move_away(1, os.O_WRONLY)
    os.dup2(2, 1)
    # As an exception it unwinds through `_relay`, which ends the file's process.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        # Before any directory of the user's is importable: a torch.py beside a model is no torch.
        import torch
    except ImportError as error:
        send(answers, frame({"type": "no-torch", "message": str(error)}))
        return
    del torch
    rules = _load_rules()
    send(answers, frame({"type": "ready"}))
    for message in receive(requests):
        job = Job.from_dict(message)
        if hasattr(os, "fork"):
            end = _run_in_fork(job, rules, answers)
        else:
            end = _run_here(job, rules, answers)
        send(answers, frame({"type": "end", **end}))


def _move_away(descriptor: int, flags: int) -> int:
    """Move a descriptor to a high number and open the null device in its place."""
    try:
        import fcntl

        moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _PRIVATE)
    except ImportError:  # Not on Windows.
        moved = os.dup(descriptor)
    null = os.open(os.devnull, flags)
    os.dup2(null, descriptor)
    os.close(null)
    return moved


def _load_rules() -> dict[str, Rule]:
    # Imported now, so that every fork has them already.
    for name in ("building", "inputs", "linting", "loading"):
        import_module(f"modellint.{name}")
    from modellint.plugins import load_rules

    return dict(load_rules())


def _run_in_fork(job: Job, rules: dict[str, Rule], answers: int) -> dict[str, Any]:
    """Lint one file in a child; relay what it says, and say how it ended."""
    deadline = time.monotonic() + job.timeout
    inner, outer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.close(inner)
            descriptor = _high(outer)
            if not job.verbose:
                _silence()
            _lint(job, rules, descriptor)
        finally:
            # Not sys.exit: threads, exit handlers and buffers of user code end here.
            os._exit(0)
    os.close(outer)
    try:
        return _relay(child, inner, answers, deadline, job.timeout)
    finally:
        os.close(inner)


def _silence() -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    os.close(null)


def _high(descriptor: int) -> int:
    import fcntl

    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _PRIVATE)
    os.close(descriptor)
    return moved


def _relay(child: int, inner: int, answers: int, deadline: float, timeout: float) -> dict[str, Any]:
    """Pass complete frames on until the child is done, dies, or has no time left."""
    buffer = bytearray()
    status: int | None = None
    closed = False
    try:
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                return {"kind": "timeout", "message": f"ran for more than {timeout:g} s"}
            ready, _, _ = select.select([inner], [], [], min(left, _POLL))
            if ready:
                data = os.read(inner, 1 << 16)
                closed = not data
                buffer += data
                for complete in split_frames(buffer):
                    if complete == DONE:
                        return {"kind": None}
                    send(answers, complete)
            elif status is not None:
                return {"kind": "crash", "message": _death(status)}
            if status is None:
                status = _status(child)
            if closed:
                if status is None:
                    time.sleep(_POLL / 10)
                else:
                    return {"kind": "crash", "message": _death(status)}
    finally:
        _kill_group(child)
        if status is None:
            # Not yet waited for, so the number is still this child's.
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _status(child: int) -> int | None:
    found, status = os.waitpid(child, os.WNOHANG)
    return status if found else None


def _kill_group(child: int) -> None:
    """Kill what a child started, and the child; its session is its own process group."""
    with contextlib.suppress(ProcessLookupError):  # Nothing of the group is left.
        os.killpg(child, signal.SIGKILL)


def _death(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"the process exited with status {code} and without a result"
    try:
        return f"the process crashed ({signal.Signals(-code).name})"
    except ValueError:  # A real-time signal has a number only.
        return f"the process crashed (signal {-code})"


def _run_here(job: Job, rules: dict[str, Rule], answers: int) -> dict[str, Any]:
    _lint(job, rules, answers, done=b"")
    return {"kind": None}


def _lint(job: Job, rules: dict[str, Rule], answers: int, done: bytes = DONE) -> None:
    """Lint one file in this process and send what comes of it, then the frame that ends it."""
    try:
        chosen = _chosen(job, rules)
    except PluginError as error:  # The front end has loaded it, but this may be another Python.
        problem = Problem(job.shown, 1, "plugin-error", str(error))
        send(answers, frame({"type": "report", "report": Report(errors=(problem,)).to_dict()}))
        send(answers, done)
        return
    for result in lint_file(job, chosen, _shown_below(job.folder)):
        if isinstance(result, Report):
            send(answers, frame({"type": "report", "report": result.to_dict()}))
        else:
            send(answers, frame({"type": "stage", **asdict(result)}))
    send(answers, done)


def _chosen(job: Job, rules: dict[str, Rule]) -> Sequence[Rule]:
    if job.plugins:
        from modellint.plugins import load_rules

        rules = dict(load_rules(job.plugins))
    return [rules[name] for name in job.rules]


def _shown_below(folder: str) -> Callable[[str], str]:
    """How absolute paths are printed; user code may leave the folder that this counts from."""
    return lambda path: shown_path(path, folder)


if __name__ == "__main__":
    main()
