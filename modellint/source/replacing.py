"""Writes a user's file anew, if it is still what it was and may be written."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from modellint.source.paths import regular_bytes
from modellint.source.whole_files import write_whole

_WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def replace_source(path: Path, before: bytes, after: bytes) -> None:
    """Replace a file that holds `before`; the rest is as `write_whole` does it.

    Raises `OSError` where it holds something else by now, and where nobody may write into it: the
    folder alone would let it be replaced.
    """
    if not path.stat().st_mode & _WRITABLE or not os.access(path, os.W_OK):
        raise OSError(errno.EACCES, "it is read-only")
    if regular_bytes(path) != before:
        raise OSError(errno.ESTALE, "it has changed since it was linted")
    write_whole(path, after)
