"""How a file's process ended without a result, in words, and at which line of the file."""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence
from dataclasses import dataclass

#: `faulthandler` cuts file names there, in characters.
_LONGEST = 500
_FRAME = re.compile(r'  File "(?P<path>.*)", line (?P<line>\d+) in ')
_HEADER = "(most recent call first):"
#: How `faulthandler` begins when the time is over.
END_OF_TIME = b"Timeout ("
#: Begins what is written at an end that nobody asked for; stacks of what was asked for precede it.
_ENDS = ("Fatal Python error", END_OF_TIME.decode())


@dataclass(frozen=True, slots=True)
class Death:
    """Why a process ended without a result, and the user's line that was running, if known."""

    kind: str
    message: str
    line: int | None = None


#: The end of a process that runs on where it cannot be heard.
CLOSED = Death("crash", "the process closed its way to answer")


def broken(error: ValueError) -> Death:
    """The end of a process whose answer is none: its code patched or wrote what it must not."""
    return Death("crash", f"the process broke its way to answer ({error})")


def died(code: int, log: str, path: str) -> Death:
    """The end of a process by its exit code; `log` is what `faulthandler` wrote."""
    return Death("crash", _described(code), running_line(log, path))


def timed_out(timeout: float, log: str, path: str) -> Death:
    """The end of a process that had no time left."""
    return Death("timeout", f"ran for more than {timeout:g} s", running_line(log, path))


def running_line(log: str, path: str) -> int | None:
    """The innermost line of a file on the stack that `faulthandler` wrote last."""
    stack = _stack(log.splitlines())
    wanted = _as_dumped(path)
    for text in stack:
        match = _FRAME.match(text)
        if match is not None and match["path"] == wanted and int(match["line"]):
            return int(match["line"])
    return None


def _stack(lines: Sequence[str]) -> Sequence[str]:
    """The lines of the last stack of the thread that counts: the current one, else the main one."""
    ends = max((at for at, line in enumerate(lines) if line.startswith(_ENDS)), default=0)
    headers = [at for at, line in enumerate(lines) if at >= ends and line.endswith(_HEADER)]
    # The main thread comes last, since the newest is first; a stack of C functions may follow.
    current = [at for at in headers if lines[at].startswith(("Current thread 0x", "Stack "))]
    start = max(current or headers, default=len(lines))
    return lines[start + 1 : min((at for at in headers if at > start), default=len(lines))]


def _as_dumped(path: str) -> str:
    """A file name as `faulthandler` writes it, without memory and so without a codec."""
    cut = path[:_LONGEST] + "..." if len(path) > _LONGEST else path
    return "".join(c if " " <= c <= "~" else _escaped(ord(c)) for c in cut)


def _escaped(code: int) -> str:
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _described(code: int) -> str:
    if code >= 0:
        return f"the process exited with status {code} and without a result"
    try:
        name = signal.Signals(-code).name
    except ValueError:  # A real-time signal has a number only.
        name = f"signal {-code}"
    if -code == getattr(signal, "SIGKILL", None):
        return f"the process was killed ({name}), by itself or by a system short of memory"
    return f"the process crashed ({name})"
