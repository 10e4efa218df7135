"""The source that a finding is about: all lines of a construction, the argument underlined."""

from __future__ import annotations

import ast
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from modellint.fixes.signatures import functional_arguments, layer_arguments
from modellint.report.excerpts import Excerpts
from modellint.report.lines import columns, printable
from modellint.report.view import View
from modellint.results.findings import Diagnostic
from modellint.results.report import Problem
from modellint.rules import Severity

#: Of longer constructions the first and the last lines are shown, and those that are underlined.
_MOST = 12
_KEPT = 4


class Mark(NamedTuple):
    """A part of a text, in lines and columns from 1; the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


def snippet(finding: Diagnostic, excerpts: Excerpts, view: View) -> list[str]:
    """The lines of a finding with carets below what it is about; none where the file is gone."""
    lines = excerpts.lines(finding.path, finding.cell)
    last = min(max(finding.line, finding.end_line), len(lines))
    if not 0 < finding.line <= last or not lines[finding.line - 1].strip():
        return []
    mark = argument_of(finding, excerpts) or _whole(finding)
    numbers = [*_chosen(finding.line, last, mark)]
    drawing = _Drawing(view, gutter_of(finding), finding.severity)
    texts = [lines[number - 1].rstrip() for number in numbers]
    return [*drawing.lines(numbers, texts, mark)]


def gutter_of(finding: Diagnostic) -> int:
    """How many columns the numbers of a finding's lines take."""
    return len(str(max(finding.line, finding.end_line)))


def line_of(problem: Problem, excerpts: Excerpts, view: View) -> Iterator[str]:
    """The line of an error, with carets below what raised where that is known."""
    text = excerpts.line(problem.path, problem.line, problem.cell).rstrip()
    if not text:
        return
    begin = problem.column or len(text) + 1
    end = problem.end_column or (begin if problem.column is None else len(text) + 1)
    mark = Mark(problem.line, begin, problem.line if problem.column else 0, end)
    drawing = _Drawing(view, len(str(problem.line)), "error")
    yield from drawing.lines([problem.line], [text], mark)


def _whole(finding: Diagnostic) -> Mark:
    end_line = max(finding.end_line, finding.line)
    return Mark(finding.line, finding.column, end_line, finding.end_column)


def argument_of(finding: Diagnostic, excerpts: Excerpts) -> Mark | None:
    """Where the argument stands that a finding is about: of several the first that is written."""
    names = finding.arguments
    call = _call(excerpts.span(finding)) if names else None
    if call is None:
        return None
    written = _written(call)
    for name in names:
        if name in written:
            return _placed(written[name], finding, excerpts.span(finding))
    return None


def _call(text: str) -> ast.Call | None:
    """The call that a text is; `None` where it is anything else."""
    try:
        node = ast.parse(f"({text}\n)", mode="eval").body
    except (SyntaxError, ValueError):  # The file has changed since it was linted.
        return None
    return node if isinstance(node, ast.Call) else None


def _written(call: ast.Call) -> dict[str, ast.expr]:
    """What a call of a layer's class, or of a functional, gives by the names of its arguments."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    name = call.func.id if isinstance(call.func, ast.Name) else name
    parameters = layer_arguments(name) or functional_arguments(name) or ()
    found: dict[str, ast.expr] = {}
    for parameter, value in zip(parameters, call.args, strict=False):
        if isinstance(value, ast.Starred):
            break
        found[parameter] = value
    return {**found, **{one.arg: one.value for one in call.keywords if one.arg is not None}}


def _placed(node: ast.expr, finding: Diagnostic, text: str) -> Mark:
    """Where a part of a construction stands in its file."""
    lines = text.split("\n")

    def place(line: int, offset: int) -> tuple[int, int]:
        # A bracket stands before the first line; offsets count bytes.
        written = (f"({lines[0]}" if line == 1 else lines[line - 1]).encode()
        column = len(written[:offset].decode("utf-8", "replace")) + 1
        moved = column + finding.column - 2 if line == 1 else column
        return finding.line + line - 1, moved

    end = place(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)
    return Mark(*place(node.lineno, node.col_offset), *end)


def _chosen(first: int, last: int, mark: Mark) -> Iterator[int]:
    """The lines to show of a construction."""
    for number in range(first, last + 1):
        near = number < first + _KEPT or number > last - _KEPT
        if last - first < _MOST or near or mark.line <= number < mark.line + _KEPT:
            yield number


class _Drawing:
    """Lines of source for one view: numbered, cut to the terminal, coloured, with carets below."""

    def __init__(self, view: View, gutter: int, severity: Severity) -> None:
        self._view = view
        self._gutter = gutter
        self._severity = severity
        self._room = max(view.room - gutter - 3, 20) if view.terminal else None

    def lines(self, numbers: Sequence[int], texts: Sequence[str], mark: Mark) -> Iterator[str]:
        """The lines with carets below what is marked, and a mark where some are left out."""
        before = numbers[0]
        for number, text in zip(numbers, texts, strict=True):
            if number > before + 1:
                yield f"{self._blue('.' * self._gutter)} {self._blue('|')}"
            before = number
            begin, end = _marked(number, text, mark)
            yield self.code(number, _shown(text), begin)
            if end > begin:
                yield self._carets(text, begin, end)

    def code(self, number: int, shown: str, wanted: int = 0) -> str:
        """A line behind its number; of a long one the part with the column `wanted`."""
        part, _ = self._window(shown, wanted)
        return f"{self._blue(f'{number:>{self._gutter}}')} {self._blue('|')} {self._colored(part)}"

    def _carets(self, text: str, begin: int, end: int) -> str:
        part, left = self._window(_shown(text), begin)
        end = min(end, left + columns(part))
        carets = self._view.marked("^" * max(end - begin, 1), self._severity)
        return f"{'':{self._gutter}} {self._blue('|')} {'':{begin - left}}{carets}"

    def _window(self, text: str, wanted: int) -> tuple[str, int]:
        """The part of a line that there is room for, and how many columns it begins further on."""
        if self._room is None or columns(text) <= self._room:
            return text, 0
        begin = wanted - self._room // 3 if wanted > self._room * 2 // 3 else 0
        starts = [0, *accumulate(map(columns, text))]
        first = bisect_left(starts, begin)
        last = bisect_right(starts, starts[first] + self._room - 1 - (first > 0)) - 1
        part = f"{'…' * (first > 0)}{text[first:last]}{'…' * (last < len(text))}"
        return part, starts[first] - (first > 0)

    def _blue(self, text: str) -> str:
        return self._view.paint(text, fg="blue", bold=True)

    def _colored(self, code: str) -> str:
        if not (self._view.terminal and self._view.color):
            return code
        from modellint.report.rich_text import highlighted

        return highlighted(code)


def _shown(text: str) -> str:
    """Source as it is printed: nothing in it acts on the terminal, and a tab is four columns."""
    return printable(text.expandtabs(4))


def _marked(number: int, text: str, mark: Mark) -> tuple[int, int]:
    """From which column of the printed line to which it is marked; nothing where both are alike.

    Of several lines, those that do no more than close what others open are not.
    """
    if not mark.line <= number <= mark.end_line or not text.strip():
        return 0, 0
    if number > mark.line and not text.strip(" \t)]},"):
        return 0, 0
    begin = mark.column - 1 if number == mark.line else len(text) - len(text.lstrip())
    end = mark.end_column - 1 if number == mark.end_line else len(text)
    before = columns(_shown(text[:begin]))
    return before, max(columns(_shown(text[:end])), before + 1)
