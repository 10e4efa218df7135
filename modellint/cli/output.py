"""Where a report goes and whether it is coloured: a stream or a file, as the user wishes."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import click

from modellint.errors import UsageError
from modellint.source.whole_files import write_whole


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


def write(text: str, output: str | None, *, aside: bool = False) -> None:
    """Write to stdout, or to a file whole or not at all; raise `UsageError` where that fails.

    To stderr, if `aside`, where stdout is for something else.
    """
    if output is None:
        # `color` is decided already: click would strip it for a pipe even under --color always.
        # Without `file` it would write UTF-8 where the user asked for ASCII.
        click.echo(text, file=sys.stderr if aside else sys.stdout, nl=False, color=True)
        return
    try:
        write_whole(Path(output), text.encode("utf-8", "backslashreplace"))
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror or error}") from error


def write_bytes(data: bytes) -> None:
    """Write to stdout what is for a program, as it is."""
    sys.stdout.buffer.write(data)
    sys.stdout.flush()
