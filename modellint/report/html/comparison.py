"""What the page shows of a comparison, as plain values for its scripts."""

from __future__ import annotations

from typing import Any

from modellint.report.changes import (
    checkpoint_of,
    headline_of,
    layer_rows_of,
    rows_of,
    summary_of,
)
from modellint.results.compared import Compared, ModelChange


def comparison(compared: Compared) -> dict[str, Any]:
    """What became of each model that is not as it was, and of findings."""
    changed = [one for one in compared.models if one.state != "same"]
    return {
        "summary": summary_of(compared),
        "models": [_model(one, compared) for one in changed],
        "gone": [[one.severity, one.rule, one.place, one.message] for one in compared.gone],
        "notes": [
            *([note.place, note.message] for note in compared.notes),
            *([one.place, f"{one.kind} as before: {one.message}"] for one in compared.known_errors),
        ],
    }


def _model(change: ModelChange, compared: Compared) -> dict[str, Any]:
    checkpoint = change.checkpoint
    return {
        "headline": headline_of(change, compared),
        "facts": [[row.name, row.before, row.after, row.by] for row in rows_of(change)],
        "layers": [[row.mark, row.key, row.type, row.text] for row in layer_rows_of(change)],
        "loads": checkpoint is None or checkpoint.loads,
        "checkpoint": checkpoint_of(change, compared.since),
    }
