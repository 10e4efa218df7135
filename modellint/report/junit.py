"""The `junit` format: a suite a file, a case a model or finding, for the test views of CI."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Literal
from xml.etree import ElementTree

from modellint.report.excerpts import Excerpts
from modellint.report.full import finding_block
from modellint.report.lines import in_cell, printable
from modellint.report.owners import model_of
from modellint.report.view import View
from modellint.results.models import ModelReport
from modellint.results.report import Report

Outcome = Literal["failure", "error", "skipped"]
#: What a case may come to besides passing, and the attribute that counts it.
_COUNTS: Mapping[Outcome, str] = {"failure": "failures", "error": "errors", "skipped": "skipped"}


@dataclass(frozen=True, slots=True)
class _Case:
    """One test case: passed where there is no outcome; `text` is then a remark on it."""

    path: str
    line: int
    name: str
    outcome: Outcome | None = None
    kind: str = ""
    message: str = ""
    text: str = ""


def render(report: Report, view: View) -> str:
    """Render a report as JUnit XML, in which a case fails where the run fails for it."""
    excerpts = Excerpts(report)
    told = [*_models(report, excerpts), *_findings(report, excerpts), *_errors(report, excerpts)]
    cases = sorted(told, key=_suite_of)
    root = ElementTree.Element("testsuites", {"name": "modellint", **_counted(cases)})
    for path, group in groupby(cases, _suite_of):
        root.append(_suite(path, list(group)))
    ElementTree.indent(root)
    text = ElementTree.tostring(root, "unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _models(report: Report, excerpts: Excerpts) -> Iterator[_Case]:
    """A case for each model, unless its findings are its cases."""
    flagged = {id(model_of(report, finding)) for finding in report.findings}
    for model in report.models:
        case = _model(model, report, excerpts)
        if case.outcome is not None or id(model) not in flagged:
            yield case


def _model(model: ModelReport, report: Report, excerpts: Excerpts) -> _Case:
    line, _ = excerpts.in_file(model.path, model.line, cell=model.cell)
    place, reason = (model.path, line, model.name), model.reason or ""
    if reason:
        reason = in_cell(model, reason)
    if model.status == "failed":
        kinds = [one.kind for one in report.errors if one.message == model.reason]
        return _Case(*place, "error", kinds[0] if kinds else model.status, reason)
    if model.status != "analysed" and report.strict:
        return _Case(*place, "failure", model.status, reason)
    if model.status == "not-analysed":
        return _Case(*place, "skipped", model.status, reason)
    return _Case(*place, text=printable(reason))


def _findings(report: Report, excerpts: Excerpts) -> Iterator[_Case]:
    """A case for each finding, which fails at the levels that fail the run."""
    names: Counter[tuple[str, str]] = Counter()
    for finding in report.findings:
        owner = ".".join(filter(None, (finding.model, finding.layer)))
        name = f"{owner}: {finding.rule}" if owner else finding.rule
        names[finding.path, name] += 1
        number = names[finding.path, name]
        yield _Case(
            finding.path,
            excerpts.extent(finding).line,
            name if number == 1 else f"{name} #{number}",
            "failure" if report.fails(finding) else None,
            finding.rule,
            in_cell(finding, finding.message),
            finding_block(finding, (), report, excerpts, View()),
        )


def _errors(report: Report, excerpts: Excerpts) -> Iterator[_Case]:
    """A case for each error that no model's case tells."""
    told = {model.reason for model in report.models if model.status == "failed"}
    for problem in report.errors:
        if problem.message not in told:
            line, _ = excerpts.in_file(problem.path, problem.line, cell=problem.cell)
            message = in_cell(problem, problem.message)
            yield _Case(problem.path, line, problem.kind, "error", problem.kind, message)


def _suite(path: str, cases: Sequence[_Case]) -> ElementTree.Element:
    suite = ElementTree.Element("testsuite", {"name": printable(path), **_counted(cases)})
    for case in cases:
        place = {"classname": printable(path), "name": printable(case.name)}
        place |= {"file": printable(path), "line": str(case.line)}
        element = ElementTree.SubElement(suite, "testcase", place)
        if case.outcome is not None:
            said = {"type": case.kind, "message": printable(case.message)}
            ElementTree.SubElement(element, case.outcome, said).text = case.text or None
        elif case.text:
            ElementTree.SubElement(element, "system-out").text = case.text
    return suite


def _counted(cases: Sequence[_Case]) -> dict[str, str]:
    outcomes = Counter(case.outcome for case in cases)
    counts = {name: str(outcomes[outcome]) for outcome, name in _COUNTS.items()}
    return {"tests": str(len(cases)), **counts}


_suite_of = attrgetter("path")
