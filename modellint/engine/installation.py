"""What a Python is made of, as far as results depend on it; told without importing torch."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata

from modellint.protocol.states import INSTALLED_MARKS, digest, file_state
from modellint.source.paths import INSTALLED

#: Files that say where an installation lies that is worked on: a line of a path, or a finder.
_WAYS = (".pth", ".egg-link")
_FINDER = "__editable__"
#: Where it came from, if not from an index: there one version is as good as another.
_ORIGIN = "direct_url.json"


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
    """A digest of the distributions that are installed in the folders of a path.

    Of those that point elsewhere, as editable ones do, it holds where they point.
    """
    found = []
    for folder in folders:
        if os.path.basename(folder) in INSTALLED:  # noqa: PTH119 - dozens in each run
            try:
                names = os.listdir(folder)  # noqa: PTH208 - names alone
            except OSError:
                continue
            for name in names:
                path = os.path.join(folder, name)  # noqa: PTH118
                if name.endswith(_WAYS) or name.startswith(_FINDER):
                    found.append(f"{name} {file_state(path)}")
                elif name.endswith(".dist-info"):
                    found.append(f"{name} {file_state(os.path.join(path, _ORIGIN))}")  # noqa: PTH118
                elif name.endswith(INSTALLED_MARKS):
                    found.append(name)
    return digest("\0".join(sorted(found)).encode("utf-8", "surrogateescape"))
