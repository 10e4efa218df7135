"""A notebook's report with its places in cells, which are lines of the module until then.

Discovery, the run of a model and its rules know a notebook as the one module that its cells make.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

from modellint.fixes.edits import Edit
from modellint.results.findings import Diagnostic, Related, Silenced, TriedFix
from modellint.results.models import ModelReport
from modellint.results.report import Note, Problem, Report
from modellint.source.cells import Cells

T = TypeVar("T", ModelReport, Diagnostic, Related, Problem, Note, Silenced)


def in_cells(report: Report, path: str, cells: Cells | None) -> Report:
    """The report of a notebook that is printed as `path`, with its places in cells.

    Of a file that has none it is as it was. Places in other files stay, and those of layers, whose
    files only the linter knows.
    """
    if cells is None:
        return report
    found = _Notebook(path, cells)
    return replace(
        report,
        models=tuple(map(found.placed, report.models)),
        findings=tuple(map(found.finding, report.findings)),
        errors=tuple(map(found.placed, report.errors)),
        notes=tuple(map(found.placed, report.notes)),
        remarks=tuple(map(found.placed, report.remarks)),
        silenced=tuple(map(found.placed, report.silenced)),
    )


@dataclass(frozen=True, slots=True)
class _Notebook:
    """Finds the cells of a notebook's lines."""

    path: str
    cells: Cells

    def placed(self, one: T) -> T:
        """The same at its line in a cell."""
        if one.path != self.path or one.cell is not None:
            return one
        cell, line = self.cells.place(one.line)
        return replace(one, cell=cell, line=line)

    def finding(self, one: Diagnostic) -> Diagnostic:
        """A finding with all its places; it ends in the cell that it begins in."""
        placed = self.placed(one)
        return replace(
            placed,
            end_line=one.end_line - one.line + placed.line,
            related=tuple(map(self.placed, one.related)),
            fix=None if one.fix is None else self._fix(one.fix),
        )

    def _fix(self, fix: TriedFix) -> TriedFix:
        return replace(fix, edits=tuple(map(self._edit, fix.edits)))

    def _edit(self, edit: Edit) -> Edit:
        if edit.path != self.path:
            return edit
        cell, line = self.cells.place(edit.line)
        last = edit.end_line - edit.line + line
        return edit._replace(cell=cell, line=line, end_line=last)
