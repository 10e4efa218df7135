"""Paths of files: as reports print them, the root of a project, and what is a file at all.

Questions are asked by `os.path`: those of `Path` raise where a folder may not be looked into, or
where links lead in a circle.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

#: The folder of modellint's own code.
PACKAGE = Path(__file__).absolute().parent.parent
#: What lies in the folder that a project starts at.
ROOT_MARKS = ("pyproject.toml", "setup.py", "setup.cfg", ".git")

#: The folders that packages are installed in.
INSTALLED = frozenset({"site-packages", "dist-packages"})


def is_notebook(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a notebook, by its name."""
    return os.fspath(path).endswith(".ipynb")


def is_exported(path: str | os.PathLike[str]) -> bool:
    """Whether a file is one of `torch.export.save`, by its name."""
    return os.fspath(path).endswith(".pt2")


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


def regular_bytes(path: str | os.PathLike[str]) -> bytes:
    """What a file holds; raise `OSError` as well for what is no file, such as a pipe or a device.

    Those may be opened by whoever means them; read in passing, they would never end.
    """
    with open(path, "rb", opener=_opened) as file:
        return file.read()


def _opened(path: str, flags: int) -> int:
    mode = os.stat(path).st_mode  # noqa: PTH116
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # Of a folder `open` says so itself.
        raise OSError(errno.EINVAL, "not a regular file", path)
    return os.open(path, flags)


def absolute_path(path: str | os.PathLike[str]) -> str:
    """An absolute path, links kept: a linked file has the name and neighbours its user sees."""
    return os.path.abspath(path)  # noqa: PTH100


def project_root(path: str) -> str:
    """The nearest folder above a file that a project starts at, else the file's own folder."""
    folders = Path(path).parents
    for folder in folders:
        if any(map(os.path.exists, (folder / mark for mark in ROOT_MARKS))):
            return str(folder)
    return str(folders[0])
