"""Writes the fixes of a report, and takes back those that do other files harm.

What a file becomes is linted before it is written, but only on disk do the files that import it
meet the change.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from modellint.config.settings import Request
from modellint.engine.engine import lint_targets
from modellint.engine.rounds import Mended, is_stdin, mend, request_of, unchanged
from modellint.engine.running import Pools
from modellint.mending.choosing import count_unsafe
from modellint.mending.comparing import RUNS, is_worse, level_of, part_of
from modellint.results.report import FixCount, FixedFiles, Report
from modellint.source.paths import absolute_path
from modellint.source.replacing import replace_source


@dataclass(frozen=True)
class _Written:
    """Which files have their fixes, what a lint of all tells then, and what was not written."""

    request: Request
    report: Report
    paths: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()


def fix_files(report: Report, *, unsafe: bool, pools: Pools | None = None) -> FixedFiles:
    """Make the fixes of a report, write the files, and lint all targets again if one has changed.

    Raises `UsageError` for a report that is not of a run over files in the current folder.
    """
    opened = closing(Pools()) if pools is None else nullcontext(pools)
    with opened as used:
        mended = mend(report, unsafe=unsafe, pools=used)
        start = _Written(request_of(report), report, troubles=mended.troubles)
        done = _written(start, [*mended.changed], mended, used)
    made = {path: len(mended.made[path]) for path in done.paths}
    left = done.report
    count = FixCount(sum(made.values()), 0 if unsafe else count_unsafe(left.findings))
    return FixedFiles(made, done.troubles, replace(left, fixed=count))


def _written(so_far: _Written, paths: Sequence[str], mended: Mended, pools: Pools) -> _Written:
    """What is written with these files besides; where they do harm together, one by one."""
    now = replace(so_far, paths=())
    for path in paths:
        now = _changed(now, path, mended.before[path], mended.after[path])
    added = now.paths
    now = replace(now, paths=(*so_far.paths, *added))
    if not added:
        return now
    request = now.request
    left = lint_targets(
        request.given, request.settings, request.stdin, request.stdin_name, pools=pools
    )
    level = level_of(finding for path in added for finding in mended.made[path])
    harmed = _harmed(so_far.report, left, now.paths, mended, level)
    if harmed is None:
        return replace(now, report=left)
    for path in added:
        now = _changed(now, path, mended.after[path], mended.before[path])
    back = replace(now, paths=so_far.paths)
    if len(added) == 1:
        trouble = unchanged(added[0], f"{harmed} would be worse off")
        return replace(back, troubles=(*back.troubles, trouble))
    for path in added:
        back = _written(back, [path], mended, pools)
    return back


def _changed(now: _Written, path: str, before: bytes, after: bytes) -> _Written:
    """What is written after a file holds something else."""
    if is_stdin(path, now.request):
        return replace(now, request=replace(now.request, stdin=after), paths=(*now.paths, path))
    try:
        replace_source(Path(absolute_path(path)), before, after)
    except OSError as error:
        trouble = unchanged(path, error.strerror or str(error))
        return replace(now, troubles=(*now.troubles, trouble))
    return replace(now, paths=(*now.paths, path))


def _harmed(
    before: Report, after: Report, paths: Sequence[str], mended: Mended, level: int
) -> str | None:
    """A file that is worse off by what others hold now; `None` where there is none.

    One that has its own fixes is as it was in memory, if it runs.
    """
    for path in sorted({model.path for model in after.models}):
        now = part_of(after, path)
        if path in paths:
            worse = is_worse(mended.reports[path], now, RUNS)
        else:
            was = part_of(before, path)
            worse = bool(was.models) and is_worse(was, now, level)
        if worse:
            return path
    return None
