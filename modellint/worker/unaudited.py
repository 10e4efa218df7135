"""Calls of the operating system that raise no audit event, wrapped so that they are noted.

Whether a file exists, its size and date, and processes that `multiprocessing` starts.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import PurePath
from types import FrameType, ModuleType
from typing import Any

from modellint.worker.askers import absolute, frames, owner, reads_distributions

#: The functions of Python that ask no more of a file than what it is.
_KINDS = frozenset(
    """exists lexists isfile isdir islink ismount isjunction is_file is_dir is_symlink is_mount
    is_junction realpath _joinrealpath resolve which _access_check samefile makedirs
    mkdir""".split()
)
#: Parts of Python that look at source files to show their lines; what they read is noted as read.
_SHOWING = frozenset({"linecache.py", "inspect.py", "traceback.py", "warnings.py", "tokenize.py"})
_SETS = ("supports_dir_fd", "supports_effective_ids", "supports_fd", "supports_follow_symlinks")

Note = Callable[[str, str], None]
"""Takes note of what is asked of a path: `kinds` or `dates`, and the path."""


def watch_unaudited(note: Note, started: Callable[[], None]) -> None:
    """Wrap, for good, what asks about files in this process, and what starts others unseen."""

    def asking(name: str, plain: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(plain)
        def call(*args: Any, **options: Any) -> Any:
            path = args[0] if args else options.get("path")
            if isinstance(path, str | bytes | os.PathLike) and options.get("dir_fd") is None:
                what = "kinds" if name in ("access", "readlink") else _asked_of_file()
                if what is not None:
                    note(what, absolute(os.fspath(path)))
            return plain(*args, **options)

        return call

    calls = {
        name: asking(name, getattr(os, name))
        for name in ("stat", "lstat", "access", "readlink")
        if hasattr(os, name)
    }
    for name, call in calls.items():
        for group in _SETS:
            known: set[Any] = getattr(os, group, set())
            if getattr(os, name) in known:
                known.add(call)
        setattr(os, name, call)
    _stand_in(calls)
    _watch_starts(started)


def _stand_in(calls: Mapping[str, Callable[..., Any]]) -> None:
    """Give whoever imports what is below `os` the same calls, and the environment that notes.

    The import system keeps the module itself: what it asks is noted by the names that it looks for.
    """
    below = sys.modules[os.name]
    module = ModuleType(below.__name__, below.__doc__)
    vars(module).update(vars(below))
    vars(module).update(calls, environ=getattr(os, "environb", os.environ))
    sys.modules[os.name] = module


def _asked_of_file() -> str | None:
    """What the code that calls learns of a file; nothing that counts where it shows source code."""
    for frame in frames():
        whose = owner(frame.f_code.co_filename)
        if whose == "python":
            if frame.f_code.co_name in _KINDS:
                return "kinds"
            if _shows(frame):
                return None
        else:
            return None if whose == "import" else "kinds" if whose == "own" else "dates"
    return None


def _shows(frame: FrameType) -> bool:
    name = frame.f_code.co_filename
    # What is installed is noted by the folders that it lists.
    return PurePath(name).name in _SHOWING or reads_distributions(name)


def _watch_starts(started: Callable[[], None]) -> None:
    """Note what starts processes past `subprocess`, as the ways of `multiprocessing` do."""
    try:
        import _posixsubprocess
    except ImportError:  # Windows, where its own module raises an event.
        return
    plain = _posixsubprocess.fork_exec

    @wraps(plain)
    def fork_exec(*args: Any) -> Any:
        started()
        return plain(*args)

    _posixsubprocess.fork_exec = fork_exec
