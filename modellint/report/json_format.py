"""The `json` format: the whole report as one object."""

from __future__ import annotations

import json
from collections import Counter

from modellint.report.view import View
from modellint.results.report import Report


def render(report: Report, view: View) -> str:
    """Render a report as JSON in ASCII, which every pipe and every file name survives."""
    data = report.to_dict(annotated=view.annotated)
    if view.statistics:
        counts = Counter(finding.rule for finding in report.findings)
        data["statistics"] = dict(sorted(counts.items()))
    return json.dumps(data, indent=2) + "\n"
