"""The ignore comments of a linted file, and what each of them did in a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modellint.results.findings import Diagnostic
from modellint.results.report import Report
from modellint.rules import Rule, Severity
from modellint.source.file import Ignore, SourceFile
from modellint.suppression.removing import without_rules

if TYPE_CHECKING:
    from modellint.discovery.candidates import Candidate


@dataclass(frozen=True)
class Comment:
    """An ignore comment whose rules had their say on all that it covers.

    `idle` are the names in it that are rules which ran, and silenced nothing; `unknown` those that
    no rule has, with the nearest that one has, or nothing. `kept` are the others.
    """

    scope: str
    idle: tuple[str, ...]
    unknown: Mapping[str, str]
    kept: tuple[str, ...]


@dataclass(frozen=True)
class Remark:
    """What a rule says of a comment; `drop` are the names in it that are to go."""

    comment: Comment
    message: str
    help: str | None = None
    drop: tuple[str, ...] = ()


def lint_comments(
    source: SourceFile,
    shown: str,
    report: Report,
    rules: Mapping[str, Rule],
    on: Sequence[Rule],
    severities: Mapping[str, Severity],
) -> Iterator[Diagnostic]:
    """What the rules that read comments say of a file's, after a run that `report` is of.

    Nothing, unless every model of the file was checked in full. A comment is judged where it stands
    in a model or a part of one; a rule that could not judge some layer is left out.
    """
    reading = [rule for rule in on if rule.reads == "comments"]
    if not reading or not source.ignores:
        return
    from modellint.discovery.candidates import discover

    candidates = discover(source)
    models = [model for model in report.models if model.path == shown]
    if not {one.name for one in candidates if one.is_entry} <= {model.name for model in models}:
        return
    failed = any(problem.path == shown for problem in report.errors)
    if not models or failed or any(model.status != "analysed" for model in models):
        return
    unsure = {skipped.rule for model in models for skipped in model.skipped}
    judges = {rule.name: rule for rule in on if rule.name not in unsure and rule.reads == "graph"}
    for ignore in source.ignores:
        owner = _owner(ignore, candidates)
        if owner is None:
            continue
        here = (shown, *source.place(ignore.line))
        used = {one.rule for one in report.silenced if (one.path, one.cell, one.line) == here}
        comment = _comment(ignore, rules, judges, used)
        for rule in reading:
            if not _is_silenced(rule, ignore, source.ignores):
                for remark in rule.ask([comment]):
                    yield _diagnostic(rule, remark, ignore, source, shown, owner, severities)


def _owner(ignore: Ignore, candidates: Iterable[Candidate]) -> str | None:
    """The model that a comment stands in; empty for one about the file, `None` for neither."""
    if ignore.scope == "file":
        return ""
    for one in candidates:
        within = one.line <= ignore.first_line <= one.end_line
        if within and (one.is_entry or one.part_of is not None):
            return one.name
    return None


def _comment(
    ignore: Ignore, rules: Mapping[str, Rule], judges: Mapping[str, Rule], used: set[str]
) -> Comment:
    names = {name: rule for rule in rules.values() for name in (rule.name, *rule.aliases)}
    unknown = {name: _nearest(name, names) for name in ignore.rules if name not in names}
    known = [name for name in ignore.rules if name in names]
    idle = tuple(
        name for name in known if names[name].name in judges and names[name].name not in used
    )
    return Comment(ignore.scope, idle, unknown, tuple(name for name in known if name not in idle))


def _nearest(name: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, list(known), n=1)), "")


def _is_silenced(rule: Rule, ignore: Ignore, all_of_them: Iterable[Ignore]) -> bool:
    names = {rule.name, *rule.aliases}
    return any(
        other.first_line <= ignore.line <= other.last_line and names.intersection(other.rules)
        for other in all_of_them
    )


def _diagnostic(
    rule: Rule,
    remark: Remark,
    ignore: Ignore,
    source: SourceFile,
    shown: str,
    owner: str,
    severities: Mapping[str, Severity],
) -> Diagnostic:
    cell, line = source.place(ignore.line)
    indent = len(source.indent_at(ignore.line))
    return Diagnostic(
        rule=rule.name,
        category=rule.category.value,
        severity=severities.get(rule.name, rule.category.severity),
        path=shown,
        line=line,
        column=ignore.column + indent,
        end_line=line,
        end_column=len(source.snippet(ignore.line).rstrip()) + 1 + indent,
        model=owner,
        layer="",
        count=1,
        layers=(),
        message=remark.message,
        help=remark.help,
        fix=without_rules(ignore, remark.drop, source, shown),
        cell=cell,
    )
