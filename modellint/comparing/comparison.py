"""Puts two reports side by side: the later one with what became of its models since the other."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from modellint.comparing.findings import sorted_errors, sorted_findings
from modellint.comparing.models import model_changes
from modellint.results.compared import Compared, ModelChange
from modellint.results.report import Note, Report


def compared(
    before: Report,
    after: Report,
    since: str,
    commit: str | None = None,
    *,
    alone: bool = False,
    borrowed: Collection[str] = (),
    notes: Iterable[Note] = (),
) -> Report:
    """The later report with its new findings and errors alone, and with what became of the rest.

    `since` is what the earlier one is called, `commit` what that stands for. With `alone` the one
    model of each side is the same model, whatever it is called and wherever it is. Of files that
    are `borrowed` only those models of before count that are models of now. `notes` are about what
    the earlier side lacks.
    """
    alone = alone and len(before.models) == len(after.models) == 1
    changes = _told(model_changes(before.models, after.models, alone=alone), before, after)
    models = tuple(one for one in changes if one.state != "removed" or one.path not in borrowed)
    before = _of_models(before, models, borrowed)
    findings = sorted_findings(before, after, models, os.getcwd())  # noqa: PTH109
    errors, known_errors = sorted_errors(before, after)
    comparison = Compared(
        since,
        commit,
        models,
        findings.known,
        findings.gone,
        known_errors,
        (*_notes(before, after, since), *notes),
    )
    return replace(after, findings=findings.new, errors=errors, compared=comparison)


def _told(changes: Iterator[ModelChange], before: Report, after: Report) -> Iterator[ModelChange]:
    """The changes, where a model is not there only since its file fails on the other side."""
    failed = {one.path: one for one in before.errors}
    fails = {one.path: one for one in after.errors}
    for change in changes:
        if change.state == "added" and change.path in failed:
            reason = f"its file failed: {failed[change.path].message}"
            yield replace(change, state="unknown", reason=reason)
        elif change.state == "removed" and change.path in fails:
            reason = f"its file fails: {fails[change.path].message}"
            yield replace(change, state="unknown", reason=reason)
        else:
            yield change


def _of_models(before: Report, models: Iterable[ModelChange], borrowed: Collection[str]) -> Report:
    """The earlier report without findings of models that are of no concern."""
    known = {(one.before.path, one.before.name) for one in models if one.before is not None}
    findings = tuple(
        one for one in before.findings if one.path not in borrowed or (one.path, one.model) in known
    )
    return replace(before, findings=findings)


def _notes(before: Report, after: Report, since: str) -> Iterator[Note]:
    """What only failed on the other side: of this it is not known what was there."""
    fails = {one.path for one in after.errors}
    for one in before.errors:
        if one.path in fails:
            continue
        message = f"fails at {since} ({one.kind}: {one.message}), so its findings count as new"
        yield Note(one.path, one.line, message, one.cell)
