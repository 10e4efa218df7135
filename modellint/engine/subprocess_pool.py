"""Runs each job in a Python process of its own, where a fork of one that has torch is not safe.

Slower by the import of torch a file, and with less of a guard: processes that the file starts are
ended only if they stay in its process group, and memory is limited only where the system can.
"""

from __future__ import annotations

import contextlib
import queue
import subprocess
import threading
import time
from collections.abc import Generator
from dataclasses import asdict
from typing import IO, Any

from modellint.config.interpreters import Interpreter
from modellint.engine.launching import (
    LONG_PATIENCE,
    check_ready,
    end_process,
    launch,
    log_text,
    never_imported,
    never_ready,
    new_log,
)
from modellint.protocol.frames import frame, receive_frames, send
from modellint.protocol.jobs import Job
from modellint.protocol.messages import FROM_FILE, FROM_START
from modellint.protocol.reading import read_message
from modellint.worker.deaths import CLOSED, Death, broken, died, timed_out
from modellint.worker.leftovers import LEAVING, clear, new_folder

#: How often the death of a process is noticed whose children keep its pipe open, in seconds.
_POLL = 0.1
#: How long a process may live that has closed its pipe, in seconds.
_AFTER_CLOSING = 2.0


class SinglePool:
    """One process of an interpreter a job; as many at once as threads ask."""

    def __init__(self, interpreter: Interpreter) -> None:
        self._interpreter = interpreter
        self._running: dict[int, subprocess.Popen[bytes]] = {}  # by the identity of their job

    def start(self) -> None:
        """Nothing is shared by the jobs, so there is nothing to start."""

    def run(self, job: Job) -> Generator[Any, None, None]:
        """Start a process for a job; yield its messages, the last of type `end`.

        Raises `UsageError` where torch is not installed.
        """
        with new_log() as log:
            pipe = subprocess.PIPE
            folder = new_folder()
            process = launch(self._interpreter, "lint_one", pipe, pipe, log, folder)
            self._running[id(job)] = process
            try:
                end = yield from _relay(process, job, log, self._interpreter)
            finally:
                end_process(process)
                del self._running[id(job)]
                clear(folder)
            yield {**end, "type": "end", "printed": log_text(log) if job.verbose else ""}

    def interrupt(self, job: Job) -> None:
        """End the process of a job that another thread runs; its last message is then an end."""
        if process := self._running.get(id(job)):
            end_process(process)

    def close(self) -> None:
        """End all processes, those in the middle of a job included."""
        for process in [*self._running.values()]:
            end_process(process)


def _relay(
    process: subprocess.Popen[bytes], job: Job, log: IO[bytes], interpreter: Interpreter
) -> Generator[Any, None, dict[str, Any]]:
    """Give the job; pass its messages on until the process is done, dies, or has no time left."""
    assert process.stdin is not None and process.stdout is not None
    with contextlib.suppress(BrokenPipeError):  # Then it says so itself, or is dead.
        send(process.stdin.fileno(), frame(job.to_dict()))
    arrived: queue.Queue[bytes | None] = queue.Queue()
    # A pipe cannot be waited for with a deadline on every system: a thread reads it.
    threading.Thread(target=_read_all, args=(process.stdout.fileno(), arrived), daemon=True).start()
    # The file's clock starts when torch is there.
    deadline: float | None = None
    patience = time.monotonic() + LONG_PATIENCE
    while True:
        try:
            data = arrived.get(timeout=_POLL)
        except queue.Empty:
            if process.poll() is not None:
                return asdict(_dead(process, log, job, interpreter, ready=deadline is not None))
            if deadline is not None and time.monotonic() >= deadline:
                return asdict(timed_out(job.timeout, log_text(log), job.path))
            if deadline is None and time.monotonic() >= patience:
                raise never_imported(interpreter) from None
            continue
        if data is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_AFTER_CLOSING)
            return asdict(_dead(process, log, job, interpreter, ready=deadline is not None))
        if deadline is None:
            # Only before the file begins is anything said of the start.
            check_ready(read_message(data, FROM_START), interpreter)
            deadline = time.monotonic() + job.timeout
            continue
        try:
            message = read_message(data, FROM_FILE)
        except ValueError as error:
            return asdict(broken(error))
        if message["type"] == "done":
            if message["leaving"]:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(LEAVING)
            return {**message, "kind": None}
        yield message


def _read_all(descriptor: int, arrived: queue.Queue[bytes | None]) -> None:
    # Closed, since nobody waits for more; or nothing that follows is a message.
    with contextlib.suppress(OSError, ValueError):
        for data in receive_frames(descriptor):
            arrived.put(data)
    arrived.put(None)


def _dead(
    process: subprocess.Popen[bytes],
    log: IO[bytes],
    job: Job,
    interpreter: Interpreter,
    *,
    ready: bool,
) -> Death:
    text = log_text(log)
    if not ready:
        raise never_ready(text, interpreter)
    code = process.poll()
    return CLOSED if code is None else died(code, text, job.path)
