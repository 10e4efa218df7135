"""What the command line names: files, directories, `file.py::Name`, standard input."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Protocol

from modellint.errors import UsageError
from modellint.source.paths import (
    INSTALLED,
    absolute_path,
    is_exported,
    is_notebook,
    regular_bytes,
    shown_path,
)

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

    Ignoring = tuple[tuple[Path, GitIgnoreSpec], ...]

#: Directories that hold no source of the project itself.
_NEVER = frozenset({"__pycache__", "node_modules", "site-packages"})


class Excluded(Protocol):
    """Whether a file or folder is left out when a directory is searched."""

    def __call__(self, path: Path, *, directory: bool) -> bool:
        """Judge one path."""


@dataclass(frozen=True, slots=True)
class Target:
    """One file to lint: its path as printed and on disk, and the models asked for (none: all).

    `explicit` is a file that was named itself, not found in a directory. `data` is the text of a
    target that is not on disk; `trouble` says why a folder could not be searched.
    """

    shown: str
    path: str
    names: tuple[str, ...] = ()
    explicit: bool = True
    data: bytes | None = None
    trouble: str | None = None


def expand_targets(
    given: Sequence[str | os.PathLike[str]],
    stdin: bytes | None = None,
    stdin_name: str = "-",
    excluded: Excluded = lambda path, *, directory: False,
) -> tuple[Target, ...]:
    """The files that targets stand for, each file once, in order of their printed paths.

    `-` is `stdin`, reported as `stdin_name`. `excluded` tells what a search of a directory leaves
    out. A file by several paths has the name of one that was named itself, and no link if there is
    one, whatever order they are given in. Raises `UsageError` for a path that does not exist or is
    neither a file nor a directory, and for one of another kind, such as README.md.
    """
    _known.clear()
    found: dict[str, Target] = {}
    for target in _expanded(given, stdin, stdin_name, excluded):
        # One file by two paths, a symbolic link say, is linted once.
        real = os.path.realpath(target.path)
        found[real] = _joined(found[real], target, real) if real in found else target
    return tuple(sorted(found.values(), key=lambda target: target.shown))


def _joined(one: Target, other: Target, real: str) -> Target:
    """What two targets that are one file stand for together."""
    if (one.data is None) != (other.data is None):
        # What an editor sends is newer than what it has saved.
        return one if one.data is not None else other
    both = () if not (one.names and other.names) else one.names + other.names
    best = min(one, other, key=lambda each: (not each.explicit, each.path != real, each.shown))
    return replace(best, names=tuple(sorted(set(both))))


def unusable(name: str) -> str | None:
    """Why a target is nothing that can be linted: no such path, not a regular file; else None."""
    if name == "-":
        return None
    try:
        path, _ = path_and_names(name)
        if not _is_directory(path) and _is_foreign(path):
            return _foreign(path)
    except UsageError as error:
        return str(error)
    return None


def _is_foreign(path: str) -> bool:
    """Whether a file is none of Python's by its suffix; scripts have none, or say so at the top."""
    suffix = PurePath(path).suffix
    if not suffix or suffix.startswith(".py") or is_notebook(path) or is_exported(path):
        return False
    try:
        with Path(path).open("rb") as file:
            first = file.readline(256)
    except OSError:  # Reported as the file's own fault.
        return False
    return not (first.startswith(b"#!") and b"python" in first)


def _foreign(path: str) -> str:
    return (
        f"{path}: neither a Python file nor a notebook nor an exported program (.pt2), so there "
        "are no models in it to lint"
    )


def left_out(path: Path, excluded: Excluded) -> bool:
    """Whether a search of the folders above a file leaves it out, for git or by `excluded`."""
    return _ignored(path, directory=False) or excluded(path, directory=False)


def _expanded(
    given: Sequence[str | os.PathLike[str]],
    stdin: bytes | None,
    stdin_name: str,
    excluded: Excluded,
) -> Iterator[Target]:
    for one in given:
        name = os.fspath(one)
        if name == "-":
            yield Target(shown_path(stdin_name), absolute_path(stdin_name), data=stdin or b"")
            continue
        path, selected = path_and_names(name)
        if _is_directory(path):
            yield from _walk(path, excluded)
        elif _is_foreign(path):
            raise UsageError(_foreign(path))
        else:
            yield Target(shown_path(path), absolute_path(path), selected)


def path_and_names(name: str) -> tuple[str, tuple[str, ...]]:
    """A selector's path and name; a file may have `::` in its name, and an expression as well."""
    if "::" in name and not os.path.lexists(name):
        parts = name.split("::")
        for at in range(1, len(parts)):
            path = "::".join(parts[:at])
            if os.path.lexists(path):
                selected = "::".join(parts[at:])
                if "::" in selected and "(" not in selected:
                    raise UsageError(f"{name}: a selector names one model, as in file.py::Name")
                return path, (selected,)
        path, _, selected = name.partition("::")
        return path, (selected,)
    return name, ()


def _is_directory(path: str) -> bool:
    if not path:
        # What a script's empty variable leaves is not meant to be the current folder.
        raise UsageError("a target is empty: name a file or a directory, such as .")
    try:
        mode = Path(path).stat().st_mode
    except OSError as error:
        # A broken link, or no permission: a fault of the file, reported.
        if os.path.lexists(path) or isinstance(error, PermissionError):
            return False
        raise UsageError(f"{path}: no such file or directory") from error
    except ValueError as error:
        raise UsageError(f"{path!r} is not a path: {error}") from error
    # Opening a FIFO or a device would hang.
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise UsageError(f"{path}: not a regular file")
    return stat.S_ISDIR(mode)


def _walk(top: str, excluded: Excluded) -> Iterator[Target]:
    """The Python files and notebooks below a directory.

    What git or the configuration leaves out is none. A folder that cannot be listed is a target,
    since what it holds is not linted.
    """
    # No recursion, which os.walk takes to: folders may be nested deeper than Python's calls.
    pending = [top]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(folder) as entries:
                inside = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            trouble = f"cannot be read: {error.strerror or error}; exclude leaves it out"
            yield Target(shown_path(folder), absolute_path(folder), explicit=False, trouble=trouble)
            continue
        for entry in inside:
            if not (entry.name.endswith(".py") or is_notebook(entry.name)) or _is(entry.is_dir):
                continue
            # Only a link may lead elsewhere than to a file.
            if not _is(entry.is_file) and not _is(entry.is_symlink):
                continue
            path = Path(folder, entry.name)
            if not _ignored(path, directory=False) and not excluded(path, directory=False):
                yield Target(shown_path(path), absolute_path(path), explicit=False)
        pending += [
            str(path)
            for entry in reversed(inside)
            if _is(entry.is_dir) and not _is(entry.is_symlink)
            for path in (Path(folder, entry.name),)
            if not _skipped(path) and not excluded(path, directory=True)
        ]


def _is(asked: Callable[[], bool]) -> bool:
    """What an entry of a folder answers; nothing where its links lead in a circle."""
    try:
        return asked()
    except OSError:
        return False


def _skipped(folder: Path) -> bool:
    name = folder.name
    if name in _NEVER or name.startswith(".") or os.path.exists(folder / "pyvenv.cfg"):  # noqa: PTH110
        return True
    return _ignored(folder, directory=True)


def _ignored(path: Path, *, directory: bool) -> bool:
    """Whether the `.gitignore` files up to the repository's root say so, the nearest first."""
    absolute = Path(absolute_path(path))
    for folder, spec in _gitignores(absolute.parent):
        relative = absolute.relative_to(folder).as_posix() + ("/" if directory else "")
        verdict = spec.check_file(relative).include
        if verdict is not None:
            return verdict
    return False


def _gitignores(folder: Path) -> Ignoring:
    """The folders with a `.gitignore` from this one up to the repository's root, with what it says.

    Most folders have none.
    """
    # No recursion: folders may be nested deeper than Python's calls.
    passed: list[Path] = []
    found: Ignoring = ()
    for one in chain([folder], folder.parents):
        if one in _known:
            found = _known[one]
            break
        passed.append(one)
        # What is installed is no part of the repository around its environment.
        if os.path.exists(one / ".git") or one.name in INSTALLED:  # noqa: PTH110
            break
    for one in reversed(passed):
        spec = _gitignore(one)
        found = found if spec is None else ((one, spec), *found)
        _known[one] = found
    return found


#: What is known of folders, for one search.
_known: dict[Path, Ignoring] = {}


def _gitignore(folder: Path) -> GitIgnoreSpec | None:
    try:
        text = regular_bytes(folder / ".gitignore").decode("utf-8", "replace")
    except OSError:
        return None
    # Imported here, as it takes as long as to lint some unchanged files.
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec.from_lines(text.splitlines())
