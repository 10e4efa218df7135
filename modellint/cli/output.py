"""Where a report goes and whether it is coloured: a stream or a file, as the user wishes."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from shutil import get_terminal_size

import click

from modellint.errors import UsageError
from modellint.source.whole_files import write_whole

#: Narrower terminals get lines that are wider than they are.
_NARROWEST = 40
#: Terminals that show links, by what they say of themselves.
_LINKING_TERMS = ("xterm-kitty", "xterm-ghostty", "alacritty", "foot", "wezterm", "contour")
_LINKING_PROGRAMS = frozenset({"iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "Tabby"})
_LINKING_SIGNS = ("KITTY_WINDOW_ID", "WT_SESSION", "KONSOLE_VERSION", "DOMTERM", "ALACRITTY_LOG")
_LINKING_VTE = 5000


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


def terminal_width(output: str | None, environment: Mapping[str, str]) -> int | None:
    """The columns of the terminal that stdout is, where a report goes there; `None` elsewhere.

    A `TERM` of `dumb`, as in Emacs, is a program that follows places, whatever stdout is.
    """
    if output is not None or environment.get("TERM") == "dumb" or not sys.stdout.isatty():
        return None
    return max(get_terminal_size().columns, _NARROWEST)


def has_links(environment: Mapping[str, str]) -> bool:
    """Whether the terminal of this environment shows links (OSC 8): those known to do, no others.

    `FORCE_HYPERLINK` decides where it is set, as for other programs.
    """
    forced = environment.get("FORCE_HYPERLINK")
    if forced:
        return forced != "0"
    if environment.get("TERM", "").startswith(_LINKING_TERMS):
        return True
    if environment.get("TERM_PROGRAM") in _LINKING_PROGRAMS:
        return True
    if environment.get("VTE_VERSION", "").isdecimal():
        return int(environment["VTE_VERSION"]) >= _LINKING_VTE
    return any(environment.get(name) for name in _LINKING_SIGNS)


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
