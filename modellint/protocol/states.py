"""The state of what a run reads, as short texts that are equal if nothing has changed.

The worker notes states before the linted file sees the things themselves; the front end asks again
later. `os` functions are bound here, since user code may replace them.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterable
from importlib.machinery import all_suffixes
from os import O_RDONLY, close, listdir, read
from os import open as open_file
from os import stat as stat_of

#: Files larger than this are known by size and date, in bytes.
_LARGE = 64 << 20
_CHUNK = 1 << 20
_SUFFIXES = ("", *all_suffixes())
_ABSENT = ""


def digest(data: bytes) -> str:
    """The digest of bytes."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def file_state(path: str) -> str:
    """What a file holds; empty where there is none that can be read."""
    try:
        found = stat_of(path)  # noqa: PTH116
        if not stat.S_ISREG(found.st_mode):
            # Reading a FIFO or a device would hang.
            return "no file"
        if found.st_size > _LARGE:
            return f"{found.st_size} bytes of {found.st_mtime_ns}"
        return digest(_content(path))
    except (OSError, ValueError):
        return _ABSENT


def folder_state(path: str) -> str:
    """Which names a folder holds; empty where there is none that can be read."""
    try:
        names = sorted(listdir(path))  # noqa: PTH208
    except (OSError, ValueError):
        return _ABSENT
    return digest("\0".join(names).encode("utf-8", "surrogateescape"))


def names_in(folder: str) -> frozenset[str]:
    """The names that a folder holds; none where it cannot be read."""
    try:
        return frozenset(listdir(folder))  # noqa: PTH208
    except (OSError, ValueError):
        return frozenset()


def importable(name: str, names: Iterable[str]) -> list[str]:
    """Which of the names in a folder an import of a module of this name may mean."""
    held = names if isinstance(names, frozenset) else frozenset(names)
    return [name + suffix for suffix in _SUFFIXES if name + suffix in held]


def _content(path: str) -> bytes:
    descriptor = open_file(path, O_RDONLY)
    try:
        parts = []
        while part := read(descriptor, _CHUNK):
            parts.append(part)
        return b"".join(parts)
    finally:
        close(descriptor)
