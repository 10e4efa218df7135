"""Whether a constructor failed for arguments that nobody gave, which then are no fault of it."""

from __future__ import annotations

import inspect
import linecache
import re
import traceback

from modellint.discovery.arguments import ConstructorCall, how_to_give
from modellint.errors import FileError, ModellintError, NotAnalysed

#: Lines that may stand between a condition and the `raise` that it leads to.
_ABOVE = 2


def doubted(
    call: ConstructorCall, callee: object, error: BaseException, explained: ModellintError
) -> NotAnalysed | None:
    """What to give in place of the arguments that a build failed with, if they are in doubt.

    Those are the values that modellint chose, and a default of `None` that the line which raises
    speaks of. A name that there is not is missing with any arguments.
    """
    if not isinstance(explained, FileError) or explained.kind != "build-error":
        return None
    if isinstance(error, NameError | ImportError | SystemExit | KeyboardInterrupt):
        return None
    how = how_to_give(call.callee)
    if call.assumed:
        return NotAnalysed(
            f"{call}, with assumed arguments, raises {explained.message} ({how})", explained.line
        )
    missing = [name for name in _left_none(call, callee) if _speaks_of(error, name)]
    if not missing:
        return None
    named = ", ".join(missing)
    return NotAnalysed(
        f"needs {named}, whose default is None: {explained.message} ({how})", explained.line
    )


def _left_none(call: ConstructorCall, callee: object) -> list[str]:
    """The parameters that the call leaves at a default of `None`."""
    if call.positional or call.keywords or not callable(callee):
        return []
    try:
        parameters = inspect.signature(callee).parameters.values()
    except (TypeError, ValueError):
        return []
    return [parameter.name for parameter in parameters if parameter.default is None]


def _speaks_of(error: BaseException, name: str) -> bool:
    """Whether the line that raised, or one shortly above it, holds a name."""
    frames = traceback.extract_tb(error.__traceback__)
    for frame in frames:
        last = frame.lineno or 0
        lines = [linecache.getline(frame.filename, at) for at in range(last - _ABOVE, last + 1)]
        if any(re.search(rf"\b{re.escape(name)}\b", line) for line in lines):
            return True
    return False
