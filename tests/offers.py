"""What is offered for a text: its findings, with fixes that passed their trials."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent
from typing import Any

from modellint.fixes import edited
from modellint.linting.plugins import load_rules
from modellint.protocol.jobs import Job
from modellint.results.findings import Diagnostic
from modellint.results.report import Report
from modellint.source.file import parse_source
from modellint.suppression.comment_rules import lint_comments
from modellint.worker.pipeline import lint_file
from modellint.worker.stages import Fixed

RULES = load_rules()
#: More than any file here takes.
UNBOUNDED = 60


class Failed(AssertionError):
    """A file with a model that raises, other than on sizes."""


def offered(
    text: str,
    *rules: str,
    inputs: tuple[str, ...] = (),
    models: tuple[str, ...] = (),
    trials: int = UNBOUNDED,
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[Diagnostic]:
    """The findings of a file, made in this process by these rules, else by all that are on.

    `models` are those that are looked at, all where none are named; `options` are by rule.
    """
    names = rules or tuple(name for name, rule in RULES.items() if rule.default)
    chosen = [RULES[name] for name in names if RULES[name].reads == "graph"]
    with TemporaryDirectory() as folder:
        path = Path(folder).resolve() / "net.py"
        path.write_text(dedent(text), encoding="utf-8")
        job = Job(
            path=str(path),
            shown="net.py",
            folder=folder,
            names=models,
            inputs=inputs,
            rules=tuple(rule.name for rule in chosen),
            options=options or {},
            trials=trials,
        )
        found: list[Diagnostic] = []
        analysed: set[str] = set()
        mended: list[Diagnostic] = []
        for part in lint_file(job, chosen, lambda other: Path(other).name):
            if isinstance(part, Report):
                if part.errors:
                    raise Failed(part.errors)
                found += part.findings
                analysed |= {
                    one.name for one in part.models if one.status in ("analysed", "partial")
                }
            elif isinstance(part, Fixed):
                mended += part.findings
    assert analysed >= {*models}, f"only {analysed} of {models} is analysed"
    places = {(one.rule, one.model, one.line, one.column, one.layers): one for one in mended}
    assert len(places) == len(mended)
    return [places.get((f.rule, f.model, f.line, f.column, f.layers), f) for f in found]


def remarks_on(text: str) -> list[Diagnostic]:
    """What the rules that read comments say of a file, after the others had their say."""
    chosen = [rule for rule in RULES.values() if rule.default]
    with TemporaryDirectory() as folder:
        path = Path(folder).resolve() / "net.py"
        path.write_text(dedent(text), encoding="utf-8")
        job = Job(path=str(path), shown="net.py", folder=folder)
        parts = lint_file(job, chosen, lambda other: Path(other).name)
        report = Report().merged(*(part for part in parts if isinstance(part, Report)))
    source = parse_source("net.py", dedent(text).encode())
    return [*lint_comments(source, "net.py", report, RULES, chosen, {})]


def with_fix(text: str, finding: Diagnostic) -> str:
    """The text with the fix of a finding."""
    assert finding.fix is not None, f"nothing is offered for {finding.rule} at {finding.layer}"
    source = parse_source("net.py", dedent(text).encode())
    return edited(source.text, finding.fix.edits)
