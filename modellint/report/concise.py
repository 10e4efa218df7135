"""The `concise` format: a line a finding."""

from __future__ import annotations

from modellint.report.layers import tables
from modellint.report.lines import error_line, headline, incomplete_lines, last_line, statistics
from modellint.report.view import View
from modellint.results import Report


def render(report: Report, view: View) -> str:
    """Render a report with one line a finding, error and model that is not known in full."""
    lines = [headline(finding, view) for finding in report.findings]
    lines += [error_line(problem, view) for problem in report.errors]
    lines += incomplete_lines(report, view)
    if view.layers:
        lines += [table.rstrip("\n") for table in tables(report, view)]
    if view.statistics:
        lines += statistics(report)
    if not view.quiet:
        lines.append(last_line(report))
    return "".join(f"{line}\n" for line in lines)
