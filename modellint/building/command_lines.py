"""What code misses of a command line, which is empty where a file is linted: the option's name."""

from __future__ import annotations

import linecache
import re
import traceback
from pathlib import PurePath

#: Libraries that read command lines: a refusal of theirs leaves the program.
_READERS = frozenset(
    """argparse click typer fire docopt tyro absl plac simple_parsing jsonargparse configargparse
    tap""".split()
)
#: What they raise for an option that is not there, by name: they need not be installed here.
_REFUSALS = frozenset(
    """MissingParameter NoSuchOption BadParameter ClickException UnparsedFlagAccessError
    IllegalFlagValueError RequiredFlagError""".split()
)
_HOW = "of the command line, which is empty here: give it a default"


def unsaid_option(error: BaseException) -> str | None:
    """What an exception misses of the command line, as a clause; `None` where it is about another.

    Argparse and its kin leave the program; `sys.argv[1]` is no item of a list that holds one.
    """
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if isinstance(error, SystemExit) or kinds & _REFUSALS:
        frames = list(traceback.walk_tb(error.__traceback__))
        if kinds & _REFUSALS or any(_is_reader(frame.f_code.co_filename) for frame, _ in frames):
            return f"needs {_named(error)} {_HOW}"
    if isinstance(error, IndexError | ValueError):
        return _unsaid_place(error)
    return None


def _is_reader(path: str) -> bool:
    parts = PurePath(path).parts
    return bool({*parts[-3:-1], PurePath(path).stem} & _READERS)


def _named(error: BaseException) -> str:
    """The options that a refusal names; click tells those of a program only on its stderr."""
    parameter = getattr(error, "param", None) or getattr(error.__context__, "param", None)
    written = getattr(parameter, "opts", None)
    if isinstance(written, list) and written:
        return max(map(str, written), key=len)
    for frame, _ in traceback.walk_tb(error.__traceback__):
        message = frame.f_locals.get("message")
        if frame.f_code.co_name == "error" and isinstance(message, str):
            _, required, names = message.partition("are required: ")
            return names if required else f"something ({message})"
    return "an option"


def _unsaid_place(error: BaseException) -> str | None:
    """The item of `sys.argv` that the line which raised asks for, if it asks for one."""
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1] if frames else None
    line = linecache.getline(last.filename, last.lineno or 0) if last is not None else ""
    if re.search(r"\bargv\b", line) is None:
        return None
    items = re.findall(r"\bargv\[\d+\]", line)
    return f"needs {' and '.join(f'sys.{item}' for item in items) or 'sys.argv'} {_HOW}"
