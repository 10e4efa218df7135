"""Lints the targets of a run as they were at a revision, from its files in a folder of their own.

What is said of models counts as it was said then; which findings count, and how, as it is today.
The report has the paths of the work tree, and nothing of the folder.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from modellint.config.configuration import Configuration
from modellint.config.plans import Plan, Plans
from modellint.config.projects import Projects, leads_to
from modellint.config.settings import Settings
from modellint.config.targets import Target, expand_targets, path_and_names
from modellint.discovery.candidates import discover, find, selected
from modellint.engine.engine import accepted, linted_comments, open_target
from modellint.engine.intake import Opened
from modellint.engine.memory import Memory
from modellint.engine.preparing import Prepared, prepare
from modellint.engine.probing import Probes
from modellint.engine.project_index import ProjectIndex
from modellint.engine.running import Outcome, Pools, Progress, Work, run_all
from modellint.engine.trees import Tree
from modellint.engine.whereabouts import earlier_files
from modellint.errors import FileError, UsageError
from modellint.protocol.states import CACHE
from modellint.results.report import Report
from modellint.source.file import parse_source
from modellint.source.paths import shown_path


@dataclass(frozen=True)
class Past:
    """What there was at a revision: the report, and the files of it that nobody asked for.

    Of these only the models count that are something of now.
    """

    report: Report
    borrowed: frozenset[str]


def lint_past(
    given: Sequence[str | os.PathLike[str]],
    settings: Settings,
    tree: Tree,
    pools: Pools,
    progress: Progress | None = None,
) -> Past:
    """Lint the files of a tree that targets of the work tree were."""
    plans = _Plans(settings, tree)
    targets, borrowed = _targets(given, tree, plans)
    probes = Probes()
    memory = Memory(settings, probes.ask, tree)
    folders = [tree.inside(os.fspath(one)) for one in given]
    index = ProjectIndex(
        tuple(one for one in folders if os.path.isdir(one)),  # noqa: PTH112
        lambda path: None,
    )
    parts: list[Report] = []
    started: dict[str, tuple[Opened, Prepared]] = {}
    commented: list[Prepared] = []

    def works() -> Iterator[Work]:
        for target in targets:
            plan = plans.of(target.path)
            opened = _opened(open_target(target, settings, plan, index, tree.current), tree)
            known = None if isinstance(opened, Report) else memory.recall(*opened.asked)
            if known is not None:
                parts.extend(accepted(known.reports, plans.today(target.path)))
                if not known.commented:
                    continue
            if isinstance(opened, Report):
                parts.append(_told(opened, tree))
                continue
            prepared = prepare(_fitting(opened))
            if isinstance(prepared, Report):
                parts.append(_told(prepared, tree))
                continue
            parts.append(_told(prepared.faults, tree))
            commented.extend([prepared] if prepared.commented else [])
            if known is None and prepared.models:
                started[prepared.job.path] = (opened, prepared)
                interpreter = probes.use(plan.interpreter)
                yield Work(prepared.job, prepared.models, interpreter, prepared.source.cells)

    def done(work: Work, outcome: Outcome) -> None:
        opened, prepared = started[work.job.path]
        if not prepared.source.faults:
            memory.keep(*opened.asked, outcome, commented=prepared.commented)

    outcomes = run_all(works(), settings.jobs, progress, done, pools)
    for path, outcome in zip(started, outcomes, strict=True):
        reports = [_told(one, tree) for one in outcome.reports]
        parts += accepted(reports, plans.today(path))
    memory.close()
    shown = [replace(one, job=replace(one.job, shown=tree.outside(one.job.shown)),
                     plan=plans.today(one.job.path)) for one in commented]  # fmt: skip
    parts += linted_comments(shown, Report().merged(*parts))
    report = Report().merged(*parts).not_below(settings.min_severity)
    return Past(_with_texts(report, tree), frozenset(tree.outside(one.shown) for one in borrowed))


def _targets(
    given: Sequence[str | os.PathLike[str]], tree: Tree, plans: _Plans
) -> tuple[list[Target], list[Target]]:
    """The files of a tree that targets stand for, and those among them that nobody asked for."""
    found: list[Target] = []
    borrowed: list[str] = []
    for one in given:
        path, names = path_and_names(os.fspath(one))
        there = tree.inside(path)
        if os.path.isdir(there):  # noqa: PTH112
            found += expand_targets([there], excluded=plans.excludes)
        elif os.path.isfile(there):  # noqa: PTH113
            found += [Target("", there, names)]
    now = expand_targets(given, excluded=plans.now.projects.excludes)
    asked = {target.path for target in found}
    borrowed = [path for path in dict.fromkeys(earlier_files(now, tree)) if path not in asked]
    targets = {path: Target("", path) for path in borrowed}
    for target in found:
        held = targets.get(target.path)
        both = held.names + target.names if held and held.names and target.names else ()
        names = target.names if held is None else both
        targets[target.path] = replace(target, names=names)
    shown = [replace(one, shown=shown_path(one.path, tree.current)) for one in targets.values()]
    shown.sort(key=lambda target: target.shown)
    # Of a file of which single models are asked for, the others may be what they were called.
    others = [one for one in shown if one.path in borrowed or one.names]
    return shown, others


class _Plans:
    """The plans for files of a tree: those of today, with what was said of models then."""

    def __init__(self, settings: Settings, tree: Tree) -> None:
        self.now = Plans(settings)
        self._tree = tree
        self._then = Projects(settings.config, isolated=settings.isolated)
        self._made: dict[int, Plan] = {}
        # Whoever knows plans by their identity needs them to last.
        self._today: list[Plan] = []

    def today(self, path: str) -> Plan:
        """The plan for the file of the work tree that a file of the tree is."""
        return self.now.of(self._tree.outside(path))

    def of(self, path: str) -> Plan:
        """The plan for a file of the tree."""
        plan = self.today(path)
        if id(plan) not in self._made:
            self._today.append(plan)
            self._made[id(plan)] = replace(plan, configuration=self._configuration(plan, path))
        return self._made[id(plan)]

    def excludes(self, path: Path, *, directory: bool) -> bool:
        """Whether a file or folder of the tree is to be left out, as it would be today."""
        return self.now.projects.excludes(Path(self._tree.outside(str(path))), directory=directory)

    def _configuration(self, plan: Plan, path: str) -> Configuration:
        """The configuration of today, with the models that were described in it then."""
        today = plan.configuration
        if today.path is None or not self._tree.holds(today.path):
            return today
        models = {(one.path, one.model): one for one in today.models}
        with contextlib.suppress(UsageError):  # What was no valid one then says nothing.
            models |= {(one.path, one.model): one for one in self._then.governing(path).models}
        return replace(
            today,
            path=self._tree.inside(today.path),
            cache_dir=today.cache_dir or os.path.join(today.folder, CACHE),  # noqa: PTH118
            models=tuple(models.values()),
        )


def _opened(opened: Opened | Report, tree: Tree) -> Opened | Report:
    """The file, whose imports are to find the modules of then."""
    if isinstance(opened, Report):
        return opened
    return replace(opened, job=replace(opened.job, moved=(tree.folder, tree.root)))


def _fitting(opened: Opened) -> Opened:
    """The file without what is asked or said of models that it did not have then."""
    names, plan = opened.job.names, opened.plan
    said = plan.configuration
    if not (names or said.models or said.budgets):
        return opened
    try:
        candidates = discover(parse_source(opened.target.path, opened.data))
    except FileError:
        return opened  # Told of by whoever prepares it.

    def has(name: str) -> bool:
        try:
            return selected(candidates, name) is not None and bool(
                find(candidates, name.partition("(")[0].partition(".")[0])
            )
        except UsageError:
            return False

    path = opened.target.path
    models = tuple(
        one
        for one in said.models
        if find(candidates, one.model) or not leads_to(one.path, said, path)
    )
    budgets = {
        selector: budget
        for selector, budget in said.budgets.items()
        if find(candidates, selector.rpartition("::")[2])
    }
    kept = replace(said, models=models, budgets=budgets)
    names = names if all(map(has, names)) else ()
    return replace(
        opened,
        plan=replace(plan, configuration=kept),
        target=replace(opened.target, names=names),
        job=replace(opened.job, names=names),
    )


def _told(report: Report, tree: Tree) -> Report:
    """A report with the paths of the work tree."""
    outcome = Outcome((report,)).to_dict()
    (told,) = Outcome.from_dict({**tree.told(outcome), "read": None}).reports
    return told


def _with_texts(report: Report, tree: Tree) -> Report:
    """The report with the text of each file that it finds something in, as it was."""
    texts = {}
    for path in {finding.path for finding in report.findings}:
        try:
            data = Path(tree.inside(path)).read_bytes()
        except OSError:
            continue  # Of an installed package, say: it is as it was.
        texts[path] = data.decode("utf-8", "replace")
    return replace(report, texts=texts)
