"""Lints one file after another, each in a fork of this process, and says how each fork ended.

A supervisor is itself a fork of the server that has imported torch, with a connection of its own
to the front end. Closing the connection ends it and all that runs below it.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time
from dataclasses import asdict
from typing import Any, NoReturn

from modellint.linting.plugins import Rules
from modellint.protocol.frames import frame, receive, send, split_frames
from modellint.protocol.jobs import Job
from modellint.protocol.messages import FROM_FILE
from modellint.protocol.reading import read_message
from modellint.worker.deaths import CLOSED, END_OF_TIME, Death, broken, died, timed_out
from modellint.worker.isolation import lint_alone, move_high, redirect
from modellint.worker.leftovers import LEAVING, clear, new_folder
from modellint.worker.strays import adopt_orphans, die_with, end_children, kill_group
from modellint.worker.warming import import_late

#: How often the death of a process is noticed whose children keep its pipe open, in seconds.
_POLL = 0.1
#: How long a process may live that has closed its pipe, in seconds.
_AFTER_CLOSING = 2.0
#: How long after its time a process may still write where it was, in seconds.
_LATE = 2.0
#: How much of what user code prints is kept, its beginning, and of stacks of a crash, their end; in
#: bytes.
_PRINTED = 1 << 16
_LOGGED = 1 << 18
#: How much is read of a pipe at once, which is what one holds, in bytes.
_CHUNK = 1 << 16


class _HungUpError(Exception):
    """The front end closed the connection: nobody waits for the result."""


def supervise(connection: socket.socket, server: int, rules: Rules) -> NoReturn:
    """Serve the jobs that arrive on a connection until it closes, then end this process."""
    try:
        adopt_orphans()
        # As an exception it unwinds through what ends the file's process.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        die_with(server, signal.SIGTERM)
        descriptor = move_high(connection.detach())
        for message in receive(descriptor):
            job = Job.from_dict(message)
            end = _start(job, rules, descriptor).end()
            send(descriptor, frame({**end, "type": "end"}))
            import_late(end.get("late", ()))
    except (_HungUpError, OSError):
        pass  # The front end is gone, and so is whom to tell.
    finally:
        end_children()
        os._exit(0)


def _start(job: Job, rules: Rules, front: int) -> _Run:
    """Fork the process of a file; `front` is the connection, which the process must not keep."""
    folder = new_folder()
    # Pipes all of them: where no file may grow (`ulimit -f 0`) one in memory does not either.
    (answers, to_answer), (output, to_print), (log, to_log) = os.pipe(), os.pipe(), os.pipe()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            die_with(parent, signal.SIGKILL)
            for descriptor in (front, answers, output, log):
                os.close(descriptor)
            if job.verbose:
                redirect(to_print, 1, 2)
            else:
                os.close(to_print)
            lint_alone(job, rules, move_high(to_answer), move_high(to_log), folder)
        finally:
            os._exit(1)
    for descriptor in (to_answer, to_print, to_log):
        os.close(descriptor)
    return _Run(job, front, child, answers, _Heard(output), _Heard(log), folder)


class _Heard:
    """What arrives at a pipe whose writers may do with it what they like."""

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self.descriptor = descriptor
        self.data = bytearray()
        self.goes_on = True

    def read(self) -> bytes:
        """Take what there is, at most what a pipe holds, behind what came before."""
        try:
            data = os.read(self.descriptor, _CHUNK)
        except BlockingIOError:
            return b""
        self.goes_on = bool(data)
        self.data += data
        return data


class _Run:
    """The process of one file, from its fork to the end of all that it started."""

    def __init__(
        self,
        job: Job,
        front: int,
        child: int,
        answers: int,
        output: _Heard,
        log: _Heard,
        folder: str | None,
    ) -> None:
        self.job = job
        self.front = front
        self.child = child
        self.answers = answers
        self.output = output
        self.log = log
        self.folder = folder
        self.deadline = time.monotonic() + job.timeout
        self.status: int | None = None
        self.closed: float | None = None
        self.buffer = bytearray()
        self.done: dict[str, Any] = {}

    def end(self) -> dict[str, Any]:
        """Relay what the process says until it ends, one way or another; how it did."""
        try:
            death = self._relay()
        except ValueError as error:
            death = broken(error)
        finally:
            strays = self._clean()
        ending = asdict(death) if death is not None else {**self.done, "kind": None}
        printed = self.output.data.decode("utf-8", "backslashreplace")
        return {**ending, "printed": printed, "strays": strays}

    def _relay(self) -> Death | None:
        """Pass complete messages on until the process is done, dies, or has no time left."""
        while True:
            now = time.monotonic()
            if now >= self.deadline:
                self._await_stack()
                return timed_out(self.job.timeout, self._logged(), self.job.path)
            ready, _, _ = select.select(self._sources(), [], [], min(self.deadline - now, _POLL))
            if self.front in ready:
                raise _HungUpError
            if self.output.descriptor in ready:
                self._keep_output()
            if self.log.descriptor in ready:
                self._keep_log()
            if self.answers in ready:
                if self._pass_on():
                    if self.done["leaving"]:
                        self._await_leaving()
                    return None
            elif self.status is not None:
                code = os.waitstatus_to_exitcode(self.status)
                return died(code, self._logged(), self.job.path)
            self._look()
            if self.closed is not None and self.status is None:
                if now - self.closed > _AFTER_CLOSING:
                    return CLOSED
                time.sleep(_POLL / 10)

    def _sources(self) -> list[int]:
        sources = [self.front]
        if self.closed is None:
            sources.append(self.answers)
        return [*sources, *(one.descriptor for one in (self.output, self.log) if one.goes_on)]

    def _pass_on(self) -> bool:
        """Read once and send on what is complete; whether the process is done."""
        data = os.read(self.answers, _CHUNK)
        if not data:
            self.closed = time.monotonic()
        self.buffer += data
        for complete in split_frames(self.buffer):
            message = read_message(complete, FROM_FILE)
            if message["type"] == "done":
                self.done = message
                return True
            send(self.front, complete)
        return False

    def _await_stack(self) -> None:
        """Wait for the stack that is written at a time-out, on a busy machine a little late."""
        until = time.monotonic() + _LATE
        while self.log.goes_on and time.monotonic() < until:
            if select.select([self.log.descriptor], [], [], _POLL)[0]:
                self._keep_log()
            elif END_OF_TIME in self.log.data:
                return

    def _await_leaving(self) -> None:
        """Let the process do for a moment what it does when it ends."""
        until = min(time.monotonic() + LEAVING, self.deadline)
        while self.status is None and time.monotonic() < until:
            time.sleep(_POLL / 20)
            self._look()

    def _keep_output(self) -> None:
        """Read what was printed; keep its beginning, so that a loop that prints fills no memory."""
        self.output.read()
        del self.output.data[_PRINTED:]

    def _keep_log(self) -> None:
        """Read what was logged; the stack that counts is the last one."""
        self.log.read()
        del self.log.data[:-_LOGGED]

    def _look(self) -> None:
        if self.status is None:
            found, status = os.waitpid(self.child, os.WNOHANG)
            self.status = status if found else None

    def _logged(self) -> str:
        self._keep_log()
        return self.log.data.decode("ascii", "replace")

    def _clean(self) -> bool:
        """End the process and all that it left; whether it left any."""
        kill_group(self.child)
        if self.status is None:
            # Not yet waited for, so the number is still this child's.
            os.kill(self.child, signal.SIGKILL)
            os.waitpid(self.child, 0)
        strays = end_children()
        # At most what the pipe held; whoever could write more has ended.
        self._keep_output()
        for descriptor in (self.answers, self.output.descriptor, self.log.descriptor):
            os.close(descriptor)
        clear(self.folder)
        return strays
