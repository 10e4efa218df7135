"""Files through worker processes, several at a time: what came of each, however its process ended.

Results are in the order of the files, whichever is done first.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from itertools import chain
from threading import Condition
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from modellint.config.interpreters import OWN, Interpreter
from modellint.protocol.jobs import Job, incomplete_model
from modellint.protocol.messages import OutcomeJson
from modellint.protocol.reading import Foreign, read
from modellint.results.cells import in_cells
from modellint.results.findings import Diagnostic
from modellint.results.report import Note, Problem, Report
from modellint.source.cells import Cells
from modellint.worker.deaths import broken

if TYPE_CHECKING:
    from concurrent.futures import Future

    from modellint.discovery.candidates import Candidate

T = TypeVar("T")

Progress = Callable[[int, int], None]
"""Told after each file how many files are done, and of how many."""

_DOING = {"load": "loading the file", "build": "building", "trace": "tracing"}
_GIVE_INPUTS = "give its own with --input or a comment such as # modellint: input=(3, 32, 32)"
#: Ends after which the models that are left are taken up again once only: a model that hangs may
#: cost its neighbours the time of a file, not that of each of them, and a worker that was lost may
#: be another file's doing, then no model is to blame.
_ONCE = frozenset({"lost", "timeout"})


class Pool(Protocol):
    """The processes of one interpreter that files run in."""

    def start(self) -> None:
        """Begin to import torch, which takes seconds, and return at once."""

    def run(self, job: Job) -> Generator[Any, None, None]:
        """Run a job; yield its messages, the last of type `end`."""

    def interrupt(self, job: Job) -> None:
        """End the process of a job that another thread runs; its last message is then an end."""

    def close(self) -> None:
        """End all processes, those in the middle of a job included."""


@dataclass(frozen=True)
class Work:
    """A file that needs a worker: its job, the models that it is about, and the Python for them.

    `cells` are those of a notebook, in which what comes of it is placed.
    """

    job: Job
    models: tuple[Candidate, ...]
    interpreter: Interpreter = OWN
    cells: Cells | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of a file: its reports, and what it read where they will be the same next time.

    `read` is `None` where a process ended before its time, where a model lacked what may be there
    later, or where nobody asked.
    """

    reports: tuple[Report, ...]
    read: Mapping[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The outcome as JSON has it, remarks included."""
        reports = [
            {
                "report": one.to_dict(pictures=True, annotated=True),
                "remarks": [remark.to_dict() for remark in one.remarks],
            }
            for one in self.reports
        ]
        return {"reports": reports, "read": self.read}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Outcome:
        """Read an outcome that `to_dict` wrote; raise `Foreign` for what did not."""
        read(data, OutcomeJson)
        reports = tuple(
            replace(
                Report.from_dict(one["report"]),
                remarks=tuple(Note(**remark) for remark in one["remarks"]),
            )
            for one in data["reports"]
        )
        return cls(reports, data["read"])


Heard = Callable[[Work, Outcome], None]
"""Told of each file that ran as soon as it is through, with what came of it."""


def open_pool(interpreter: Interpreter) -> Pool:
    """The processes of an interpreter that files run in, by what this system can."""
    # Where no file has changed, none is needed.
    from modellint.engine.server_pool import FORKS, ForkingPool

    if FORKS:
        return ForkingPool(interpreter)
    from modellint.engine.subprocess_pool import SinglePool

    return SinglePool(interpreter)


class Pools:
    """The processes of a run: a pool for each interpreter, from its first file on."""

    def __init__(self) -> None:
        self._open: dict[str, Pool] = {}

    def start(self, interpreter: Interpreter) -> Pool:
        """The pool of an interpreter, which begins to import torch if it has not yet."""
        if interpreter.path not in self._open:
            self._open[interpreter.path] = open_pool(interpreter)
        pool = self._open[interpreter.path]
        pool.start()
        return pool

    def close(self) -> None:
        """End all processes, those in the middle of a job included."""
        for pool in self._open.values():
            pool.close()


def run_all(
    works: Iterable[Work],
    jobs: int | None = None,
    progress: Progress | None = None,
    done: Heard = lambda work, outcome: None,
    lasting: Pools | None = None,
) -> list[Outcome]:
    """What came of each file; `jobs` run at once, by default as many as there are cores.

    Files start as they arrive from `works`, in processes of `lasting` where the caller has opened
    some for several runs; `done` is told of each as soon as it is through. Whatever is raised,
    Ctrl-C included, ends all processes first.
    """
    works = iter(works)
    first = next(works, None)
    if first is None:
        return []  # Nothing has changed: threads need not even be imported.
    from concurrent.futures import ThreadPoolExecutor

    opened = closing(Pools()) if lasting is None else nullcontext(lasting)
    # The threads only wait for processes.
    with opened as pools, ThreadPoolExecutor(jobs or cores()) as threads:
        tasks: dict[Future[Outcome], Work] = {}
        try:
            for work in chain([first], works):
                pool = pools.start(work.interpreter)
                tasks[threads.submit(run_file, pool, work)] = work
            return collected(tasks, lambda task, work: task.result(), progress, done)
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            pools.close()
            raise


def collected(
    tasks: Mapping[Future[T], Work],
    read: Callable[[Future[T], Work], Outcome],
    progress: Progress | None,
    done: Heard,
) -> list[Outcome]:
    """What comes of tasks, in their order; told of as they are done, and read only once."""
    from concurrent.futures import as_completed

    found: dict[Future[T], Outcome] = {}
    for task in as_completed(tasks):
        found[task] = read(task, tasks[task])
        done(tasks[task], found[task])
        if progress is not None:
            progress(len(found), len(tasks))
    return [found[task] for task in tasks]


def cores() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Turns:
    """Who may run: many files at a time, or one that was lost, alone."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._running = 0
        self._alone = False

    @contextmanager
    def together(self) -> Iterator[None]:
        """Run beside others, once none runs alone."""
        with self._changed:
            self._changed.wait_for(lambda: not self._alone)
            self._running += 1
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Run when those that run are through, and let none begin meanwhile."""
        with self._changed:
            self._changed.wait_for(lambda: not self._alone)
            self._alone = True
            self._changed.wait_for(lambda: not self._running)
        try:
            yield
        finally:
            with self._changed:
                self._alone = False
                self._changed.notify_all()


_TURNS = _Turns()


def run_file(pool: Pool, work: Work) -> Outcome:
    """What comes of a file; after a crash or a time-out, the models that are left run anew."""
    job = work.job
    reports: list[Report] = []
    read: Mapping[str, Any] | None = None
    unfinished = {candidate.name: candidate for candidate in work.models}
    parts = {part.name for candidate in work.models for part in _inside(candidate)} - {*unfinished}
    seen: set[str] = set()
    told: set[str] = set()
    while unfinished:
        # What ended its worker may be a file that runs beside it.
        with _TURNS.alone() if "lost" in seen else _TURNS.together():
            stage, end = _run_once(pool, job, unfinished, parts - told, reports)
        told |= {model.name for report in reports for model in report.models}
        kind = end["kind"]
        if kind is not None and stage["name"] == "fixes" and not unfinished:
            # What is told of the models stands, whatever a change of them does.
            break
        if kind is None:
            # Of models that an earlier process has done, this one has not seen what they read.
            # What still ran when it was done may have read anything.
            whole = not job.done and not end["lacking"] and not end.get("strays")
            read = end["read"] if whole else None
            # An error of the whole file stands for its models.
            if not any(report.errors and not report.models for report in reports):
                reports += _missed(job, [*unfinished.values()])
            break
        goes_on = kind not in _ONCE or kind not in seen
        seen.add(kind)
        if kind != "lost" or not goes_on:
            if stage["model"] in parts:
                # The model that it is a part of has been told of.
                told.add(stage["model"])
            else:
                blamed = [stage["model"]] if stage["model"] in unfinished else [*unfinished]
                reports.append(_ended(job, stage, end, [unfinished.pop(name) for name in blamed]))
        if not goes_on:
            reports.append(_unreached(job, stage, end, [*unfinished.values()]))
            break
        done = [one.name for one in work.models if one.name not in unfinished]
        job = replace(job, done=(*done, *sorted(told & parts)))
    return placed(Outcome(tuple(reports), read), work)


def placed(outcome: Outcome, work: Work) -> Outcome:
    """What came of a file, with its places as reports have them."""
    reports = tuple(in_cells(one, work.job.shown, work.cells) for one in outcome.reports)
    return replace(outcome, reports=reports)


def _inside(candidate: Candidate) -> Iterator[Candidate]:
    """The parts that may be linted where a model cannot be built, and theirs."""
    for part in candidate.parts:
        yield part
        yield from _inside(part)


def _run_once(
    pool: Pool,
    job: Job,
    unfinished: dict[str, Candidate],
    parts: Collection[str],
    reports: list[Report],
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Run a job to its end; the last stage that it reached, and how it ended.

    Its reports are added to `reports`, and the models that they hold leave `unfinished`.
    """
    stage: Mapping[str, Any] = {"name": "load", "model": None, "line": 1, "assumed": False}
    end: Mapping[str, Any] = {"kind": None}
    lacking = False
    # Closed in any case: a process that answers for others is not waited for.
    with closing(pool.run(job)) as messages:
        for message in messages:
            if message["type"] == "stage":
                stage = message
            elif message["type"] == "report":
                try:
                    report = Report.from_dict(message["report"])
                    _check_models(job, report, {*unfinished, *parts})
                except ValueError as error:
                    end = asdict(broken(error))
                    break
                told = tuple(Note(**remark) for remark in message.get("remarks", ()))
                reports.append(replace(report, remarks=told))
                for model in report.models:
                    unfinished.pop(model.name, None)
                    parts = [part for part in parts if part != model.name]
            elif message["type"] == "lacking":
                lacking = True
            elif message["type"] == "fixed":
                try:
                    _mend(job, reports, map(Diagnostic.from_dict, message["findings"]))
                except ValueError as error:
                    end = asdict(broken(error))
                    break
            else:
                end = message
    reports.append(Report(remarks=tuple(_remarks(job, end))))
    return stage, {**end, "lacking": lacking}


def _mend(job: Job, reports: list[Report], findings: Iterable[Diagnostic]) -> None:
    """Put findings with their fixes in the place of what was told of them before.

    Raises `Foreign` for a finding that was not told of, and for a fix of another file.
    """
    for finding in findings:
        if finding.fix is not None and any(one.path != job.shown for one in finding.fix.edits):
            raise Foreign("fixed.findings.fix")
        for at, report in enumerate(reports):
            told = [_as_found(one) == _as_found(finding) for one in report.findings]
            if any(told):
                where = told.index(True)
                mended = (*report.findings[:where], finding, *report.findings[where + 1 :])
                reports[at] = replace(report, findings=mended)
                break
        else:
            raise Foreign("fixed.findings")


def _as_found(finding: Diagnostic) -> Diagnostic:
    """A finding without what a trial of its fix decides."""
    return replace(finding, help=None, fix=None, no_fix=None)


def _check_models(job: Job, report: Report, unfinished: Collection[str]) -> None:
    """Raise `Foreign` for a report on a model that is not asked for, or was told of before.

    So is one with findings of a model that it does not have, or with fixes, which are told later.
    """
    names = [model.name for model in report.models if model.path == job.shown]
    if not len(names) == len(report.models) == len({*unfinished} & {*names}):
        raise Foreign("report.models")
    told = {one.model for one in report.findings} | {one.model for one in report.silenced}
    if not told <= {*names} or any(one.fix is not None for one in report.findings):
        raise Foreign("report.findings")


def _ended(
    job: Job, stage: Mapping[str, Any], end: Mapping[str, Any], lost: Sequence[Candidate]
) -> Report:
    """What a file's process lost when it ended before its time, at which stage and line.

    At other sizes than those that were assumed a forward may well end in time.
    """
    message = _told(stage, end)
    if end["kind"] == "timeout" and stage["assumed"]:
        where = f"line {end['line']}: " if end.get("line") else ""
        reason = f"{where}{message}, with assumed inputs: {_GIVE_INPUTS}"
        lost_ones = (incomplete_model(job, one, "not-analysed", reason) for one in lost)
        return Report(models=tuple(lost_ones))
    kind = "crash" if end["kind"] == "lost" else end["kind"]
    line = end.get("line") or stage["line"]
    models = tuple(incomplete_model(job, candidate, "failed", message) for candidate in lost)
    return Report(models=models, errors=(Problem(job.shown, line, kind, message),))


def _told(stage: Mapping[str, Any], end: Mapping[str, Any]) -> str:
    where = f"while {_DOING.get(stage['name'], 'checking')} {stage['model'] or ''}".rstrip()
    return f"{end['message']} {where}"


def _unreached(
    job: Job, stage: Mapping[str, Any], end: Mapping[str, Any], left: Sequence[Candidate]
) -> Report:
    """The models whose turn never came, since others of the file took all the time there is."""
    reason = f"its turn never came: {_told(stage, end)}"
    return Report(
        models=tuple(incomplete_model(job, candidate, "not-analysed", reason) for candidate in left)
    )


def _missed(job: Job, models: Sequence[Candidate]) -> Iterator[Report]:
    """What the worker passed over without a word: a fault of modellint's, not to be kept quiet."""
    for candidate in models:
        message = f"no result for {candidate.name}"
        model = incomplete_model(job, candidate, "failed", message)
        problem = Problem(job.shown, candidate.line, "internal-error", message)
        yield Report(models=(model,), errors=(problem,))


def _remarks(job: Job, end: Mapping[str, Any]) -> Iterator[Note]:
    """What `-v` tells of a process besides its result."""
    for change in end.get("changed", ()):
        yield Note(job.shown, 1, change)
    if end.get("strays"):
        yield Note(job.shown, 1, "processes that it had started were still running; ended")
    for reason in (end.get("read") or {}).get("reasons", ()):
        yield Note(job.shown, 1, f"no result is kept for a cache: the file depends on {reason}")
    for line in end.get("printed", "").splitlines():
        yield Note(job.shown, 1, f"prints {line}")
