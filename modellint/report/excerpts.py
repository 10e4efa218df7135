"""Lines of the source that a report is about."""

from __future__ import annotations

from modellint.errors import FileError
from modellint.fixes.edits import edited
from modellint.mending.rewriting import check_edits
from modellint.results.findings import Diagnostic, TriedFix
from modellint.results.report import Report
from modellint.source.file import read_lines, split_lines, text_digest


class Excerpts:
    """The source of a report's files, each read when it is first asked for."""

    def __init__(self, report: Report) -> None:
        self._files = {path: split_lines(text) for path, text in report.texts.items()}

    def line(self, path: str, number: int) -> str:
        """A line counted from 1; empty where there is none, or no such file any more."""
        lines = self.lines(path)
        return lines[number - 1] if 0 < number <= len(lines) else ""

    def fixed(self, fix: TriedFix) -> tuple[str, str, str] | None:
        """The path of a file, its text and what a fix makes of that; `None` unless it fits."""
        path = fix.edits[0].path
        lines = self.lines(path)
        text = "\n".join(lines)
        if text_digest(text) != fix.digest or any(edit.path != path for edit in fix.edits):
            return None
        try:
            check_edits(path, lines, fix.edits)
        except FileError:  # What a file's process says of itself may be anything.
            return None
        return path, text, edited(text, fix.edits)

    def lines(self, path: str) -> tuple[str, ...]:
        """All lines of a file; none where there is no such file any more."""
        if path not in self._files:
            try:
                self._files[path] = read_lines(path)
            except FileError:  # Gone or changed since it was linted: findings stand without it.
                self._files[path] = ()
        return self._files[path]

    def span(self, finding: Diagnostic) -> str:
        """The text from a finding's first column to its last, over several lines perhaps."""
        numbers = range(finding.line, max(finding.line, finding.end_line) + 1)
        lines = [self.line(finding.path, number) for number in numbers]
        # From the end first: on one line, the start's cut would move it.
        lines[-1] = lines[-1][: finding.end_column - 1]
        lines[0] = lines[0][finding.column - 1 :]
        return "\n".join(lines)
