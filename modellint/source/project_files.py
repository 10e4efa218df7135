"""The Python files of a project, found without a look into them.

What is installed or made is no part of it: environments, `node_modules`, hidden folders, and
folders that are projects of their own. Links to folders are not followed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from modellint.source.paths import INSTALLED, ROOT_MARKS, is_installed

#: How many files are looked at, and how many folders.
_MOST_FILES, _MOST_FOLDERS = 5_000, 2_000
#: How files end that hold settings, and what begins the names of folders of such.
SETTINGS, OF_SETTINGS = (".yaml", ".yml", ".json", ".toml"), "conf"
_NEVER = INSTALLED | {"__pycache__", "node_modules", "venv", "env", "build", "dist", "wandb"}


class ProjectFile(NamedTuple):
    """A file by its path below the project's folder, with `/`, its size and its date."""

    path: str
    size: int
    date: int


def root_of(path: str, given: str | None = None) -> str | None:
    """The folder of the project that a file belongs to; `None` for what is installed.

    The nearest above it that a project starts at (`.git`, `pyproject.toml`, `setup.py`,
    `setup.cfg`). Where there is none, that above the packages it is in, or a `given` folder that a
    run was asked to search, if that is higher.
    """
    if is_installed(path):
        return None
    folder = top = os.path.dirname(path)  # noqa: PTH120 - asked for each file
    while True:
        if any(os.path.exists(os.path.join(top, mark)) for mark in ROOT_MARKS):  # noqa: PTH110, PTH118
            return top
        above = os.path.dirname(top)  # noqa: PTH120
        if above == top:
            break
        top = above
    while os.path.isfile(os.path.join(folder, "__init__.py")):  # noqa: PTH113, PTH118
        folder = os.path.dirname(folder)  # noqa: PTH120
    if given is not None and os.path.join(folder, "").startswith(os.path.join(given, "")):  # noqa: PTH118
        return given
    return folder


def sources_in(folder: str) -> list[str]:
    """The names in a folder that may concern a project's programs; none where it cannot be read.

    Modules and settings, and what is called as folders of settings are: data and results come and
    go beside them.
    """
    try:
        return sorted(filter(is_source, os.listdir(folder)))  # noqa: PTH208 - names alone
    except OSError:
        return []


def is_source(name: str) -> bool:
    """Whether something of this name may concern a project's programs."""
    return name.endswith((".py", *SETTINGS)) or name.startswith(OF_SETTINGS)


def python_files(root: str) -> list[ProjectFile]:
    """The Python files below a project's folder, in the order of their paths."""
    return sorted(_found(root))


def _found(root: str) -> Iterator[ProjectFile]:
    pending = [""]
    files = folders = 0
    while pending and folders < _MOST_FOLDERS:
        inside = pending.pop()
        folders += 1
        try:
            with os.scandir(os.path.join(root, inside)) as entries:  # noqa: PTH118
                held = [*entries]
        except OSError:
            continue
        names = {entry.name for entry in held}
        if inside and (".git" in names or "pyvenv.cfg" in names):
            continue
        for entry in sorted(held, key=lambda one: one.name):
            name = entry.name
            try:
                if name.endswith(".py"):
                    state = entry.stat()
                    if entry.is_file() and files < _MOST_FILES:
                        files += 1
                        yield ProjectFile(f"{inside}{name}", state.st_size, state.st_mtime_ns)
                elif "." not in name and name not in _NEVER and entry.is_dir(follow_symlinks=False):
                    pending.append(f"{inside}{name}/")
            except OSError:
                continue
