"""A comparison as Markdown: a table of models for a pull request, what changed folded below it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape

from modellint.report.changes import (
    checkpoint_of,
    figure_of,
    headline_of,
    layer_rows_of,
    rows_of,
    summary_of,
)
from modellint.report.lines import printable
from modellint.results.compared import FIGURES, Compared, ModelChange
from modellint.results.findings import Diagnostic

#: What became of a model, in a cell.
_WORDS = {
    "added": "new",
    "removed": "gone",
    "changed": "changed",
    "unknown": "not comparable",
}
_COLUMNS = ("model", "change", *(f"{name}:" for name in FIGURES.values()), "checkpoints")
_LAYERS = ("", "layer", "type", "what")
_GONE = ("rule", "where", "what")
#: A comment of a pull request may have 65,536 characters: beyond so many layers JSON has the rest.
_LISTED = 100

Table = Callable[[Sequence[str], Iterable[Sequence[str]]], str]
Cell = Callable[[str], str]


def sections(comparison: Compared, table: Table, cell: Cell) -> Iterator[str]:
    """The sections of a comparison; `table` and `cell` are those of the rest of the report."""
    yield f"### {cell(_sentence(summary_of(comparison)))}"
    changed = [one for one in comparison.models if one.state != "same"]
    if changed:
        yield table(_COLUMNS, (_model(one) for one in changed))
    for change in changed:
        yield from _details(change, comparison, table, cell)
    if comparison.gone:
        yield "#### Findings that are gone"
        yield table(_GONE, map(_gone, comparison.gone))
    for note in comparison.notes:
        yield cell(f"{note.place}: {note.message}")
    for problem in comparison.known_errors:
        yield cell(f"{problem.place}: {problem.kind} as before: {problem.message}")


def _model(change: ModelChange) -> list[str]:
    figures = [figure_of(name, *sides) for name, sides in change.figures.items()]
    found = change.checkpoint
    loads = "" if found is None else "load" if found.loads else "do not load"
    return [f"{change.name} ({change.path})", _WORDS[change.state], *figures, loads]


def _details(change: ModelChange, comparison: Compared, table: Table, cell: Cell) -> Iterator[str]:
    # The costs are in the table above.
    rows = [row for row in rows_of(change) if row.name not in FIGURES.values()]
    facts = [f"- {cell(row.name)}: {cell(row.words)}" for row in rows]
    checkpoint = checkpoint_of(change, comparison.since)
    if checkpoint is not None:
        facts.append(f"- {cell(checkpoint)}")
    layers = layer_rows_of(change)
    if change.state == "unknown":
        yield cell(headline_of(change, comparison))
    elif change.state == "changed":
        # The line after the tag must be empty, or the rest would be read as HTML.
        told = escape(printable(headline_of(change, comparison)))
        yield f"<details><summary>{told}</summary>"
        if facts:
            yield "\n".join(facts)
        if layers:
            yield table(_LAYERS, layers[:_LISTED])
        if len(layers) > _LISTED:
            yield f"and {len(layers) - _LISTED} more layers"
        yield "</details>"


def _gone(finding: Diagnostic) -> list[str]:
    return [finding.rule, finding.place, finding.message]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
