"""Keeps what a live model prints while it is linted out of its owner's way.

A forward runs more than once, at sizes that nobody gave: `print(x.shape)` would tell of these.
"""

from __future__ import annotations

import builtins
import io
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

Print = Callable[..., None]

#: Whether the process is that of the model's owner, who reads what it prints.
_LIVE = ContextVar("_LIVE", default=False)
#: The threads that run code of a model now, each as often as it has begun.
_RUNNING: Counter[int] = Counter()
_LOCK = threading.Lock()
#: The function that stands for `print`, and the one it stands for.
_put: list[tuple[Print, Print]] = []


@contextmanager
def live() -> Iterator[None]:
    """What models print that run inside the block is not shown; what rules print is."""
    token = _LIVE.set(True)
    try:
        yield
    finally:
        _LIVE.reset(token)


@contextmanager
def unprinted() -> Iterator[None]:
    """Run code of a live model inside the block: this thread prints nothing, others do as ever."""
    if not _LIVE.get():
        yield
        return
    thread = threading.get_ident()
    with _LOCK:
        _RUNNING[thread] += 1
        if not _put:
            _put.append((_silent(builtins.print), builtins.print))
            builtins.print = _put[0][0]
    try:
        yield
    finally:
        with _LOCK:
            _RUNNING[thread] -= 1
            if not _RUNNING[thread]:
                del _RUNNING[thread]
            if not _RUNNING:
                stands_in, real = _put.pop()
                if builtins.print is stands_in:
                    builtins.print = real


def _silent(real: Print) -> Print:
    """A `print` that writes nothing for threads that run models; what is to be text becomes it.

    A `file` that is named is written: so does a debugger, whose user waits for its answer.
    """

    def printed(*values: Any, **named: Any) -> None:
        if threading.get_ident() in _RUNNING and named.get("file") is None:
            named["file"] = io.StringIO()
        real(*values, **named)

    return printed
