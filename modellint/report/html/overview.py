"""The first tab of the page, as plain values: models, what is not known of some, rules, notes."""

from __future__ import annotations

from collections import Counter
from typing import Any

from modellint._version import __version__
from modellint.report.html.comparison import comparison
from modellint.report.html.contract import measured_at
from modellint.report.html.findings import Found, rules
from modellint.report.lines import STATUS, incomplete, last_line
from modellint.results.report import Report


def overview(report: Report, found: Found) -> dict[str, Any]:
    """Every model in a line, what is not known in full, the rules that found something, notes."""
    places = {id(model): at for at, model in enumerate(report.models)}
    return {
        "version": __version__,
        "torch": report.torch,
        "summary": last_line(report),
        "models": [
            {
                "name": model.name,
                "path": model.path,
                "place": model.place,
                "status": model.status,
                "words": STATUS[model.status],
                "parameters": model.parameters,
                "macs": model.macs,
                "at": measured_at(model),
                "layers": len(model.layers),
                "findings": _severities(found, at),
            }
            for at, model in enumerate(report.models)
        ],
        "troubles": [
            {
                "words": STATUS[model.status],
                "severity": "error" if report.strict else "warning",
                "place": model.place,
                "model": places[id(model)],
                "message": model.reason,
            }
            for model in incomplete(report)
        ],
        "rules": list(rules(report)),
        "comparison": None if report.compared is None else comparison(report.compared),
        "notes": [[note.place, note.message] for note in report.notes],
    }


def _severities(found: Found, model: int) -> dict[str, int]:
    return dict(Counter(found.entries[at]["severity"] for at in found.of_model[model]))
