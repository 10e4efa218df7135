"""Who asks: whose code an event in a file's process is of, by the frames above it."""

from __future__ import annotations

import os
import sys
import sysconfig
from functools import lru_cache
from os import fsdecode
from os.path import abspath
from types import FrameType

from modellint.source.paths import INSTALLED, PACKAGE

_OWN = os.path.join(str(PACKAGE), "")  # noqa: PTH118
_INSTALLED = tuple(f"{os.sep}{name}{os.sep}" for name in INSTALLED)
_STDLIB = tuple(
    {os.path.join(sysconfig.get_path(name), "") for name in ("stdlib", "platstdlib")}  # noqa: PTH118
)
#: Where Python looks for its library first, in vain on most systems.
_ARCHIVE = f"python{sys.version_info[0]}{sys.version_info[1]}.zip"
_METADATA = os.path.join("importlib", "metadata", "")  # noqa: PTH118
#: Code that runs because it watches.
_WATCHING = os.path.join(_OWN, "worker", "")  # noqa: PTH118
_IMPORTS = "<frozen importlib"


def is_installed(path: str) -> bool:
    """Whether a path is that of the standard library, an installed package or modellint itself."""
    whole = os.path.join(path, "")  # noqa: PTH118
    if whole.startswith((_OWN, *_STDLIB)) or whole.endswith(os.path.join(_ARCHIVE, "")):  # noqa: PTH118
        return True
    return any(part in whole for part in _INSTALLED)


@lru_cache(4096)
def owner(name: str) -> str:
    """Whose code a file of a frame is: import, python, watch, own, installed or user."""
    if name.startswith("<frozen "):
        return "import" if name.startswith(_IMPORTS) else "python"
    path = absolute(name)
    if path.startswith(_WATCHING):
        return "watch"
    if path.startswith(_OWN):
        return "own"
    if any(part in path for part in _INSTALLED):
        return "installed"
    return "python" if path.startswith(_STDLIB) else "user"


def reads_distributions(name: str) -> bool:
    """Whether a file of a frame is the part of Python that tells what is installed."""
    return _METADATA in name and owner(name) == "python"


def frames() -> list[FrameType]:
    """The frames of what is watched, the innermost first."""
    found = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if owner(frame.f_code.co_filename) != "watch":
            found.append(frame)
        frame = frame.f_back
    return found


def is_import() -> bool:
    """Whether an installed module does it while it is imported, which its version answers for."""
    for frame in frames():
        whose = owner(frame.f_code.co_filename)
        if whose in ("import", "user"):
            return whose == "import"
    return False


def absolute(path: str | bytes) -> str:
    """A path as it is from the root."""
    try:
        return abspath(fsdecode(path))  # noqa: PTH100
    except (OSError, ValueError):  # The current folder is gone.
        return fsdecode(path)
