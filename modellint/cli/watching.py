"""Lints again whenever a file is saved that a result depends on, until Ctrl-C.

Files are asked for their dates a few times a second: those of a run are few, it needs no package,
and it works alike on network drives, in containers and on every system. A search that takes long is
asked for less often, so that waiting costs a twentieth of a core at most.
"""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

import click

from modellint.errors import ModellintError, PluginError, UsageError, WorkerError
from modellint.report.lines import plural, printable
from modellint.source.paths import shown_path

State = tuple[int, int, int] | None
"""When a file was written, how long it is, which one it is; nothing for one that is not there.

Of a folder only counts which one it is, unless its path ends with a `/`: then its names do, too.
"""

#: How often files are looked at, in seconds, and what part of the time that may take.
_PAUSE, _SHARE = 0.1, 0.05
#: Editors write a file in several steps: so long nothing may happen before it counts as saved.
_SETTLED = 0.05
#: The length of a folder.
_FOLDER = -1


def watch(
    lint: Callable[[set[str]], int], targets: Callable[[], Iterable[str]], *, quiet: bool
) -> int:
    """Lint once, then after each change; the exit status of Ctrl-C, which is how it ends.

    `lint` prints a report and adds what it depends on to the set that it is given. `targets` are
    the files that are linted as things are now. What is wrong with the first run is raised.
    """
    try:
        before = states(targets())
        behind: set[str] = set()
        lint(behind)
        while True:
            # A target that was saved during the run counts by what it was before that.
            known = {**states({*behind, *targets()}), **before}
            there = [one for one in known.values() if one is not None and one[1] != _FOLDER]
            _tell(f"watching {plural(len(there), 'file')}; Ctrl-C ends", quiet=quiet)
            before = _changed(known, targets)
            names = _names(known, before)
            _clear()
            _tell(f"{datetime.now():%H:%M:%S} {names} changed", quiet=quiet)
            read: set[str] = set()
            try:
                lint(read)
                behind = read
            except (UsageError, PluginError, WorkerError) as error:  # To be mended while we wait.
                _tell(_words(error), quiet=False)
            before = {path: before[path] for path in before if path in targets_of(targets)}
    except KeyboardInterrupt:
        return 0


def states(paths: Iterable[str]) -> dict[str, State]:
    """The states of files as they are now."""
    return {path: _state(path) for path in paths}


def targets_of(targets: Callable[[], Iterable[str]]) -> set[str]:
    """The targets as they are now; none where one is gone, which the next run tells."""
    try:
        return {*targets()}
    except UsageError:
        return set()


def _changed(known: Mapping[str, State], targets: Callable[[], Iterable[str]]) -> dict[str, State]:
    """The states of all files once one of them is another than `known`, or one is new."""
    while True:
        started = time.perf_counter()
        now = states({*known, *targets_of(targets)})
        if now != known:
            return _settled(now)
        took = time.perf_counter() - started
        time.sleep(max(_PAUSE, took / _SHARE))


def _settled(now: dict[str, State]) -> dict[str, State]:
    """The states of files when none has changed for a moment."""
    while True:
        time.sleep(_SETTLED)
        later = states(now)
        if later == now:
            return now
        now = later


def _state(path: str) -> State:
    try:
        found = os.stat(path)  # noqa: PTH116 - of many files, several times a second
    except (OSError, ValueError):
        return None
    if stat.S_ISDIR(found.st_mode):
        return found.st_mtime_ns if path.endswith(os.sep) else 0, _FOLDER, found.st_ino
    return found.st_mtime_ns, found.st_size, found.st_ino


def _names(known: Mapping[str, State], now: Mapping[str, State]) -> str:
    """Which files have changed, in words."""
    names = [shown_path(path) for path in sorted(now) if now[path] != known.get(path)]
    return printable(names[0]) + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def _words(error: ModellintError) -> str:
    return printable(str(error))


def _clear() -> None:
    """An empty screen, where somebody looks at one."""
    if sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        click.echo("\x1b[2J\x1b[H", nl=False, color=True)


def _tell(text: str, *, quiet: bool) -> None:
    sys.stdout.flush()
    if not quiet:
        click.echo(f"modellint: {text}", err=True)
