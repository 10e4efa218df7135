"""From the graph of a model and the rules that are on to that model's part of a report."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from modellint.contracts.confirming import confirm
from modellint.contracts.contract import accepted, describe
from modellint.errors import PluginError, in_words
from modellint.facts import costs
from modellint.facts.fitting_arguments import fitting
from modellint.fixes.changes import SetArgument
from modellint.fixes.sites import Text
from modellint.graph import Graph, Module, Node, Site
from modellint.linting.annotating import annotated
from modellint.linting.drawing import picture
from modellint.linting.layer_table import layers_of
from modellint.linting.other_sizes import falling_away, falling_away_elsewhere
from modellint.linting.proposals import Proposal, proposal
from modellint.results.crash_reports import crash_report
from modellint.results.findings import Diagnostic, Related, Silenced
from modellint.results.models import ModelInput, ModelReport, SkippedCheck, input_phrase
from modellint.results.report import Note, Problem, Report
from modellint.rules import SEVERITIES, Finding, Rule, Severity, Skip
from modellint.source.paths import is_installed


@dataclass(frozen=True)
class Subject:
    """The model that a graph belongs to, as a report names it; `line` is where it is defined.

    `path` is as printed; `shown` turns the absolute path of any other file into what is printed.
    """

    path: str
    name: str
    class_name: str
    line: int
    shown: Callable[[str], str] = str
    silenced: Callable[[Rule, Site], tuple[Site, ...]] = field(default=lambda rule, site: ())
    #: The arguments that nobody gave and it was built with.
    assumed: str = ""
    #: The cell of a notebook that a line of a file is in, and its line there.
    placed: Callable[[str, int], tuple[int | None, int]] = lambda path, line: (None, line)


@dataclass(frozen=True, slots=True)
class Linted:
    """What rules found in a model, and what would mend it if it passes a trial."""

    report: Report
    proposals: tuple[Proposal, ...]


@dataclass(frozen=True, slots=True)
class _Raised:
    """A rule's finding with what the report adds to it."""

    rule: Rule
    finding: Finding
    severity: Severity
    site: Site
    related: tuple[Related, ...]


def linted(
    graph: Graph,
    rules: Sequence[Rule],
    subject: Subject,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    severities: Mapping[str, Severity] | None = None,
    confirmed: bool = False,
    pictured: bool = False,
    training: bool = False,
    others: Callable[[], Iterable[Graph]] = tuple,
    text: Text | None = None,
) -> Linted:
    """Run rules over one model's graph: the report, which holds that model alone, and fixes.

    `options` are by rule, then by option; `severities` by rule, where they are not those of the
    categories. A rule that raises becomes a `plugin-error`, and the other rules go on. `confirmed`
    asks for a contract that was tried by running the model, `pictured` for what a page draws,
    `training` for the memory that training takes.
    `others` are graphs of the model with other values for the arguments that were assumed. `text`
    is the file that fixes are proposed for; without one none are.
    """
    found: list[tuple[Rule, Finding]] = []
    skipped: list[SkippedCheck] = []
    doubts: list[str] = []
    errors: list[Problem] = []
    remarks: list[Note] = []
    for rule in rules:
        if rule.reads != "graph":
            continue
        try:
            verdicts = _verdicts(rule, graph, (options or {}).get(rule.name, {}))
        except Exception as error:  # A plugin may raise anything, and the others must go on.
            message = _told(rule, error)
            errors.append(Problem(subject.path, subject.line, "plugin-error", message))
            told = f"rule {rule.name} of {rule.check.__module__.partition('.')[0]}"
            remarks += crash_report(subject.path, subject.line, told, error)
            continue
        for verdict in verdicts:
            if isinstance(verdict, Skip):
                skipped.append(SkippedCheck(rule.name, verdict.call.key, verdict.reason))
                if verdict.doubtful:
                    doubts.append(f"{verdict.call.key}: {verdict.reason}")
            else:
                found.append((rule, verdict))
    usual = severities or {}

    def severity(rule: Rule, one: Finding) -> Severity:
        return _severity(rule, one, usual.get(rule.name))

    here_alone = falling_away(graph, found, options or {}, severity)
    so_alone = falling_away_elsewhere(others, found, options or {}, severity)
    raised = [
        _raise(
            rule,
            replace(finding, assumes_size=True) if at in here_alone else finding,
            graph,
            subject,
            usual.get(rule.name),
            subject.assumed if at in so_alone else "",
        )
        for at, (rule, finding) in enumerate(found)
    ]
    comments = [(entry, subject.silenced(entry.rule, entry.site)) for entry in _leading(raised)]
    shown = [entry for entry, by in comments if not by]
    model = describe_model(graph, subject, confirmed)
    if training:
        from modellint.linting.training import with_training  # Few runs ask for it.

        model = with_training(model, graph)
    if doubts and model.reason is None:
        model = replace(model, status="partial", reason=doubts[0])
    drawn = picture(graph) if pictured else None
    findings = [*_diagnostics(shown, subject)]
    proposals = [
        None if text is None else proposal(finding, [one.finding.fix for one in made], graph, text)
        for finding, made in findings
    ]
    offered = [one for one in proposals if one is not None]
    sources = annotated(graph, subject.shown, _reason(graph, [one for one, _ in findings]))
    diagnostics = tuple(
        finding if made is None else replace(finding, no_fix=made.hindrance or None)
        for (finding, _), made in zip(findings, proposals, strict=True)
    )
    report = Report(
        models=(replace(model, skipped=tuple(skipped), picture=drawn, annotated=sources),),
        findings=diagnostics,
        errors=tuple(errors),
        remarks=tuple(remarks),
        silenced=tuple(_silenced(comments, subject)),
    ).sorted()
    stop = graph.mismatch
    if text is not None and stop is not None:
        offered += _of_stop(graph, stop.node, subject, text, offered)
    return Linted(report, tuple(offered))


def _reason(graph: Graph, findings: Sequence[Diagnostic]) -> str | None:
    """Why the forward stopped, as the finding on it says, else as the operation does."""
    if graph.mismatch is None:
        return None
    told = (one.message for one in findings if one.rule == "shape-mismatch")
    return next(told, graph.mismatch.message)


def describe_model(graph: Graph, subject: Subject, confirmed: bool = False) -> ModelReport:
    """A model's inputs, layers, costs and contract, as far as its forward was traced."""
    reason, found = graph.partial, None
    stopped = None if graph.mismatch is None else graph.mismatch.node.key
    if stopped is not None:
        reason = f"the forward stops at {stopped}, where sizes do not fit"
    else:
        found = confirm(graph) if confirmed else accepted(graph)
    return ModelReport(
        path=subject.path,
        name=subject.name,
        class_name=subject.class_name,
        line=subject.line,
        status="analysed" if reason is None else "partial",
        reason=reason,
        inputs=tuple(
            ModelInput(
                name=given.name,
                shape=given.node.output.symbolic,
                example=given.node.output.example,
                dtype=given.node.output.dtype,
                source=given.source,
                guessed=given.guessed,
                origin=given.origin,
                origins=given.origins,
            )
            for given in graph.inputs
        ),
        parameters=costs.total_parameters(graph),
        macs=costs.total_macs(graph),
        activation_memory=costs.total_activation_memory(graph),
        layers=layers_of(graph, Site(subject.path, subject.line), subject.placed),
        contract=found.sizes if found else {},
        joint=found.joint if found else (),
        confirmed=found.confirmed if found else False,
        accepts=describe(graph, found) if found else None,
        stopped=stopped,
        arguments=graph.arguments,
        parameter_memory=costs.total_parameter_memory(graph),
        saved=graph.saved(),
    )


def _verdicts(rule: Rule, graph: Graph, options: Mapping[str, Any]) -> list[Finding | Skip]:
    verdicts: list[Finding | Skip] = []
    asked = rule(graph, **options)
    for verdict in asked:
        if not isinstance(verdict, Finding | Skip):
            code: Any = inspect.unwrap(rule.check).__code__
            frame = getattr(asked, "gi_frame", None)
            line = code.co_firstlineno if frame is None else frame.f_lineno
            raise PluginError(
                f"rule {rule.name} yields {in_words(verdict)}, where a Finding or a Skip is "
                f"due ({Path(code.co_filename).name}, line {line})"
            )
        verdicts.append(verdict)
    return verdicts


def _told(rule: Rule, error: Exception) -> str:
    """What is wrong with a rule, and the line of its file that did it."""
    if isinstance(error, PluginError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    path = inspect.unwrap(rule.check).__code__.co_filename
    last = next((one for one in reversed(frames) if one.filename == path), frames[-1])
    raised = f"{type(error).__name__}: {error}"
    return f"rule {rule.name} raised {raised} ({Path(last.filename).name}, line {last.lineno})"


def _raise(
    rule: Rule,
    finding: Finding,
    graph: Graph,
    subject: Subject,
    usual: Severity | None,
    assumed: str = "",
) -> _Raised:
    severity = _severity(rule, finding, usual)
    if assumed:
        finding = replace(finding, message=f"{finding.message}; with the assumed {assumed}")
        severity = "info"
    if finding.assumes_size and graph.guessed:
        sizes = input_phrase(
            (given.name, _example(given.node)) for given in graph.inputs if given.guessed
        )
        finding = replace(finding, message=f"{finding.message}; for the assumed {sizes}")
        severity = "info"
    site = _site(finding.call, graph, subject)
    related = tuple(_related(finding, site, graph, subject))
    return _Raised(rule, finding, severity, site, related)


def _severity(rule: Rule, finding: Finding, usual: Severity | None) -> Severity:
    """The severity that is wanted for the rule; what the rule itself calls a remark stays one."""
    own = finding.severity or rule.category.severity
    if usual is None:
        return own
    remark = SEVERITIES.index(own) > SEVERITIES.index(rule.category.severity)
    return max(own, usual, key=SEVERITIES.index) if remark else usual


def _example(node: Node) -> str:
    return "×".join(map(str, node.output.example))


def _site(node: Node | Module, graph: Graph, subject: Subject) -> Site:
    """Where the layer was built, else where it is called, else the model's own line.

    What a library does is told where the user built the module that does it.
    """
    call = node.call
    if node.construction is None and isinstance(node, Node) and _is_library(call, subject):
        path = node.module
        while path:
            module = graph.modules.get(path)
            if module is not None and module.construction is not None:
                return module.construction
            path = path.rpartition(".")[0]
    return node.construction or call or Site(subject.path, subject.line)


def _is_library(call: Site | None, subject: Subject) -> bool:
    if call is None or not is_installed(call.path):
        return False
    return subject.shown(call.path) != subject.path  # An installed model may be what is linted.


def _inside(node: Node | Module, graph: Graph) -> Site | None:
    """Where a library built a layer, if it is one that a library built."""
    if isinstance(node, Module):
        return node.related
    module = None if node.construction is None else graph.modules.get(node.module)
    return None if module is None else module.related


def _leading(raised: Sequence[_Raised]) -> Iterator[_Raised]:
    """Those findings that no more specific rule replaces on the same layer."""
    replaced = {
        (entry.finding.call.key, name) for entry in raised for name in entry.rule.supersedes
    }
    for entry in raised:
        key = entry.finding.call.key
        everything = (key, "all") in replaced and "all" not in entry.rule.supersedes
        if not everything and (key, entry.rule.name) not in replaced:
            yield entry


def _of_stop(
    graph: Graph, call: Node, subject: Subject, text: Text, known: Sequence[Proposal]
) -> Iterator[Proposal]:
    """What would let a forward go on that stops, where no rule proposes that.

    A fix may lead there, whatever rules are on.
    """
    if any(call.key in one.finding.layers for one in known):
        return
    site = _site(call, graph, subject)
    told = Diagnostic(
        rule="",
        category="correctness",
        severity="error",
        path=subject.shown(site.path),
        line=site.line,
        column=site.column,
        end_line=site.end_line or site.line,
        end_column=site.end_column or site.column,
        model=subject.name,
        layer=call.key,
        count=1,
        layers=(call.key,),
        message="",
    )
    found = fitting(graph, call)
    mends = proposal(told, [found.fix], graph, text) if found is not None else None
    if mends is not None:
        yield mends


def _diagnostics(
    raised: Sequence[_Raised], subject: Subject
) -> Iterator[tuple[Diagnostic, list[_Raised]]]:
    """One finding for each construction line and rule, however many layers it built."""
    groups: dict[tuple[str, Severity, Site], list[_Raised]] = {}
    for entry in raised:
        groups.setdefault((entry.rule.name, entry.severity, entry.site), []).append(entry)
    for (name, severity, site), entries in groups.items():
        first = entries[0]
        keys = tuple(dict.fromkeys(entry.finding.call.key for entry in entries))
        finding = Diagnostic(
            rule=name,
            category=first.rule.category.value,
            severity=severity,
            path=subject.shown(site.path),
            line=site.line,
            column=site.column,
            end_line=site.end_line or site.line,
            end_column=site.end_column or site.column,
            model=subject.name,
            layer=keys[0],
            count=len(entries),
            layers=keys,
            message=first.finding.message,
            help=first.finding.help,
            related=first.related,
            arguments=_arguments(first.finding),
        )
        yield finding, entries


def _arguments(finding: Finding) -> tuple[str, ...]:
    """The arguments of a construction that a finding is about: as it says, or as its fix does."""
    if finding.arguments or finding.fix is None:
        return tuple(finding.arguments)
    changes = [one for one in finding.fix.changes if isinstance(one, SetArgument)]
    return tuple(dict.fromkeys(one.name for one in changes if one.layer is finding.call))


def _silenced(
    comments: Sequence[tuple[_Raised, tuple[Site, ...]]], subject: Subject
) -> Iterator[Silenced]:
    """What each comment silenced, a rule at a time."""
    groups: dict[tuple[str, Site], list[str]] = {}
    for entry, by in comments:
        for comment in by:
            groups.setdefault((entry.rule.name, comment), []).append(entry.finding.call.key)
    for (rule, comment), keys in groups.items():
        layers = tuple(dict.fromkeys(keys))
        yield Silenced(rule, subject.shown(comment.path), comment.line, subject.name, layers)


def _related(finding: Finding, at: Site, graph: Graph, subject: Subject) -> Iterator[Related]:
    """The places behind a finding that is told at one: calls, libraries' lines, other layers."""
    inside = _inside(finding.call, graph)
    if inside is not None:
        yield Related(subject.shown(inside.path), inside.line, inside.column, "built here")
    call = finding.call.call
    if call is not None and call != at:
        yield Related(subject.shown(call.path), call.line, call.column, "called here")
    for node in finding.related:
        site = _site(node, graph, subject)
        if site == at:
            site = _inside(node, graph) or site
        verb = "built" if node.construction else "called"
        text = f"{node.key} is {verb} here"
        yield Related(subject.shown(site.path), site.line, site.column, text)
