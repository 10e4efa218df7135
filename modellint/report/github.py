"""The `github` format: the full text, and workflow commands that GitHub shows at the lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice

from modellint.report import full
from modellint.report.checkout import GITHUB, checkout_path
from modellint.report.excerpts import Excerpts
from modellint.report.lines import alike, in_cell, printable
from modellint.report.troubles import Trouble, troubles
from modellint.report.view import View
from modellint.results.findings import Diagnostic
from modellint.results.report import Report
from modellint.rules import Category, Severity

#: GitHub shows no more of a level for a step.
_MOST = 10
_LEVELS: Mapping[Severity, str] = {"error": "error", "warning": "warning", "info": "notice"}
_CATEGORIES = tuple(map(str, Category))


def render(report: Report, view: View) -> str:
    """Render a report as text and at most ten commands of each level, the worst first."""
    commands = list(_commands(report))
    chosen = [
        command
        for level in _LEVELS.values()
        for command in islice((one for one in commands if one.level == level), _MOST)
    ]
    return _inert(full.render(report, view)) + "".join(f"{command}\n" for command in chosen)


@dataclass(frozen=True, slots=True)
class _Command:
    """One workflow command: its level, its properties in order, and its message."""

    level: str
    properties: Mapping[str, object]
    message: str

    def __str__(self) -> str:
        pairs = ",".join(f"{key}={_property(str(text))}" for key, text in self.properties.items())
        return f"::{self.level} {pairs}::{_data(self.message)}"


def _commands(report: Report) -> Iterator[_Command]:
    """Every command there could be: errors of files, findings by category, what is not known."""
    excerpts = Excerpts(report)
    others = [_other(one, excerpts) for one in troubles(report)]
    yield from others[: len(report.errors)]
    for finding, models in sorted(alike(report), key=lambda group: _rank(group[0])):
        yield _finding(finding, len(models), excerpts)
    yield from others[len(report.errors) :]


def _rank(finding: Diagnostic) -> int:
    """Correctness before efficiency within a level; a category that is unknown comes last."""
    known = finding.category in _CATEGORIES
    return _CATEGORIES.index(finding.category) if known else len(_CATEGORIES)


def _finding(finding: Diagnostic, models: int, excerpts: Excerpts) -> _Command:
    extent = excerpts.extent(finding)
    properties: dict[str, object] = {
        "file": _file(finding.path),
        "line": extent.line,
        "endLine": extent.end_line,
    }
    # GitHub takes columns for a place on one line only.
    if extent.line == extent.end_line:
        properties |= {"col": extent.column, "endColumn": extent.end_column}
    properties["title"] = f"modellint: {finding.rule}"
    lines = [printable(in_cell(finding, finding.message))]
    if finding.advice:
        lines.append(f"help: {printable(finding.advice)}")
    if models > 1:
        lines.append(f"in {models} models")
    return _Command(_LEVELS[finding.severity], properties, "\n".join(lines))


def _other(one: Trouble, excerpts: Excerpts) -> _Command:
    line, _ = excerpts.in_file(one.path, one.line, cell=one.cell)
    properties = {
        "file": _file(one.path),
        "line": line,
        "title": f"modellint: {one.kind}",
    }
    return _Command(_LEVELS[one.severity], properties, printable(in_cell(one, one.sentence)))


def _file(path: str) -> str:
    return printable(checkout_path(path, GITHUB))


def _data(text: str) -> str:
    # The sign of the escapes first, lest it escape the others' escapes.
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _inert(text: str) -> str:
    """Text of which no line is taken for a command, whatever the linted files hold."""
    if not any(line.lstrip().startswith("::") or "##[" in line for line in text.splitlines()):
        return text
    # The word that ends the pause must not be in the text; no text holds its own hash.
    token = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"::stop-commands::{token}\n{text}::{token}::\n"
