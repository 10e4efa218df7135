"""Which Python runs the models of a file: the one with the project's torch, by what one can see.

Nothing is started here. An interpreter that was named is the one that counts, even if it turns out
to have no torch; of those that are only found, the next counts then, which is told.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from modellint.config.configuration import PYPROJECT, Configuration
from modellint.errors import UsageError
from modellint.source.paths import ROOT_MARKS, absolute_path, regular_bytes, shown_path

#: Folders of a project that hold its environment, by custom.
_CUSTOMARY = (".venv", "venv")
#: Where an environment has its interpreter: that of venv, of conda, of MSYS2; and elsewhere.
_WINDOWS = ("Scripts/python.exe", "python.exe", "bin/python.exe")
_POSIX = ("bin/python", "bin/python3")
#: Where an environment has its packages; Debian's Python has them in the second.
_PACKAGES = frozenset({"site-packages", "dist-packages"})
#: What conda calls the environment that it was installed with; it is active in every shell.
_BASE = frozenset({"base", "root"})


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python, and what chose it, as a clause: `--python names it`.

    `further` are those that count, best first, where it cannot run models and nobody named it.
    """

    path: str
    why: str
    further: tuple[Interpreter, ...] = field(default=(), compare=False)

    @property
    def own(self) -> bool:
        """Whether it is the one that runs modellint."""
        return self.path == sys.executable

    @property
    def shown(self) -> str:
        """The path as messages print it."""
        return shown_path(self.path)


OWN = Interpreter(sys.executable, "modellint runs in it")


class Interpreters:
    """The interpreters of a run.

    First counts `given` (`--python`), then the configuration of a file, then the variable
    `MODELLINT_PYTHON`, then the environment that the file itself is installed in, then the
    variables `VIRTUAL_ENV` and `CONDA_PREFIX`, then the environment in the file's project, last
    our own. The environment that modellint itself runs in says nothing of the
    project: tools such as pre-commit and pipx make one for modellint alone.
    """

    def __init__(
        self, given: str | None = None, environment: Mapping[str, str] = os.environ
    ) -> None:
        self._given: Interpreter | None = None
        if given is not None:
            self._given = _named(given, Path.cwd(), "--python names it")
            if not os.path.lexists(self._given.path):
                raise UsageError(f"--python {given}: there is no {self._given.shown}")
        self._named = _of_environment(environment)
        self._active = _active(environment)
        self._base = _conda(environment, base=True)
        self._beside: dict[Path, Interpreter | None] = {}

    def of(self, path: str, configuration: Configuration) -> Interpreter:
        """The interpreter for a file that a configuration governs, with those behind it."""
        named = self._given or _configured(configuration) or self._named
        if named is not None:
            return named
        folder = Path(absolute_path(path)).parent
        found = (_holding(folder), self._active, self._near(folder), self._base, OWN)
        places: dict[str, Interpreter] = {}
        for one in found:
            if one is not None:
                places.setdefault(one.path, one)  # Of two reasons for one Python the first is told.
        first, *further = places.values()
        return replace(first, further=tuple(further))

    def _near(self, folder: Path) -> Interpreter | None:
        """The environment of the nearest project above a folder that has one."""
        # No recursion: folders may be nested deeper than Python's calls.
        passed: list[Path] = []
        found: Interpreter | None = None
        for one in chain([folder], folder.parents):
            if one in self._beside:
                found = self._beside[one]
                break
            passed.append(one)
            found = _of_project(one)
            # A repository is as far as a project reaches.
            if found is not None or os.path.lexists(one / ".git"):
                break
        self._beside.update(dict.fromkeys(passed, found))
        return found


def python_of(environment: Path, *, windows: bool = os.name == "nt") -> Path:
    """The interpreter of an environment, where it has to be if it is not there."""
    places = _WINDOWS if windows else _POSIX
    found = (environment / place for place in places)
    return next((path for path in found if os.path.lexists(path)), environment / places[0])


def packages_of(interpreter: Interpreter) -> Iterator[str]:
    """The folders that an interpreter finds installed packages in, as far as one can see.

    Of our own all are known; another is not started, and its `.pth` files are read for folders.
    """
    if interpreter.own:
        yield from filter(None, sys.path)
        return
    environment = Path(interpreter.path).parent.parent
    libraries = [environment / "Lib", *sorted(environment.glob("lib/python3*"))]
    for library in libraries:
        for name in sorted(_PACKAGES):
            folder = library / name
            if os.path.isdir(folder):  # noqa: PTH112
                yield str(folder)
                yield from _linked(folder)


def _linked(folder: Path) -> Iterator[str]:
    """The folders that `.pth` files beside packages name."""
    for path in sorted(folder.glob("*.pth")):
        try:
            lines = regular_bytes(path).decode("utf-8", "replace").splitlines()
        except OSError:
            continue
        found = (os.path.join(folder, line.strip()) for line in lines if line.strip())  # noqa: PTH118
        yield from filter(os.path.isdir, found)


def _of_environment(environment: Mapping[str, str]) -> Interpreter | None:
    """What a variable names that is there for modellint alone."""
    if environment.get("MODELLINT_PYTHON"):
        return _named(environment["MODELLINT_PYTHON"], Path.cwd(), "MODELLINT_PYTHON names it")
    return None


def _active(environment: Mapping[str, str]) -> Interpreter | None:
    """The environment that is activated, as variables tell."""
    folder = environment.get("VIRTUAL_ENV")
    if folder and not _is_own(Path(folder)):
        return _interpreter(python_of(Path(folder)), "VIRTUAL_ENV names its environment")
    return _conda(environment, base=False)


def _conda(environment: Mapping[str, str], *, base: bool) -> Interpreter | None:
    """The active environment of conda, which may be for another language and hold no Python."""
    folder = environment.get("CONDA_PREFIX")
    if not folder or _is_own(Path(folder)):
        return None
    if base != (environment.get("CONDA_DEFAULT_ENV") in _BASE):
        return None
    path = python_of(Path(folder))
    if not os.path.lexists(path):
        return None
    return _interpreter(path, "CONDA_PREFIX names its environment")


def _holding(folder: Path) -> Interpreter | None:
    """The environment that a folder is installed in: the one of its `site-packages`.

    What is installed goes with the packages beside it, whatever project they lie in.
    """
    for one in (folder, *folder.parents):
        if one.name in _PACKAGES:
            why = f"the file is installed in {shown_path(one)}"
            # lib/python3.12/site-packages, lib/python3/dist-packages; Lib/site-packages
            above = (path for path in one.parents[1:3] if os.path.lexists(python_of(path)))
            return next((_interpreter(python_of(path), why) for path in above), None)
    return None


def _configured(configuration: Configuration) -> Interpreter | None:
    if configuration.python is None:
        return None
    return _named(
        configuration.python, configuration.folder, f"python in {configuration.shown} names it"
    )


def _of_project(folder: Path) -> Interpreter | None:
    """The environment that lies beside what marks a folder as a project."""
    marks = [mark for mark in ROOT_MARKS if os.path.lexists(folder / mark)]
    for environment in _environments(folder) if marks else ():
        mark = PYPROJECT if PYPROJECT in marks else marks[0]
        why = f"its environment lies beside {shown_path(folder / mark)}"
        if _is_own(environment):
            return Interpreter(sys.executable, why)
        return _interpreter(python_of(environment), why)
    return None


def _environments(folder: Path) -> Iterator[Path]:
    for name in _CUSTOMARY:
        environment = folder / name
        # A folder may be called so for other reasons.
        if any(map(os.path.lexists, (environment / "pyvenv.cfg", python_of(environment)))):
            yield environment


def _named(text: str, folder: Path, why: str) -> Interpreter:
    """What a user means by a path or by the name of a command; an environment's folder will do."""
    if "\0" in text:
        raise UsageError(f"{text!r} is no path of an interpreter")
    path = folder / os.path.expanduser(text)  # noqa: PTH111 - Path's raises for unknown users
    if os.path.isdir(path):  # noqa: PTH112 - Path's raises where a folder may not be looked into
        return _interpreter(python_of(path), why)
    if not os.path.lexists(path) and Path(text).name == text:
        path = Path(shutil.which(text) or path)
    return _interpreter(path, why)


def _interpreter(path: Path, why: str) -> Interpreter:
    """An interpreter by its path; the link of an environment stays, as it makes the environment."""
    absolute = absolute_path(path)
    own = Path(sys.executable)
    same = os.path.realpath(Path(absolute).parent) == os.path.realpath(own.parent)
    if same and os.path.realpath(absolute) == os.path.realpath(own):
        return Interpreter(sys.executable, why)
    return Interpreter(absolute, why)


def _is_own(environment: Path) -> bool:
    return os.path.realpath(environment) == os.path.realpath(sys.prefix)
