"""The `gitlab` format: a Code Quality report, as GitLab's merge requests show it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from modellint.report.checkout import GITLAB, checkout_path
from modellint.report.excerpts import Excerpts
from modellint.report.fingerprints import distinct, fingerprints
from modellint.report.lines import alike, in_cell, printable
from modellint.report.troubles import troubles
from modellint.report.view import View
from modellint.results.findings import Diagnostic
from modellint.results.report import Report
from modellint.rules import Severity

_SEVERITIES: Mapping[Severity, str] = {"error": "major", "warning": "minor", "info": "info"}


def render(report: Report, view: View) -> str:
    """Render a report as a JSON list of issues, `[]` where there is nothing to say."""
    issues = [*_findings(report), *_others(report)]
    return json.dumps(issues, indent=2) + "\n"


def _findings(report: Report) -> Iterator[dict[str, Any]]:
    excerpts = Excerpts(report)
    groups = list(alike(report))
    marks = fingerprints(report, [finding for finding, _ in groups])
    for (finding, models), mark in zip(groups, marks, strict=True):
        extent = excerpts.extent(finding)
        yield {
            "description": _description(finding, len(models)),
            "check_name": finding.rule,
            "fingerprint": mark,
            "severity": _SEVERITIES[finding.severity],
            "location": _location(
                finding.path,
                {"line": extent.line, "column": extent.column},
                {"line": extent.end_line, "column": extent.end_column},
            ),
        }


def _others(report: Report) -> Iterator[dict[str, Any]]:
    """Files that fail, and models of which something is not known."""
    excerpts = Excerpts(report)
    entries = list(troubles(report))
    # By neither the line nor the message, which may hold a line.
    marks = distinct((one.kind, one.path, one.subject) for one in entries)
    for one, mark in zip(entries, marks, strict=True):
        line, _ = excerpts.in_file(one.path, one.line, cell=one.cell)
        yield {
            "description": printable(in_cell(one, one.sentence)),
            "check_name": one.kind,
            "fingerprint": mark,
            "severity": _SEVERITIES[one.severity],
            "location": _location(one.path, {"line": line}, {"line": line}),
        }


def _description(finding: Diagnostic, models: int) -> str:
    parts = [printable(in_cell(finding, finding.message))]
    if models > 1:
        parts.append(f"in {models} models")
    if finding.advice:
        parts.append(f"help: {printable(finding.advice)}")
    return "; ".join(parts)


def _location(path: str, begin: Mapping[str, int], end: Mapping[str, int]) -> dict[str, Any]:
    # GitLab reads positions, other readers of the format only lines.
    return {
        "path": printable(checkout_path(path, GITLAB)),
        "lines": {"begin": begin["line"], "end": end["line"]},
        "positions": {"begin": dict(begin), "end": dict(end)},
    }
