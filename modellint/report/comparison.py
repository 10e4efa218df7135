"""A comparison as the `full` format tells it: each model that is not as it was, then the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modellint.report.changes import (
    LayerRow,
    checkpoint_of,
    headline_of,
    layer_rows_of,
    rows_of,
    summary_of,
)
from modellint.report.lines import columns, error_line, headline, printable
from modellint.report.view import View
from modellint.results.compared import Compared, ModelChange
from modellint.results.places import place_of

#: How many layers of a model are listed; JSON has all.
_LISTED = 24
_COLORS = {"+": "green", "-": "red", "~": "yellow", "=": "cyan"}


def comparison_blocks(comparison: Compared, view: View) -> Iterator[str]:
    """What became of the models, and the findings that are gone."""
    for change in comparison.models:
        if change.state != "same":
            yield "\n".join(_model(change, comparison, view))
    gone = [f"{view.paint('gone:', bold=True)} {headline(one, view)}" for one in comparison.gone]
    if gone:
        yield "\n".join(gone)
    was = view.paint(f"as at {printable(comparison.since)}:", bold=True)
    if comparison.known_errors:
        yield "\n".join(f"{was} {error_line(one, view)}" for one in comparison.known_errors)


def comparison_notes(comparison: Compared) -> Iterator[str]:
    """What could not be compared, and the whole in numbers."""
    for note in comparison.notes:
        yield printable(f"{note.place}: {note.message}")
    yield printable(summary_of(comparison))


def _model(change: ModelChange, comparison: Compared, view: View) -> Iterator[str]:
    since = comparison.since
    model = change.after or change.before
    assert model is not None
    place = place_of(model.path, model.line, cell=model.cell)
    gone = f"{since}:" if change.after is None and change.state != "unknown" else ""
    told = printable(headline_of(change, comparison))
    yield f"{view.paint(printable(f'{gone}{place}:'), bold=True)} {told}"
    rows = [*rows_of(change)]
    width = max((len(row.name) for row in rows), default=0)
    for row in rows:
        yield f"  {row.name:<{width}}  {printable(row.words)}"
    yield from _layers(layer_rows_of(change), view)
    checkpoint = checkpoint_of(change, since)
    if checkpoint is not None:
        yield f"  {printable(checkpoint)}"


def _layers(rows: Sequence[LayerRow], view: View) -> Iterator[str]:
    shown = rows[:_LISTED]
    keys = max((columns(printable(row.key)) for row in shown), default=0)
    types = max((columns(printable(row.type)) for row in shown), default=0)
    for row in shown:
        key, type_ = printable(row.key), printable(row.type)
        key += " " * (keys - columns(key))
        type_ += " " * (types - columns(type_))
        mark = view.paint(row.mark, fg=_COLORS[row.mark], bold=True)
        yield f"  {mark} {key}  {type_}  {printable(row.text)}"
    if len(rows) > len(shown):
        yield f"    and {len(rows) - len(shown)} more layers (--format json has all)"
