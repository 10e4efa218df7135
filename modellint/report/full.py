"""The `full` format: each finding with its source line, its shapes and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from modellint.errors import FileError
from modellint.report.layers import tables
from modellint.report.lines import (
    alike,
    contracts,
    error_line,
    headline,
    incomplete_lines,
    last_line,
    printable,
    shape,
    statistics,
)
from modellint.report.view import View
from modellint.results import Diagnostic, Layer, Report
from modellint.source import read_source

#: How many of the layers or models that share a finding are named.
_NAMED = 8


def render(report: Report, view: View) -> str:
    """Render a report for reading: findings, then errors, then what is not known, then counts."""
    texts = {path: tuple(text.splitlines()) for path, text in report.texts.items()}
    blocks = [
        "\n".join(_finding(finding, models, _layer(report, finding), texts, view))
        for finding, models in alike(report)
    ]
    blocks += [error_line(problem, view) for problem in report.errors]
    blocks += incomplete_lines(report, view)
    if view.layers:
        blocks += [table.rstrip("\n") for table in tables(report, view)]
    if view.contract:
        blocks += contracts(report, view)
    if view.statistics and report.findings:
        blocks.append("\n".join(statistics(report)))
    if not view.quiet:
        blocks.append("\n".join([*_silencing(report, view), last_line(report)]))
    return "".join(f"{block}\n" for block in _spaced(blocks))


def _spaced(blocks: list[str]) -> Iterator[str]:
    """The blocks with an empty line around each that is longer than a line."""
    for block, after in zip(blocks, [*blocks[1:], ""], strict=True):
        yield block + "\n" if after and ("\n" in block or "\n" in after) else block


def _finding(
    finding: Diagnostic,
    models: Sequence[str],
    layer: Layer | None,
    texts: Mapping[str, tuple[str, ...]],
    view: View,
) -> Iterator[str]:
    yield headline(finding, view)
    gutter = len(str(finding.line))
    yield from _snippet(finding, texts, gutter, view)
    for label, text in _remarks(finding, models, layer):
        yield f"{'':{gutter}} {view.paint(f'{label:>6}:', bold=True)} {printable(text)}"


def _snippet(
    finding: Diagnostic, texts: Mapping[str, tuple[str, ...]], gutter: int, view: View
) -> Iterator[str]:
    lines = texts.get(finding.path) or _lines(str(Path(finding.path).absolute()))
    line = lines[finding.line - 1] if 0 < finding.line <= len(lines) else ""
    if not line.strip():
        return
    bar = view.paint("|", fg="blue", bold=True)
    number = view.paint(str(finding.line), fg="blue", bold=True)
    # A tab before the carets stays a tab, so that both lines are indented alike.
    before = "".join("\t" if c == "\t" else " " for c in line[: finding.column - 1])
    carets = "^" * _width(finding, line)
    yield f"{number} {bar} {''.join(c if c == chr(9) else printable(c) for c in line.rstrip())}"
    yield f"{'':{gutter}} {bar} {before}{view.paint(carets, fg='yellow', bold=True)}"


def _width(finding: Diagnostic, line: str) -> int:
    """How many columns the construction spans on its first line."""
    end = finding.end_column if finding.end_line == finding.line else len(line.rstrip()) + 1
    return max(end - finding.column, 1)


def _remarks(
    finding: Diagnostic, models: Sequence[str], layer: Layer | None
) -> Iterator[tuple[str, str]]:
    if layer is not None and layer.inputs and layer.outputs:
        shapes = f"{shape(layer.input)} → {shape(layer.output)}"
        if shapes not in finding.message:
            yield "shapes", shapes
    if len(models) > 1:
        yield "models", _named(models)
    if finding.count > 1:
        yield "layers", _named(finding.layers)
    for related in finding.related:
        yield "see", f"{related.path}:{related.line}:{related.column} {related.message}"
    if finding.help:
        yield "help", finding.help


def _layer(report: Report, finding: Diagnostic) -> Layer | None:
    """The finding's layer; models of one name are told apart by their file, or not at all."""
    models = [model for model in report.models if model.name == finding.model]
    if len(models) > 1:
        models = [model for model in models if model.path == finding.path]
    return models[0].layers.get(finding.layer) if len(models) == 1 else None


def _named(names: Sequence[str]) -> str:
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f", … {rest} more" if rest > 0 else "")


def _silencing(report: Report, view: View) -> Iterator[str]:
    """How to silence, once a run, with the first finding's rule as the example."""
    if report.findings:
        label = view.paint("note:", bold=True)
        rule = report.findings[0].rule
        yield f"{label} to accept a finding, end its line with `# modellint: ignore[{rule}] -- why`"


@lru_cache(maxsize=8)
def _lines(path: str) -> tuple[str, ...]:
    try:
        return read_source(path).lines
    except FileError:  # Gone or changed since it was linted: the finding stands without its line.
        return ()
