"""The runs that tell what comes of a file with its fixes: its models are linted once more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from modellint.linting.linter import Linted
from modellint.protocol.jobs import Job
from modellint.results.findings import Diagnostic
from modellint.results.report import Report
from modellint.source.file import SourceFile, text_digest
from modellint.worker.job_models import Task
from modellint.worker.stages import Fixed, Told
from modellint.worker.trials import Inputs, Settings, with_trials

Lint = Callable[[Task, SourceFile, list[Linted]], Iterator[Told]]
"""Lints the models of a text, and adds those that were analysed to a list."""


def tried(task: Task, source: SourceFile, told: Sequence[Linted], lint: Lint) -> Iterator[Fixed]:
    """What trials of the fixes of a file come to."""
    names = tuple(model.name for part in told for model in part.report.models)

    def relint(changed: SourceFile, inputs: Inputs, settings: Settings) -> Sequence[Linted]:
        parts: list[Linted] = []
        trial = replace(_trial(task, names, inputs), tried=settings)
        for message in lint(trial, changed, parts):
            if isinstance(message, Report) and message.errors:
                parts.append(Linted(message, ()))
        return parts

    for finding in with_trials(told, source, relint, task.job.trials):
        yield Fixed((_printed(finding, task.job, source),))


def _trial(task: Task, names: tuple[str, ...], inputs: Inputs) -> Task:
    """The task of linting the models of a name alone, on given inputs where there are any."""
    stated = {name: replace(task.settings(name), inputs=specs) for name, specs in inputs.items()}
    job = replace(
        task.job,
        names=names,
        models={**task.job.models, **stated},
        inputs=() if inputs else task.job.inputs,
        done=(),
        pictured=False,
        training=False,
        annotated=False,
    )
    return replace(task, job=job)


def _printed(finding: Diagnostic, job: Job, source: SourceFile) -> Diagnostic:
    """The finding with the path of its file as reports have it, and what the file held."""
    fix = finding.fix
    if fix is None:
        return finding
    edits = tuple(edit._replace(path=job.shown) for edit in fix.edits)
    return replace(finding, fix=replace(fix, edits=edits, digest=text_digest(source.text)))
