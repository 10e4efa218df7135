"""What a file leaves behind that is no process: temporary files and shared memory.

Each file has a temporary folder of its own, in one of the worker's; whoever outlives the file's
process clears it. Names of shared memory are noted there when it is made.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import weakref
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from os import write
from pathlib import Path
from typing import Any

#: What programs look at for a place of temporary files.
NAMES = ("TMPDIR", "TEMP", "TMP")
#: How long a process may take for what it does when it ends, in seconds.
LEAVING = 2.0
_PREFIX = "modellint-"
_NOTED = "shared-memory"
_numbers = itertools.count()
#: The module of Python's own that makes it.
_SHARED = "_posixshmem"


def new_folder() -> str | None:
    """A new temporary folder; `None` where none can be made, as on a disk that is read only."""
    import tempfile  # Where no file has changed nobody needs it.

    try:
        return tempfile.mkdtemp(prefix=_PREFIX)
    except OSError:
        return None


def temporary_in(folder: str) -> str:
    """Where in a file's own folder its temporary files go."""
    return str(Path(folder, "tmp"))


def settle(folder: str | None, keep: Callable[[int], int]) -> None:
    """Make a folder the place of temporary files of this process, and note shared memory there.

    `keep` moves a descriptor out of the reach of user code. What was to be done when the process
    ends is forgotten: it is the worker's.
    """
    with contextlib.suppress(AttributeError):
        atexit._clear()
        # What user code registers there anew is its own.
        weakref.finalize._registered_with_atexit = False  # type: ignore[attr-defined]
    if folder is None:
        return
    place = temporary_in(folder)
    try:
        Path(place).mkdir(exist_ok=True)
        notes = keep(os.open(Path(folder, _NOTED), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
    except OSError:  # The disk is full: then nothing is left behind either.
        return
    import tempfile

    for name in NAMES:
        os.environ[name] = place
    tempfile.tempdir = None
    _note_shared_memory(notes)


def _note_shared_memory(notes: int) -> None:
    try:
        shared = import_module(_SHARED)
    except ImportError:  # Windows forgets it with the last process that has it.
        return
    plain = shared.shm_open
    made = os.O_CREAT | os.O_EXCL

    @wraps(plain)
    def shm_open(*args: Any, **options: Any) -> Any:
        opened = plain(*args, **options)
        path, flags = (*args, options.get("path"), options.get("flags"))[:2]
        if isinstance(flags, int) and flags & made == made:
            with contextlib.suppress(OSError):  # User code may have closed it.
                write(notes, f"{path}\n".encode())
        return opened

    shared.shm_open = shm_open  # type: ignore[attr-defined]


def is_left_to_do() -> bool:
    """Whether user code has asked for something to be done when the process ends."""
    return bool(getattr(atexit, "_ncallbacks", int)())


def leave() -> None:
    """Do what user code has asked for; its output and its exceptions are nobody's."""
    with contextlib.suppress(BaseException):
        atexit._run_exitfuncs()


def clear(folder: str | None) -> None:
    """Remove a folder and the shared memory that is noted in it."""
    if folder is None:
        return

    for name in _noted(folder):
        with contextlib.suppress(OSError):  # It was removed as it should be.
            import_module(_SHARED).shm_unlink(name)
    remove_folder(folder)


def remove_folder(folder: str) -> None:
    """Remove a folder with all that it holds, as far as it can be, however deep that is."""
    import shutil

    # Python's own goes as deep as calls do, with a descriptor for each folder on the way.
    with contextlib.suppress(RecursionError):
        shutil.rmtree(folder, onerror=_unlocked)
    while os.path.isdir(folder) and _raised(folder):  # noqa: PTH112
        pass
    with contextlib.suppress(OSError):
        os.rmdir(folder)  # noqa: PTH106


def _raised(folder: str) -> bool:
    """Remove what a folder holds, what is two folders deep taken up to it first.

    Whether there was anything that could be.
    """
    done = 0
    for entry in _entries(folder):
        inside = _entries(entry.path) if entry.is_dir(follow_symlinks=False) else []
        for one in inside:
            with contextlib.suppress(OSError):
                if one.is_dir(follow_symlinks=False):
                    os.rename(one.path, os.path.join(folder, f"{_PREFIX}{next(_numbers)}"))  # noqa: PTH104, PTH118
                else:
                    os.unlink(one.path)  # noqa: PTH108
                done += 1
        with contextlib.suppress(OSError):
            remove = os.rmdir if entry.is_dir(follow_symlinks=False) else os.unlink
            remove(entry.path)
            done += 1
    return done > 0


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        os.chmod(folder, 0o700)  # noqa: PTH101
        with os.scandir(folder) as entries:
            return [*entries]
    except OSError:
        return []


def _noted(folder: str) -> list[str]:
    try:
        return Path(folder, _NOTED).read_text("utf-8", "replace").splitlines()
    except OSError:
        return []


def _unlocked(remove: Callable[[str], object], path: str, error: object) -> None:
    """Try once more what a folder without rights for its owner refuses."""
    with contextlib.suppress(OSError):
        for locked in (Path(path).parent, Path(path)):
            locked.chmod(0o700)
        if Path(path).is_dir() and not Path(path).is_symlink():
            import shutil

            shutil.rmtree(path, ignore_errors=True)
        else:
            remove(path)
