"""Whether a file's models are worse off than before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import get_args

from modellint.results.findings import Diagnostic
from modellint.results.models import Status
from modellint.results.report import Report
from modellint.rules import SEVERITIES

#: The level at which no finding counts, only what runs.
RUNS = -1
_STATUSES: tuple[Status, ...] = get_args(Status)


def part_of(report: Report, path: str) -> Report:
    """What a report tells of a file's models, wherever their layers stand, and of its lines.

    A finding names its model and the file of its layer: where that file has a model of the name, it
    is that one's, as many files have a `Net`.
    """
    models = tuple(model for model in report.models if model.path == path)
    names = {model.name for model in models}
    known = {(model.path, model.name) for model in report.models}
    found = tuple(
        one
        for one in report.findings
        if one.path == path or (one.model in names and (one.path, one.model) not in known)
    )
    return Report(models=models, findings=found)


def level_of(findings: Iterable[Diagnostic]) -> int:
    """The place in `SEVERITIES` of the least grave of findings."""
    return max(SEVERITIES.index(one.severity) for one in findings)


def is_worse(before: Report, after: Report, level: int, mended: Sequence[Diagnostic] = ()) -> bool:
    """Whether less of a file runs, or a finding of a level or above is new, or one is still there.

    Those that are `mended` are to be gone. What is said of comments does not count: a fix may be
    what makes one needless.
    """
    models = {model.name: model for model in after.models}
    if models.keys() != {model.name for model in before.models}:
        return True
    for model in before.models:
        now = models[model.name]
        if _STATUSES.index(now.status) > _STATUSES.index(model.status):
            return True
        if now.stopped is not None and model.stopped is None:
            return True
    allowed = _counted(before.findings, level)
    allowed.subtract(_counted(mended, level))
    return any(count > allowed[key] for key, count in _counted(after.findings, level).items())


def _counted(findings: Iterable[Diagnostic], level: int) -> Counter[tuple[str, str]]:
    """How many calls of each model each rule flags, of this level or above."""
    counts: Counter[tuple[str, str]] = Counter()
    for one in findings:
        if one.layer and SEVERITIES.index(one.severity) <= level:
            counts[one.rule, one.model] += one.count
    return counts
