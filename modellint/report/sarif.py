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
from modellint.fixes.edits import Edit
from modellint.report.checkout import GITHUB, checkout_path
from modellint.report.excerpts import Excerpts
from modellint.report.fingerprints import fingerprints
from modellint.report.lines import alike, printable
from modellint.report.troubles import troubles
from modellint.report.view import View
from modellint.results.error_kinds import KINDS
from modellint.results.findings import Diagnostic, TriedFix
from modellint.results.report import OWN_FAULTS, Report, RulePage
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
        place = _location(finding.path, _region(finding, excerpts))
        name = ".".join(filter(None, (finding.model, finding.layer)))
        if name:
            place["logicalLocations"] = [{"fullyQualifiedName": printable(name), "kind": "member"}]
        yield {
            "ruleId": finding.rule,
            "ruleIndex": index[finding.rule],
            "level": _LEVELS[finding.severity],
            "message": _text(_message(finding)),
            "locations": [place],
            "relatedLocations": list(_related(finding)),
            **({} if finding.fix is None else {"fixes": [_fix(finding.fix)]}),
            # The key says what goes into it; with a change of that, its version changes too.
            "partialFingerprints": {"ruleClassPathLine/v1": mark},
            "properties": {
                "models": [printable(model) for model in models],
                "layers": [printable(layer) for layer in finding.layers],
            },
        }


def _message(finding: Diagnostic) -> str:
    """Message and help as sentences, with links to the related locations by their number."""
    sentences = [_literal(finding.message)]
    if finding.count > 1:
        sentences.append(f"There are {finding.count - 1} more like it")
    if finding.help:
        sentences.append(f"Help: {_literal(finding.help)}")
    sentences += [
        f"See [{_literal(related.message)}]({number})"
        for number, related in enumerate(finding.related, 1)
    ]
    return " ".join(text if text.endswith((".", "!", "?")) else f"{text}." for text in sentences)


def _literal(text: str) -> str:
    """A text in which nothing reads as SARIF's `[text](target)` links."""
    return re.sub(r"\](?=\()", r"\\]", printable(text))


def _related(finding: Diagnostic) -> Iterator[dict[str, Any]]:
    for number, related in enumerate(finding.related, 1):
        region = {"startLine": related.line, "startColumn": related.column}
        place = _location(related.path, region)
        yield {"id": number, "message": _text(printable(related.message)), **place}


def _fix(fix: TriedFix) -> dict[str, Any]:
    """A fix as replacements in its files; whether it is safe is a property of it."""
    edits: dict[str, list[Edit]] = {}
    for edit in fix.edits:
        edits.setdefault(edit.path, []).append(edit)
    return {
        "description": _text(_literal(fix.message)),
        "artifactChanges": [
            {"artifactLocation": _artifact(path), "replacements": [*map(_replacement, found)]}
            for path, found in edits.items()
        ],
        "properties": {"safe": fix.safe},
    }


def _replacement(edit: Edit) -> dict[str, Any]:
    return {
        "deletedRegion": {
            "startLine": edit.line,
            "startColumn": edit.column,
            "endLine": edit.end_line,
            "endColumn": edit.end_column,
        },
        "insertedContent": _text(edit.text),
    }


def _notifications(report: Report) -> Iterator[dict[str, Any]]:
    """What fails, what could not be analysed, and the notes."""
    for one in troubles(report):
        yield _notification(one.kind, _LEVELS[one.severity], one.path, one.line, one.sentence)
    for note in report.notes:
        yield _notification("note", "note", note.path, note.line, note.message)


def _notification_kind(kind: str) -> dict[str, Any]:
    text = _text(_NOTIFICATIONS.get(kind, kind))
    # GitHub asks of these what it asks of rules.
    return {"id": kind, "shortDescription": text, "fullDescription": text, "help": text}


def _notification(kind: str, level: str, path: str, line: int, message: str) -> dict[str, Any]:
    return {
        "descriptor": {"id": kind},
        "level": level,
        "message": _text(_literal(message)),
        "locations": [_location(path, {"startLine": line})],
    }


def _region(finding: Diagnostic, excerpts: Excerpts) -> dict[str, Any]:
    return {
        "startLine": finding.line,
        "startColumn": finding.column,
        "endLine": finding.end_line,
        "endColumn": finding.end_column,
        "snippet": _text(excerpts.span(finding)),
    }


def _location(path: str, region: Mapping[str, Any]) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": _artifact(path), "region": dict(region)}}


def _artifact(path: str) -> dict[str, str]:
    """A file as a URI relative to the source's root; an absolute one where it lies elsewhere."""
    name = checkout_path(path, GITHUB)
    if PurePath(name).is_absolute():
        return {"uri": PurePath(name).as_uri()}
    return {"uri": quote(os.fsencode(name)), "uriBaseId": "%SRCROOT%"}


def _text(text: str) -> dict[str, str]:
    return {"text": text}
