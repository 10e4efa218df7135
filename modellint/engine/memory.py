"""Which results of earlier runs still count, and what a result is kept under.

An entry's name says which file was linted how; the entry says what held when it was made, with the
states of all that its file read. It counts again if all of that holds.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modellint.config.configuration import PYPROJECT
from modellint.config.interpreters import Interpreter
from modellint.config.plans import Plan
from modellint.engine.cache import Cache
from modellint.engine.installation import Installation
from modellint.engine.launching import FIXED, environment_for
from modellint.engine.running import Outcome
from modellint.engine.trees import Tree
from modellint.errors import UsageError
from modellint.linting.plugins import Rules
from modellint.protocol.jobs import Job
from modellint.protocol.states import (
    CACHE,
    FOLDER,
    QUESTIONS,
    digest,
    file_state,
    folder_state,
    importable,
    names_in,
)
from modellint.results.report import Note, Report
from modellint.source.paths import PACKAGE, is_exported, project_root, shown_path
from modellint.worker.environment import variable_state

if TYPE_CHECKING:
    from modellint.config.settings import Settings

_KEPT = frozenset({"analysed", "partial", "not-analysed"})
#: What a Python, and the system's loader, encodings and clock with it, read past Python's own code.
_OF_PYTHON = ("PYTHON", "LANG", "LC_", "LD_", "DYLD_", "TZ")


@dataclass(frozen=True)
class Known:
    """What an earlier run found in a file; `commented` is whether it has ignore comments.

    `files` are those that it depends on, as `paths_behind` tells.
    """

    reports: tuple[Report, ...]
    commented: bool
    files: tuple[str, ...] = ()


class Memory:
    """The results of earlier runs, for one run; what it keeps is there for the next.

    Of files in a `tree` an earlier result counts if they, and all that they read, are what the work
    tree had then; what is kept of others is found again in a tree of any name.
    """

    def __init__(
        self,
        settings: Settings,
        ask: Callable[[Interpreter], Installation],
        tree: Tree | None = None,
    ) -> None:
        self._settings = settings
        self._tree = tree
        self._ask = ask
        self._caches: dict[str, Cache] = {}
        self._rules: dict[int, str] = {}
        self._before: dict[Interpreter, _States] = {}
        self._roots: dict[str, str] = {}  # of the folders that files lie in

    def recall(self, job: Job, data: bytes, plan: Plan) -> Known | None:
        """What is known of a file that holds `data`, if an earlier run has found it."""
        if not self._minds(job, plan):
            return None
        cache = self._cache(job, plan)
        for name, entry in self._entries(cache, job, data, plan):
            known = self._holding(entry, job, data, plan)
            if known is not None:
                cache.use(name)
                return known
        # Before the file runs: a model that looks around finds the folder in each run.
        cache.open()
        return None

    def _entries(
        self, cache: Cache, job: Job, data: bytes, plan: Plan
    ) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
        """The entries that may be about a file, with the paths of now."""
        name, tree = self._name(job, plan), self._tree
        entry = cache.load(name)
        if tree is None:
            yield name, entry
            return
        if entry is not None and isinstance(entry.get("read"), dict):
            yield name, {**entry, "read": tree.taken_in(entry["read"])}
        name = _of_revision(name, data)
        entry = cache.load(name)
        yield name, None if entry is None else tree.unmarked(entry)

    def _holding(
        self, entry: Mapping[str, Any] | None, job: Job, data: bytes, plan: Plan
    ) -> Known | None:
        # A file of the right seal may still be another version's.
        try:
            if entry is None or entry["premises"] != self._premises(job, data, plan):
                return None
            if not self._states(plan).hold(entry["read"]):
                return None
            told = {"reports": entry["reports"], "read": entry["read"]}
            files = (*paths_behind(entry["read"]),)
            told = told if self._tree is None else self._tree.told(told)
            return Known(Outcome.from_dict(told).reports, bool(entry["commented"]), files)
        except (AttributeError, KeyError, TypeError, ValueError):
            return None

    def keep(self, job: Job, data: bytes, plan: Plan, outcome: Outcome, *, commented: bool) -> None:
        """Keep what came of a file that held `data`, if it will be the same the next time."""
        if not self._minds(job, plan):
            return
        # The worker may have read what another has changed meanwhile.
        if not _is_as_read(outcome.read, job, data, _States.of(plan.interpreter)):
            return
        if any(one.errors for one in outcome.reports):
            return
        if not all(model.status in _KEPT for one in outcome.reports for model in one.models):
            return
        entry = {
            "premises": self._premises(job, data, plan),
            "commented": commented,
            **outcome.to_dict(),
        }
        name = self._name(job, plan)
        if self._tree is not None:
            name, entry = _of_revision(name, data), self._tree.marked(entry)
        self._cache(job, plan).store(name, entry)

    def keep_empty(self, job: Job, data: bytes, plan: Plan, behind: Iterable[str] = ()) -> None:
        """Keep that a file has no model of its own, by the files and folders `behind` it."""
        files = {path: file_state(path) for path in behind}
        folders = {path: folder_state(path) for path, state in files.items() if state == FOLDER}
        read = {
            "files": {**files, job.path: digest(data)},
            "folders": folders,
            "reasons": [],
        }
        self.keep(job, data, plan, Outcome((), read), commented=False)

    def close(self) -> Report:
        """Delete what is old; a report of what `-v` tells about the caches."""
        for cache_ in self._caches.values():
            cache_.prune()
        troubles = [(one.folder, one.trouble) for one in self._caches.values() if one.trouble]
        return Report(remarks=tuple(Note(shown_path(at), 1, why) for at, why in troubles))

    def _states(self, plan: Plan) -> _States:
        if plan.interpreter not in self._before:
            self._before[plan.interpreter] = _States.of(plan.interpreter)
        return self._before[plan.interpreter]

    def _minds(self, job: Job, plan: Plan) -> bool:
        return self._settings.cache and job.data is None and self._minds_python(plan)

    def cache_for(self, path: str, plan: Plan) -> Cache | None:
        """Where results of a file are kept, if they are."""
        return self._at(path, plan) if self._settings.cache else None

    def _cache(self, job: Job, plan: Plan) -> Cache:
        return self._at(self._outside(job.path), plan)

    def _outside(self, path: str) -> str:
        return path if self._tree is None else self._tree.outside(path)

    def _at(self, path: str, plan: Plan) -> Cache:
        folder = self._settings.cache_dir or plan.configuration.cache_dir
        if folder is None:
            folder = os.path.join(_home(path, plan.configuration.path), CACHE)  # noqa: PTH118
        if folder not in self._caches:
            self._caches[folder] = Cache(folder)
        return self._caches[folder]

    def _minds_python(self, plan: Plan) -> bool:
        """Whether models can run at all; what keeps them from it is told when one has to."""
        try:
            self._ask(plan.interpreter)
        except UsageError:
            return False
        return True

    def _name(self, job: Job, plan: Plan) -> str:
        """Which file is linted how, and by which Python."""
        installation = self._ask(plan.interpreter)
        python = [installation.path, installation.version]
        # What stands for the work tree is of no concern: its files are told by what they hold.
        said = {**vars(job), "moved": (), "python": python}
        if self._tree is not None:
            said = self._tree.told(json.loads(json.dumps(said, default=vars)))
        return digest(json.dumps(said, default=vars).encode())

    def _premises(self, job: Job, data: bytes, plan: Plan) -> list[Any]:
        """What has to hold, besides what the file read, for a result to count."""
        if id(plan) not in self._rules:
            self._rules[id(plan)] = _rules_state(plan.rules)
        folder = os.path.dirname(job.path)  # noqa: PTH120 - asked for each file
        if folder not in self._roots:
            self._roots[folder] = self._outside(project_root(job.path))
        installation = self._ask(plan.interpreter)
        return [
            digest(data),
            _own_state(),
            installation.torch,
            installation.packages,
            self._rules[id(plan)],
            self._roots[folder],
            self._states(plan).start,
            json.dumps([*map(vars, plan.stated(job.path))]),
            json.dumps([*plan.budgets(job.path)]),
        ]


@dataclass(frozen=True)
class _States:
    """The states of what files read in the processes of an interpreter, each asked for once.

    `environment` is theirs; `start` is what such a process starts with, as a digest.
    """

    environment: Mapping[str, str]
    start: str
    paths: dict[tuple[str, str], str] = field(default_factory=dict)
    names: dict[str, frozenset[str]] = field(default_factory=dict)
    stems: dict[str, frozenset[str]] = field(default_factory=dict)
    variables: dict[str, str | None] = field(default_factory=dict)

    @classmethod
    def of(cls, interpreter: Interpreter) -> _States:
        """The states as they are now, of which none is asked for yet."""
        environment = {**environment_for(interpreter), **FIXED}
        started = sorted(one for one in environment.items() if one[0].startswith(_OF_PYTHON))
        return cls(environment, digest(json.dumps(started).encode()))

    def hold(self, read: Mapping[str, Any]) -> bool:
        """Whether everything is as it was when it was read."""
        return all(self._answers(read))

    def _answers(self, read: Mapping[str, Any]) -> Iterator[bool]:
        for question, ask in QUESTIONS.items():
            for path, state in read.get(question, {}).items():
                if (question, path) not in self.paths:
                    self.paths[question, path] = ask(path)
                yield self.paths[question, path] == state
        for folder, looked in read.get("imports", {}).items():
            if folder not in self.names:
                names = names_in(folder)
                self.names[folder] = names
                self.stems[folder] = frozenset(name.partition(".")[0] for name in names)
            held = self.names[folder]
            for name, found in looked["held"].items():
                yield importable(name, folder, held) == found
            for name in self.stems[folder].intersection(looked["missed"]):
                yield not importable(name, folder, held)
        for name, state in read.get("variables", {}).items():
            if name not in self.variables:
                self.variables[name] = variable_state(self.environment.get(name))
            yield self.variables[name] == state


def _of_revision(name: str, data: bytes) -> str:
    """The name of an entry of what no work tree may have held: there is one for each content."""
    return digest(f"{name} {digest(data)}".encode())


def still_holds(read: Mapping[str, Any] | None, interpreter: Interpreter) -> bool:
    """Whether all that a file read in a process of an interpreter is noted, and is as it was."""
    try:
        noted = read is not None and read["reasons"] == []
        return noted and read is not None and _States.of(interpreter).hold(read)
    except (AttributeError, KeyError, TypeError, ValueError):  # Written by the file itself.
        return False


def paths_behind(read: Mapping[str, Any]) -> Iterator[str]:
    """The paths that a result depends on, those where there was nothing included.

    A folder whose names count has a `/` behind it. An import looked for a module or a package.
    """
    for question in QUESTIONS:
        listed = question not in ("files", "kinds", "dates")
        for path in read.get(question, {}):
            yield os.path.join(path, "") if listed else path  # noqa: PTH118
    for folder, looked in read.get("imports", {}).items():
        for name in (*looked["held"], *looked["missed"]):
            stem = os.path.join(folder, name)  # noqa: PTH118
            yield stem
            yield f"{stem}.py"
            yield os.path.join(stem, "__init__.py")  # noqa: PTH118


def _is_as_read(read: Mapping[str, Any] | None, job: Job, data: bytes, now: _States) -> bool:
    """Whether all that a file read is noted, and still is what it was."""
    try:
        if read is None or read["reasons"] != []:
            return False
        # The worker read the file once more: only what it read is what it speaks of. What stands
        # for an exported program has the digest of all that the file held.
        same = is_exported(job.path) or read["files"].get(job.path) == digest(data)
        return same and job.path in read["files"] and now.hold(read)
    except (AttributeError, KeyError, TypeError, ValueError):  # Written by the file itself.
        return False


def _home(path: str, configuration: str | None) -> str:
    """The folder that holds the cache for a file, where nobody says where it is."""
    if configuration is not None:
        return str(Path(configuration).parent)
    for folder in Path(path).parents:
        if os.path.isfile(folder / PYPROJECT):  # noqa: PTH113
            return str(folder)
    return str(Path.cwd())


@cache
def _own_state() -> str:
    """The state of modellint's own code: of a checkout as of a release."""
    return digest(repr(sorted(_states_below(str(PACKAGE)))).encode())


def _states_below(folder: str) -> Iterator[tuple[str, int, int]]:
    """The Python files of a folder and below with their sizes and dates; asked for in every run."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir() and entry.name != "__pycache__":
                yield from _states_below(entry.path)
            elif entry.name.endswith(".py"):
                state = entry.stat()
                yield entry.path, state.st_size, state.st_mtime_ns


def _rules_state(rules: Rules) -> str:
    """The contents of the modules that the rules came with, those that these import included."""
    tops = {rule.check.__module__.partition(".")[0] for rule in rules.values()}
    files = {
        str(getattr(module, "__file__", None))
        for name, module in sys.modules.copy().items()
        if name.partition(".")[0] in tops
    }
    states = [(path, file_state(path)) for path in sorted(files)]
    return digest(json.dumps(states).encode())
