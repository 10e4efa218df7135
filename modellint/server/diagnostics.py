"""What a report says of a file, as an editor puts it under the lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from lsprotocol import types

from modellint.report.lines import STATUS, incomplete, printable, told_apart
from modellint.results.findings import Diagnostic, Related
from modellint.results.models import ModelReport
from modellint.results.report import Problem, Report
from modellint.rules import Severity
from modellint.server.buffers import Part
from modellint.server.ranges import Ranges

SOURCE = "modellint"
_SEVERITY: Mapping[Severity, types.DiagnosticSeverity] = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "info": types.DiagnosticSeverity.Information,
}

TextOf = Callable[[str, int | None], Part | None]
"""The text of a file by its printed path, of a notebook by the cell as well; `None` for no text."""


@dataclass(frozen=True)
class Diagnostics:
    """Turns reports into diagnostics; `related` is whether the editor shows other places, too."""

    ranges: Ranges
    text: TextOf
    related: bool = True

    def of(self, report: Report) -> Iterator[tuple[Part, types.Diagnostic]]:
        """Each diagnostic of a report with the text that it is of."""
        for finding, models in told_apart(report):
            part = self.text(finding.path, finding.cell)
            if part is not None:
                yield part, self.finding(part, finding, models)
        for problem in report.errors:
            part = self.text(problem.path, problem.cell)
            if part is not None:
                yield part, self._problem(part, problem)
        for model in incomplete(report):
            part = self.text(model.path, model.cell)
            if part is not None:
                yield part, self._incomplete(part, model)

    def range(self, part: Part, finding: Diagnostic) -> types.Range:
        """Where a finding is in its text."""
        return self.ranges.range(
            part, finding.line, finding.column, finding.end_line, finding.end_column
        )

    def finding(
        self, part: Part, finding: Diagnostic, models: tuple[str, ...] = ()
    ) -> types.Diagnostic:
        """A finding, with the change that it asks for, and the models that it is about."""
        more = f" (and {finding.count - 1} more like it)" if finding.count > 1 else ""
        lines = [printable(finding.message) + more]
        lines += [f"in {printable(', '.join(models))}"] if models else []
        lines += [f"help: {printable(finding.help)}"] if finding.help else []
        related = [self._related(one) for one in finding.related] if self.related else []
        return types.Diagnostic(
            range=self.range(part, finding),
            message="\n".join(lines),
            severity=_SEVERITY[finding.severity],
            code=finding.rule,
            source=SOURCE,
            related_information=[one for one in related if one is not None] or None,
        )

    def _related(self, related: Related) -> types.DiagnosticRelatedInformation | None:
        part = self.text(related.path, related.cell)
        if part is None:
            return None
        line = self.ranges.line(part, related.line)
        start = self.ranges.position(part, related.line, related.column)
        location = types.Location(part.uri, types.Range(start, max(start, line.end)))
        return types.DiagnosticRelatedInformation(location, printable(related.message))

    def _problem(self, part: Part, problem: Problem) -> types.Diagnostic:
        return types.Diagnostic(
            range=self.ranges.line(part, problem.line),
            message=printable(problem.message),
            severity=types.DiagnosticSeverity.Error,
            code=problem.kind,
            source=SOURCE,
        )

    def _incomplete(self, part: Part, model: ModelReport) -> types.Diagnostic:
        """A model of which something is not known; of one that nothing is, the editor lists it."""
        partly = model.status == "partial"
        severity = types.DiagnosticSeverity
        return types.Diagnostic(
            range=self.ranges.line(part, model.line),
            message=printable(f"{model.name} is {STATUS[model.status]}: {model.reason}"),
            severity=severity.Hint if partly else severity.Information,
            code=model.status,
            source=SOURCE,
        )
