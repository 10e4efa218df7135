"""Which configuration governs which file: the nearest one above it, or the one that was given."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from modellint.config.configuration import (
    OWN_FILE,
    PYPROJECT,
    Configuration,
    read_configuration,
    table_in,
)
from modellint.errors import UsageError
from modellint.source.paths import absolute_path, is_installed, shown_path

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec


class Projects:
    """The configurations of a run; each file of them is read once, when it is first needed.

    `given` is the one file that governs everything; `isolated` leaves all of them out. `exclude`
    are patterns, relative to the current folder, that count in place of those of all of them.
    """

    def __init__(
        self, given: str | None = None, *, isolated: bool = False, exclude: tuple[str, ...] = ()
    ) -> None:
        if given is not None and isolated:
            raise UsageError("--config names a configuration and --isolated wants none: give one")
        self._found: dict[Path, Configuration] = {}
        self._only: Configuration | None = None
        self._excluding = Configuration(absolute_path(OWN_FILE), exclude=exclude)
        if isolated:
            self._only = Configuration()
        elif given is not None:
            if not os.path.exists(given):  # noqa: PTH110
                raise UsageError(f"{shown_path(given)}: no such file (--config)")
            self._only = read_configuration(absolute_path(given))

    def governing(self, path: str | Path) -> Configuration:
        """The configuration of a file; raise `UsageError` where that is not valid."""
        return self._only or self._of_folder(Path(absolute_path(path)).parent)

    def excludes(self, path: Path, *, directory: bool) -> bool:
        """Whether a file or folder is to be left out, by its configuration or the command line."""
        if is_installed(path) and not self._excluding.exclude:
            return False  # A search gets there only if that is what it was asked for.
        configuration = self._excluding if self._excluding.exclude else self.governing(path)
        return bool(configuration.exclude) and matches(
            configuration.exclude, configuration, path, directory=directory
        )

    def _of_folder(self, folder: Path) -> Configuration:
        # No recursion: folders may be nested deeper than Python's calls.
        passed: list[Path] = []
        for one in chain([folder], folder.parents):
            found = self._found.get(one) or _own(one)
            passed.append(one)
            if found is not None:
                break
        else:
            found = Configuration()
        self._found.update(dict.fromkeys(passed, found))
        return found


def _own(folder: Path) -> Configuration | None:
    """The configuration that lies in a folder itself."""
    for name in (OWN_FILE, PYPROJECT):
        path = folder / name
        if os.path.exists(path) and table_in(str(path)) is not None:  # noqa: PTH110
            return read_configuration(str(path))
    return None


def matches(
    patterns: tuple[str, ...], configuration: Configuration, path: str | Path, *, directory: bool
) -> bool:
    """Whether a path is one of those that patterns of a configuration mean, as in .gitignore."""
    below = _below(configuration, path)
    if below is None:
        return False
    return _spec(patterns).match_file(f"{below}/" if directory else str(below))


def leads_to(pattern: str, configuration: Configuration, path: str | Path) -> bool:
    """Whether a path of a configuration, or with `*` a pattern, is that of a file."""
    if "*" not in pattern:
        return absolute_path(configuration.folder / pattern) == absolute_path(path)
    anchored = "/" + pattern.removeprefix("./").removeprefix("/")
    return matches((anchored,), configuration, path, directory=False)


@lru_cache(maxsize=256)
def _spec(patterns: tuple[str, ...]) -> GitIgnoreSpec:
    # Many projects exclude nothing, and for them it would be a good part of a run.
    from pathspec import GitIgnoreSpec

    # To git `./net.py` means nothing at all, to everybody else the file beside the configuration.
    return GitIgnoreSpec.from_lines(re.sub(r"^(!?)\./", r"\1/", one) for one in patterns)


def _below(configuration: Configuration, path: str | Path) -> PurePosixPath | None:
    absolute = Path(absolute_path(path))
    if not absolute.is_relative_to(configuration.folder):
        return None
    return PurePosixPath(absolute.relative_to(configuration.folder).as_posix())
