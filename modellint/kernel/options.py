"""What may follow `%%modellint` on its line."""

from __future__ import annotations

import argparse
import shlex
from typing import NamedTuple, NoReturn

from modellint.errors import UsageError


class Options(NamedTuple):
    """What a cell asks for, as the command line has it."""

    inputs: tuple[str, ...] = ()
    select: tuple[str, ...] = ("default",)
    ignore: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    layers: bool = False


def parse_options(line: str) -> Options:
    """Read the line of a magic; raise `UsageError` for what it does not know."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError as error:
        raise UsageError(f"%%modellint: {error}") from error
    given = _PARSER.parse_args(words)
    return Options(
        inputs=tuple(given.input),
        select=_names(given.select) or ("default",),
        ignore=_names(given.ignore),
        extend_select=_names(given.extend_select),
        layers=given.layers,
    )


class _Parser(argparse.ArgumentParser):
    """One that never ends the process, which is a kernel."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"%%modellint: {message}; %%modellint? lists the options")


def _names(given: list[str]) -> tuple[str, ...]:
    words = (word.strip() for text in given for word in text.split(","))
    return tuple(filter(None, words))


def _parser() -> _Parser:
    parser = _Parser(
        prog="%%modellint",
        description="Run a cell and lint the models that it defines.",
        add_help=False,
        allow_abbrev=False,
    )
    shape = "The shape of an input, such as N,3,H,W or tokens=N,T:int64; repeat for several."
    for name, word, text in (
        ("--input", "SPEC", shape),
        ("--select", "NAMES", "Rules and categories, or all."),
        ("--ignore", "NAMES", "Rules and categories that are left out."),
        ("--extend-select", "NAMES", "Rules and categories besides those that are on."),
    ):
        parser.add_argument(name, action="append", default=[], metavar=word, help=text)
    parser.add_argument("--layers", action="store_true", help="Show the tables of layers, too.")
    return parser


_PARSER = _parser()
#: What `%%modellint?` shows.
HELP = _PARSER.format_help()
