"""A revision's files in a folder of their own, and their paths as they are in the work tree."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from modellint.source.paths import absolute_path

#: What stands for the folder in what is kept, as it has another name in every run.
_MARK = "<revision>"


@dataclass(frozen=True)
class Tree:
    """The files of a repository at `root` as they were, below `top`, which stands for `/`.

    So every folder has its own name, and a path below the current folder is printed as it would be
    in the work tree.
    """

    top: str
    root: str

    @property
    def folder(self) -> str:
        """Where the repository's files lie."""
        return self.inside(self.root)

    def inside(self, path: str) -> str:
        """Where a file of the work tree lies; any other path stays what it is."""
        path = absolute_path(path)
        if self.holds(path):
            return self._below(path)
        real, root = os.path.realpath(path), os.path.realpath(self.root)
        if real != path and (real == root or real.startswith(os.path.join(root, ""))):  # noqa: PTH118
            return self._below(os.path.join(self.root, os.path.relpath(real, root)))  # noqa: PTH118
        return path

    def holds(self, path: str) -> bool:
        """Whether a path is one of the work tree."""
        return path == self.root or path.startswith(os.path.join(self.root, ""))  # noqa: PTH118

    @property
    def current(self) -> str:
        """What stands for the current folder."""
        return self._below(os.getcwd())  # noqa: PTH109

    def outside(self, path: str) -> str:
        """The path, or a text that names paths, as it is in the work tree."""
        return path.replace(self.top, os.path.splitdrive(self.root)[0])

    def told(self, value: Any) -> Any:
        """A value of JSON with the paths of the work tree."""
        return _replaced(value, self.outside)

    def marked(self, value: Any) -> Any:
        """A value of JSON to be kept: with a mark for the folder, which has another name soon."""
        return _replaced(value, lambda text: text.replace(self.top, _MARK))

    def unmarked(self, value: Any) -> Any:
        """A value that `marked` made, with this folder."""
        return _replaced(value, lambda text: text.replace(_MARK, self.top))

    def taken_in(self, value: Any) -> Any:
        """A value of JSON with the paths of the work tree as they are here."""
        return _replaced(value, lambda text: self._below(text) if self.holds(text) else text)

    def _below(self, path: str) -> str:
        return os.path.normpath(self.top + os.path.splitdrive(path)[1])


def _replaced(value: Any, replace: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return replace(value)
    if isinstance(value, dict):
        return {_replaced(key, replace): _replaced(one, replace) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(one, replace) for one in value]
    return value
