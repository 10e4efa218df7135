"""Where a report goes and whether it is coloured: a stream or a file, as the user wishes."""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from modellint.errors import UsageError


def wants_color(choice: str, output: str | None, environment: Mapping[str, str]) -> bool:
    """Whether to colour what is written to a file or, without one, to stdout.

    `--color` decides; else `NO_COLOR` and then `FORCE_COLOR`, each where it is not empty, a `TERM`
    of `dumb`, and last whether stdout is a terminal. A file is coloured only by `--color`.
    """
    if choice != "auto":
        return choice == "always"
    if output is not None or environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return True
    return environment.get("TERM") != "dumb" and sys.stdout.isatty()


def write(text: str, output: str | None) -> None:
    """Write to stdout, or to a file whole or not at all; raise `UsageError` where that fails."""
    try:
        if output is None:
            # `color` is decided already: click would strip it for a pipe even under --color always.
            # Without `file` it would write UTF-8 where the user asked for ASCII.
            click.echo(text, file=sys.stdout, nl=False, color=True)
        else:
            _write_file(text.encode("utf-8", "backslashreplace"), Path(output))
    except BrokenPipeError:
        raise
    except OSError as error:
        if output is None:
            discard_output()
        name = output or "the report to standard output"
        raise UsageError(f"cannot write {name}: {error.strerror or error}") from error


def discard_output() -> None:
    """Let what is still to be flushed go nowhere: writing it has just failed."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def have_streams() -> None:
    """Open the null device for standard streams that the caller closed (`>&-`).

    Else the next file that is opened, a pipe to the worker say, would stand in for them.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            try:
                os.fstat(number)
            except OSError:
                os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115 - stays open


def survive_any_text() -> None:
    """Print what a terminal's encoding lacks, and file names that are no text, as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _write_file(data: bytes, path: Path) -> None:
    """Replace a file in one step, so that no reader sees half of it and a failure keeps the old.

    A link stays a link and a mode stays the mode. What is no file, such as /dev/stdout or a
    shell's `>(command)`, is written to as it is.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        mode = None
    if mode is not None and not stat.S_ISREG(mode):
        # Not resolved: what /dev/stdout leads to has no path of its own where it is a pipe.
        path.write_bytes(data)
        return
    path = path.resolve()
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
