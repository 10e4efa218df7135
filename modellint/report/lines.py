"""The one-line texts that the formats for people share: headlines, errors, the last line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Protocol
from unicodedata import category, east_asian_width

from modellint.mending.choosing import count_unsafe, offered
from modellint.report.view import View
from modellint.results.findings import Diagnostic
from modellint.results.models import ModelReport, Status, input_phrase
from modellint.results.report import Problem, Report
from modellint.rules import SEVERITIES

#: How a model's status reads.
STATUS: Mapping[Status, str] = {
    "analysed": "analysed",
    "partial": "partly analysed",
    "not-analysed": "not analysed",
    "failed": "failed",
}


def printable(text: str) -> str:
    """The text without what would act on a terminal: control characters and lone surrogates.

    Messages and file names come from the linted files, which may hold escape sequences.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


class _Placed(Protocol):
    @property
    def cell(self) -> int | None:
        """The cell of a notebook that it is in."""

    @property
    def place(self) -> str:
        """Where it is, as reports print it."""


def in_cell(one: _Placed, message: str) -> str:
    """A message that names its place where that is a notebook's cell.

    For readers of the formats that have places of files only as they lie on disk.
    """
    return message if one.cell is None else f"{one.place}: {message}"


def shown_source(line: str) -> str:
    """Source as it is printed: nothing in it acts on the terminal, except tabs."""
    return "\t".join(map(printable, line.split("\t")))


def columns(text: str) -> int:
    """How many columns of a terminal a text takes: ideographs two, accents none, tabs to eights."""
    taken = 0
    for character in text:
        if character == "\t":
            taken += 8 - taken % 8
        elif category(character) not in ("Mn", "Me"):
            taken += 2 if east_asian_width(character) in "WF" else 1
    return taken


def alike(report: Report) -> Iterator[tuple[Diagnostic, tuple[str, ...]]]:
    """The findings, those that several models of a file share once, with the models' names."""
    yield from report.distinct.items()


def told_apart(report: Report) -> Iterator[tuple[Diagnostic, tuple[str, ...]]]:
    """As `alike`, with no names where the only model of a file needs none."""
    homes: dict[str, set[str]] = {}
    for model in report.models:
        homes.setdefault(model.name, set()).add(model.path)
    models = Counter(model.path for model in report.models)
    for finding, names in alike(report):
        paths = {path for name in names for path in homes.get(name, ())}
        paths = {finding.path} if finding.path in paths else paths
        several = len(names) > 1 or any(models[path] > 1 for path in paths)
        yield finding, names if several else ()


def headline(finding: Diagnostic, view: View) -> str:
    """`path:line:column: severity[rule] message`, and how often."""
    place = view.paint(f"{printable(finding.place)}:", bold=True)
    severity = view.severity(finding.severity, finding.rule)
    return f"{place} {severity} {printable(finding.message)}{more_alike(finding)}"


def more_alike(finding: Diagnostic) -> str:
    """How many layers of the same line a finding stands for besides its first."""
    return f" (and {finding.count - 1} more like it)" if finding.count > 1 else ""


def error_line(problem: Problem, view: View) -> str:
    """`path:line: error[kind] message`."""
    place = view.paint(f"{printable(problem.place)}:", bold=True)
    return f"{place} {view.severity('error', problem.kind)} {printable(problem.message)}"


def incomplete(report: Report) -> Iterator[ModelReport]:
    """The models of which something, or everything, is not known."""
    for model in report.models:
        if model.status in ("not-analysed", "partial") and model.reason:
            yield model


def incomplete_lines(report: Report, view: View) -> Iterator[str]:
    """One line for each model of which something, or everything, is not known."""
    for model in incomplete(report):
        place = view.paint(f"{printable(model.place)}:", bold=True)
        status = view.paint(STATUS[model.status], fg="cyan", bold=True)
        yield f"{place} {status}: {printable(model.name)}: {printable(model.reason or '')}"


def statistics(report: Report) -> Iterator[str]:
    """How many findings each rule has, the most frequent first."""
    counts = Counter(finding.rule for finding in report.distinct)
    ranked = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    width = max((len(str(count)) for _, count in ranked), default=0)
    for rule, count in ranked:
        yield f"{count:>{width}}  {rule}"


def last_line(report: Report) -> str:
    """`3 models checked, 1 not analysed, 2 warnings`."""
    parts = [_checked(report)]
    parts += [
        f"{report.counts[status]} {status.replace('-', ' ')}"
        for status in ("not-analysed", "failed")
        if report.counts[status]
    ]
    # An entry of `errors` reads "error[kind]" like a finding does, so it is counted with them.
    counts = {severity: report.told(severity) for severity in SEVERITIES}
    counts["error"] += len(report.errors)
    found = [plural(count, severity) for severity, count in counts.items() if count]
    if not found and report.analysed:
        found = ["no findings" if report.compared is None else "no new findings"]
    return ", ".join(parts + found + [*fixed(report)])


def fixed(report: Report) -> Iterator[str]:
    """How many fixes a run made, and how many more there are, where it was to make some."""
    count = report.fixed
    if count is not None and (count.made or count.unsafe):
        yield f"{count.made} fixed"
        yield from _more(count.unsafe)


def fixable(report: Report, view: View) -> Iterator[str]:
    """How many fixes there are to be made, where a run made none."""
    if report.fixed is not None:
        return
    unsafe = count_unsafe(report.findings)
    safe = len(offered(report.findings, unsafe=False))
    if safe and not view.unsafe:
        words = [f"{safe} can be fixed with --fix", *_more(unsafe)]
        yield f"{', '.join(words)} (--diff shows what changes)"
    elif safe + unsafe:
        flags = "--fix --unsafe-fixes" if unsafe else "--fix"
        yield f"{safe + unsafe} can be fixed with {flags} (--diff shows what changes)"


def _more(unsafe: int) -> Iterator[str]:
    if unsafe:
        yield f"{unsafe} more with --unsafe-fixes"


def contracts(report: Report, view: View) -> Iterator[str]:
    """For each model that was traced, the input sizes that it accepts."""
    for model in report.models:
        if model.accepts is not None:
            place = view.paint(f"{printable(model.place)}:", bold=True)
            yield f"{place} {printable(model.name)} accepts {printable(accepted(model))}"


def accepted(model: ModelReport) -> str:
    """A model's contract in words, with whether it holds where it was tried."""
    if not model.accepts:
        return ""
    return model.accepts + ("" if model.confirmed else " (not confirmed by running)")


def title(model: ModelReport, view: View) -> str:
    """A model's name, place and inputs, above its table of layers."""
    inputs = input_phrase(
        (given.name, f"{shape(given.shape)} ({given.told})") for given in model.inputs
    )
    name = view.paint(printable(model.name), bold=True)
    return f"{name} at {printable(model.place)}, {printable(inputs)}"


def shape(sizes: tuple[int | str, ...]) -> str:
    """A shape as Python writes a tuple: `(N, 6, H - 2)`."""
    inside = ", ".join(map(str, sizes))
    return f"({inside},)" if len(sizes) == 1 else f"({inside})"


def _checked(report: Report) -> str:
    if report.models:
        return f"{plural(report.analysed, 'model')} checked"
    return "No models found" if not report.errors else "No models checked"


def plural(count: int, noun: str) -> str:
    """A count with its noun, as `2 findings`."""
    return f"{count} {noun}" if count == 1 or noun == "info" else f"{count} {noun}s"
