"""The lines of source that a finding concerns, with what it marks in them told apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from modellint.report.excerpts import Excerpts
from modellint.report.line_notes import Row, rows
from modellint.results.annotated import AnnotatedSource
from modellint.results.findings import Diagnostic
from modellint.results.report import Problem

#: How many lines are shown around a finding, and at most of it.
_AROUND = 1
_MOST = 12
_TAB = "    "


def expanded(text: str) -> str:
    """A text without tabs, which a page would show in a width of its own."""
    return text.replace("\t", _TAB)


def excerpt(finding: Diagnostic, excerpts: Excerpts) -> list[Any]:
    """The number of each line with what stands before, in and after the mark.

    Empty where the file is gone.
    """
    if not excerpts.line(finding.path, finding.line, finding.cell):
        return []
    return _without_blank_ends(_dedented(list(_lines(finding, excerpts))))


def marked_line(problem: Problem, excerpts: Excerpts) -> list[Any]:
    """The same of the line of an error, of which only what raised is marked where that is known."""
    text = excerpts.line(problem.path, problem.line, problem.cell).rstrip()
    if not text:
        return []
    begin, stop = len(text) - len(text.lstrip()), len(text)
    if problem.column is not None and problem.column <= len(text):
        begin, stop = problem.column - 1, (problem.end_column or stop + 1) - 1
    lines = []
    for number in range(max(problem.line - _AROUND, 1), problem.line + _AROUND + 1):
        near = excerpts.line(problem.path, number, problem.cell).rstrip()
        hit = number == problem.line
        pieces = (near[:begin], near[begin:stop], near[stop:]) if hit else (near, "", "")
        lines.append([number, *map(expanded, pieces)])
    return _without_blank_ends(_dedented(lines))


def _without_blank_ends(lines: list[list[Any]]) -> list[list[Any]]:
    blank = [not "".join(line[1:]).strip() for line in lines]
    first = blank.index(False)
    last = len(blank) - blank[::-1].index(False)
    return lines[first:last]


def _dedented(lines: list[list[Any]]) -> list[list[Any]]:
    """The lines without the indentation that all have: it would push the mark out of sight."""
    texts = ["".join(line[1:]) for line in lines]
    margins = [len(text) - len(text.lstrip(" ")) for text in texts if text.strip()]
    margin = min(margins)
    made = []
    for number, before, inside, after in lines:
        cut = min(margin, len(before))
        made.append([number, before[cut:], inside, after[margin - cut :] if not inside else after])
    return made


def _lines(finding: Diagnostic, excerpts: Excerpts) -> Iterator[list[Any]]:
    end = min(max(finding.line, finding.end_line), finding.line + _MOST - 1)
    for number in range(finding.line - _AROUND, end + _AROUND + 1):
        line = excerpts.line(finding.path, number, finding.cell).rstrip()
        begin, stop = len(line), len(line)
        if finding.line <= number <= finding.end_line:
            inside = len(line) - len(line.lstrip())
            begin = finding.column - 1 if number == finding.line else inside
            stop = finding.end_column - 1 if number == finding.end_line else len(line)
        if number > 0:
            pieces = (line[:begin], line[begin:stop], line[stop:])
            yield [number, *map(expanded, pieces)]


def annotated(source: AnnotatedSource, excerpts: Excerpts) -> dict[str, Any]:
    """A file of a model with the shape behind each line that makes a tensor.

    A row is [number, text, note in numbers, note in formulas, whether it ran, why it stops there].
    """
    lines = excerpts.lines(source.path, source.cell)
    concrete = rows(source, lines, "concrete")
    symbolic = rows(source, lines, "symbolic")
    return {
        "path": source.name,
        "rows": [
            [
                row.number,
                expanded(row.text),
                _note(row),
                _note(formula),
                row.number > 0 and not row.skipped,
                row.reason,
            ]
            for row, formula in zip(concrete, symbolic, strict=True)
        ],
    }


def _note(row: Row) -> str:
    """The note without the sign of a comment: the page sets it beside the line."""
    return (row.note or "").removeprefix("# ")
