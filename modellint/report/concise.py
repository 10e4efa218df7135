"""The `concise` format: a line a finding, with its help."""

from __future__ import annotations

from collections.abc import Sequence

from modellint.report.layers import tables
from modellint.report.lines import (
    contracts,
    error_line,
    headline,
    incomplete_lines,
    last_line,
    printable,
    statistics,
    told_apart,
)
from modellint.report.view import View
from modellint.results.findings import Diagnostic
from modellint.results.report import Report


def render(report: Report, view: View) -> str:
    """Render a report with one line a finding, error and model that is not known in full."""
    lines = [_line(finding, models, view) for finding, models in told_apart(report)]
    lines += [error_line(problem, view) for problem in report.errors]
    lines += incomplete_lines(report, view)
    if view.layers:
        lines += [table.rstrip("\n") for table in tables(report, view)]
    if view.contract:
        lines += contracts(report, view)
    if view.statistics:
        lines += statistics(report)
    if not view.quiet:
        lines.append(last_line(report))
    return "".join(f"{line}\n" for line in lines)


def _line(finding: Diagnostic, models: Sequence[str], view: View) -> str:
    named = f" (in {', '.join(map(printable, models))})" if models else ""
    told = f"; help: {printable(finding.advice)}" if finding.help and finding.advice else ""
    return headline(finding, view) + named + told
