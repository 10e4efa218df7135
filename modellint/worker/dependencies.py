"""What a file's process reads of the world while it runs, each with its state before that.

An audit hook sees files and folders that are opened, a finder what imports look for, wrapped calls
who asks about files, and the environment itself who asks for its variables. Installed packages are
left out: their versions are part of what a result is kept under. What is seen to escape all of
this, such as other processes, is a reason not to keep a result.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.util import source_from_cache
from pathlib import Path
from threading import get_ident
from typing import Any, TypeVar

from modellint.protocol.states import (
    QUESTIONS,
    SPECIAL,
    importable,
    is_checked,
    is_younger,
    kind_of,
    names_in,
)
from modellint.source.paths import PACKAGE
from modellint.source.project_files import sources_in
from modellint.worker.askers import (
    absolute,
    frames,
    is_import,
    is_installed,
    owner,
    reads_distributions,
)
from modellint.worker.environment import VARIABLES, watch_environment
from modellint.worker.native_reads import watch_native_reads
from modellint.worker.unaudited import watch_unaudited

T = TypeVar("T")

#: A file that reads more than this is linted anew each time.
_MOST = 2000
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
_STARTS = frozenset(
    """subprocess.Popen os.system os.posix_spawn os.spawn os.exec os.fork os.forkpty pty.spawn
    os.startfile _winapi.CreateProcess ctypes.dlopen""".split()
)
_LISTS = frozenset({"os.listdir", "os.scandir"})
#: What changes files that the code has not made itself; with the argument that names the file.
_CHANGES = frozenset({"os.remove", "os.rename", "os.link", "os.symlink", "os.rmdir", "os.truncate"})
#: Where the system tells of itself, a little different each time.
_SYSTEM = tuple(os.path.join(os.sep, name, "") for name in ("proc", "sys", "dev"))  # noqa: PTH118
#: The modules that come with what a result is kept under.
_KNOWN = frozenset({"modellint", "modellint_rules"})


class Readings:
    """What was read so far; to be given to the audit hook of the process as `see`.

    `root` is the project's folder, `temporary` one of this process alone, which begins empty.
    """

    def __init__(self, root: str, temporary: str | None = None) -> None:
        self._root = os.path.join(root, "")  # noqa: PTH118
        self._temporary = None if temporary is None else os.path.join(temporary, "")  # noqa: PTH118
        self._asked: dict[str, dict[str, str]] = {question: {} for question in QUESTIONS}
        self._imports: dict[str, dict[str, list[str]]] = {}
        self._written: set[str] = set()
        self._names: dict[str, frozenset[str]] = {}
        self._busy: int | None = None
        self._reasons: set[str] = set()
        self._excused = False
        self._hooks = [*sys.path_hooks]

    def begin(self, path: str) -> None:
        """Start to watch what the process of a file reads and looks for."""
        finder = _Finder(self)
        sys.meta_path.insert(0, finder)
        watch_environment()
        watch_unaudited(self.ask, lambda: self._reasons.add("a process"))
        watch_native_reads(self._read)
        # What was imported before the file came may be from folders of the user's.
        tops, files = imported_so_far()
        for folder in finder.folders(sys.path):
            self.look(folder, tops)
        for file in files:
            self._read(file)
        # Packages above the file decide what its relative imports mean.
        for above in Path(path).parents:
            self.look(str(above), ("__init__",))
            if os.path.join(above, "") == self._root:  # noqa: PTH118
                self.look(str(above), ("src",))
                break

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON has it; `reasons` say what a result depends on besides."""
        return {
            **self._asked,
            "imports": {folder: _sorted_out(seen) for folder, seen in self._imports.items()},
            "variables": VARIABLES.states(),
            "reasons": self._all_reasons(),
        }

    def _all_reasons(self) -> list[str]:
        """Why what is noted is not all."""
        reasons = [*sorted(self._reasons)]
        if VARIABLES.all_asked:
            reasons.append("os.environ")
        if _had_children() and not self._excused and not self._reasons & {*_STARTS, "a process"}:
            reasons.append("a process")
        if sum(map(len, self._asked.values())) > _MOST:
            reasons.append(f"more than {_MOST} files")
        return reasons

    def see(self, event: str, args: tuple[Any, ...]) -> None:
        """Take note of an audit event, unless it is of the noting itself."""
        if self._busy == get_ident():
            return
        if event == "open":
            self._open(_text_of(args[0]), *args[1:])
        elif event == "import":
            # A compiled module is not opened by Python.
            if isinstance(args[1], str):
                self._read(absolute(args[1]))
        elif event in _LISTS:
            self._list(event, _text_of(args[0]))
        elif event == "sqlite3.connect":
            self._connect(_text_of(args[0]))
        elif event == "socket.connect":
            self._reasons.add(event)
        elif event in _STARTS:
            if is_import():
                self._excused = True
            else:
                self._reasons.add(event)
        elif event in _CHANGES:
            self._change(event, args)

    def _connect(self, path: object) -> None:
        """Note the file of a database, and with it what was not yet written into it."""
        if isinstance(path, str | bytes) and os.fsdecode(path).startswith("file:"):
            self._reasons.add("a database by its address")
        elif isinstance(path, str | bytes) and os.fsdecode(path) not in ("", ":memory:"):
            for tail in ("", "-wal", "-journal"):
                self._read(absolute(os.fsdecode(path) + tail))

    def look(self, folder: str, names: Iterable[str]) -> None:
        """Note which files an import of these names may mean in a folder."""
        seen = self._imports.setdefault(folder, {})
        for name in names:
            if name not in seen:
                if folder not in self._names:
                    self._names[folder] = self._unseen(names_in, folder)
                    if self._unseen(kind_of, folder) != stat.S_IFDIR:
                        # An archive of modules, or what may become one.
                        self._read(folder)
                seen[name] = self._unseen(importable, name, folder, self._names[folder])

    def ask(self, question: str, path: str) -> None:
        """Note the answer to a question about a path, before the code gets its own."""
        known = self._asked[question]
        if path in known or path in self._written or not self._counts(path):
            return
        if len(known) <= _MOST:
            known[path] = self._unseen(QUESTIONS[question], path)
            if known[path] == SPECIAL:
                self._reasons.add("a pipe or a device")

    def _counts(self, path: str) -> bool:
        """Whether what lies at a path may be otherwise the next time, and is not of this run."""
        if self._temporary is not None and path.startswith(self._temporary):
            return False
        if path.startswith(_SYSTEM):
            if path != os.devnull and not is_import():
                self._reasons.add("the system")
            return False
        return not is_installed(path)

    def _open(self, path: object, mode: str | None, flags: int) -> None:
        if not isinstance(path, str | bytes):
            return
        name = absolute(path)
        if flags & _WRITING if mode is None else set(mode) & set("wax"):
            if flags & os.O_EXCL:
                # It fails where there is one.
                self.ask("kinds", name)
            if name not in self._asked["files"]:
                # What it makes itself is a result, not a premise.
                self._written.add(name)
        else:
            self._read(name)
            if mode is None and self._is_descriptor_of_folder(name):
                # Files that are opened by way of it say only their names.
                self._reasons.add("a descriptor of a folder")

    def _is_descriptor_of_folder(self, name: str) -> bool:
        if self._temporary is not None and os.path.join(name, "").startswith(self._temporary):  # noqa: PTH118
            return False
        return self._unseen(kind_of, name) == stat.S_IFDIR

    def _read(self, name: str) -> None:
        if name.endswith(".pyc"):
            source = _source(name)
            if source != name and not self._unseen(_is_as_its_source, name, source):
                self.ask("files", name)
                self.ask("dates", source)
            name = source
        self.ask("files", name)

    def _list(self, event: str, path: object) -> None:
        if isinstance(path, int):
            self._reasons.add("a descriptor of a folder")
        if not isinstance(path, str | bytes | None):
            return
        frame = next(iter(frames()), None)
        name = "" if frame is None else frame.f_code.co_filename
        whose = owner(name)
        if whose == "import" and sys.path_hooks == self._hooks:
            # What it looks for is noted by name, and no other endings count than Python's own.
            return
        if reads_distributions(name):
            question = "distributions"
        elif frame is not None and frame.f_code is sources_in.__code__:
            question = "sources"
        elif event == "os.scandir" and whose != "python":
            # Each entry tells its size and date, and nobody sees it asked.
            question = "dated folders"
        else:
            question = "folders"
        self.ask(question, absolute(path or "."))

    def _change(self, event: str, args: tuple[Any, ...]) -> None:
        paths = [absolute(one) for one in args[:2] if isinstance(one, str | bytes)]
        if event in ("os.link", "os.symlink"):
            self._written.update(paths[1:])
        elif paths and paths[0] not in self._written and self._counts(paths[0]):
            self._reasons.add(event)
        elif event == "os.rename":
            self._written.update(paths[1:])

    def _unseen(self, ask: Callable[..., T], *given: Any) -> T:
        """Ask for a state; reading it is an event of its own, which does not count."""
        before, self._busy = self._busy, get_ident()
        try:
            return ask(*given)
        finally:
            self._busy = before


def imported_so_far() -> tuple[frozenset[str], tuple[str, ...]]:
    """The topmost names of what is imported, and its files that are not installed ones.

    Asked for once before a fork, each fork knows it.
    """
    return _imported(len(sys.modules))


@lru_cache(1)
def _imported(count: int) -> tuple[frozenset[str], tuple[str, ...]]:
    tops = {name.partition(".")[0] for name in sys.modules} | {"sitecustomize", "usercustomize"}
    files = []
    for name, module in [*sys.modules.items()]:
        file = vars(module).get("__file__") if hasattr(module, "__dict__") else None
        if isinstance(file, str) and name.partition(".")[0] not in _KNOWN:
            path = absolute(file)
            if not is_installed(path):
                files.append(path)
    return frozenset(tops - sys.stdlib_module_names), tuple(files)


def _text_of(path: object) -> object:
    """A path as text or bytes, where an object stands for it; anything else as it is."""
    return os.fspath(path) if isinstance(path, os.PathLike) else path


def _sorted_out(seen: Mapping[str, list[str]]) -> dict[str, Any]:
    """The names that a folder held something for, and those that it did not, which most are."""
    return {
        "held": {name: found for name, found in seen.items() if found},
        "missed": [name for name, found in seen.items() if not found],
    }


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
        for folder in self.folders(sys.path if path is None else path):
            self._readings.look(folder, (tail,))

    def folders(self, path: Iterable[object]) -> Iterator[str]:
        """Those of a path that hold no installed packages."""
        for entry in path:
            if isinstance(entry, str):
                folder = absolute(entry or ".")
                if folder not in self._skipped:
                    own = os.path.join(folder, "modellint") == str(PACKAGE)  # noqa: PTH118
                    self._skipped[folder] = own or is_installed(folder)
                if not self._skipped[folder]:
                    yield folder


def _had_children() -> bool:
    """Whether this process has started any other, by whatever call."""
    try:
        import resource

        if resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss:
            return True
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except (ImportError, ChildProcessError):
        return False
    return True


def _is_as_its_source(path: str, source: str) -> bool:
    """Whether what a compiled file holds follows from its source, as far as can be told."""
    return is_checked(path) and is_younger(path, source)


def _source(path: str) -> str:
    """The source that a compiled file is of, which Python reads in its place."""
    try:
        return source_from_cache(path)
    except (ValueError, NotImplementedError):
        return path
