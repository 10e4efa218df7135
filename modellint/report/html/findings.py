"""What the page shows of findings: all of them once, worst first, and the rules that they are of.

Errors of files stand among the findings, as they do in the last line of a run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from modellint.mending.diffs import diff
from modellint.report.clauses import told
from modellint.report.excerpts import Excerpts
from modellint.report.html.source import excerpt, marked_line
from modellint.report.lines import alike
from modellint.report.owners import model_of
from modellint.results.findings import Diagnostic, Related, TriedFix
from modellint.results.places import place_of
from modellint.results.report import Problem, Report
from modellint.rules import SEVERITIES

#: What a paragraph begins with whose lines are not to be joined.
_AS_LINES = ("    ", "- ", "* ", "|")


@dataclass(frozen=True)
class Found:
    """The findings and errors of a report as the page has them, and which of them are a model's.

    `of_model` has the places in `entries` by that of the model in the report; each entry is
    {rule, severity, place, path, line, models, layers, count, fact, more, help, related, source,
    fix}, `models` being names with the place of the model in the report, or -1.
    """

    entries: tuple[dict[str, Any], ...]
    of_model: Mapping[int, tuple[int, ...]]


def found(report: Report) -> Found:
    """All findings, those that several models share once, and all errors, the gravest first."""
    excerpts = Excerpts(report)
    places = {id(model): at for at, model in enumerate(report.models)}
    entries = [_problem(report, problem, excerpts) for problem in report.errors]
    for finding, names in alike(report):
        models = [[name, _place_of_model(report, finding, name, places)] for name in names]
        entries.append(_finding(finding, models, excerpts))
    entries.sort(key=lambda entry: SEVERITIES.index(entry["severity"]))
    mine: dict[int, list[int]] = {at: [] for at in range(len(report.models))}
    for at, entry in enumerate(entries):
        for _, model in entry["models"]:
            if model >= 0:
                mine[model].append(at)
    return Found(tuple(entries), {model: tuple(these) for model, these in mine.items()})


def rules(report: Report) -> Iterator[dict[str, Any]]:
    """Each rule that found something: what it says, and its findings by file, most first."""
    pages = {rule.name: rule for rule in report.rules}
    files: dict[str, Counter[str]] = {}
    gravest: dict[str, str] = {}
    for finding in report.distinct:
        files.setdefault(finding.rule, Counter())[finding.path] += 1
        known = gravest.setdefault(finding.rule, finding.severity)
        gravest[finding.rule] = min(known, finding.severity, key=SEVERITIES.index)
    order = sorted(
        files, key=lambda rule: (SEVERITIES.index(gravest[rule]), -files[rule].total(), rule)
    )
    for rule in order:
        page = pages.get(rule)
        yield {
            "name": rule,
            "severity": gravest[rule],
            "category": "" if page is None else page.category,
            "summary": "" if page is None else page.summary,
            "text": [] if page is None else _paragraphs(page.text),
            "count": files[rule].total(),
            "files": [list(one) for one in sorted(files[rule].items(), key=_most_first)],
        }


def _most_first(entry: tuple[str, int]) -> tuple[int, str]:
    return -entry[1], entry[0]


def _paragraphs(text: str) -> list[str | list[str]]:
    """The paragraphs of a rule's page; code, lists and tables as their lines."""
    made: list[str | list[str]] = []
    for part in text.split("\n\n"):
        lines = part.strip("\n").split("\n")
        if lines[0].startswith(_AS_LINES):
            made.append(lines)
        elif part.strip():
            made.append(" ".join(map(str.strip, lines)))
    return made


def _place_of_model(
    report: Report, finding: Diagnostic, name: str, places: Mapping[int, int]
) -> int:
    model = model_of(report, replace(finding, model=name))
    return -1 if model is None else places[id(model)]


def _finding(finding: Diagnostic, models: list[Any], excerpts: Excerpts) -> dict[str, Any]:
    said = told(finding.message)
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "place": finding.place,
        "path": finding.path,
        "line": finding.line,
        "models": models,
        "layers": list(finding.layers),
        "count": finding.count,
        "fact": said.headline,
        "more": [*said.layers, *([said.shapes] if said.shapes else []), *said.facts],
        "help": finding.advice,
        "related": [[_line(one), one.message] for one in finding.related],
        "source": excerpt(finding, excerpts),
        "fix": None if finding.fix is None else _fix(finding.fix, excerpts),
    }


def _problem(report: Report, problem: Problem, excerpts: Excerpts) -> dict[str, Any]:
    places = [
        [model.name, at]
        for at, model in enumerate(report.models)
        if (model.name, model.path) == (problem.model, problem.path)
    ]
    return {
        "rule": problem.kind,
        "severity": "error",
        "place": problem.place,
        "path": problem.path,
        "line": problem.line,
        "models": places[:1],
        "layers": [],
        "count": 1,
        "fact": problem.message,
        "more": [],
        "help": None,
        "related": [[call.place, f"{call.function} calls"] for call in problem.calls[:-1]],
        "source": marked_line(problem, excerpts),
        "fix": None,
    }


def _line(one: Related) -> str:
    return place_of(one.path, one.line, cell=one.cell)


def _fix(fix: TriedFix, excerpts: Excerpts) -> dict[str, Any]:
    """What a fix does in words, and as a diff without its heads, set in as little as can be."""
    lines = [line for made in excerpts.fixed(fix) for line in [*diff(*made, around=0)][2:]]
    changed = [line.replace("\t", "    ") for line in lines if line[0] in "+-"]
    return {"message": fix.message, "safe": fix.safe, "diff": _set_out(changed)}


def _set_out(changed: Sequence[str]) -> list[str]:
    texts = [line[1:] for line in changed if line[1:].strip()]
    margin = min((len(text) - len(text.lstrip(" ")) for text in texts), default=0)
    return [f"{line[0]} {line[1 + margin :]}" for line in changed]
