"""How a report shows in a notebook: two small tables, in the page's own colours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from modellint.report.layers import number
from modellint.report.lines import STATUS, alike, last_line, printable
from modellint.report.troubles import troubles
from modellint.results.report import Report

_CELL = 'style="text-align:left;vertical-align:top;white-space:normal;padding:2px 8px"'
#: Readable on light and on dark; the word is beside the colour.
_COLORS = {"error": "#d1242f", "warning": "#9a6700", "info": "#0b7fab"}


def tables(report: Report) -> str:
    """The findings and the models of a report as HTML without style sheets or scripts."""
    found = list(_found(report))
    parts = [f"<p><b>modellint</b>: {_text(last_line(report))}</p>"]
    if found:
        parts.append(_table(("severity", "rule", "where", "layer", "what to know"), found))
    if report.models:
        names = ("model", "where", "status", "parameters", "MACs", "accepts")
        parts.append(_table(names, _models(report)))
    return "<div>" + "".join(parts) + "</div>"


def _found(report: Report) -> Iterator[list[str]]:
    for finding, models in alike(report):
        owner = models[0] if len(models) == 1 else f"{len(models)} models"
        helped = f"<br><i>help: {_text(finding.help)}</i>" if finding.help else ""
        yield [
            _severity(finding.severity),
            _text(finding.rule),
            _text(finding.place),
            _text(f"{owner}: {', '.join(finding.layers[:3])}"),
            _text(finding.message) + helped,
        ]
    for one in troubles(report):
        told = (one.kind, one.place, one.subject, one.message)
        yield [_severity(one.severity), *map(_text, told)]


def _models(report: Report) -> Iterator[list[str]]:
    for model in report.models:
        yield [
            _text(model.name),
            _text(model.place),
            STATUS[model.status],
            number(model.parameters),
            number(model.macs),
            _text(model.accepts or ""),
        ]


def _severity(severity: str) -> str:
    return f'<b style="color:{_COLORS[severity]}">{severity}</b>'


def _text(text: str) -> str:
    return escape(printable(text))


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th {_CELL}>{name}</th>" for name in names)
    body = "".join(
        f"<tr>{''.join(f'<td {_CELL}>{cell}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
