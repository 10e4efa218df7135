"""Whether a constructor failed for arguments that nobody gave, which then are no fault of it."""

from __future__ import annotations

import inspect
import linecache
import re
import traceback

from modellint.building.failures import chained
from modellint.building.project_values import UnreadSetting
from modellint.discovery.arguments import ConstructorCall, how_to_give
from modellint.errors import FileError, ModellintError, NotAnalysed

#: Lines that may stand between a condition and the `raise` that it leads to.
_ABOVE = 2


def doubted(
    call: ConstructorCall, callee: object, error: BaseException, explained: ModellintError
) -> NotAnalysed | None:
    """What to give in place of the arguments that a build failed with, if they are in doubt.

    Those are the values that modellint chose, what a constructor passes on by `*args` or `**kwargs`
    where no call shows any, and a default of `None` that the line which raises speaks of. A name
    that there is not is missing with any arguments.
    """
    if call.elsewhere:
        return _as_read(call, error, explained)
    if not isinstance(explained, FileError) or explained.kind != "build-error":
        return None
    if isinstance(error, NameError | ImportError | SystemExit | KeyboardInterrupt):
        return None
    how = how_to_give(call.callee)
    if call.assumed:
        return NotAnalysed(
            f"{call}, with assumed arguments, raises {explained.message} ({how})", explained.line
        )
    if call.node is None and (passed_on := _passed_on(call, callee)):
        return NotAnalysed(
            f"needs what it passes on as {passed_on}: {explained.message} ({how})", explained.line
        )
    missing = [name for name in _left_none(call, callee) if _speaks_of(error, name)]
    if not missing:
        return None
    named = ", ".join(missing)
    return NotAnalysed(
        f"needs {named}, whose default is None: {explained.message} ({how})", explained.line
    )


def _as_read(
    call: ConstructorCall, error: BaseException, explained: ModellintError
) -> NotAnalysed | None:
    """What a call that was read in another file lacks: it may be another when the project runs."""
    if isinstance(explained, NotAnalysed) and explained.elsewhere:
        return None
    message = explained.message if isinstance(explained, FileError) else str(explained)
    line = explained.line if isinstance(explained, FileError) else None
    how = how_to_give(call.callee)
    unread = next((one for one in chained(error) if isinstance(one, UnreadSetting)), None)
    if unread is not None:
        return NotAnalysed(f"{call.origin}, with {unread} that is not told there ({how})")
    return NotAnalysed(f"{call.origin}, and as that was read it raises {message} ({how})", line)


def _passed_on(call: ConstructorCall, callee: object) -> str:
    """The parameters that stand for any number of arguments, of which the call gives none."""
    kinds = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    left = _parameters_left(call, callee)
    return ", ".join(kinds[one.kind] + one.name for one in left if one.kind in kinds)


def _left_none(call: ConstructorCall, callee: object) -> list[str]:
    """The parameters that the call leaves at a default of `None`."""
    return [one.name for one in _parameters_left(call, callee) if one.default is None]


def _parameters_left(call: ConstructorCall, callee: object) -> list[inspect.Parameter]:
    """The parameters of what is called, where the call gives no arguments at all."""
    if call.positional or call.keywords or not callable(callee):
        return []
    try:
        return [*inspect.signature(callee).parameters.values()]
    except (TypeError, ValueError):
        return []


def _speaks_of(error: BaseException, name: str) -> bool:
    """Whether the line that raised, or one shortly above it, holds a name."""
    frames = traceback.extract_tb(error.__traceback__)
    for frame in frames:
        last = frame.lineno or 0
        lines = [linecache.getline(frame.filename, at) for at in range(last - _ABOVE, last + 1)]
        if any(re.search(rf"\b{re.escape(name)}\b", line) for line in lines):
            return True
    return False
