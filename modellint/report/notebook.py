"""How a report shows in a notebook: small tables, in the page's own colours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from modellint.report.excerpts import Excerpts
from modellint.report.layers import HEADERS, layer_rows, number
from modellint.report.lines import STATUS, alike, last_line, printable
from modellint.report.troubles import troubles
from modellint.report.view import View
from modellint.results.findings import Diagnostic
from modellint.results.report import Report

_CELL = 'style="text-align:left;vertical-align:top;white-space:normal;padding:2px 8px"'
_CODE = (
    'style="margin:4px 0;padding:0;background:transparent;color:inherit;white-space:pre-wrap;'
    'text-align:left"'
)
#: Behind white letters: a page may be light or dark, and no letters are readable on both.
_COLORS = {"error": "#c4232d", "warning": "#8a5a00", "info": "#0a6a8f"}


def tables(report: Report, view: View) -> str:
    """The findings and the models of a report as HTML without style sheets or scripts."""
    found = list(_found(report))
    parts = [f"<p><b>modellint</b>: {_text(last_line(report))}</p>"]
    if found:
        parts.append(_table(("severity", "rule", "where", "layer", "what to know"), found))
    if report.models:
        names = ("model", "where", "status", "parameters", "MACs", "accepts")
        parts.append(_table(names, _models(report)))
    for model in report.models if view.layers else ():
        if model.layers:
            parts.append(f"<p>Layers of <b>{_text(model.name)}</b></p>")
            parts.append(_table(HEADERS, (map(_text, row) for row in layer_rows(model))))
    return "<div>" + "".join(parts) + "</div>"


def _found(report: Report) -> Iterator[list[str]]:
    excerpts = Excerpts(report)
    for finding, models in alike(report):
        owner = models[0] if len(models) == 1 else f"{len(models)} models"
        helped = f"<i>help: {_text(finding.advice)}</i>" if finding.advice else ""
        yield [
            _severity(finding.severity),
            _text(finding.rule),
            _text(finding.place),
            _text(f"{owner}: {', '.join(finding.layers[:3])}"),
            _text(finding.message) + (_source(finding, excerpts) or "<br>" * bool(helped)) + helped,
        ]
    for one in troubles(report):
        told = (one.kind, one.place, one.subject, one.message)
        yield [_severity(one.severity), *map(_text, told)]


def _source(finding: Diagnostic, excerpts: Excerpts) -> str:
    """The line of a finding with what it marks underlined; nothing where the file is gone."""
    line = excerpts.line(finding.path, finding.line, finding.cell).rstrip()
    begin = finding.column - 1
    end = finding.end_column - 1 if finding.end_line == finding.line else len(line)
    if not line:
        return ""
    margin = min(len(line) - len(line.lstrip()), begin)
    before, marked, after = line[margin:begin], line[begin:end], line[end:]
    code = f"{_text(before)}<u><b>{_text(marked)}</b></u>{_text(after)}"
    return f"<pre {_CODE}>{finding.line} | {code}</pre>"


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
    style = f"color:#fff;background:{_COLORS[severity]};padding:1px 6px;border-radius:3px"
    return f'<b style="{style}">{severity}</b>'


def _text(text: str) -> str:
    return escape(printable(text))


def _table(names: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f"<th {_CELL}>{name}</th>" for name in names)
    body = "".join(
        f"<tr>{''.join(f'<td {_CELL}>{cell}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
