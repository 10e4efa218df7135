"""What a Python is made of, as far as results depend on it; told without importing torch."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from modellint.protocol.states import digest

_INSTALLED = ("site-packages", "dist-packages")
#: What installers leave for each distribution: its name with its version, or the way to it.
_MARKS = (".dist-info", ".egg-info", ".egg-link", ".pth")


@dataclass(frozen=True, slots=True)
class Installation:
    """A Python that models run in: its path and version, its torch, and what else it holds.

    `torch` is a version without its build, `None` where there is none; `packages` a digest of the
    names and versions of all installed distributions.
    """

    path: str
    version: str
    torch: str | None
    packages: str


def own_installation() -> Installation:
    """The Python that this process runs in."""
    return Installation(sys.executable, sys.version, torch_version(), packages_in(sys.path))


def torch_version() -> str | None:
    """The installed torch's version without its build, read without importing it."""
    try:
        return metadata.version("torch").partition("+")[0]
    except metadata.PackageNotFoundError:
        return None


def packages_in(folders: Iterable[str]) -> str:
    """A digest of the distributions that are installed in the folders of a path."""
    found = []
    for folder in folders:
        if Path(folder).name in _INSTALLED:
            try:
                names = os.listdir(folder)  # noqa: PTH208 - names alone
            except OSError:
                continue
            found += [name for name in names if name.endswith(_MARKS)]
    return digest("\0".join(sorted(found)).encode("utf-8", "surrogateescape"))
