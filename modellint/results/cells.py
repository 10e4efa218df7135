"""A report with its places in the cells of a notebook, or of a kernel, as their readers count.

Discovery, the run of a model and its rules know a notebook's file as the one module that its cells
make, and what a kernel ran by the names that IPython gives its cells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeVar

from modellint.fixes.edits import Edit
from modellint.results.annotated import AnnotatedSource
from modellint.results.findings import Diagnostic, Related, Silenced, TriedFix
from modellint.results.models import ModelReport
from modellint.results.places import KERNEL, cell_name
from modellint.results.report import Note, Problem, Report
from modellint.results.user_calls import UserCall
from modellint.source.cells import Cells
from modellint.source.executed import is_kernel, kernel_place, typed
from modellint.source.ipython import indent_of

T = TypeVar("T", ModelReport, Diagnostic, Related, Problem, UserCall, Note, Silenced)

Found = tuple[str, int | None, int, str]
"""The path of a place, its cell, its line there, and what that line begins with besides."""


def in_cells(report: Report, path: str, cells: Cells | None) -> Report:
    """The report of a notebook that is printed as `path`, with its places in cells.

    Of a file that has none it is as it was. Places in other files stay, and those of layers, whose
    files only the linter knows.
    """
    if cells is None:
        return report

    def found(one: str, line: int) -> Found:
        if one != path:
            return one, None, line, ""
        cell, number = cells.place(line)
        return one, cell, number, cells.indent(cell)

    return _Placing(found).report(report)


def in_kernel(report: Report) -> Report:
    """The report of a live model, with its places in the cells that this kernel ran.

    It is as it was where this is no kernel, and for places in files; so are layers, as above.
    """
    if not is_kernel():
        return report
    numbers: set[int] = set()

    def found(path: str, line: int) -> Found:
        place = kernel_place(path, line)
        if place is None:
            return path, None, line, ""
        numbers.add(place[0])
        return KERNEL, *place, indent_of(typed(place[0]) or "")

    placed = _Placing(found).report(report)
    texts = {cell_name(number): typed(number) or "" for number in sorted(numbers)}
    return replace(placed, texts={**placed.texts, **texts}).sorted()


@dataclass(frozen=True, slots=True)
class _Placing:
    """Puts places where `found` says that a path and a line are."""

    found: Callable[[str, int], Found] = field(repr=False)

    def report(self, report: Report) -> Report:
        """The same report with all its places."""
        return replace(
            report,
            models=tuple(map(self._model, report.models)),
            findings=tuple(map(self.finding, report.findings)),
            errors=tuple(map(self._problem, report.errors)),
            notes=tuple(map(self.placed, report.notes)),
            remarks=tuple(map(self.placed, report.remarks)),
            silenced=tuple(map(self.placed, report.silenced)),
        )

    def placed(self, one: T) -> T:
        """The same at its line in a cell."""
        if one.cell is not None:
            return one
        path, cell, line, _ = self.found(one.path, one.line)
        return one if cell is None else replace(one, path=path, cell=cell, line=line)

    def _problem(self, one: Problem) -> Problem:
        indent = self._indent(one)
        return replace(
            self.placed(one),
            column=None if one.column is None else one.column + indent,
            end_column=None if one.end_column is None else one.end_column + indent,
            calls=tuple(map(self._call, one.calls)),
        )

    def _call(self, one: UserCall) -> UserCall:
        return replace(self.placed(one), column=one.column + self._indent(one))

    def _indent(self, one: Diagnostic | Related | Problem | UserCall) -> int:
        """How many columns stand before the first of a line."""
        return 0 if one.cell is not None else len(self.found(one.path, one.line)[3])

    def _model(self, one: ModelReport) -> ModelReport:
        annotated = [part for source in one.annotated for part in self._parts(source)]
        return replace(self.placed(one), annotated=tuple(annotated))

    def _parts(self, source: AnnotatedSource) -> Iterator[AnnotatedSource]:
        """What is told of each cell by itself."""
        cells: dict[tuple[str, int | None], AnnotatedSource] = {}

        def part(line: int) -> tuple[AnnotatedSource, int]:
            path, cell, number, _ = self.found(source.path, line)
            known = cells.get((path, cell)) or AnnotatedSource(path, (), (), cell=cell)
            return known, line - number

        def put(one: AnnotatedSource) -> None:
            cells[one.path, one.cell] = one

        for first, last in source.shown:
            known, above = part(first)
            put(replace(known, shown=(*known.shown, (first - above, last - above))))
        for line in source.lines:
            known, above = part(line.line)
            moved = replace(line, line=line.line - above, end_line=line.end_line - above)
            put(replace(known, lines=(*known.lines, moved)))
        for first, last in source.skipped:
            known, above = part(first)
            put(replace(known, skipped=(*known.skipped, (first - above, last - above))))
        for place in source.places:
            known, above = part(place.line)
            indent = len(self.found(source.path, place.line)[3])
            there = replace(
                place,
                line=place.line - above,
                column=place.column + indent,
                end_line=place.end_line - above,
                end_column=place.end_column + indent,
            )
            put(replace(known, places=(*known.places, there)))
        if source.stopped is not None:
            known, above = part(source.stopped)
            put(replace(known, stopped=source.stopped - above, reason=source.reason))
        elif source.reason is not None and cells:
            put(replace([*cells.values()][-1], reason=source.reason))
        yield from cells.values()

    def finding(self, one: Diagnostic) -> Diagnostic:
        """A finding with all its places; it ends in the cell that it begins in."""
        placed, indent = self.placed(one), self._indent(one)
        return replace(
            placed,
            column=one.column + indent,
            end_line=one.end_line - one.line + placed.line,
            end_column=one.end_column + indent,
            related=tuple(map(self._related, one.related)),
            fix=None if one.fix is None else self._fix(one.fix),
        )

    def _related(self, one: Related) -> Related:
        return replace(self.placed(one), column=one.column + self._indent(one))

    def _fix(self, fix: TriedFix) -> TriedFix:
        return replace(fix, edits=tuple(map(self._edit, fix.edits)))

    def _edit(self, edit: Edit) -> Edit:
        path, cell, line, indent = self.found(edit.path, edit.line)
        return Edit(
            line,
            edit.column + len(indent),
            edit.end_line - edit.line + line,
            edit.end_column + len(indent),
            edit.text.replace("\n", f"\n{indent}"),
            path,
            cell,
        )
