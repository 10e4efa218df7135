"""The `full` format: each finding with its source line, its shapes and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modellint.report.excerpts import Excerpts
from modellint.report.layers import tables
from modellint.report.lines import (
    columns,
    contracts,
    error_line,
    fixable,
    headline,
    incomplete_lines,
    last_line,
    printable,
    shape,
    shown_source,
    statistics,
    told_apart,
)
from modellint.report.owners import layer_of
from modellint.report.view import View
from modellint.results.findings import Diagnostic
from modellint.results.models import Layer
from modellint.results.report import Problem, Report

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
    blocks += incomplete_lines(report, view)
    if view.annotated:
        from modellint.report.line_notes import sources  # For what few runs ask for.

        blocks += sources(report, view)
    if view.layers:
        blocks += [table.rstrip("\n") for table in tables(report, view)]
    if view.contract:
        blocks += contracts(report, view)
    if view.statistics and report.findings:
        blocks.append("\n".join(statistics(report)))
    if not view.quiet:
        notes = [*_compared(report), *_silencing(report), *fixable(report, view)]
        label = view.paint("note:", bold=True)
        blocks.append("\n".join([*(f"{label} {one}" for one in notes), last_line(report)]))
    return "".join(f"{block}\n" for block in _spaced(blocks))


def finding_block(
    finding: Diagnostic, models: Sequence[str], report: Report, excerpts: Excerpts, view: View
) -> str:
    """One finding with its source line, its shapes, places and help, and with models to name."""
    lines = [headline(finding, view)]
    gutter = len(str(finding.line))
    lines += _snippet(finding, excerpts, gutter, view)
    for label, text in _remarks(finding, models, layer_of(report, finding)):
        lines.append(f"{'':{gutter}} {view.paint(f'{label:>6}:', bold=True)} {printable(text)}")
    return "\n".join(lines)


def _spaced(blocks: list[str]) -> Iterator[str]:
    """The blocks with an empty line around each that is longer than a line."""
    for block, after in zip(blocks, [*blocks, ""][1:], strict=True):
        yield block + "\n" if after and ("\n" in block or "\n" in after) else block


def _error(problem: Problem, excerpts: Excerpts, view: View) -> Iterator[str]:
    yield error_line(problem, view)
    line = excerpts.line(problem.path, problem.line, problem.cell).rstrip()
    if line:
        yield _numbered(problem.line, line, view)


def _snippet(finding: Diagnostic, excerpts: Excerpts, gutter: int, view: View) -> Iterator[str]:
    line = excerpts.line(finding.path, finding.line, finding.cell).rstrip()
    if not line:
        return
    begin = finding.column - 1
    end = finding.end_column - 1 if finding.end_line == finding.line else len(line)
    before, marked = shown_source(line[:begin]), shown_source(line[begin:end])
    # A tab before the carets stays a tab, so that both lines are indented alike.
    indent = "".join(c if c == "\t" else " " * columns(c) for c in before)
    carets = "^" * max(columns(marked), 1)
    yield _numbered(finding.line, line, view)
    yield f"{'':{gutter}} {_bar(view)} {indent}{view.marked(carets, finding.severity)}"


def _numbered(number: int, line: str, view: View) -> str:
    return f"{view.paint(str(number), fg='blue', bold=True)} {_bar(view)} {shown_source(line)}"


def _bar(view: View) -> str:
    return view.paint("|", fg="blue", bold=True)


def _remarks(
    finding: Diagnostic, models: Sequence[str], layer: Layer | None
) -> Iterator[tuple[str, str]]:
    if layer is not None and layer.inputs and layer.outputs:
        shapes = f"{shape(layer.input)} → {shape(layer.output)}"
        if shapes not in finding.message:
            yield "shapes", shapes
    if models:
        yield "model" if len(models) == 1 else "models", _named(models)
    if finding.count > 1:
        yield "layers", _named(finding.layers)
    for related in finding.related:
        yield "see", f"{related.place} {related.message}"
    if finding.help:
        yield "help", finding.help
    if finding.no_fix is not None:
        yield "no fix", finding.no_fix
    if finding.fix is not None:
        yield "fix", finding.fix.message + ("" if finding.fix.safe else " (unsafe)")


def _named(names: Sequence[str]) -> str:
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f", … {rest} more" if rest > 0 else "")


def _compared(report: Report) -> Iterator[str]:
    if report.compared is not None:
        from modellint.report.comparison import comparison_notes

        yield from comparison_notes(report.compared)


def _silencing(report: Report) -> Iterator[str]:
    """How to silence, once a run, with the first finding's rule that can be fine as the example."""
    # What is never meant, such as a forward that fails, is to be mended.
    fine = (finding.rule for finding in report.findings if finding.category != "correctness")
    rule = next(fine, None)
    if rule is not None:
        yield f"to accept a finding, end its line with `# modellint: ignore[{rule}] -- why`"
