"""What a file's report says of one of its models, and how pytest prints it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from modellint.report.lines import last_line
from modellint.results.report import Report

if TYPE_CHECKING:
    from _pytest._io import TerminalWriter


class Unclean(Exception):
    """A model has findings, or fails; `report` is of it alone."""

    def __init__(self, report: Report) -> None:
        super().__init__(last_line(report))
        self.report = report


@dataclass(frozen=True)
class Place:
    """Where a model fails and why in a few words, for summaries of a line."""

    path: str
    lineno: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.lineno}: {self.message}"


@dataclass(frozen=True)
class Failure:
    """A report as pytest asks for what failed: on a terminal, as text, as one line."""

    report: Report

    @cached_property
    def reprcrash(self) -> Place:
        """Where the first fault is, and in a few words which there are."""
        report = self.report
        failing = [one for one in report.findings if report.fails(one)]
        counted = Counter(one.rule for one in failing)
        said = [f"{one.kind}: {one.message}" for one in report.errors]
        said += [rule if count == 1 else f"{count} {rule}" for rule, count in counted.items()]
        said = said or [f"{one.status}: {one.reason}" for one in report.models]
        places = [
            *((one.path, one.cell, one.line) for one in report.errors),
            *((one.path, one.cell, one.line) for one in failing),
            *((one.path, one.cell, one.line) for one in report.models),
        ]
        path, cell, line = places[0]
        return Place(path if cell is None else f"{path}:cell {cell}", line, ", ".join(said))

    def toterminal(self, terminal: TerminalWriter) -> None:
        """Print the full text, in colour where the terminal has some."""
        terminal.write(self.report.render("full", color=terminal.hasmarkup))

    def __str__(self) -> str:
        return self.report.render("full").rstrip("\n")


def about(report: Report, model: str) -> Report:
    """The part of a file's report that is about one of its models.

    What is about no model, such as an ignore comment for the whole file, goes with the first; and
    an error that kept models from being reached, with each of those.
    """
    names = [one.name for one in report.models]
    failed = [one for one in report.models if one.status == "failed"]
    told = {one.reason for one in failed}
    # Several models may fail for one reason, such as the constructor of their base class.
    own = {one.reason for one in failed if one.name == model}
    takes_rest = model not in names or model == names[0]
    return replace(
        report,
        models=tuple(one for one in report.models if one.name == model),
        findings=tuple(
            one
            for one in report.findings
            if one.model == model or (takes_rest and one.model not in names)
        ),
        errors=tuple(
            one
            for one in report.errors
            if (one.message in own if one.message in told else takes_rest)
        ),
        notes=(),
        remarks=(),
        silenced=(),
    )
