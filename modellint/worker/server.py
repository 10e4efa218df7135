"""The worker: a server that has imported torch once, and forks for each connection.

It runs no tensor operation and no user code: torch's threads do not survive a fork. Each
connection gets a supervisor, a fork that forks once more for each file: that costs milliseconds
and gives each file a fresh interpreter. Where there is no fork, a process lints one file only.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
from collections.abc import Iterator
from json import loads

from modellint.errors import PluginError
from modellint.linting.plugins import Plugin, Rules, rules_of
from modellint.protocol.frames import CONNECTION, frame, receive, send
from modellint.protocol.jobs import Job
from modellint.worker.dependencies import imported_so_far
from modellint.worker.environment import watch_environment
from modellint.worker.isolation import lint_alone, move_high, redirect
from modellint.worker.leftovers import clear
from modellint.worker.strays import adopt_orphans, end_children
from modellint.worker.supervisor import supervise
from modellint.worker.warming import import_early, warm


def main(plugins: str, folder: str) -> None:
    """Serve connections, which arrive on the socket that is descriptor 0, until it closes.

    `plugins` are the installed plugins of the front end, as JSON; `folder` is the place of
    temporary files, to be cleared at the end, if it has a name.
    """
    control = socket.socket(fileno=move_high(0))
    _nothing_on(os.O_RDONLY, 0)
    os.dup2(2, 1)
    adopt_orphans()
    rules = _ready(control.fileno(), plugins)
    if rules is not None:
        # From now on only a closed socket ends it, so that it ends what runs below it first.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        _nothing_on(os.O_WRONLY, 1, 2)
        imported_so_far()
        # What is imported stays: the forks' collector need not walk it, nor copy its pages.
        gc.freeze()
        _serve(control, rules)
        # Whoever has started this one may have been killed.
        clear(folder or None)
        # Without the interpreter's own end, which takes torch a while.
        os._exit(0)


def lint_one(plugins: str, folder: str) -> None:
    """Lint the one file that descriptor 0 names, and answer on descriptor 1; without any fork."""
    requests, answers, log = move_high(0), move_high(1), move_high(os.dup(2))
    _nothing_on(os.O_RDONLY, 0)
    rules = _ready(answers, plugins)
    if rules is None:
        return
    job = Job.from_dict(next(receive(requests)))
    if job.verbose:
        os.dup2(2, 1)
    else:
        _nothing_on(os.O_WRONLY, 1, 2)
    lint_alone(job, rules, answers, log, folder or None)


def _nothing_on(flags: int, *streams: int) -> None:
    """Make standard streams, by number, the null device."""
    redirect(os.open(os.devnull, flags), *streams)


def _ready(answers: int, plugins: str) -> Rules | None:
    """Import all that a file needs, and say that it is there, or what is not; then `None`."""
    watch_environment()
    try:
        warm()
    except (ImportError, OSError) as error:  # An OSError is of a library that torch loads.
        send(answers, frame({"type": "no-torch", "message": f"{type(error).__name__}: {error}"}))
        return None
    try:
        rules = rules_of(
            Plugin(**{**one, "places": tuple(one["places"])}) for one in loads(plugins)
        )
    except PluginError as error:
        send(answers, frame({"type": "no-plugin", "message": str(error)}))
        return None
    send(answers, frame({"type": "ready"}))
    return rules


def _serve(control: socket.socket, rules: Rules) -> None:
    """Fork a supervisor for each connection that the front end sends, until it hangs up."""
    supervisors: set[int] = set()
    own = os.getpid()
    for connection, early in _connections(control, supervisors):
        if early:
            reason = import_early(early)
            answer = {"type": "ready"} if reason is None else {"type": "no-preload"}
            # No file's time has begun: its job is sent after this.
            send(control.fileno(), frame({**answer, "message": reason}))
            if reason is not None:
                connection.close()
                continue
            imported_so_far()
            gc.freeze()
        child = os.fork()
        if child == 0:
            control.close()
            supervise(connection, own, rules)
        supervisors.add(child)
        connection.close()
    # Whatever still runs below is of no use to anybody.
    end_children()


def _connections(
    control: socket.socket, supervisors: set[int]
) -> Iterator[tuple[socket.socket, list[str]]]:
    """The connections that the front end sends, each with what to import before it is served."""
    while True:
        ready, _, _ = select.select([control], [], [], 1.0 if supervisors else None)
        if ready:
            data, descriptors, _, _ = socket.recv_fds(control, CONNECTION, 1)
            if not data:
                return
            for descriptor in descriptors:
                yield socket.socket(fileno=descriptor), data.decode().split()
        _bury(supervisors)


def _bury(supervisors: set[int]) -> None:
    """Wait for supervisors that ended; what those that were killed left behind is ended too."""
    for pid in [*supervisors]:
        if os.waitpid(pid, os.WNOHANG)[0]:
            supervisors.discard(pid)
            end_children(spared=supervisors)
