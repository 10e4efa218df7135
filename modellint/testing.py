"""Runs the examples that rule files bring; for the tests of modellint and of any plugin.

    import pytest
    from modellint.testing import check_example, examples, load_rules

    RULES = load_rules(["rules/"], installed=False)

    @pytest.mark.parametrize("case", examples(RULES), ids=str)
    def test_example(case):
        check_example(case.rule, case.example)

An example is a whole model file, given as one or written around the body of a model. It goes to a
temporary folder and through the same stages as a user's file, in this process: so an example must
not harm the process that tests it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent

from modellint.errors import FileError
from modellint.linting.plugins import load_rules
from modellint.results.findings import Diagnostic
from modellint.results.report import Report
from modellint.rules import Example, Rule

__all__ = ["Case", "check_example", "examples", "lint_source", "load_rules"]


@dataclass(frozen=True)
class Case:
    """One example of one rule; its text names it in a test run, as `even-kernel flags 2`."""

    rule: Rule
    example: Example
    flagged: bool
    number: int

    def __str__(self) -> str:
        return f"{self.rule.name} {'flags' if self.flagged else 'allows'} {self.number}"


def examples(rules: Iterable[Rule] | Mapping[str, Rule]) -> tuple[Case, ...]:
    """All examples of these rules, of each rule those first that it flags."""
    return tuple(_cases(rules))


def _cases(rules: Iterable[Rule] | Mapping[str, Rule]) -> Iterator[Case]:
    for rule in rules.values() if isinstance(rules, Mapping) else rules:
        for flagged, found in ((True, rule.flagged), (False, rule.allowed)):
            for number, example in enumerate(found, 1):
                yield Case(rule, example, flagged, number)


def check_example(rule: Rule, example: Example) -> None:
    """Lint one example with its rule alone; raise `AssertionError` if that finds something else.

    The file must load and every model in it must be analysed. A flagged example must be flagged at
    exactly the layers that it names, at whichever where it names none, and with its severity where
    it gives one.
    """
    try:
        report = lint_source(rule, example)
    except FileError as error:
        raise AssertionError(_told(rule, example, "does not run", [str(error)])) from error
    problems = [f"{error.kind} in line {error.line}: {error.message}" for error in report.errors]
    problems += [
        f"{model.name} is {model.status}: {model.reason}"
        for model in report.models
        if model.status in ("failed", "not-analysed")
    ]
    if not report.models:
        problems.append("no model was found in it")
    if problems:
        raise AssertionError(_told(rule, example, "does not run", problems))
    found = tuple(key for finding in report.findings for key in finding.layers)
    said = [_line(finding) for finding in report.findings]
    if example.layers is None:
        if not report.findings:
            raise AssertionError(_told(rule, example, "is not flagged", _skips(report)))
    elif sorted(found) != sorted(example.layers):
        wanted = f"must be flagged at {', '.join(example.layers)}" if example.layers else "is good"
        raise AssertionError(
            _told(rule, example, f"{wanted}, but the rule says", said or _skips(report))
        )
    for finding in report.findings:
        if example.severity is not None and finding.severity != example.severity:
            raise AssertionError(_told(rule, example, f"must be {example.severity}", said))


def lint_source(rule: Rule, example: Example) -> Report:
    """The report of one example under its rule alone, made in this process."""
    from modellint.protocol.jobs import Job
    from modellint.suppression.comment_rules import lint_comments
    from modellint.worker.job_models import parse_job
    from modellint.worker.pipeline import lint_file

    parts: list[Report] = []
    # What comments silence shows only if the other rules have their say.
    others = load_rules() if rule.reads == "comments" else {}
    rules = {**others, rule.name: rule}
    with TemporaryDirectory(prefix="modellint-") as folder:
        path = Path(folder).resolve() / "example.py"
        path.write_text(dedent(example.source), encoding="utf-8")
        job = Job(
            path=str(path),
            shown=path.name,
            folder=str(path.parent),
            rules=tuple(rules),
            options={rule.name: example.options},
        )
        for part in lint_file(job, list(rules.values()), lambda other: Path(other).name):
            if isinstance(part, Report):
                parts.append(part)
        report = Report().merged(*parts)
        if rule.reads == "comments":
            on = list(rules.values())
            remarks = lint_comments(parse_job(job), job.shown, report, rules, on, {})
            report = replace(report, findings=tuple(remarks))
    return report


def _line(finding: Diagnostic) -> str:
    return f"{finding.line}: {finding.severity} {', '.join(finding.layers)}: {finding.message}" + (
        f" (help: {finding.help})" if finding.help else ""
    )


def _skips(report: Report) -> list[str]:
    skipped = [
        f"skipped {check.layer}: {check.reason}"
        for model in report.models
        for check in model.skipped
    ]
    return skipped or ["nothing"]


def _told(rule: Rule, example: Example, what: str, lines: Iterable[str]) -> str:
    listed = "\n".join(f"    {line}" for line in lines)
    numbered = "\n".join(
        f"{number:4} {line}" for number, line in enumerate(dedent(example.source).split("\n"), 1)
    )
    return f"an example of {rule.name} {what}:\n{listed}\n{numbered}"
