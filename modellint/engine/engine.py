"""From targets to a report: which files need a worker, and what the worker made of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from modellint.config.plans import Plan, Plans
from modellint.config.settings import Request, Settings
from modellint.config.targets import Target, expand_targets
from modellint.engine.installation import torch_version
from modellint.engine.intake import NotRead, Opened, concerns_models, read_target, unread
from modellint.engine.memory import Memory, paths_behind
from modellint.engine.probing import Probes
from modellint.engine.project_index import ProjectIndex
from modellint.engine.running import Heard, Outcome, Pools, Progress, Work, run_all
from modellint.errors import FileError, UsageError
from modellint.protocol.jobs import Job
from modellint.protocol.limits import check_timeout
from modellint.report.rules_page import described
from modellint.results.report import Note, Problem, Report
from modellint.source.paths import absolute_path, is_exported
from modellint.suppression.baseline import Baseline
from modellint.suppression.per_file import without_accepted
from modellint.symbolic.specs import parse_input

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from modellint.discovery.candidates import Candidate
    from modellint.engine.preparing import Prepared


class Listed(NamedTuple):
    """A model that a file holds, and where: in a notebook the line is one of its cell."""

    path: str
    cell: int | None
    line: int
    candidate: Candidate


def lint_targets(
    given: Sequence[str | os.PathLike[str]],
    settings: Settings,
    stdin: bytes | None = None,
    stdin_name: str = "-",
    progress: Progress | None = None,
    pools: Pools | None = None,
    executor: Executor | None = None,
    changed: Mapping[str, bytes] | None = None,
    read: set[str] | None = None,
    heard: Heard | None = None,
    index: ProjectIndex | None = None,
) -> Report:
    """Lint files, directories and selectors; user code runs in worker processes only.

    They are those of `pools`, which stay open for further runs, or of the machines that an
    `executor` has; else they end with the run. `changed` are the only files that count, by printed
    path, with what they would hold instead. `heard` is told of each file that ran, with all that it
    read. `index` is what is known of the projects from earlier runs. What the report depends on
    besides its targets, such as configurations, is added to `read`. Raises `UsageError` for a path,
    a model or a rule that does not exist, for a configuration that is not valid, or where torch is
    missing, `PluginError` for a plugin that does not load, `WorkerError` for a worker that does not
    start.
    """
    _check(settings)
    plans = Plans(settings)
    baseline = Baseline.read(settings.baseline) if settings.baseline else None
    targets = expand_targets(given, stdin, stdin_name, plans.projects.excludes)
    # Before anything runs, so that a mistake in the last file's configuration costs no time.
    for path in [target.path for target in targets]:
        plans.of(path)
    if settings.shard is not None:
        targets = settings.shard.of(targets)
    if changed is not None:
        targets = tuple(_with_data(targets, changed))
    if not targets:
        _ = plans.here
    probes = Probes()
    parts: list[Report] = []
    started: dict[str, Prepared] = {}
    commented: list[Prepared] = []
    files: set[str] = set()
    memory = Memory(settings, probes.ask)
    if index is None:
        index = ProjectIndex(_folders(given), lambda path: memory.cache_for(path, plans.of(path)))

    def works() -> Iterator[Work]:
        for target in targets:
            plan = plans.of(target.path)
            observed = heard is not None or read is not None
            opened = open_target(target, settings, plan, index, observed=observed)
            known = None if isinstance(opened, Report) else memory.recall(*opened.asked)
            if known is not None:
                files.update(known.files)
                parts.extend(accepted(known.reports, plans.of(target.path)))
                if any(report.models for report in known.reports):
                    probes.use(plans.of(target.path).interpreter)
                if not known.commented:
                    continue
            prepared = _prepare(opened)
            if isinstance(prepared, Report):
                parts.append(prepared)
                continue
            parts.append(prepared.faults)
            commented.extend([prepared] if prepared.commented else [])
            if known is None and prepared.models:
                interpreter = probes.use(prepared.plan.interpreter)
                started[target.path] = prepared
                yield Work(prepared.job, prepared.models, interpreter, prepared.source.cells)
            elif known is None and not prepared.source.faults:
                from modellint.discovery.other_files import files_behind

                behind = {*files_behind(prepared.source), *prepared.consulted}
                files.update(behind)
                memory.keep_empty(*prepared.opened.asked, behind)

    def done(work: Work, outcome: Outcome) -> None:
        if heard is not None:
            heard(work, outcome)
        prepared = started[work.job.path]
        if read is not None:
            files.update(_behind(prepared, outcome))
        if prepared.source.faults:
            return
        memory.keep(*prepared.opened.asked, outcome, commented=prepared.commented)

    if executor is None:
        outcomes = run_all(works(), settings.jobs, progress, done, pools)
    else:
        from modellint.engine.executor_pool import run_by

        outcomes = run_by(executor, works(), progress, done)
    if read is not None:
        configured = (plans.of(target.path).configuration.path for target in targets)
        read.update(files, filter(None, configured))
    for prepared, outcome in zip(started.values(), outcomes, strict=True):
        parts += accepted(outcome.reports, prepared.plan)
    parts += linted_comments(commented, Report().merged(*parts))
    parts += [memory.close(), Report(warnings=probes.warnings)]
    if settings.verbose:
        parts.append(Report(remarks=tuple(probes.remarks())))
    request = Request(
        tuple(os.fspath(one) for one in given),
        settings,
        os.getcwd(),  # noqa: PTH109
        stdin,
        stdin_name,
    )
    report = replace(_joined(parts, settings, targets, plans, probes.torch), request=request)
    if baseline is not None:
        report = baseline.without_known(report, dict(_settled(report, targets, plans)))
    return report.not_below(settings.min_severity)


def list_models(
    given: Sequence[str | os.PathLike[str]],
    settings: Settings,
    stdin: bytes | None = None,
    stdin_name: str = "-",
) -> tuple[Report, tuple[Listed, ...]]:
    """The models that targets hold, from their syntax trees, and the files that cannot be read."""
    from modellint.engine.preparing import fed, prepare

    found: list[Listed] = []
    parts: list[Report] = []
    plans = Plans(settings, loaded=False)
    targets = expand_targets(given, stdin, stdin_name, plans.projects.excludes)
    if settings.shard is not None:
        targets = settings.shard.of(targets)
    index = ProjectIndex(_folders(given), lambda path: None)
    for target in targets:
        prepared = prepare(open_target(target, settings, plans.of(target.path), index))
        if isinstance(prepared, Report):
            parts.append(prepared)
        else:
            parts.append(prepared.faults)
            for one in prepared.models:
                cell, line = prepared.source.place(one.line)
                found.append(Listed(target.shown, cell, line, fed(prepared.job, one)))
    return _joined(parts, settings, targets, plans), tuple(found)


def plans_of(
    given: Sequence[str | os.PathLike[str]], settings: Settings, stdin_name: str = "-"
) -> Mapping[str, Plan]:
    """What counts for each file that targets stand for, by its printed path."""
    plans = Plans(settings, loaded=False)
    targets = expand_targets(given, None, stdin_name, plans.projects.excludes)
    return {one.shown: plans.of(one.path) for one in targets if one.trouble is None}


def watched_files(given: Sequence[str], settings: Settings) -> Iterator[str]:
    """The files that targets stand for as things are now; raise `UsageError` where one is gone."""
    plans = Plans(settings, loaded=False)
    for target in expand_targets(given, excluded=plans.projects.excludes):
        yield target.path


def warm(given: Sequence[str], settings: Settings, pools: Pools) -> None:
    """Begin to import torch for targets, if that has not begun, and return at once."""
    plans, probes = Plans(settings, loaded=False), Probes()
    for path in watched_files(given, settings):
        pools.start(probes.use(plans.of(path).interpreter))


def _behind(prepared: Prepared, outcome: Outcome) -> Iterator[str]:
    """The files that a result depends on: what it read, else those that imports lead to."""
    if outcome.read is not None:
        yield from paths_behind(outcome.read)
        return
    from modellint.discovery.other_files import files_behind

    yield from files_behind(prepared.source)
    yield from prepared.consulted


def _check(settings: Settings) -> None:
    """Raise `UsageError` for a setting that makes no sense, whatever it is about to lint."""
    for spec in settings.inputs:
        parse_input(spec)
    if settings.timeout is not None:
        check_timeout(settings.timeout)
    if settings.jobs is not None and settings.jobs < 1:
        raise UsageError(f"{settings.jobs} jobs: give the number of files that run at once")


def _with_data(targets: Iterable[Target], changed: Mapping[str, bytes]) -> Iterator[Target]:
    """The targets that are changed, as if they held that already."""
    for target in targets:
        if target.shown in changed:
            yield replace(target, data=changed[target.shown])


def _folders(given: Sequence[str | os.PathLike[str]]) -> tuple[str, ...]:
    """The folders among targets."""
    return tuple(absolute_path(one) for one in given if os.path.isdir(one))  # noqa: PTH112


def open_target(
    target: Target,
    settings: Settings,
    plan: Plan,
    index: ProjectIndex,
    folder: str | None = None,
    *,
    observed: bool = False,
) -> Opened | Report:
    """Read a file's bytes; a report is all there is to say of it.

    Paths are printed relative to `folder`, by default the current one. `observed` is whether what
    the file reads is asked for in any case.
    """
    try:
        data = read_target(target)
    except NotRead as reason:
        return Report(notes=(Note(target.shown, 1, str(reason)),))
    except FileError as error:
        return unread(target.shown, error)
    if not concerns_models(target, data):
        return Report()
    exported = is_exported(target.path)
    # What other files build is of a class that has the name by chance.
    project, programs = ("", ()) if exported else index.programs(target.path)
    job = Job(
        path=target.path,
        shown=target.shown,
        folder=folder or os.getcwd(),  # noqa: PTH109
        names=target.names,
        inputs=settings.inputs,
        rules=tuple(rule.name for rule in plan.on),
        options=plan.options,
        severities=plan.severities,
        plugins=plan.configuration.plugins,
        timeout=plan.timeout,
        memory=plan.memory,
        verbose=settings.verbose,
        confirmed=settings.confirmed,
        pictured=settings.pictured,
        training=settings.training,
        annotated=settings.annotated,
        data=target.data,
        preload=plan.configuration.preload,
        observed=observed or (settings.cache and target.data is None),
        trials=0 if exported else settings.trials,
        programs=programs,
        project=project,
    )
    return Opened(target, plan, job, data)


def _prepare(opened: Opened | Report) -> Prepared | Report:
    # Where no file has changed nothing is read of them, and the import saves an eighth of the run.
    from modellint.engine.preparing import prepare

    return prepare(opened)


def accepted(reports: Iterable[Report], plan: Plan) -> list[Report]:
    """Reports without the findings that the configuration accepts."""
    return [replace(one, findings=without_accepted(one, plan)) for one in reports]


def linted_comments(commented: Sequence[Prepared], report: Report) -> Iterator[Report]:
    """What there is to say of ignore comments, once every file that they may serve is linted."""
    if commented:
        from modellint.suppression.comment_rules import lint_comments
    for prepared in commented:
        plan = prepared.plan
        shown = prepared.job.shown
        try:
            found = lint_comments(
                prepared.source, shown, report, plan.rules, plan.on, plan.severities
            )
            remarks = Report(findings=tuple(found))
        except Exception as error:  # A plugin may raise anything, and the others must go on.
            message = f"a rule that reads comments raised {type(error).__name__}: {error}"
            yield Report(errors=(Problem(shown, 1, "plugin-error", message),))
        else:
            yield replace(remarks, findings=without_accepted(remarks, plan))


def _settled(
    report: Report, targets: Sequence[Target], plans: Plans
) -> Iterator[tuple[str, frozenset[str]]]:
    """The files whose models were all checked in full, with the rules that were on for them."""
    unsure = {problem.path for problem in report.errors}
    unsure |= {model.path for model in report.models if model.status != "analysed"}
    for target in targets:
        if not target.names and target.shown not in unsure:
            yield target.shown, frozenset(rule.name for rule in plans.of(target.path).on)


def _joined(
    parts: Sequence[Report],
    settings: Settings,
    targets: Sequence[Target],
    plans: Plans,
    torch: str | None = None,
) -> Report:
    """The whole report; where nothing has run, `torch` is ours if it would have been used."""
    if torch is None and all(plans.of(target.path).interpreter.own for target in targets):
        torch = torch_version()
    texts = {
        target.shown: target.data.decode("utf-8", "replace")
        for target in targets
        if target.data is not None
    }
    ran = [rule for target in targets for rule in plans.of(target.path).on]
    run = Report(
        torch=torch,
        fail_level=settings.fail_level or "warning",
        strict=settings.strict,
        max_warnings=settings.max_warnings,
        texts=texts,
        rules=described({rule.name: rule for rule in ran}.values()),
    ).merged(*parts)
    levels = {
        path: plans.of(absolute_path(path)).fail_level
        for path in {finding.path for finding in run.findings}
    }
    return replace(run, fail_levels=levels)
