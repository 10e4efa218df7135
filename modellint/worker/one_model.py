"""One model of a loaded file: built, traced and linted."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from modellint.building.failures import chained
from modellint.discovery.candidates import Candidate
from modellint.discovery.instances import of_instance
from modellint.discovery.readable_calls import readable
from modellint.errors import NotAnalysed
from modellint.fixes.sites import Text
from modellint.inputs.handed_on import Feeding
from modellint.protocol.limits import lift_memory, lowered_memory
from modellint.results.report import Note, Report
from modellint.source.executed import cell_place
from modellint.suppression.comments import Silence
from modellint.worker.job_models import Task, stated_inputs, users_of
from modellint.worker.stages import Lacking, Stage, Told
from modellint.worker.unfinished import meaning, report_of

if TYPE_CHECKING:
    from modellint.building.builder import BuiltModel
    from modellint.building.loader import LoadedModule
    from modellint.discovery.example_tensors import InputHint
    from modellint.graph import Graph
    from modellint.linting.linter import Linted, Subject


def lint_model(
    task: Task, candidate: Candidate, loaded: LoadedModule, feeding: Feeding, told: list[Linted]
) -> Iterator[Told]:
    """Lint a model, telling of each stage before it begins; what was analysed is added to `told`.

    Whatever ends it is told as a report of this model: the others go on.
    """
    job = task.job
    try:
        yield from _linted(task, candidate, loaded, feeding, told)
    except GeneratorExit:
        raise
    except BaseException as error:  # User code raises what it likes, and the other models go on.
        if any(isinstance(one, MemoryError) for one in chained(error)):
            lift_memory()
        meant = meaning(job, candidate, error, loaded)
        if isinstance(meant, NotAnalysed) and meant.elsewhere:
            yield Lacking(candidate.name)
        yield report_of(job, candidate, meant, task.shown)
    # What filled the memory may hang in cycles of exceptions and frames.
    if lowered_memory():
        gc.collect()


def _linted(
    task: Task, candidate: Candidate, loaded: LoadedModule, feeding: Feeding, told: list[Linted]
) -> Iterator[Told]:
    from modellint.building.builder import build
    from modellint.modules.rebuilding import rebuilt

    yield Stage("build", candidate.name, candidate.line)
    built = build(loaded, candidate)
    with rebuilt(built.model, task.tried.get(candidate.name, ())):
        yield from _traced(task, candidate, built, loaded, feeding, told)


def _traced(
    task: Task,
    candidate: Candidate,
    built: BuiltModel,
    loaded: LoadedModule,
    feeding: Feeding,
    told: list[Linted],
) -> Iterator[Told]:
    """Trace a model that is built, and lint it."""
    from modellint.building.given_arguments import arguments_of
    from modellint.linting.linter import linted
    from modellint.worker.other_arguments import unless_arguments_decide, with_other_arguments

    job, line = task.job, candidate.line
    stated = stated_inputs(job, candidate.name)
    shown = bool(stated or candidate.inputs)
    yield Stage("trace", candidate.name, line, assumed=not shown)
    # To know what another model gives to this one takes a trace of that.
    known = () if stated else feeding.hints(candidate)
    if shown and not (stated or known):
        yield Stage("trace", candidate.name, line, assumed=True)
    if candidate.unread is not None and not stated and not known:
        raise NotAnalysed(_of_unknown(candidate), line)
    traced = _tracer(task, candidate, loaded, known)
    graph, built = unless_arguments_decide(traced, built, known, loaded)
    graph = replace(
        graph,
        arguments=arguments_of(built.call, loaded.namespace),
        users=partial(users_of, job),
    )
    yield Stage("rules", candidate.name, line)
    yield from _remarks(job.shown, candidate, built)
    yield from _of_samples(job.shown, candidate, built, graph)
    found = linted(
        graph,
        task.rules,
        _subject(task, candidate, built, loaded),
        {**job.options, **task.settings(candidate.name).options},
        severities=job.severities,
        confirmed=job.confirmed,
        pictured=job.pictured,
        training=job.training,
        others=lambda: with_other_arguments(traced, built, loaded),
        text=Text(loaded.source) if job.trials else None,
    )
    told.append(found)
    yield found.report


def _tracer(
    task: Task, candidate: Candidate, loaded: LoadedModule, known: tuple[InputHint, ...]
) -> Callable[[BuiltModel], Graph]:
    """What traces the model, however it is built."""
    from modellint.building.places import places_of
    from modellint.inputs.search import trace_with_inputs

    job = task.job

    def traced(built: BuiltModel) -> Graph:
        return trace_with_inputs(
            built.model,
            given=stated_inputs(job, candidate.name),
            hints=of_instance(known, built.call),
            sites=places_of(built, loaded.source),
            name=candidate.name,
            path=job.path,
            source=loaded.source,
            watched=job.annotated,
        )

    return traced


def _remarks(shown: str, candidate: Candidate, built: BuiltModel) -> Iterator[Report]:
    """What is told of the arguments that a model is built with, where the file does not say it."""
    call = built.call
    if call is None:
        return
    message = ""
    if call.made_up:
        message = f"{candidate.name} is built with what is assumed: {call.made_up}"
    elif call.elsewhere:
        message = f"{candidate.name}: {call.origin}: {readable(call)}"
    if message:
        yield Report(notes=(Note(shown, candidate.line, message),))


def _of_samples(
    shown: str, candidate: Candidate, built: BuiltModel, graph: Graph
) -> Iterator[Report]:
    """What is told of an export for a fixed number of samples."""
    from modellint.modules.replayed import fixed_samples

    samples = fixed_samples(built.model)
    if samples == 1:
        return
    message = f"{candidate.name} was exported for {samples} samples"
    if graph.samples == 1 and not graph.batches:
        message += ", which its costs are of"
    yield Report(notes=(Note(shown, candidate.line, message),))


def _subject(task: Task, candidate: Candidate, built: BuiltModel, loaded: LoadedModule) -> Subject:
    from modellint.linting.linter import Subject

    path, line = task.job.path, candidate.line
    return Subject(
        task.job.shown,
        candidate.name,
        candidate.class_name,
        line,
        task.shown,
        Silence(path, candidate.class_name, line, {path: loaded.source}),
        built.call.made_up if built.call is not None else "",
        lambda path, line: cell_place(path, line) or (None, line),
    )


def _of_unknown(candidate: Candidate) -> str:
    return (
        f"{candidate.unread}, whose tensors the file does not tell: call {candidate.name} in the "
        "file on torch.rand(...)"
    )
