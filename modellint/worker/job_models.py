"""Which models of a file a job is about, and what it states of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from modellint.discovery.candidates import Candidate, discover, entries, selected, with_arguments
from modellint.errors import FileError
from modellint.programs.candidates import discover_in_project
from modellint.protocol.jobs import Job, ModelSettings
from modellint.rules import Rule
from modellint.source.file import SourceFile, parse_source, read_source
from modellint.source.paths import shown_path
from modellint.symbolic.specs import InputSpec, parse_input
from modellint.worker.earlier_cells import replaced_models

if TYPE_CHECKING:
    from modellint.modules.rebuilding import Setting

    Settings = Mapping[str, Sequence[Setting]]

#: How many other files are read for how a model is trained, the likeliest first.
_MOST_USERS = 8


@dataclass(frozen=True, slots=True)
class Task:
    """A job with the rules that it names; `shown` turns an absolute path into what is printed.

    `tried` are arguments that layers of models are built anew with, by the models' names.
    """

    job: Job
    rules: Sequence[Rule]
    shown: Callable[[str], str]
    tried: Settings = field(default_factory=dict)

    def settings(self, name: str) -> ModelSettings:
        """What the user states of a model."""
        return self.job.models.get(name) or ModelSettings("")


def parse_job(job: Job) -> SourceFile:
    """The job's source; raise `FileError` where it is no valid Python."""
    return read_source(job.path) if job.data is None else parse_source(job.path, job.data)


def chosen_models(
    job: Job, source: SourceFile, consulted: set[str] | None = None
) -> tuple[Candidate, ...]:
    """The models of a file that a job is about; unknown names are left out.

    A model with settings of its own counts as asked for, unless others are. What was looked for of
    other files is added to `consulted`.
    """
    candidates = discovered(job, source, consulted)
    chosen = () if job.names else entries(candidates)
    named = [selected(candidates, name) for name in job.names or job.models]
    models = {*chosen, *(candidate for candidate in named if candidate is not None)}
    # In the order of the file, whatever order they are asked for in.
    said = [_as_said(job, candidate) for candidate in models]
    earlier = [] if job.names else [one.model for one in replaced_models(source)]
    return tuple(sorted([*said, *earlier], key=lambda one: (one.line, one.name)))


def discovered(
    job: Job, source: SourceFile, consulted: set[str] | None = None
) -> tuple[Candidate, ...]:
    """The models of a file, with what its project shows of them."""
    if not job.project:
        return discover(source)
    return discover_in_project(
        source, job.programs, job.project, lambda path: shown_path(path, job.folder), consulted
    )


def _as_said(job: Job, candidate: Candidate) -> Candidate:
    """The candidate with the arguments that its settings give it."""
    said = job.models.get(candidate.name)
    if said is None or said.arguments is None:
        return candidate
    return with_arguments(candidate, said.arguments, said.origin, said.folder)


def stated_inputs(job: Job, name: str) -> list[InputSpec]:
    """The input shapes that the user states for a model: those of the run, else its own."""
    if job.inputs or name not in job.models:
        return [parse_input(spec) for spec in job.inputs]
    said = job.models[name]
    return [replace(parse_input(spec), source=said.origin) for spec in said.inputs]


def users_of(job: Job) -> Iterator[tuple[str, SourceFile]]:
    """The project's files that may train a file's models, with their paths as printed."""
    for path in job.programs[:_MOST_USERS]:
        try:
            yield shown_path(path, job.folder), read_source(path)
        except FileError:  # It is no matter of this file.
            continue
