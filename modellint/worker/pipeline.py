"""One file through every stage: discover its models, load, build, trace and lint them.

Runs in the worker, since loading and building run the user's code. What is known is yielded at
once, with a `Stage` before each step, so that a crash loses no model before it and can be placed.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from modellint.building.failures import (
    chained,
    describe,
    line_in,
    ran_out_of_memory,
    what_is_missing,
)
from modellint.discovery.candidates import Candidate, discover, entries, selected, with_arguments
from modellint.discovery.instances import of_instance
from modellint.discovery.readable_calls import readable
from modellint.errors import FileError, NotAnalysed
from modellint.fixes.sites import Text
from modellint.inputs.handed_on import Feeding, makers
from modellint.programs.candidates import discover_in_project
from modellint.protocol.jobs import Job, ModelSettings, incomplete_model
from modellint.protocol.limits import lift_memory, lowered_memory, shown_memory
from modellint.results.crash_reports import crash_report
from modellint.results.findings import Diagnostic
from modellint.results.report import Note, Report
from modellint.rules import Rule
from modellint.source.executed import cell_place, execute, words
from modellint.source.file import SourceFile, parse_source, read_source, text_digest
from modellint.source.paths import project_root, shown_path
from modellint.suppression.comments import Silence
from modellint.symbolic.specs import InputSpec, parse_input
from modellint.worker.earlier_cells import renamed, replaced_models
from modellint.worker.problems import internal_error, problem_of

if TYPE_CHECKING:
    from modellint.building.builder import BuiltModel
    from modellint.building.loader import LoadedModule
    from modellint.graph import Graph
    from modellint.linting.linter import Linted


@dataclass(frozen=True, slots=True)
class Lacking:
    """A model lacks what another machine may have, or this one tomorrow: a package, the network."""

    model: str


@dataclass(frozen=True, slots=True)
class Fixed:
    """Findings that were told of, with what a trial of their fixes came to."""

    findings: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class Stage:
    """What is about to run: `load` for the file; `build`, `trace` or `rules` for a model.

    `fixes` is the trial of what mends the findings of them all. `assumed` tells of a `trace` that
    nobody gave or showed what the model is fed.
    """

    name: str
    model: str | None = None
    line: int = 1
    assumed: bool = False


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


def lint_file(
    job: Job, rules: Sequence[Rule], shown: Callable[[str], str]
) -> Iterator[Stage | Lacking | Report | Fixed]:
    """Lint the models of one file, yielding each model's report as it is done.

    `shown` turns an absolute path into what reports print. When all are told of, the fixes of their
    findings are tried.
    """
    try:
        source = parse_job(job)
    except FileError as error:
        yield Report(errors=(problem_of(job, error, shown),))
        return
    execute(source)
    told: list[Linted] = []
    yield from _lint_source(job, source, rules, shown, told)
    yield from _lint_earlier(job, source, rules, shown)
    if job.trials and any(one.edits for part in told for one in part.proposals):
        yield Stage("fixes")
        yield from _tried(job, source, rules, shown, told)


def _tried(
    job: Job,
    source: SourceFile,
    rules: Sequence[Rule],
    shown: Callable[[str], str],
    told: Sequence[Linted],
) -> Iterator[Fixed]:
    """What trials of the fixes come to."""
    from modellint.linting.linter import Linted
    from modellint.worker.trials import Inputs, with_trials

    names = tuple(model.name for part in told for model in part.report.models)

    def relint(changed: SourceFile, inputs: Inputs) -> Sequence[Linted]:
        models = dict(job.models)
        for name, specs in inputs.items():
            models[name] = replace(models.get(name) or ModelSettings(""), inputs=specs)
        stated = () if inputs else job.inputs
        trial = replace(job, names=names, models=models, inputs=stated, done=())
        trial = replace(trial, pictured=False, annotated=False)
        parts: list[Linted] = []
        for message in _lint_source(trial, changed, rules, shown, parts):
            if isinstance(message, Report) and message.errors:
                parts.append(Linted(message, ()))
        return parts

    for finding in with_trials(told, source, relint, job.trials):
        yield Fixed((_printed(finding, job, source),))


def _printed(finding: Diagnostic, job: Job, source: SourceFile) -> Diagnostic:
    """The finding with the path of its file as reports have it, and what the file held."""
    fix = finding.fix
    if fix is None:
        return finding
    edits = tuple(edit._replace(path=job.shown) for edit in fix.edits)
    return replace(finding, fix=replace(fix, edits=edits, digest=text_digest(source.text)))


def _lint_source(
    job: Job,
    source: SourceFile,
    rules: Sequence[Rule],
    shown: Callable[[str], str],
    told: list[Linted],
) -> Iterator[Stage | Lacking | Report]:
    """Lint the models of a text; those that were analysed are added to `told`."""
    from modellint.building.loader import load

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
    notes = [Note(shown(note.path), note.line, note.message) for note in loaded.notes]
    yield Report(notes=tuple(notes))

    def linted(candidate: Candidate) -> Iterator[Stage | Lacking | Report]:
        return _lint_model(job, candidate, loaded, feeding, rules, shown, told)

    # A model may be a part of several.
    known = {*job.done}
    for candidate in buildable:
        built = yield from _traced(linted(candidate))
        # Whose arguments the user states is to be mended there.
        stated = job.models.get(candidate.name, ModelSettings("")).arguments
        if not built and not job.names and stated is None:
            yield from _lint_parts(candidate.parts, linted, known)
    yield from _lint_parts(parts, linted, known)


def _lint_earlier(
    job: Job,
    source: SourceFile,
    rules: Sequence[Rule],
    shown: Callable[[str], str],
) -> Iterator[Stage | Lacking | Report]:
    """Lint the models of a notebook that a later cell replaces."""
    for one in replaced_models(source) if not job.names else ():
        name = one.model.name
        alone = replace(job, names=(one.name,), models={}, done=(), trials=0, annotated=False)
        told = () if name in job.done else _lint_source(alone, one.before, rules, shown, [])
        for message in told:
            if isinstance(message, Report):
                yield renamed(message, name)
            elif message.model is not None:
                yield replace(message, model=name)
            else:
                yield message


def _traced(
    messages: Iterator[Stage | Lacking | Report],
) -> Generator[Stage | Lacking | Report, None, bool]:
    """Hand on what a model's lint tells; whether the model was built."""
    built = False
    for message in messages:
        built = built or (isinstance(message, Stage) and message.name == "trace")
        yield message
    return built


def _lint_parts(
    parts: Sequence[Candidate],
    linted: Callable[[Candidate], Iterator[Stage | Lacking | Report]],
    told: set[str],
) -> Iterator[Stage | Lacking | Report]:
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


def _lint_model(
    job: Job,
    candidate: Candidate,
    loaded: LoadedModule,
    feeding: Feeding,
    rules: Sequence[Rule],
    shown: Callable[[str], str],
    told: list[Linted],
) -> Iterator[Stage | Lacking | Report]:
    from modellint.building.builder import build
    from modellint.building.given_arguments import arguments_of
    from modellint.building.places import places_of
    from modellint.inputs.search import trace_with_inputs
    from modellint.linting.linter import Subject, linted
    from modellint.worker.other_arguments import unless_arguments_decide, with_other_arguments

    line = candidate.line
    said = job.models.get(candidate.name) or ModelSettings("")
    try:
        yield Stage("build", candidate.name, line)
        built = build(loaded, candidate)
        given = stated_inputs(job, candidate.name)
        known = () if given else feeding.hints(candidate)
        yield Stage("trace", candidate.name, line, assumed=not (given or known))
        if candidate.unread is not None and not given and not known:
            raise NotAnalysed(_of_unknown(candidate), line)

        def traced(built: BuiltModel) -> Graph:
            return trace_with_inputs(
                built.model,
                given=given,
                hints=of_instance(known, built.call),
                sites=places_of(built, loaded.source),
                name=candidate.name,
                path=job.path,
                source=loaded.source,
                watched=job.annotated,
            )

        graph, built = unless_arguments_decide(traced, built, known, loaded)
        graph = replace(graph, arguments=arguments_of(built.call, loaded.namespace))
        yield Stage("rules", candidate.name, line)
        silence = Silence(job.path, candidate.class_name, line, {job.path: loaded.source})
        made_up = built.call.made_up if built.call is not None else ""
        if made_up:
            message = f"{candidate.name} is built with what is assumed: {made_up}"
            yield Report(notes=(Note(job.shown, line, message),))
        elif built.call is not None and built.call.elsewhere:
            message = f"{candidate.name}: {built.call.origin}: {readable(built.call)}"
            yield Report(notes=(Note(job.shown, line, message),))
        subject = Subject(
            job.shown,
            candidate.name,
            candidate.class_name,
            line,
            shown,
            silence,
            made_up,
            lambda path, line: cell_place(path, line) or (None, line),
        )
        found = linted(
            graph,
            rules,
            subject,
            {**job.options, **said.options},
            severities=job.severities,
            confirmed=job.confirmed,
            pictured=job.pictured,
            others=lambda: with_other_arguments(traced, built, loaded),
            text=Text(loaded.source) if job.trials else None,
        )
        told.append(found)
        yield found.report
    except GeneratorExit:
        raise
    except BaseException as error:  # User code raises what it likes, and the other models go on.
        if any(isinstance(one, MemoryError) for one in chained(error)):
            lift_memory()
        meaning = _meaning(job, candidate, error, loaded)
        if isinstance(meaning, NotAnalysed) and meaning.elsewhere:
            yield Lacking(candidate.name)
        yield _unfinished(job, candidate, meaning, shown)
    # What filled the memory may hang in cycles of exceptions and frames.
    if lowered_memory():
        gc.collect()


def _of_unknown(candidate: Candidate) -> str:
    return (
        f"{candidate.unread}, whose tensors the file does not tell: call {candidate.name} in the "
        "file on torch.rand(...)"
    )


def _meaning(
    job: Job, candidate: Candidate, error: BaseException, loaded: LoadedModule
) -> BaseException:
    """What ended a model, as a fault of its file or as something that is missing here."""
    line = error.line if isinstance(error, FileError) else _line(job, error)
    if ran_out_of_memory(error):
        path = error.path if isinstance(error, FileError) else job.path
        limit = shown_memory(job.memory)
        message = f"{candidate.name} takes more than {limit} of memory; --memory allows more"
        return FileError("memory-limit", path, line, message)
    if isinstance(error, Exception) and not _of_forward(error):
        return error
    for one in chained(error):
        if isinstance(one, NameError) and one.name:
            obstacle = loaded.obstacle(one.name)
            if obstacle is not None:
                return obstacle
    missing = what_is_missing(error)
    if missing is not None:
        return NotAnalysed(missing, line, elsewhere=True)
    if isinstance(error, Exception):
        return error
    # What is no Exception passed through the tracer, as `sys.exit` does.
    message = f"{candidate.name}.forward raises {describe(error)}"
    return FileError("trace-error", job.path, line, message)


def _of_forward(error: BaseException) -> bool:
    return isinstance(error, FileError) and error.kind == "trace-error"


def _line(job: Job, error: BaseException) -> int | None:
    """The file's line that an exception, or the one it came of, passed through."""
    lines = (line_in(one, job.path) for one in chained(error))
    return next((line for line in lines if line is not None), None)


def _unfinished(
    job: Job, candidate: Candidate, error: BaseException, shown: Callable[[str], str]
) -> Report:
    """The report of a model that could not be followed to its end."""
    if isinstance(error, NotAnalysed):
        reason = error.reason
        line = error.line
        if line is not None and line != candidate.line and words(job.path, line) not in reason:
            reason = f"{words(job.path, line)}: {reason}"
        return Report(models=(incomplete_model(job, candidate, "not-analysed", reason),))
    remarks: tuple[Note, ...] = ()
    if isinstance(error, FileError):
        problem = problem_of(job, error, shown, candidate)
    else:
        problem = internal_error(job, candidate.line, candidate.name, error)
        remarks = crash_report(job.shown, candidate.line, f"linting {candidate.name}", error)
    model = incomplete_model(job, candidate, "failed", problem.message)
    return Report(models=(model,), errors=(problem,), remarks=remarks)
