"""Files through an executor: each job runs in a worker process of the machine that takes it.

What is sent and what comes back is plain data, so that any executor may carry it. A process that
takes jobs keeps its worker for a while, since importing torch takes seconds.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager
from typing import Any

from modellint._version import __version__
from modellint.building.failures import describe
from modellint.config.interpreters import OWN, Interpreter
from modellint.engine import running
from modellint.engine.intake import unread
from modellint.engine.running import Outcome, Pool, Pools, Progress, Work, collected
from modellint.errors import FileError, ModellintError, WorkerError
from modellint.protocol.jobs import Job, incomplete_model
from modellint.protocol.reading import Foreign
from modellint.results.report import Problem, Report
from modellint.worker.job_models import chosen_models, parse_job

#: How long a worker waits for the next job, in seconds.
_IDLE = 20.0


def run_by(
    executor: Executor,
    works: Iterable[Work],
    progress: Progress | None = None,
    done: Callable[[Work, Outcome], None] = lambda work, outcome: None,
) -> list[Outcome]:
    """What came of each file, as `run_all` does, however the executor runs them.

    A task that fails, or gives what is no result, is a crash of its file. What modellint itself
    raises, for want of torch say, ends the run: jobs that have not begun are cancelled first, and
    the executor stays open.
    """
    # A scheduler may remember what an equal call gave, and the files may have changed.
    run = uuid.uuid4().hex
    tasks: dict[Future[dict[str, Any]], Work] = {}
    try:
        for work in works:
            named = (
                None
                if work.interpreter.own
                else {"path": work.interpreter.path, "why": work.interpreter.why}
            )
            asked = (work.job.to_dict(), named, __version__, run)
            tasks[_submitted(executor, asked)] = work
        return collected(tasks, _outcome, progress, done)
    except BaseException:
        for task in tasks:
            task.cancel()
        raise


def _submitted(executor: Executor, asked: tuple[Any, ...]) -> Future[dict[str, Any]]:
    """The task of a job; one that has failed where an earlier one broke the executor."""
    try:
        return executor.submit(lint_job, *asked)
    except BrokenExecutor as error:
        task: Future[dict[str, Any]] = Future()
        task.set_exception(error)
        return task


def _outcome(task: Future[dict[str, Any]], work: Work) -> Outcome:
    """What came of a file; what carries results may lose one, or hand out another's."""
    try:
        return Outcome.from_dict(task.result())
    except ModellintError:
        raise
    except Foreign as error:
        message = f"the executor gave what is no result of modellint's ({error})"
    except Exception as error:  # Whatever an executor raises, the other files go on.
        message = f"the executor gave no result: {describe(error)}"
    models = tuple(incomplete_model(work.job, one, "failed", message) for one in work.models)
    problem = Problem(work.job.shown, 1, "crash", message)
    return running.placed(Outcome((Report(models=models, errors=(problem,)),)), work)


def lint_job(
    job: Mapping[str, Any], interpreter: Mapping[str, str] | None, version: str, run: str
) -> dict[str, Any]:
    """Lint the file of a job, wherever this is called; what came of it, as plain data.

    `interpreter` is the one to run the models, `None` for that of the process that this is.
    `version` is that of the modellint that asks; `run` tells its calls from those of other runs.
    Raises `WorkerError` where this is another version: it might find something else.
    """
    if version != __version__:
        raise WorkerError(f"modellint {version} asks a machine that has modellint {__version__}")
    asked = Job.from_dict(job)
    try:
        source = parse_job(asked)
    except FileError as error:
        return Outcome((unread(asked.shown, error),)).to_dict()
    models = chosen_models(asked, source)
    with _shared.pool(
        OWN if interpreter is None else Interpreter(interpreter["path"], interpreter["why"])
    ) as pool:
        return running.run_file(pool, Work(asked, models, cells=source.cells)).to_dict()


class _Shared:
    """The workers of this process: started for the first job, ended when no more have come."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pools: Pools | None = None
        self._users = 0
        self._timer: threading.Timer | None = None

    @contextmanager
    def pool(self, interpreter: Interpreter) -> Iterator[Pool]:
        """The worker of an interpreter, for one job; others may use it at the same time."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            if self._pools is None:
                self._pools = Pools()
            pool = self._pools.start(interpreter)
            self._users += 1
        try:
            yield pool
        finally:
            with self._lock:
                self._users -= 1
                if not self._users:
                    self._timer = threading.Timer(_IDLE, self._close)
                    self._timer.daemon = True
                    self._timer.start()

    def _close(self) -> None:
        with self._lock:
            # A timer that has gone off cannot be cancelled any more.
            if self._users or self._pools is None:
                return
            pools, self._pools = self._pools, None
        pools.close()


_shared = _Shared()


def _forget() -> None:
    """Leave the worker to the process that started it: a fork would talk on its connections."""
    global _shared
    _shared = _Shared()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
