"""The `sarif` format: SARIF 2.1.0, for GitHub's code scanning and the viewers of editors."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from modellint._version import __version__
from modellint.report.checkout import GITHUB, checkout_path
from modellint.report.excerpts import Excerpts, Extent
from modellint.report.fingerprints import fingerprints
from modellint.report.lines import alike, in_cell, printable
from modellint.report.troubles import Trouble, troubles
from modellint.report.view import View
from modellint.results.error_kinds import KINDS
from modellint.results.findings import Diagnostic, TriedFix
from modellint.results.report import OWN_FAULTS, Note, Report, RulePage
from modellint.rules import Severity

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
#: GitHub cuts the short and the full description of a rule there.
_LONGEST = 1024
_LEVELS: Mapping[Severity, str] = {"error": "error", "warning": "warning", "info": "note"}
#: GitHub's word for a level in its filters.
_PROBLEMS: Mapping[Severity, str] = {
    "error": "error",
    "warning": "warning",
    "info": "recommendation",
}
#: What a notification may be of.
_NOTIFICATIONS: Mapping[str, str] = {
    **{name: kind.summary for name, kind in KINDS.items()},
    "not-analysed": "A model needs something that only its author has.",
    "partial": "Some numbers of a model are not known.",
    "note": "A remark that changes no result.",
}


def render(report: Report, view: View) -> str:
    """Render a report as one SARIF run, in ASCII."""
    rules = [*report.rules, *_unlisted(report)]
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [_run(report, rules)]}
    return json.dumps(log, indent=2) + "\n"


def _run(report: Report, rules: list[RulePage]) -> dict[str, Any]:
    notifications = list(_notifications(report))
    kinds = sorted({notification["descriptor"]["id"] for notification in notifications})
    return {
        "tool": {
            "driver": {
                "name": "modellint",
                "version": __version__,
                "rules": [_descriptor(rule) for rule in rules],
                "notifications": [_notification_kind(kind) for kind in kinds],
            }
        },
        "automationDetails": {"id": "modellint/"},
        "invocations": [
            {
                "executionSuccessful": not any(one.kind in OWN_FAULTS for one in report.errors),
                "exitCode": report.exit_status,
                "toolExecutionNotifications": notifications,
            }
        ],
        "originalUriBaseIds": {
            "%SRCROOT%": {"description": _text("The folder that the paths start at.")}
        },
        "columnKind": "unicodeCodePoints",
        "properties": {"torch": report.torch},
        "results": list(_results(report, rules)),
    }


def _unlisted(report: Report) -> Iterator[RulePage]:
    """What findings name and the report has no page of, such as a report read from JSON."""
    known = {rule.name for rule in report.rules}
    for finding in report.findings:
        if finding.rule not in known:
            known.add(finding.rule)
            text = f"{finding.rule.replace('-', ' ').capitalize()}."
            yield RulePage(finding.rule, finding.category, finding.severity, True, text, text, text)


def _descriptor(rule: RulePage) -> dict[str, Any]:
    name = "".join(word.capitalize() for word in rule.name.split("-"))
    return {
        "id": rule.name,
        # A name that says no more than the id must be left out.
        **({} if name.lower() == rule.name else {"name": name}),
        "shortDescription": _text(_clipped([rule.summary])),
        "fullDescription": _text(_clipped(rule.text.split("\n\n"))),
        "help": {"text": rule.page, "markdown": rule.page},
        "defaultConfiguration": {"enabled": rule.default, "level": _LEVELS[rule.severity]},
        "properties": {
            "tags": [rule.category],
            "problem.severity": _PROBLEMS[rule.severity],
        },
    }


def _clipped(paragraphs: Iterable[str]) -> str:
    """As many whole paragraphs as GitHub shows, and of a first that is too long its beginning."""
    text = ""
    for paragraph in paragraphs:
        more = f"{text}\n\n{paragraph}" if text else paragraph
        if len(more) > _LONGEST:
            return text or f"{paragraph[: _LONGEST - 1]}…"
        text = more
    return text


def _results(report: Report, rules: list[RulePage]) -> Iterator[dict[str, Any]]:
    excerpts = Excerpts(report)
    index = {rule.name: number for number, rule in enumerate(rules)}
    groups = list(alike(report))
    marks = fingerprints(report, [finding for finding, _ in groups])
    for (finding, models), mark in zip(groups, marks, strict=True):
        place = _location(finding.path, _region(finding, excerpts), finding.cell)
        name = ".".join(filter(None, (finding.model, finding.layer)))
        if name:
            member = {"fullyQualifiedName": printable(name), "kind": "member"}
            place["logicalLocations"] = [member, *place.get("logicalLocations", [])]
        yield {
            "ruleId": finding.rule,
            "ruleIndex": index[finding.rule],
            "level": _LEVELS[finding.severity],
            "message": _text(_message(finding)),
            "locations": [place],
            "relatedLocations": list(_related(finding, excerpts)),
            **({} if finding.fix is None else {"fixes": [_fix(finding.fix, excerpts)]}),
            # The key says what goes into it; with a change of that, its version changes too.
            "partialFingerprints": {"ruleClassPathLine/v1": mark},
            "properties": {
                "models": [printable(model) for model in models],
                "layers": [printable(layer) for layer in finding.layers],
            },
        }


def _message(finding: Diagnostic) -> str:
    """Message and help as sentences, with links to the related locations by their number."""
    sentences = [_literal(in_cell(finding, finding.message))]
    if finding.count > 1:
        sentences.append(f"There are {finding.count - 1} more like it")
    if finding.advice:
        sentences.append(f"Help: {_literal(finding.advice)}")
    sentences += [
        f"See [{_literal(related.message)}]({number})"
        for number, related in enumerate(finding.related, 1)
    ]
    return " ".join(text if text.endswith((".", "!", "?")) else f"{text}." for text in sentences)


def _literal(text: str) -> str:
    """A text in which nothing reads as SARIF's `[text](target)` links."""
    return re.sub(r"\](?=\()", r"\\]", printable(text))


def _related(finding: Diagnostic, excerpts: Excerpts) -> Iterator[dict[str, Any]]:
    for number, related in enumerate(finding.related, 1):
        path, cell = related.path, related.cell
        line, column = excerpts.in_file(path, related.line, related.column, cell)
        place = _location(path, {"startLine": line, "startColumn": column}, cell)
        message = in_cell(related, related.message)
        yield {"id": number, "message": _text(printable(message)), **place}


def _fix(fix: TriedFix, excerpts: Excerpts) -> dict[str, Any]:
    """A fix as replacements in its files; whether it is safe is a property of it."""
    edits: dict[str, list[tuple[Extent, str]]] = {}
    for path, extent, text in excerpts.changes(fix):
        edits.setdefault(path, []).append((extent, text))
    return {
        "description": _text(_literal(fix.message)),
        "artifactChanges": [
            {
                "artifactLocation": _artifact(path),
                "replacements": [_replacement(*one) for one in found],
            }
            for path, found in edits.items()
        ],
        "properties": {"safe": fix.safe},
    }


def _replacement(extent: Extent, text: str) -> dict[str, Any]:
    return {"deletedRegion": _extent(extent), "insertedContent": _text(text)}


def _notifications(report: Report) -> Iterator[dict[str, Any]]:
    """What fails, what could not be analysed, and the notes."""
    excerpts = Excerpts(report)
    for one in troubles(report):
        yield _notification(one.kind, _LEVELS[one.severity], one, one.sentence, excerpts)
    for note in report.notes:
        yield _notification("note", "note", note, note.message, excerpts)


def _notification_kind(kind: str) -> dict[str, Any]:
    text = _text(_NOTIFICATIONS.get(kind, kind))
    # GitHub asks of these what it asks of rules.
    return {"id": kind, "shortDescription": text, "fullDescription": text, "help": text}


def _notification(
    kind: str, level: str, one: Trouble | Note, message: str, excerpts: Excerpts
) -> dict[str, Any]:
    line, _ = excerpts.in_file(one.path, one.line, cell=one.cell)
    return {
        "descriptor": {"id": kind},
        "level": level,
        "message": _text(_literal(in_cell(one, message))),
        "locations": [_location(one.path, {"startLine": line}, one.cell)],
    }


def _region(finding: Diagnostic, excerpts: Excerpts) -> dict[str, Any]:
    return {**_extent(excerpts.extent(finding)), "snippet": _text(excerpts.span(finding))}


def _extent(extent: Extent) -> dict[str, Any]:
    return {
        "startLine": extent.line,
        "startColumn": extent.column,
        "endLine": extent.end_line,
        "endColumn": extent.end_column,
    }


def _location(path: str, region: Mapping[str, Any], cell: int | None) -> dict[str, Any]:
    """A place in a file as it lies on disk, and the cell of a notebook that it is in."""
    place = {"physicalLocation": {"artifactLocation": _artifact(path), "region": dict(region)}}
    if cell is None:
        return place
    return {**place, "logicalLocations": [{"name": f"cell {cell}", "kind": "module"}]}


def _artifact(path: str) -> dict[str, str]:
    """A file as a URI relative to the source's root; an absolute one where it lies elsewhere."""
    name = checkout_path(path, GITHUB)
    if PurePath(name).is_absolute():
        return {"uri": PurePath(name).as_uri()}
    return {"uri": quote(os.fsencode(name)), "uriBaseId": "%SRCROOT%"}


def _text(text: str) -> dict[str, str]:
    return {"text": text}
