"""From targets to a report: which files need a worker, and what the worker made of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import metadata
from typing import Any

from modellint.child import Worker
from modellint.discovery import Candidate, discover, find
from modellint.errors import FileError, UsageError
from modellint.pipeline import Job, chosen_models, incomplete_model, internal_error
from modellint.plugins import load_rules
from modellint.results import FailLevel, Note, Problem, Report
from modellint.rules import Rule
from modellint.selection import select_rules
from modellint.source import SourceFile, mentions_torch, parse_source
from modellint.targets import Target, expand_targets


@dataclass(frozen=True)
class Settings:
    """How to lint: input shapes, the rules that are on, limits, and what fails."""

    inputs: tuple[str, ...] = ()
    select: tuple[str, ...] = ("default",)
    ignore: tuple[str, ...] = ()
    extend_select: tuple[str, ...] = ()
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    timeout: float = 60.0
    fail_level: FailLevel = "warning"
    strict: bool = False
    verbose: bool = False
    confirmed: bool = False


@dataclass(frozen=True)
class _Prepared:
    """A file that was read: its job, and the models it is about."""

    job: Job
    source: SourceFile
    models: tuple[Candidate, ...]


def lint_targets(
    given: Sequence[str | os.PathLike[str]],
    settings: Settings,
    stdin: bytes | None = None,
    stdin_name: str = "-",
) -> Report:
    """Lint files, directories and selectors; user code runs in a worker process only.

    Raises `UsageError` for a path, a model or a rule that does not exist, or where torch is
    missing, and `PluginError` for a plugin that does not load.
    """
    rules = select_rules(load_rules(), settings.select, settings.ignore, settings.extend_select)
    if settings.inputs:
        from modellint.inputs import parse_input

        for spec in settings.inputs:
            parse_input(spec)
    targets = expand_targets(given, stdin, stdin_name)
    parts: list[Report] = []
    with Worker(verbose=settings.verbose) as worker:
        for target in targets:
            prepared = _prepare(target, settings, rules)
            if isinstance(prepared, Report):
                parts.append(prepared)
            elif prepared.models:
                parts += _run(worker, prepared)
    return _joined(parts, settings, targets)


def list_models(
    given: Sequence[str | os.PathLike[str]], stdin: bytes | None = None, stdin_name: str = "-"
) -> tuple[Report, tuple[tuple[str, Candidate], ...]]:
    """The models that targets hold, from their syntax trees, and the files that cannot be read."""
    found: list[tuple[str, Candidate]] = []
    parts: list[Report] = []
    targets = expand_targets(given, stdin, stdin_name)
    for target in targets:
        prepared = _prepare(target, Settings(), ())
        if isinstance(prepared, Report):
            parts.append(prepared)
        else:
            found += [(target.shown, candidate) for candidate in prepared.models]
    return _joined(parts, Settings(), targets), tuple(found)


def torch_version() -> str | None:
    """The installed torch's version without its build, read without importing it."""
    try:
        return metadata.version("torch").partition("+")[0]
    except metadata.PackageNotFoundError:
        return None


def _prepare(target: Target, settings: Settings, rules: Sequence[Rule]) -> _Prepared | Report:
    """Read a file as far as the front end does; a report is all there is to say of it."""
    if target.path.endswith(".ipynb"):
        note = Note(target.shown, 1, "notebooks are not read; export the model to a .py file")
        return Report(notes=(note,))
    try:
        data = target.data if target.data is not None else _read(target)
        if not mentions_torch(data) and not target.explicit:
            return Report()
        source = parse_source(target.path, data)
    except FileError as error:
        return Report(errors=(Problem(target.shown, error.line or 1, error.kind, error.message),))
    job = Job(
        path=target.path,
        shown=target.shown,
        folder=os.getcwd(),  # noqa: PTH109
        names=target.names,
        inputs=settings.inputs,
        rules=tuple(rule.name for rule in rules),
        options=settings.options,
        timeout=settings.timeout,
        verbose=settings.verbose,
        confirmed=settings.confirmed,
        data=target.data,
    )
    try:
        _check_names(target, source)
        return _Prepared(job, source, chosen_models(job, source))
    except UsageError:
        raise
    except Exception as error:  # The edge of the tool: one file must not end the run.
        return Report(errors=(internal_error(job, 1, "reading its models", error),))


def _read(target: Target) -> bytes:
    try:
        with open(target.path, "rb") as file:  # noqa: PTH123 - the pre-filter's cost is this line
            return file.read()
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
        raise FileError("unreadable", target.path, None, message) from error


def _check_names(target: Target, source: SourceFile) -> None:
    candidates = discover(source) if target.names else ()
    for name in target.names:
        if find(candidates, name) is None:
            known = ", ".join(candidate.name for candidate in candidates) or "none"
            raise UsageError(f"{target.shown} has no model {name!r}; its models: {known}")


def _run(worker: Worker, prepared: _Prepared) -> Iterator[Report]:
    """The reports of a file's models; after a crash, the models that are left run anew."""
    job = prepared.job
    unfinished = {candidate.name: candidate for candidate in prepared.models}
    while unfinished:
        stage: Mapping[str, Any] = {"name": "load", "model": None, "line": 1}
        end: Mapping[str, Any] = {"kind": None}
        for message in worker.run(job):
            if message["type"] == "stage":
                stage = message
            elif message["type"] == "report":
                report = Report.from_dict(message["report"])
                yield report
                for model in report.models:
                    unfinished.pop(model.name, None)
            elif message["type"] == "end":
                end = message
        if end["kind"] is None:
            return
        lost = [stage["model"]] if stage["model"] in unfinished and end["kind"] == "crash" else None
        yield _ended(job, stage, end, [unfinished.pop(name) for name in lost or [*unfinished]])
        done = tuple(one.name for one in prepared.models if one.name not in unfinished)
        job = replace(job, done=done)


def _ended(
    job: Job, stage: Mapping[str, Any], end: Mapping[str, Any], lost: Sequence[Candidate]
) -> Report:
    """What a file's process lost when it ended before its time, at which stage."""
    doing = {"load": "loading the file", "build": "building", "trace": "tracing"}
    where = f"while {doing.get(stage['name'], 'checking')} {stage['model'] or ''}".rstrip()
    message = f"{end['message']} {where}"
    models = tuple(incomplete_model(job, candidate, "failed", message) for candidate in lost)
    return Report(models=models, errors=(Problem(job.shown, stage["line"], end["kind"], message),))


def _joined(parts: Sequence[Report], settings: Settings, targets: Sequence[Target]) -> Report:
    texts = {
        target.shown: target.data.decode("utf-8", "replace")
        for target in targets
        if target.data is not None
    }
    run = Report(
        torch=torch_version(),
        fail_level=settings.fail_level,
        strict=settings.strict,
        texts=texts,
    )
    return run.merged(*parts)
