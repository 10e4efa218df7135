"""One lint of a text: in processes that outlive it, and that another thread may end."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any

from modellint.config.interpreters import Interpreter
from modellint.config.projects import Projects
from modellint.config.settings import Settings
from modellint.config.targets import Target, left_out
from modellint.engine.engine import lint_targets
from modellint.engine.intake import concerns_models
from modellint.engine.project_index import ProjectIndex
from modellint.engine.rounds import Mended, mend
from modellint.engine.running import Outcome, Pool, Pools, Work
from modellint.errors import UsageError
from modellint.protocol.jobs import Job
from modellint.results.report import Report
from modellint.server.buffers import Buffer
from modellint.source.paths import is_installed, shown_path


class Interrupted(Exception):
    """A lint was ended, since its text is no longer what stands in the editor."""


class Lasting:
    """What all lints share: a process of each interpreter, and what is known of projects.

    `turn` is held by whoever reads files and configurations, which is not meant for two threads at
    once. What a file's models import of heavy libraries, the next ones find imported.
    """

    def __init__(self) -> None:
        self.turn = Lock()
        self.index = ProjectIndex((), lambda path: None)
        self._pools = Pools()
        self._heavy: dict[str, tuple[str, ...]] = {}

    def pool(self, interpreter: Interpreter) -> Pool:
        """The processes of an interpreter; to be asked for by whoever has the turn."""
        return self._pools.start(interpreter)

    def heavy(self, interpreter: Interpreter) -> tuple[str, ...]:
        """The libraries that files of an interpreter have imported so far."""
        return self._heavy.get(interpreter.path, ())

    def learn(self, interpreter: Interpreter, names: list[str]) -> None:
        """Let libraries be imported beforehand from now on."""
        self._heavy[interpreter.path] = tuple(dict.fromkeys([*self.heavy(interpreter), *names]))

    def forget(self, interpreter: Interpreter) -> None:
        """Let no library be imported beforehand: one of them cannot be."""
        self._heavy[interpreter.path] = ()

    def close(self) -> None:
        """End all processes."""
        self._pools.close()


class Run(Pools):
    """The processes of one lint: those that last, of which it gives back what it has begun."""

    def __init__(self, lasting: Lasting) -> None:
        super().__init__()
        self._lasting = lasting
        self._lock = Lock()
        self._has_turn = False
        self._running: list[tuple[Pool, Job]] = []
        self.stopped = False

    def start(self, interpreter: Interpreter) -> Pool:
        """The pool of an interpreter; the turn ends, as from now on processes are waited for."""
        self.check()
        if not self._has_turn:
            with self._lasting.turn:
                pool = self._lasting.pool(interpreter)
        else:
            pool = self._lasting.pool(interpreter)
            self._end_turn()
        return _Interruptible(self, pool, interpreter, self._lasting)

    def close(self) -> None:
        """Nothing, as the processes last."""

    def stop(self) -> None:
        """End what runs for this lint; whoever waits for it is told by `Interrupted`."""
        with self._lock:
            self.stopped = True
            for pool, job in self._running:
                pool.interrupt(job)

    def check(self) -> None:
        """Raise `Interrupted` once the lint was stopped."""
        if self.stopped:
            raise Interrupted

    def begin(self, pool: Pool, job: Job) -> None:
        """Note what runs."""
        with self._lock:
            self.check()
            self._running.append((pool, job))

    def end(self, pool: Pool, job: Job) -> None:
        """Note that it does not any more."""
        with self._lock:
            self._running = [one for one in self._running if one[1] is not job]

    def __enter__(self) -> Run:
        self._lasting.turn.acquire()
        self._has_turn = True
        return self

    def __exit__(self, *_: object) -> None:
        self._end_turn()

    def _end_turn(self) -> None:
        if self._has_turn:
            self._has_turn = False
            self._lasting.turn.release()


class _Interruptible:
    """The pool of an interpreter, for one lint."""

    def __init__(self, run: Run, pool: Pool, interpreter: Interpreter, lasting: Lasting) -> None:
        self._run = run
        self._pool = pool
        self._interpreter = interpreter
        self._lasting = lasting

    def start(self) -> None:
        """Nothing: it has begun."""

    def run(self, job: Job) -> Generator[Any, None, None]:
        """Run a job; yield its messages, or raise `Interrupted`."""
        heavy = self._lasting.heavy(self._interpreter)
        warmed = replace(job, preload=tuple(dict.fromkeys([*job.preload, *heavy])))
        try:
            yield from self._messages(warmed)
        except UsageError:
            if warmed == job:
                raise
            # Nothing of the file has run: what is imported beforehand comes first.
            self._lasting.forget(self._interpreter)
            yield from self._messages(job)

    def _messages(self, job: Job) -> Generator[Any, None, None]:
        self._run.begin(self._pool, job)
        try:
            with closing(self._pool.run(job)) as messages:
                for message in messages:
                    self._run.check()
                    if message["type"] == "end" and message["kind"] is None:
                        self._lasting.learn(self._interpreter, message["late"])
                    yield message
        finally:
            self._run.end(self._pool, job)

    def interrupt(self, job: Job) -> None:
        """End the process of a job."""
        self._pool.interrupt(job)

    def close(self) -> None:
        """Nothing, as the processes last."""


@dataclass(frozen=True)
class Behind:
    """What a result depends on besides its text: the job, what it read, and by which Python.

    `job` is `None` where nothing had to run.
    """

    job: Job | None = None
    read: Mapping[str, Any] | None = field(default=None, repr=False)
    interpreter: Interpreter | None = None


@dataclass(frozen=True)
class Result:
    """What came of a lint of a text; `tried` tells that the fixes of its findings were tried."""

    buffer: Buffer
    report: Report = field(repr=False)
    behind: Behind = Behind()
    tried: bool = False


def lint(buffer: Buffer, settings: Settings, run: Run, lasting: Lasting) -> Result:
    """Lint a text; raise `Interrupted` when that was stopped, else as `lint_targets` does."""
    heard: list[tuple[Work, Outcome]] = []
    with run:
        run.check()
        if not _is_wanted(buffer, settings):
            return Result(buffer, Report(), tried=True)
        report = lint_targets(
            ["-"],
            settings,
            buffer.data,
            buffer.path,
            pools=run,
            heard=lambda *one: heard.append(one),
            index=lasting.index,
        )
    behind = Behind()
    for work, outcome in heard:
        behind = Behind(work.job, outcome.read, work.interpreter)
    return Result(buffer, report, behind, tried=settings.trials > 0)


def mended(result: Result, run: Run, lasting: Lasting, *, unsafe: bool) -> Mended:
    """The file of a result with all its fixes made, in memory."""
    return mend(result.report, unsafe=unsafe, pools=run, index=lasting.index)


def _is_wanted(buffer: Buffer, settings: Settings) -> bool:
    """Whether a search of the file's folder would lint it: not if it is excluded, say."""
    if is_installed(buffer.path):
        return False
    projects = Projects(settings.config, isolated=settings.isolated, exclude=settings.exclude)
    if left_out(Path(buffer.path), projects.excludes):
        return False
    target = Target(shown_path(buffer.path), buffer.path, explicit=False, data=buffer.data)
    return concerns_models(target, buffer.data)
