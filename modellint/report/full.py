"""The `full` format: each finding with its source line, its shapes and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from modellint.report.clauses import Told, told
from modellint.report.excerpts import Excerpts
from modellint.report.layers import tables
from modellint.report.layout import file_address, headed, labelled, wrapped
from modellint.report.lines import (
    STATUS,
    accepted,
    columns,
    error_line,
    fixable,
    incomplete,
    last_line,
    more_alike,
    printable,
    shape,
    statistics,
    told_apart,
)
from modellint.report.owners import layer_of
from modellint.report.snippets import gutter_of, line_of, snippet
from modellint.report.view import View
from modellint.results.findings import Diagnostic, Related
from modellint.results.models import Layer, ModelReport
from modellint.results.report import Problem, Report
from modellint.source.paths import is_exported

#: How many of the layers or models that share a finding are named.
_NAMED = 8


def render(report: Report, view: View) -> str:
    """Render a report for reading: findings, then errors, then what is not known, then counts."""
    excerpts = Excerpts(report)
    found = told_apart(report)
    blocks: list[str] = []
    if report.compared is not None:
        from modellint.report.comparison import comparison_blocks  # Few runs compare.

        blocks += comparison_blocks(report.compared, view)
    blocks += [finding_block(one, names, report, excerpts, view) for one, names in found]
    blocks += ["\n".join(_error(problem, excerpts, view)) for problem in report.errors]
    blocks += ["\n".join(_incomplete(model, view)) for model in incomplete(report)]
    if view.annotated:
        from modellint.report.line_notes import sources  # For what few runs ask for.

        blocks += sources(report, view)
    if view.layers:
        blocks += [table.rstrip("\n") for table in tables(report, view)]
    if view.contract:
        blocks += [
            "\n".join(_contract(model, view))
            for model in report.models
            if model.accepts is not None
        ]
    if view.statistics and report.findings:
        blocks.append("\n".join(statistics(report)))
    if not view.quiet:
        notes = [*_compared(report), *_silencing(report), *fixable(report, view)]
        notes += _tracebacks(report, view)
        label = view.paint("note:", bold=True)
        told_of = [line for one in notes for line in headed(label, 5, one, view)]
        blocks.append("\n".join([*told_of, *_last(report, view)]))
    return "".join(f"{block}\n" for block in _spaced(blocks))


def _last(report: Report, view: View) -> list[str]:
    line = last_line(report)
    return wrapped(line, view.room) if view.terminal else [line]


def finding_block(
    finding: Diagnostic, models: Sequence[str], report: Report, excerpts: Excerpts, view: View
) -> str:
    """One finding: the headline, its source, the numbers, places and help, and models to name."""
    parts = told(finding.message)
    lines = [*_head(finding, parts, models, report, view)]
    source = snippet(finding, excerpts, view)
    gutter = gutter_of(finding)
    lines += source
    for label, text in _remarks(finding, parts, models, layer_of(report, finding), view):
        lines += labelled(label, text, gutter, view)
    return "\n".join(lines)


def _head(
    finding: Diagnostic, parts: Told, models: Sequence[str], report: Report, view: View
) -> Iterator[str]:
    """`net.py:3:22: warning[rule] fact`; on a terminal the fact first, then where it is."""
    severity = view.severity(finding.severity, printable(finding.rule), _page(report, finding.rule))
    length = len(f"{finding.severity}[{printable(finding.rule)}]")
    fact = parts.headline + more_alike(finding)
    place = printable(finding.place)
    if not view.terminal:
        yield f"{view.paint(f'{place}:', bold=True)} {severity} {printable(fact)}"
        return
    yield from headed(severity, length, fact, view)
    inside = f" in {printable(_named(models or (finding.model,)))}" if finding.model else ""
    yield from _arrow(f"{place}{inside}", gutter_of(finding), view)


def _page(report: Report, rule: str) -> str | None:
    """The address of a rule's page: of the file that is all of it."""
    return next((file_address(one.file) for one in report.rules if one.name == rule), None)


def _spaced(blocks: list[str]) -> Iterator[str]:
    """The blocks with an empty line around each that is longer than a line."""
    for block, after in zip(blocks, [*blocks, ""][1:], strict=True):
        yield block + "\n" if after and ("\n" in block or "\n" in after) else block


def _error(problem: Problem, excerpts: Excerpts, view: View) -> Iterator[str]:
    """An error: what and where, the line, the calls that led there, with `-v` the traceback."""
    gutter = len(str(problem.line))
    exact = _with_column(problem)
    if view.terminal:
        problem = exact
        severity = view.severity("error", problem.kind)
        yield from headed(severity, len(f"error[{problem.kind}]"), problem.message, view)
        inside = f" in {problem.model}" if problem.model else ""
        yield from _arrow(f"{problem.place}{inside}", gutter, view)
    else:
        yield error_line(problem, view)
    yield from line_of(exact, excerpts, view)
    if problem.model and not view.terminal:
        yield from labelled("model", problem.model, gutter, view)
    for at, call in enumerate(problem.calls if len(problem.calls) > 1 else ()):
        label = "" if at else "calls"
        code = excerpts.line(call.path, call.line, call.cell).strip()
        said = f"{call.place} in {call.function}" + (f": {code}" if code else "")
        yield from labelled(label, said, gutter, view)
    if view.traceback and problem.traceback:
        yield from (f"  {printable(line)}" for line in problem.traceback.splitlines())


def _with_column(problem: Problem) -> Problem:
    """A syntax error with its column, which its message begins with, in its place."""
    at, _, message = problem.message.partition(": ")
    line, _, column = at.partition(":")
    if problem.kind != "syntax-error" or line != str(problem.line) or not column.isdecimal():
        return problem
    end = int(column) + 1
    return replace(problem, column=int(column), end_column=end, message=message)


def _incomplete(model: ModelReport, view: View) -> Iterator[str]:
    """What is not known of a model; on a terminal wrapped, and then where that is."""
    status = f"{view.paint(STATUS[model.status], fg='cyan', bold=True)}:"
    length = len(STATUS[model.status]) + 1
    place = printable(model.place)
    if not view.terminal:
        status = f"{view.paint(f'{place}:', bold=True)} {status}"
    yield from headed(status, length, f"{model.name}: {model.reason}", view)
    if view.terminal:
        yield from _arrow(place, 1, view)


def _contract(model: ModelReport, view: View) -> Iterator[str]:
    """The sizes that a model accepts, behind its place."""
    place = printable(model.place)
    head = view.paint(f"{place}:", bold=True)
    yield from headed(head, columns(place) + 1, f"{model.name} accepts {accepted(model)}", view)


def _arrow(place: str, gutter: int, view: View) -> Iterator[str]:
    arrow = view.paint("-->", fg="blue", bold=True)
    yield from headed(f"{'':{gutter}}{arrow}", gutter + 3, place, view)


def _remarks(
    finding: Diagnostic, parts: Told, models: Sequence[str], layer: Layer | None, view: View
) -> Iterator[tuple[str, str]]:
    if parts.layers:
        yield "layer" if len(parts.layers) == 1 else "layers", ", ".join(parts.layers)
    shapes = parts.shapes
    if not shapes and layer is not None and layer.inputs and layer.outputs:
        traced = f"{shape(layer.input)} → {shape(layer.output)}"
        changed = layer.input != layer.output
        shapes = traced if changed and traced not in finding.message else ""
    if shapes:
        yield "shapes", shapes
    for at, fact in enumerate(parts.facts):
        yield "" if at else "facts", fact
    if models and not view.terminal:
        yield "model" if len(models) == 1 else "models", _named(models)
    if finding.count > 1:
        yield "alike", _named(finding.layers)
    for place, messages in _places(finding.related).items():
        yield "see", f"{place} {'; '.join(messages)}"
    if finding.help:
        yield "help", finding.help
    if finding.no_fix is not None:
        yield "no fix", finding.no_fix
    if finding.fix is not None:
        yield "fix", finding.fix.message + ("" if finding.fix.safe else " (unsafe)")


def _places(related: Sequence[Related]) -> Mapping[str, Sequence[str]]:
    """What there is to say of each place, a place once: several layers may be built on one line."""
    found: dict[str, dict[str, list[str]]] = {}
    for one in related:
        name, verb, what = one.message.partition(" is ")
        said = found.setdefault(one.place, {})
        said.setdefault(what if verb else one.message, []).extend([name] if verb else [])
    return {
        place: [_listed(names, what) for what, names in said.items()]
        for place, said in found.items()
    }


def _listed(names: Sequence[str], what: str) -> str:
    names = [*dict.fromkeys(names)]
    if not names:
        return what
    return f"{_named(names)} {'is' if len(names) == 1 else 'are'} {what}"


def _named(names: Sequence[str]) -> str:
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f", … {rest} more" if rest > 0 else "")


def _tracebacks(report: Report, view: View) -> Iterator[str]:
    if not view.traceback and any(problem.calls for problem in report.errors):
        yield "-v prints the traceback of what code of yours raises"


def _compared(report: Report) -> Iterator[str]:
    if report.compared is not None:
        from modellint.report.comparison import comparison_notes

        yield from comparison_notes(report.compared)


def _silencing(report: Report) -> Iterator[str]:
    """How to silence, once a run, with the first finding's rule that can be fine as the example."""
    # What is never meant, such as a forward that fails, is to be mended.
    fine = (
        finding.rule
        for finding in report.findings
        if finding.category != "correctness" and not is_exported(finding.path)
    )
    rule = next(fine, None)
    if rule is not None:
        yield f"to accept a finding, end its line with `# modellint: ignore[{rule}] -- why`"
