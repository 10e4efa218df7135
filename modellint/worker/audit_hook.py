"""What user code may not do, or is noted for doing: an audit hook of a file's own process.

The network raises at the line that asks for it. What ends the process without a trace, `os._exit`
and signals to itself, leaves its line in the log of crashes first. With `-v`, files that are
written are listed. None of it is a lock: code that means harm finds a way around.
"""

from __future__ import annotations

import faulthandler
import os
import sys
from collections.abc import Callable
from os import getpid  # Bound here: user code may replace it.
from typing import Any, NoReturn

from modellint.building.failures import NetworkAccess
from modellint.worker.dependencies import Readings

#: Names of this machine, which libraries look up while they are imported, to log them.
_HERE = frozenset({"", "localhost", "127.0.0.1", "::1", "0.0.0.0", "::"})
_LOOKUPS = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})
_SENDS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_KILLS = frozenset({"os.kill", "os.killpg", "os.exec", "signal.pthread_kill"})
_CHANGES = {
    "os.remove": "removed",
    "os.rmdir": "removed",
    "os.mkdir": "made",
    "os.rename": "renamed",
    "os.truncate": "written",
    "shutil.rmtree": "removed",
}
#: How many files that are written are listed.
_LISTED = 20
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC


def watch(log: int, changed: list[str] | None = None, readings: Readings | None = None) -> None:
    """Install the hook, for good, in this process.

    `log` is the descriptor that lines of sudden ends go to. `changed` collects the files that are
    written, made or removed, `readings` what is read.
    """
    here = _HERE | {os.uname().nodename} if hasattr(os, "uname") else _HERE
    own = getpid()

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if readings is not None:
            readings.see(event, args)
        if event in _SENDS:
            _refuse_address(args[-1])
        elif event in _LOOKUPS:
            if args[0] is not None and _name(args[0]) not in here:
                raise NetworkAccess(f"looks up {_name(args[0])!r}")
        elif event in _KILLS:
            if getpid() == own:
                faulthandler.dump_traceback(log, all_threads=False)
        elif changed is not None and len(changed) < _LISTED:
            if event == "open":
                _note_open(args, changed)
            elif event in _CHANGES:
                changed.append(f"{_CHANGES[event]} {_name(args[0])}")

    sys.addaudithook(hook)
    os._exit = _leaving(os._exit, log, own)  # type: ignore[assignment]


def _refuse_address(address: Any) -> None:
    # Unix sockets, whose address is a path, stay on this machine.
    if isinstance(address, tuple):
        raise NetworkAccess(f"connects to {address[0]}")


def _note_open(args: tuple[Any, ...], changed: list[str]) -> None:
    path, mode, flags = args
    writes = flags & _WRITING if mode is None else set(mode) & set("wax+")
    if writes and isinstance(path, str | bytes) and _name(path) != os.devnull:
        changed.append(f"written {_name(path)}")


def _name(value: Any) -> str:
    return os.fsdecode(value) if isinstance(value, str | bytes | os.PathLike) else str(value)


def _leaving(leave: Callable[[int], NoReturn], log: int, own: int) -> Callable[[int], NoReturn]:
    """An `os._exit` that says first where it was called."""

    def leaving(status: int) -> NoReturn:
        # Processes that user code forks leave this way, and they are not the one that counts.
        if getpid() == own:
            faulthandler.dump_traceback(log, all_threads=False)
        leave(status)

    return leaving
