"""The `markdown` format: tables for a job summary, a pull request or an issue."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from modellint.mending.diffs import diff
from modellint.report.excerpts import Excerpts
from modellint.report.layers import ALIGN, HEADERS, layer_rows, number
from modellint.report.line_notes import sources
from modellint.report.lines import (
    STATUS,
    accepted,
    alike,
    last_line,
    printable,
    shape,
    shown_source,
    statistics,
)
from modellint.report.training import kept_cells, kept_header, training_lines
from modellint.report.troubles import troubles
from modellint.report.view import View
from modellint.results.findings import Diagnostic, TriedFix
from modellint.results.models import ModelInput, ModelReport
from modellint.results.places import place_of
from modellint.results.report import Report

#: What Markdown, its tables, or GitHub's formulas would take for their own.
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~$&])")


def render(report: Report, view: View) -> str:
    """Render a report as Markdown: what was found, then the models with what they accept."""
    blocks = [] if view.quiet else [f"**modellint**: {last_line(report)}"]
    if report.compared is not None:
        from modellint.report.comparison_markdown import sections  # Few runs compare.

        blocks += sections(report.compared, _table, _cell)
    title = "Findings" if report.compared is None else "New findings"
    blocks += _section(title, _FINDINGS, (_finding(*group) for group in alike(report)))
    blocks += _fixes(report)
    blocks += _section("Not analysed in full", _TROUBLES, _troubles(report))
    blocks += _section("Models", _MODELS, (_model(model, view) for model in report.models))
    if view.annotated:
        for text in sources(report, View(sizes=view.sizes)):
            blocks.append(_fenced("python", text.split("\n")))
    if view.layers:
        for model in report.models:
            if model.layers:
                blocks += _layers(model)
    if view.statistics:
        counts = (line.split() for line in statistics(report))
        blocks += _section("Rules", ("findings:", "rule"), counts)
    return "".join(f"{block}\n\n" for block in blocks)[:-1]


#: Columns; a name that ends in a colon is that of numbers.
_FINDINGS = ("severity", "rule", "where", "layer", "what", "help")
_TROUBLES = ("severity", "kind", "where", "what")
_MODELS = ("model", "where", "status", "inputs", "parameters:", "MACs:", "accepts")


def _finding(finding: Diagnostic, models: Sequence[str]) -> list[str]:
    layers = (
        finding.layer if finding.count == 1 else f"{finding.layer} and {finding.count - 1} more"
    )
    owner = models[0] if len(models) == 1 else f"{models[0]} and {len(models) - 1} more"
    return [
        finding.severity,
        finding.rule,
        finding.place,
        f"{owner}: {layers}",
        finding.message,
        finding.advice or "",
    ]


def _fixes(report: Report) -> Iterator[str]:
    """The fixes, as suggestions where one changes no more than the lines of its finding.

    GitHub takes up a suggestion that stands in a review's comment on these lines.
    """
    excerpts = Excerpts(report)
    shown = [(one, models) for one, models in alike(report) if one.fix is not None]
    if shown:
        yield "### Fixes"
    for finding, _ in shown:
        assert finding.fix is not None
        unsafe = "" if finding.fix.safe else " (unsafe)"
        place = place_of(finding.path, finding.line, cell=finding.cell)
        yield f"{_cell(place)} {_cell(finding.rule)}: {_cell(finding.fix.message)}{unsafe}"
        block = _suggestion(finding, excerpts) or _diff(finding.fix, excerpts)
        if block:
            yield block


def _suggestion(finding: Diagnostic, excerpts: Excerpts) -> str:
    """What stands in the lines of a finding instead; nothing where its fix is about others too."""
    assert finding.fix is not None
    made = excerpts.fixed(finding.fix)
    last = max(finding.line, finding.end_line)
    # In a notebook the lines of a suggestion would be those of its JSON.
    if (
        not made
        or finding.cell is not None
        or not all(
            edit.path == finding.path and finding.line <= edit.line and edit.end_line <= last
            for edit in finding.fix.edits
        )
    ):
        return ""
    _, before, after = made[0]
    following = before.count("\n") + 1 - last
    lines = after.split("\n")
    lines = lines[finding.line - 1 : len(lines) - following]
    # A suggestion is taken up as it stands, so nothing in it may be an escape of something else.
    plain = all(line.replace("\t", "").isprintable() for line in lines)
    return _fenced("suggestion", lines) if plain else ""


def _diff(fix: TriedFix, excerpts: Excerpts) -> str:
    lines = [line for made in excerpts.fixed(fix) for line in diff(*made, around=1)]
    return _fenced("diff", lines) if lines else ""


def _fenced(language: str, lines: Iterable[str]) -> str:
    """A block of code, fenced by more ticks than it has in a row."""
    text = "\n".join(map(shown_source, lines))
    ticks = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, ticks + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _troubles(report: Report) -> Iterator[list[str]]:
    for one in troubles(report):
        yield [one.severity, one.kind, one.place, one.sentence]


def _model(model: ModelReport, view: View) -> list[str]:
    return [
        model.name,
        model.place,
        STATUS[model.status],
        ", ".join(map(_input, model.inputs)),
        number(model.parameters),
        number(model.macs),
        accepted(model) if view.contract else model.accepts or "",
    ]


def _input(given: ModelInput) -> str:
    return f"{given.name} {shape(given.shape)} {given.dtype}, {given.told}"


def _layers(model: ModelReport) -> Iterator[str]:
    """A model's table of layers, folded away."""
    # The line after the tag must be empty, or the table would be read as HTML.
    yield f"<details><summary>Layers of {_cell(model.name)}</summary>"
    right = [name + ":" * (side == "right") for name, side in zip(HEADERS, ALIGN, strict=True)]
    right += [f"{name}:" for name in kept_header(model)]
    rows = zip(layer_rows(model), kept_cells(model, model.layers.values()), strict=True)
    yield _table(right, ([*row, *kept] for row, kept in rows))
    if model.training_memory is not None:
        yield _cell("; ".join(map(str.strip, training_lines(model))))
    yield "</details>"


def _section(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A heading and a table, or nothing where there is nothing to tell."""
    cells = list(rows)
    if cells:
        yield f"### {title}"
        yield _table(columns, cells)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    names = [column.rstrip(":") for column in columns]
    rules = ["---:" if column.endswith(":") else "---" for column in columns]
    lines = [names, rules, *([*map(_cell, row)] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    """A text that stays in its cell and says what it says."""
    return _SPECIAL.sub(r"\\\1", printable(text))
