"""One file through every stage: discover its models, load, build, trace and lint them.

Runs in the worker, since loading and building run the user's code. What is known is yielded at
once, with a `Stage` before each step, so that a crash loses no model before it and can be placed.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from modellint.discovery.candidates import Candidate
from modellint.errors import FileError
from modellint.inputs.handed_on import Feeding, makers
from modellint.protocol.jobs import Job, incomplete_model
from modellint.results.report import Note, Report
from modellint.rules import Rule
from modellint.source.executed import execute
from modellint.source.file import SourceFile
from modellint.source.paths import project_root
from modellint.worker.earlier_cells import linted_earlier, replaced_models
from modellint.worker.job_models import Task, chosen_models, parse_job
from modellint.worker.one_model import lint_model
from modellint.worker.stages import Stage, Told, ToldOfFile
from modellint.worker.unfinished import problem

if TYPE_CHECKING:
    from modellint.linting.linter import Linted


def lint_file(job: Job, rules: Sequence[Rule], shown: Callable[[str], str]) -> Iterator[ToldOfFile]:
    """Lint the models of one file, yielding each model's report as it is done.

    `shown` turns an absolute path into what reports print. When all are told of, the fixes of their
    findings are tried.
    """
    try:
        source = parse_job(job)
    except FileError as error:
        yield Report(errors=(problem(job, error, shown),))
        return
    execute(source, unsaved=job.data is not None)
    task = Task(job, rules, shown)
    told: list[Linted] = []
    yield from lint_source(task, source, told)
    yield from linted_earlier(task.job, source, lambda job, before: _alone(task, job, before))
    if job.trials and any(one.is_to_be_tried for part in told for one in part.proposals):
        from modellint.worker.trial_runs import tried

        yield Stage("fixes")
        yield from tried(task, source, told, lint_source)


def _alone(task: Task, job: Job, source: SourceFile) -> Iterator[Told]:
    """Lint a text for a job of its own, of which no fix is tried."""
    return lint_source(replace(task, job=job), source, [])


def lint_source(task: Task, source: SourceFile, told: list[Linted]) -> Iterator[Told]:
    """Lint the models of a text; those that were analysed are added to `told`."""
    from modellint.building.loader import load

    job = task.job
    apart = {one.model.name for one in replaced_models(source)}
    chosen = [one for one in chosen_models(job, source) if one.name not in apart]
    candidates = [one for one in chosen if one.name not in job.done]
    buildable = [one for one in candidates if one.missing is None]
    for candidate in candidates:
        if candidate.missing is not None:
            model = incomplete_model(job, candidate, "not-analysed", candidate.missing)
            yield Report(models=(model,))
    missing = [one for one in chosen if one.missing is not None and not job.names]
    parts = [part for one in missing for part in one.parts if part.name not in job.done]
    if not (buildable or parts):
        return
    yield Stage("load")
    feeders = makers([*buildable, *parts], source)
    wanted = [*buildable, *parts, *feeders.values()]
    loaded = load(source, wanted, root=project_root(job.path))
    feeding = Feeding(loaded, feeders)
    notes = [Note(task.shown(note.path), note.line, note.message) for note in loaded.notes]
    yield Report(notes=tuple(notes))

    def linted(candidate: Candidate) -> Iterator[Told]:
        return lint_model(task, candidate, loaded, feeding, told)

    # A model may be a part of several.
    known = {*job.done}
    for candidate in buildable:
        built = yield from _traced(linted(candidate))
        # Whose arguments the user states is to be mended there.
        stated = task.settings(candidate.name).arguments
        if not built and not job.names and stated is None:
            yield from _lint_parts(candidate.parts, linted, known)
    yield from _lint_parts(parts, linted, known)


def _traced(messages: Iterator[Told]) -> Generator[Told, None, bool]:
    """Hand on what a model's lint tells; whether the model was built."""
    built = False
    for message in messages:
        built = built or (isinstance(message, Stage) and message.name == "trace")
        yield message
    return built


def _lint_parts(
    parts: Sequence[Candidate],
    linted: Callable[[Candidate], Iterator[Told]],
    told: set[str],
) -> Iterator[Told]:
    """Lint the parts of a model that cannot be built; what cannot be analysed is part of that."""
    for part in parts:
        if part.name in told:
            continue
        told.add(part.name)
        built = False
        for message in linted(part):
            if isinstance(message, Stage):
                built = built or message.name == "trace"
                yield message
            elif isinstance(message, Report) and _is_analysed(message):
                yield message
        if not built:
            yield from _lint_parts(part.parts, linted, told)


def _is_analysed(report: Report) -> bool:
    return all(model.status in ("analysed", "partial") for model in report.models)
