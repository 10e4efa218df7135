"""Lines of the source that a report is about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from modellint.errors import FileError
from modellint.fixes.edits import edited
from modellint.mending.rewriting import check_edits, notebook_edited
from modellint.results.findings import Diagnostic, TriedFix
from modellint.results.places import KERNEL, cell_name
from modellint.results.report import Report
from modellint.source.file import decoded, parse_source, read_bytes, split_lines, text_digest
from modellint.source.paths import is_exported, is_notebook

if TYPE_CHECKING:
    from modellint.source.notebooks import Notebook


class Changed(NamedTuple):
    """A file, or a cell of a notebook, by its name, with its text before and after a fix."""

    name: str
    before: str
    after: str


class Extent(NamedTuple):
    """From where to where, exclusive, something stands in a file as it lies on disk."""

    line: int
    column: int
    end_line: int
    end_column: int


class Excerpts:
    """The source of a report's files, each read when it is first asked for."""

    def __init__(self, report: Report) -> None:
        self._texts = report.texts
        self._files: dict[str, tuple[str, ...]] = {}
        self._notebooks: dict[str, Notebook | None] = {}

    def line(self, path: str, number: int, cell: int | None = None) -> str:
        """A line counted from 1; empty where there is none, or no such file any more."""
        lines = self.lines(path, cell)
        return lines[number - 1] if 0 < number <= len(lines) else ""

    def lines(self, path: str, cell: int | None = None) -> tuple[str, ...]:
        """All lines of a file, or of a cell; none where there is no such file any more."""
        if path == KERNEL and cell is not None:
            return split_lines(self._texts.get(cell_name(cell), ""))
        if cell is not None:
            notebook = self._notebook(path)
            return notebook.lines_of(cell) if notebook is not None else ()
        # What is in no cell is JSON, perhaps a line of megabytes, and weights are no text.
        if is_notebook(path) or is_exported(path):
            return ()
        if path not in self._files:
            try:
                text = self._texts[path] if path in self._texts else decoded(path, read_bytes(path))
                self._files[path] = split_lines(text)
            except FileError:  # Gone or changed since it was linted: findings stand without it.
                self._files[path] = ()
        return self._files[path]

    def fixed(self, fix: TriedFix) -> list[Changed]:
        """What a fix makes of a file or of cells, each with its text before; none if it misfits."""
        path = fix.edits[0].path
        if any(edit.path != path for edit in fix.edits):
            return []
        try:  # What a file's process says of itself may be anything.
            if not is_notebook(path):
                text = "\n".join(self.lines(path))
                if text_digest(text) != fix.digest:
                    return []
                check_edits(path, text.split("\n"), fix.edits)
                return [Changed(path, text, edited(text, fix.edits))]
            notebook = self._notebook(path)
            if notebook is None or text_digest(self._module(path)) != fix.digest:
                return []
            return [
                Changed(f"{path}:cell {cell}", notebook.typed(cell), f"{after}\n")
                for cell, after in notebook_edited(notebook, fix.edits).items()
            ]
        except FileError:
            return []

    def span(self, finding: Diagnostic) -> str:
        """The text from a finding's first column to its last, over several lines perhaps."""
        numbers = range(finding.line, max(finding.line, finding.end_line) + 1)
        lines = [self.line(finding.path, number, finding.cell) for number in numbers]
        # From the end first: on one line, the start's cut would move it.
        lines[-1] = lines[-1][: finding.end_column - 1]
        lines[0] = lines[0][finding.column - 1 :]
        return "\n".join(lines)

    def extent(self, finding: Diagnostic) -> Extent:
        """Where a finding stands in its file: of a notebook, in the lines of its JSON."""
        cell = finding.cell
        start = self.in_file(finding.path, finding.line, finding.column, cell)
        end = self.in_file(finding.path, finding.end_line, finding.end_column, cell)
        return Extent(*start, *end)

    def in_file(
        self, path: str, line: int, column: int = 1, cell: int | None = None
    ) -> tuple[int, int]:
        """Where a place stands in its file: of a notebook, in the lines of its JSON."""
        if cell is None or path == KERNEL:
            return line, column
        notebook = self._notebook(path)
        lines = notebook.lines_of(cell) if notebook is not None else ()
        if notebook is None or line > len(lines):  # Changed since it was linted.
            return 1, 1
        return notebook.in_file(cell, line, column)

    def changes(self, fix: TriedFix) -> Iterator[tuple[str, Extent, str]]:
        """What becomes of files as they lie on disk: a path, a part of it, what stands there then.

        Of a notebook these are parts of its JSON, none where the fix is of another text.
        """
        for edit in () if is_notebook(fix.edits[0].path) else fix.edits:
            yield edit.path, Extent(*edit.start, *edit.end), edit.text
        path = fix.edits[0].path
        notebook = self._notebook(path) if is_notebook(path) and self.fixed(fix) else None
        if notebook is not None:
            for start, end, text in notebook.parts(notebook_edited(notebook, fix.edits)):
                yield path, Extent(*notebook.position(start), *notebook.position(end)), text

    def _module(self, path: str) -> str:
        """The text that fixes of a notebook are of: that of the module that its cells make."""
        text = self._texts.get(path)
        return parse_source(path, read_bytes(path) if text is None else text.encode()).text

    def _notebook(self, path: str) -> Notebook | None:
        if path not in self._notebooks:
            from modellint.source.notebooks import read_notebook

            try:
                given = self._texts.get(path)
                data = given.encode() if given is not None else read_bytes(path)
                self._notebooks[path] = read_notebook(path, data)
            except FileError:  # As for the lines of other files.
                self._notebooks[path] = None
        return self._notebooks[path]
