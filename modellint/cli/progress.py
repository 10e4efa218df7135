"""A bar on the terminal while a long run goes on; nothing for short ones, pipes and CI."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from typing import TextIO

#: Runs that take less than this show nothing, in seconds.
_PATIENCE = 1.5
#: How often the bar is drawn anew at most, in seconds.
_PAUSE = 0.1
_WIDTH = 30
_CLEAR = "\r\x1b[K"
#: What is done and what is not, for terminals with more than ASCII and for others.
_MARKS, _PLAIN = "█░", "#."
#: Set where output is kept as a log, even if it looks like a terminal.
_LOGGED = ("CI", "PRE_COMMIT", "GITHUB_ACTIONS")


class Bar:
    """How many files are done, redrawn in place; gone when the run is over."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        # Printed as escapes, they would fill more lines than can be cleared.
        self._marks = _MARKS if _can_print(_MARKS, stream) else _PLAIN
        self._next = time.monotonic() + _PATIENCE
        self._drawn = False

    def __call__(self, done: int, total: int) -> None:
        """Draw the bar, unless it is too early."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _PAUSE
            full = _WIDTH * done // total
            bar = self._marks[0] * full + self._marks[1] * (_WIDTH - full)
            self._print(f"{_CLEAR}{bar} {done} of {total} files")
            self._drawn = True

    def clear(self) -> None:
        """Take the bar away, so that what follows starts on an empty line."""
        if self._drawn:
            self._print(_CLEAR)

    def _print(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def _can_print(text: str, stream: TextIO) -> bool:
    try:
        text.encode(stream.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def wants_bar(*, quiet: bool, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether somebody watches: stderr is a terminal, no log, and nobody asked for quiet."""
    if quiet or any(environment.get(name) for name in _LOGGED):
        return False
    return environment.get("TERM") != "dumb" and sys.stderr.isatty()
