"""Runs jobs through one server that has imported torch, and says how each of them ended.

Each connection to the server is a supervisor that lints one file at a time, so as many files run
at once as threads ask. Closing a connection ends what runs behind it.
"""

from __future__ import annotations

import contextlib
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict
from itertools import chain
from typing import IO, Any

from modellint.config.interpreters import Interpreter
from modellint.engine.launching import (
    LONG_PATIENCE,
    check_ready,
    launch,
    log_text,
    never_imported,
    never_ready,
    new_log,
)
from modellint.errors import WorkerError
from modellint.protocol.frames import frame, receive_frames, send, split_frames
from modellint.protocol.jobs import Job
from modellint.protocol.messages import FROM_START, FROM_SUPERVISOR
from modellint.protocol.reading import read_message
from modellint.worker.deaths import broken
from modellint.worker.leftovers import clear, new_folder

#: Only there is a fork after `import torch` safe, and only there are orphans adopted.
FORKS = sys.platform == "linux"
#: How long a supervisor may be silent after a file's time is over, in seconds.
_SILENCE = 15.0
#: How often a job is given to a new process that is killed before it can begin.
_ATTEMPTS = 3
#: How long the server may take to end what it started, in seconds.
_GRACE = 5.0


#: An end that no supervisor has told.
_LOST = {
    "type": "end",
    "made_up": True,
    "kind": "lost",
    "message": "the worker process was killed",
}


class ForkingPool:
    """One server of an interpreter and its connections; it starts at the first job, for all."""

    def __init__(self, interpreter: Interpreter) -> None:
        self._interpreter = interpreter
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self._idle: dict[tuple[str, ...], list[socket.socket]] = {}  # by what they preloaded
        self._open: set[socket.socket] = set()
        self._serving: dict[int, socket.socket] = {}  # by the identity of their job
        self._closed = False

    def start(self) -> None:
        """Begin to import torch, which takes seconds, and return at once."""
        if self._server is None:
            self._server = _Server(self._interpreter)

    def run(self, job: Job) -> Generator[Any, None, None]:
        """Give a job to the server; yield its messages, the last of type `end`.

        Raises `UsageError` where torch, or a library to preload, is not installed. An end of kind
        `lost` says nothing of the file: its supervisor went away, which another file may have
        caused.
        """
        whole = False
        try:
            connection, messages = self._begin(job)
        except BaseException:
            self._serving.pop(id(job), None)
            raise
        try:
            for message in messages:
                # Behind a connection that was lost is no supervisor, behind one whose words are
                # none is one that goes on with this file.
                whole = message["type"] == "end" and not message.get("made_up")
                yield message
        finally:
            with self._lock:
                self._serving.pop(id(job), None)
                if whole and connection in self._open:
                    self._idle.setdefault(job.preload, []).append(connection)
                else:
                    self._drop(connection)

    def interrupt(self, job: Job) -> None:
        """End the process of a job that another thread runs; its last message is then an end."""
        # Without the lock, which is held as long as torch is imported.
        if connection := self._serving.get(id(job)):
            _hang_up(connection)

    def close(self) -> None:
        """End all processes, those in the middle of a job included."""
        self._closed = True
        for connection in [*self._open]:
            self._drop(connection)
        self._idle.clear()
        server, self._server = self._server, None
        if server is not None:
            server.close()

    def _begin(self, job: Job) -> tuple[socket.socket, Iterator[Any]]:
        """A connection on which a job runs, and its messages."""
        attempts = 0
        while True:
            connection, is_new = self._connect(job.preload)
            self._serving[id(job)] = connection
            messages = _exchange(connection, job)
            first = next(messages)
            # Those that waited may all have ended with their server, however many they are.
            attempts += is_new
            # Lost before its first word, nothing of the file has run: its server was dying.
            if first.get("kind") != "lost" or attempts == _ATTEMPTS:
                return connection, chain([first], messages)
            with self._lock:
                self._drop(connection)

    def _connect(self, early: tuple[str, ...]) -> tuple[socket.socket, bool]:
        """A connection, one that waits if there is one, and whether it is new."""
        with self._lock:
            if idle := self._idle.get(early):
                return idle.pop(), False
            if self._closed:
                raise WorkerError("the run is over")
            self.start()
            server = self._server
            assert server is not None
            try:
                connection = server.connect(early)
            except OSError:
                if self._closed:
                    raise
                # It was killed, by a linted file or for want of memory: one more may do better.
                server.close()
                self._server = server = _Server(self._interpreter)
                connection = server.connect(early)
            self._open.add(connection)
            return connection, True

    def _drop(self, connection: socket.socket) -> None:
        self._open.discard(connection)
        _hang_up(connection)
        connection.close()


def _hang_up(connection: socket.socket) -> None:
    # Another thread may be reading from it: closing alone would not wake it.
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class _Server:
    """The process that has imported torch, and the socket that asks it for connections."""

    def __init__(self, interpreter: Interpreter) -> None:
        self._interpreter = interpreter
        self._log: IO[bytes] = new_log()
        self._control, theirs = socket.socketpair()
        self._folder = new_folder()
        self._process: subprocess.Popen[bytes] = launch(
            interpreter, "main", theirs, self._log, self._log, self._folder
        )
        theirs.close()
        self._ready = False
        self._served = False

    def connect(self, early: Sequence[str]) -> socket.socket:
        """A new connection, as soon as torch is imported; raise `OSError` if the server is gone.

        What it serves is linted with the modules `early` imported.
        """
        if not self._ready:
            self._wait()
            self._ready = True
        ours, theirs = socket.socketpair()
        with theirs:
            said = " ".join(["", *early]).encode() or b" "
            socket.send_fds(self._control, [said], [theirs.fileno()])
        if early:
            try:
                self._wait()
            except BaseException:
                ours.close()
                raise
        self._served = True
        return ours

    def close(self) -> None:
        """End the process and all that it started."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        self._process.terminate()
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._control.close()
        self._log.close()
        clear(self._folder)

    def _wait(self) -> None:
        if not select.select([self._control], [], [], LONG_PATIENCE)[0]:
            raise never_imported(self._interpreter)
        data = next(receive_frames(self._control.fileno()), None)
        if data is None and self._served:
            raise ConnectionError
        if data is None:
            raise never_ready(log_text(self._log), self._interpreter)
        check_ready(read_message(data, FROM_START), self._interpreter)


def _exchange(connection: socket.socket, job: Job) -> Iterator[Any]:
    """The messages of a job; the last is an end, made up where the supervisor sent none."""
    try:
        send(connection.fileno(), frame(job.to_dict()))
        for data in _frames(connection, job.timeout + _SILENCE):
            message = read_message(data, FROM_SUPERVISOR)
            yield message
            if message["type"] == "end":
                return
        yield _LOST
    except OSError:
        yield _LOST
    except ValueError as error:
        yield {"type": "end", "made_up": True, **asdict(broken(error))}


def _frames(connection: socket.socket, patience: float) -> Iterator[bytes]:
    """Complete frames, until the connection closes; `OSError` if it is silent for too long."""
    buffer = bytearray()
    deadline = time.monotonic() + patience
    while True:
        left = max(deadline - time.monotonic(), 0)
        if not select.select([connection], [], [], left)[0]:
            raise TimeoutError
        data = connection.recv(1 << 16)
        if not data:
            return
        buffer += data
        yield from split_frames(buffer)
