"""Processes that user code leaves behind: found as orphans of ours, killed and waited for.

On Linux a process may be made the parent of all orphans below it, so that a daemon that forked
twice and left its session is still found. Elsewhere only the process group is.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Collection, Iterator

_LINUX = sys.platform == "linux"
_SET_PDEATHSIG, _SET_CHILD_SUBREAPER = 1, 36
#: How long processes that go on forking are hunted, in seconds.
_PATIENCE = 5.0


def adopt_orphans() -> None:
    """Make this process the parent of whatever its descendants leave behind."""
    _prctl(_SET_CHILD_SUBREAPER, 1)


def die_with(parent: int, number: int) -> None:
    """Have this process get a signal when its parent dies, which may have happened already."""
    _prctl(_SET_PDEATHSIG, number)
    if _LINUX and os.getppid() != parent:
        os.kill(os.getpid(), number)


def kill_group(leader: int) -> None:
    """Kill a process group; the leader's number must still be its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # Nothing of it is left.
        os.killpg(leader, signal.SIGKILL)


def end_children(spared: Collection[int] = ()) -> bool:
    """Kill and wait for all children but those spared, and what they leave; say if any lived."""
    found = False
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if not spared and _no_child_is_left():
            return found
        strays = [pid for pid in _children() if pid not in spared]
        if not strays:
            return found
        for pid in strays:
            found = _end(pid) or found
    return found


def _no_child_is_left() -> bool:
    """Whether there is no child, not even one that ended; asked first since it costs nothing."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return True
    return False


def _end(pid: int) -> bool:
    """End one child; whether it was still alive."""
    try:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return False
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    except (ChildProcessError, ProcessLookupError):  # Waited for in the meantime.
        return False
    return True


def _children() -> Iterator[int]:
    """The children of this process, from /proc; none where there is no such thing."""
    own = str(os.getpid())
    with contextlib.suppress(OSError), os.scandir("/proc") as entries:
        for entry in entries:
            if entry.name.isdigit() and _parent(entry.name) == own:
                yield int(entry.name)


def _parent(pid: str) -> str | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - one of hundreds
            # The name, in parentheses, may hold spaces and parentheses itself.
            return file.read().rpartition(b")")[2].split()[1].decode()
    except (OSError, IndexError):  # Gone since it was listed.
        return None


def _prctl(option: int, value: int) -> None:
    if not _LINUX:
        return
    import ctypes

    # What the system refuses is a safety net less, and nothing to end a run for.
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
