"""Which findings a configuration's per-file ignores accept."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from modellint.config.plans import Plan
from modellint.config.projects import matches
from modellint.config.selection import speaks_of
from modellint.results.findings import Diagnostic
from modellint.results.models import ModelReport
from modellint.results.report import Report
from modellint.source.classes import source_at
from modellint.source.paths import absolute_path


def without_accepted(report: Report, plan: Plan) -> tuple[Diagnostic, ...]:
    """The findings of a report that no per-file ignore of its plan is about.

    An ignore counts for what is built in a file and for the models that the file defines; one with
    a model's name for that model, and for what is built inside the class of that name.
    """
    if not plan.configuration.per_file_ignores:
        return report.findings
    models = {model.name: model for model in report.models}
    return tuple(
        finding
        for finding in report.findings
        if not any(_accepts(plan, finding, models.get(finding.model)))
    )


def _accepts(plan: Plan, finding: Diagnostic, model: ModelReport | None) -> Iterator[bool]:
    rule = plan.rules[finding.rule]
    for selector, words in plan.configuration.per_file_ignores.items():
        if not any(speaks_of(word, rule) for word in words):
            continue
        pattern, mark, name = selector.rpartition("::")
        if not mark:
            pattern = selector
        if _is_at(plan, pattern, finding.path):
            yield not mark or (finding.cell, finding.line) in _lines_of(finding.path, name)
        if model is not None and _is_at(plan, pattern, model.path):
            yield not mark or name in (model.name, model.class_name)


def _is_at(plan: Plan, pattern: str, shown: str) -> bool:
    return matches((pattern,), plan.configuration, absolute_path(shown), directory=False)


def _lines_of(path: str, name: str) -> frozenset[tuple[int | None, int]]:
    """The lines of a file's classes of a name, each with its cell in a notebook."""
    source = source_at(absolute_path(path))
    if source is None:  # Standard input, say: its models are known by their names.
        return frozenset()
    return frozenset(
        source.place(line)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef) and node.name == name
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    )
