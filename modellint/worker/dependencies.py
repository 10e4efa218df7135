"""What a file's process reads of the project while it runs, each with its state before that.

An audit hook sees files and folders that are opened, a finder what imports look for, and the
environment itself who asks for its variables. Installed packages are left out: their versions are
part of what a result is kept under.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.util import source_from_cache
from os import fsdecode
from os.path import abspath
from pathlib import Path
from threading import get_ident
from types import FrameType
from typing import Any, TypeVar

from modellint.protocol.states import digest, file_state, folder_state, importable, names_in
from modellint.source.paths import PACKAGE

T = TypeVar("T")

#: A file that reads more than this is linted anew each time.
_MOST = 2000
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
_STARTS = frozenset({"subprocess.Popen", "os.system", "os.posix_spawn", "os.exec", "os.fork"})
_LISTS = frozenset({"os.listdir", "os.scandir"})
_INSTALLED = ("site-packages", "dist-packages")
_OWN = str(PACKAGE)
#: Code that runs because it watches.
_WATCHING = frozenset({__file__, str(Path(__file__).with_name("audit_hook.py"))})
_STDLIB = tuple(
    {os.path.join(sysconfig.get_path(name), "") for name in ("stdlib", "platstdlib")}  # noqa: PTH118
)


class Readings:
    """What was read so far; to be given to the audit hook of the process as `see`.

    `root` is the folder that data files count below; modules count wherever they lie.
    """

    def __init__(self, root: str) -> None:
        self._root = os.path.join(root, "")  # noqa: PTH118
        self._files: dict[str, str] = {}
        self._folders: dict[str, str] = {}
        self._imports: dict[str, dict[str, list[str]]] = {}
        self._variables: dict[str, str | None] = {}
        self._written: set[str] = set()
        self._names: dict[str, frozenset[str]] = {}
        self._busy: int | None = None
        self._reasons: set[str] = set()

    def begin(self, path: str) -> None:
        """Start to watch what imports of a file look for and which variables code asks for."""
        sys.meta_path.insert(0, _Finder(self))
        _watch_environment(self)
        # Packages above the file decide what its relative imports mean.
        for folder in Path(path).parents:
            self.look(str(folder), ("__init__",))
            if os.path.join(folder, "") == self._root:  # noqa: PTH118
                self.look(str(folder), ("src",))
                break

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON has it; `whole` says whether this is all that a result depends on."""
        return {
            "files": self._files,
            "folders": self._folders,
            "imports": {folder: _sorted_out(seen) for folder, seen in self._imports.items()},
            "variables": self._variables,
            "whole": not self._reasons and len(self._files) <= _MOST,
        }

    def see(self, event: str, args: tuple[Any, ...]) -> None:
        """Take note of an audit event, unless it is of the noting itself."""
        if self._busy == get_ident():
            return
        if event == "open":
            self._open(*args)
        elif event == "import":
            # A compiled module is not opened by Python.
            if isinstance(args[1], str):
                self._read(args[1])
        elif event in _LISTS:
            if args[0] is None or isinstance(args[0], str | bytes):
                self._list(_absolute(args[0] or "."))
        elif event in _STARTS and _asked_by_user():
            self._reasons.add(event)

    def look(self, folder: str, names: Iterable[str]) -> None:
        """Note which files an import of these names may mean in a folder."""
        seen = self._imports.setdefault(folder, {})
        for name in names:
            if name not in seen:
                if folder not in self._names:
                    self._names[folder] = self._unseen(names_in, folder)
                seen[name] = importable(name, self._names[folder])

    def ask(self, name: str, value: str | None) -> None:
        """Note the value of an environment variable that code reads."""
        if name not in self._variables and name not in self._written and _asked_by_user():
            self._variables[name] = variable_state(value)

    def ask_all(self) -> None:
        """Note that code goes through all variables, of which some are new in every run."""
        if _asked_by_user():
            self._reasons.add("os.environ")

    def own(self, name: str) -> None:
        """Note that a variable is set by the code itself: what it reads then is no premise."""
        if name not in self._variables:
            self._written.add(name)

    def _open(self, path: object, mode: str | None, flags: int) -> None:
        if not isinstance(path, str | bytes):
            return
        name = _absolute(path)
        if flags & _WRITING if mode is None else set(mode) & set("wax"):
            if name not in self._files:
                # What it makes itself is a result, not a premise.
                self._written.add(name)
        else:
            self._read(name)

    def _read(self, name: str) -> None:
        if name.endswith(".pyc"):
            name = _source(name)
        if name in self._files or name in self._written or len(self._files) > _MOST:
            return
        if (name.endswith(".py") or name.startswith(self._root)) and not is_installed(name):
            self._files[name] = self._unseen(file_state, name)

    def _list(self, path: str) -> None:
        if path in self._folders or is_installed(path) or not _asked_by_user():
            return
        if os.path.join(path, "").startswith(self._root):  # noqa: PTH118
            self._folders[path] = self._unseen(folder_state, path)

    def _unseen(self, ask: Callable[[str], T], path: str) -> T:
        """Ask for a state; reading it is an event of its own, which does not count."""
        self._busy = get_ident()
        try:
            return ask(path)
        finally:
            self._busy = None


def _sorted_out(seen: Mapping[str, list[str]]) -> dict[str, Any]:
    """The names that a folder held something for, and those that it did not, which most are."""
    return {
        "held": {name: found for name, found in seen.items() if found},
        "missed": [name for name, found in seen.items() if not found],
    }


def variable_state(value: str | None) -> str | None:
    """What is kept of a variable's value: too little to tell a secret from."""
    return None if value is None else digest(value.encode("utf-8", "surrogateescape"))[:8]


def is_installed(path: str) -> bool:
    """Whether a path is that of the standard library, an installed package or modellint itself."""
    return (
        path.startswith(_STDLIB)
        or path.startswith(_OWN)
        or any(f"{os.sep}{name}{os.sep}" in path for name in _INSTALLED)
        or path.endswith(_INSTALLED)
    )


class _Finder:
    """Finds no module, and notes where the others will look for one."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings
        self._skipped: dict[str, bool] = {}

    def find_spec(self, name: str, path: Sequence[str] | None, target: object = None) -> None:
        """Note the folders of the user's that an import looks in."""
        if path is None and name in sys.stdlib_module_names:
            return
        tail = name.rpartition(".")[2]
        for folder in self._folders(sys.path if path is None else path):
            self._readings.look(folder, (tail,))

    def _folders(self, path: Iterable[object]) -> Iterator[str]:
        for entry in path:
            if isinstance(entry, str):
                folder = _absolute(entry or ".")
                if folder not in self._skipped:
                    own = os.path.join(folder, "modellint") == _OWN  # noqa: PTH118
                    self._skipped[folder] = own or is_installed(os.path.join(folder, ""))  # noqa: PTH118
                if not self._skipped[folder]:
                    yield folder


def _watch_environment(readings: Readings) -> None:
    """Have `os.environ` tell which variables are asked for."""
    base: Any = type(os.environ)

    class Environment(base):  # type: ignore[misc]
        """The environment, which notes what is read of it."""

        def __getitem__(self, key: str) -> Any:
            try:
                value = super().__getitem__(key)
            except KeyError:
                readings.ask(str(key), None)
                raise
            readings.ask(str(key), value)
            return value

        def __iter__(self) -> Iterator[str]:
            readings.ask_all()
            return super().__iter__()  # type: ignore[no-any-return]

        def __setitem__(self, key: str, value: str) -> None:
            readings.own(str(key))
            super().__setitem__(key, value)

    Environment.__name__ = base.__name__
    os.environ.__class__ = Environment


def _asked_by_user() -> bool:
    """Whether the call comes from the user's code, through the standard library or directly."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith("<frozen importlib"):
            return False
        if name not in _WATCHING and not name.startswith("<frozen "):
            path = _absolute(name)
            if not path.startswith(_STDLIB) or any(part in path for part in _INSTALLED):
                return not is_installed(path)
        frame = frame.f_back
    return False


def _source(path: str) -> str:
    """The source that a compiled file is of, which Python reads in its place."""
    try:
        return source_from_cache(path)
    except (ValueError, NotImplementedError):
        return path


def _absolute(path: str | bytes) -> str:
    try:
        return abspath(fsdecode(path))  # noqa: PTH100
    except (OSError, ValueError):  # The current folder is gone.
        return fsdecode(path)
