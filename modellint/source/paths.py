"""Paths of files: as reports print them, the root of a project, modellint's own folder."""

from __future__ import annotations

import os
from pathlib import Path

#: The folder of modellint's own code.
PACKAGE = Path(__file__).absolute().parent.parent
#: What lies in the folder that a project starts at.
ROOT_MARKS = ("pyproject.toml", "setup.py", "setup.cfg", ".git")

#: The folders that packages are installed in.
INSTALLED = frozenset({"site-packages", "dist-packages"})


def is_installed(path: str | os.PathLike[str]) -> bool:
    """Whether a file belongs to an installed package."""
    return not INSTALLED.isdisjoint(Path(path).parts)


def shown_path(path: str | os.PathLike[str], folder: str | None = None) -> str:
    """A path as reports print it: relative to a folder (the current one) where below it.

    Always with `/`, so that reports of one tree are the same on every system.
    """
    folder = folder or os.getcwd()  # noqa: PTH109 - a string, as it is compared with strings
    below = os.path.join(folder, "")  # noqa: PTH118
    return Path(absolute_path(os.path.join(folder, path)).removeprefix(below)).as_posix()  # noqa: PTH118


def absolute_path(path: str | os.PathLike[str]) -> str:
    """An absolute path, links kept: a linked file has the name and neighbours its user sees."""
    return os.path.abspath(path)  # noqa: PTH100


def project_root(path: str) -> str:
    """The nearest folder above a file that a project starts at, else the file's own folder."""
    folders = Path(path).parents
    for folder in folders:
        if any((folder / mark).exists() for mark in ROOT_MARKS):
            return str(folder)
    return str(folders[0])
