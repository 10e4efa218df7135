"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file in one step, so that no reader sees half of it and a failure keeps the old.

    A link stays a link and a mode stays the mode. What is no file, such as /dev/stdout or a
    shell's `>(command)`, is written to as it is. Raises `OSError` where it cannot be written.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        mode = None
    if mode is not None and not stat.S_ISREG(mode):
        # Not resolved: what /dev/stdout leads to has no path of its own where it is a pipe.
        path.write_bytes(data)
        return
    written_to, path = path, path.resolve()
    if mode is not None and not path.exists():
        # A file that was deleted and is open still: a link to it leads to a name that is none.
        written_to.write_bytes(data)
        return
    import tempfile  # Most reports go to a stream.

    umask = os.umask(0o077)
    os.umask(umask)
    # Beside the file, as only within a file system is a replacement one step.
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".modellint-", delete=False) as file:
        written = Path(file.name)
        try:
            file.write(data)
            file.close()
            written.chmod(0o666 & ~umask if mode is None else stat.S_IMODE(mode))
            written.replace(path)
        except BaseException:
            written.unlink(missing_ok=True)
            raise
