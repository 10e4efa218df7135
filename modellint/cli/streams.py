"""The standard streams of the command: there, for any text, and with words where they are full."""

from __future__ import annotations

import io
import os
import sys
from typing import Any

from modellint.errors import UsageError


def prepare_streams() -> None:
    """Make the standard streams ones that the command can count on, before it prints anything.

    Those that the caller closed are the null device. What a terminal's encoding lacks, and file
    names that are no text, are printed as escapes. Standard output that cannot be written is a
    `UsageError`; what cannot be told on standard error is left untold, and the exit status is that
    of the run.
    """
    _open_closed()
    for name, raw in (("stdout", _Output), ("stderr", _Messages)):
        stream = getattr(sys, name)
        if not isinstance(stream, io.TextIOWrapper):  # A caller's own, as in tests.
            continue
        stream.reconfigure(errors="backslashreplace")
        if _is_plain(stream):
            stream.flush()
            setattr(sys, name, _over(raw(stream.fileno(), "wb", closefd=False), stream))


def discard_output() -> None:
    """Let what is still to be flushed go nowhere: writing it has just failed."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _open_closed() -> None:
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
            stream = open(os.devnull, mode)  # noqa: PTH123, SIM115 - stays open
            setattr(sys, name, stream)
            # It closes its descriptor when nobody has it any more.
            setattr(sys, f"__{name}__", stream)


def _is_plain(stream: io.TextIOWrapper) -> bool:
    """Whether bytes go from a stream to a descriptor; on a console of Windows characters do."""
    buffer = stream.buffer
    return type(getattr(buffer, "raw", buffer)) is io.FileIO


def _over(raw: io.FileIO, stream: io.TextIOWrapper) -> io.TextIOWrapper:
    """A text stream like another one, over other bytes."""
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        stream.encoding,
        stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


class _Output(io.FileIO):
    """Standard output, which says in a sentence that it cannot be written."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:  # Its reader has seen enough.
            raise
        except OSError as error:
            discard_output()
            told = error.strerror or error
            raise UsageError(f"cannot write to standard output: {told}") from error


class _Messages(io.FileIO):
    """Standard error, which takes what it cannot write as written: there is nobody to tell."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError:
            return len(data)
