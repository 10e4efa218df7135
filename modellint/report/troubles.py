"""What a report says besides findings: files that fail, models that are not known in full."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from modellint.report.lines import incomplete
from modellint.results.places import place_of
from modellint.results.report import Report
from modellint.rules import Severity


@dataclass(frozen=True, slots=True)
class Trouble:
    """An error, or a model of which something is not known; `kind` is the error's or the status.

    `subject` is the model where it is about one.
    """

    kind: str
    severity: Severity
    path: str
    line: int
    subject: str
    message: str
    cell: int | None = None

    @property
    def place(self) -> str:
        """Where it is, as reports print it."""
        return place_of(self.path, self.line, cell=self.cell)

    @property
    def sentence(self) -> str:
        """The message, after the model that it is about."""
        return f"{self.subject}: {self.message}" if self.subject else self.message


def troubles(report: Report) -> Iterator[Trouble]:
    """The errors, then what could not be analysed, which is an error only under `--strict`."""
    for problem in report.errors:
        place = (problem.path, problem.line)
        yield Trouble(problem.kind, "error", *place, "", problem.message, problem.cell)
    severity: Severity = "error" if report.strict else "warning"
    for model in incomplete(report):
        reason = model.reason or ""
        place = (model.path, model.line)
        yield Trouble(model.status, severity, *place, model.name, reason, model.cell)
