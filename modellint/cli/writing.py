"""What the command line does about findings in place of reporting them: files that it writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from modellint.cli.output import write
from modellint.report.lines import plural, printable
from modellint.results.report import Report
from modellint.source.paths import shown_path
from modellint.suppression.adding import add_ignores
from modellint.suppression.baseline import Baseline


def write_baseline(report: Report, path: str) -> tuple[Report, list[str]]:
    """Write the findings of a report as a baseline; give what is left to report, and a word."""
    write(Baseline.of(report, path).text(), path)
    told = f"{plural(len(report.findings), 'finding')} written to {shown_path(path)}"
    return replace(report, findings=()), [told]


def write_ignores(report: Report, reason: str) -> tuple[Report, list[str]]:
    """Write an ignore comment at each finding; give what is left to report, and some words."""
    done = add_ignores(report, reason)
    told = [
        f"{printable(path)}: {plural(count, 'ignore comment')} written"
        for path, count in sorted(done.written.items())
    ]
    told = told or ["no ignore comment written"]
    left = [f"{_place(finding.path, finding.line)}: {why}" for finding, why in done.left]
    return replace(report, findings=tuple(finding for finding, _ in done.left)), told + left


def about_baseline(report: Report) -> Iterator[str]:
    """What a baseline held back, and which of its entries no longer match."""
    if report.baseline is None:
        return
    path = printable(report.baseline.path)
    if report.baseline.known:
        yield f"{plural(report.baseline.known, 'finding')} left out: in {path}"
    for key in report.baseline.gone:
        yield f"{path}: no longer found: {printable(str(key))}"


def _place(path: str, line: int) -> str:
    return f"{printable(path)}:{line}"
