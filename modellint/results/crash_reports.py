"""What is needed to mend a fault of modellint's or a rule's: no source of the user's, no values."""

from __future__ import annotations

import platform
import sys
import traceback
from collections.abc import Iterator
from types import FrameType
from typing import Any

from modellint._version import __version__
from modellint.results.report import Note
from modellint.source.paths import INSTALLED

#: What each line of it begins with.
CRASH = "crash report: "
_TOLD = ("torch", "numpy")
#: What modellint's functions call an operation that they are about.
_OPERATIONS = ("record", "node", "call")
_DEEPEST, _MOST = 3, 8


def crash_report(path: str, line: int, subject: str, error: BaseException) -> tuple[Note, ...]:
    """The report of an exception that ended what `subject` says, a note for each of its lines."""
    return tuple(Note(path, line, CRASH + text) for text in _lines(subject, error))


def _lines(subject: str, error: BaseException) -> Iterator[str]:
    yield f"{subject} ended with {_chain(error)}"
    yield f"{_versions()}, {platform.platform()}"
    frames = [*traceback.walk_tb(error.__traceback__)]
    operation = next(filter(None, (_operation(frame) for frame, _ in reversed(frames))), None)
    if operation is not None:
        yield f"operation: {operation}"
    for frame, number in frames:
        yield f"in {_place(frame)}" + (f", line {number}" if _is_ours(frame) else "")
    yield "report it where modellint, or the plugin that has the rule, comes from"


def _chain(error: BaseException) -> str:
    """The kinds of an exception and of those that it came of; their words may hold values."""
    kinds: list[str] = []
    current: BaseException | None = error
    while current is not None and len(kinds) < _MOST:
        kinds.append(type(current).__name__)
        current = current.__cause__ or current.__context__
    return " after ".join(kinds)


def _versions() -> str:
    found = [f"modellint {__version__}", f"Python {platform.python_version()}"]
    for name in _TOLD:
        version = getattr(sys.modules.get(name), "__version__", None)
        found += [f"{name} {version}"] if version is not None else []
    return ", ".join(found)


def _operation(frame: FrameType) -> str | None:
    """The operation that a function of ours is about, with the kinds of its arguments."""
    if not _is_ours(frame):
        return None
    for name in _OPERATIONS:
        found = frame.f_locals.get(name)
        try:
            op = getattr(found, "op", None)
            if isinstance(op, str):
                return f"{op}({', '.join(_kinds(found))})"
        except Exception:  # What is broken may be the very arguments.
            return "one whose arguments cannot be told"
    return None


def _kinds(operation: Any) -> list[str]:
    given = getattr(operation, "arguments", None) or {}
    told = [f"{key}: {kind_of(value)}" for key, value in given.items()]
    return told or [kind_of(value) for value in getattr(operation, "args", None) or ()]


def kind_of(value: Any, depth: int = 0) -> str:
    """The kind of an argument: its type, what it holds, how many axes it has."""
    name = type(value).__name__
    if type(value) in (tuple, list):
        if depth == _DEEPEST or len(value) > _MOST:
            return f"{name} of {len(value)}"
        return f"{name}[{', '.join(kind_of(one, depth + 1) for one in value)}]"
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if dtype is not None and shape is not None:
        return f"{name}({len(shape)} axes, {dtype})"
    return "None" if value is None else name


def _is_ours(frame: FrameType) -> bool:
    """Whether a frame is of modellint or of rules, whose lines tell nothing of the user's."""
    top = frame.f_globals.get("__name__", "").partition(".")[0]
    return top in ("modellint", "modellint_rules")


def _place(frame: FrameType) -> str:
    """Where a frame is, without any folder of this machine."""
    path = frame.f_code.co_filename
    folders = [f"/{name}/" for name in INSTALLED]
    plain = path.replace("\\", "/")
    if _is_ours(frame):
        return f"{frame.f_globals['__name__']}.{frame.f_code.co_name}"
    for folder in folders:
        if folder in plain:
            return f"{plain.rpartition(folder)[2]} ({frame.f_code.co_name})"
    return "code of the file or of its rules" if not path.startswith("<") else path
