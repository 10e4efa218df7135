"""The source of models with the shape behind each line: Python text, its notes being comments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING

from modellint.errors import UsageError
from modellint.report.excerpts import Excerpts
from modellint.report.lines import columns, printable, shown_source, title
from modellint.report.view import View
from modellint.results.annotated import SIZES, AnnotatedSource, SizeStyle
from modellint.results.models import ModelReport
from modellint.results.places import file_of
from modellint.results.report import Report

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Where a line with its note ends at most; a longer note stands below.
_WIDEST = 100
#: Up to which column notes are lined up; behind longer lines they begin two columns further on.
_ALIGNED = 64
#: So many lines that nothing is told of are left out no more than shown.
_FEW = 3


def sources(report: Report, view: View) -> Iterator[str]:
    """The annotated source of each model whose lines were watched, one block a model."""
    excerpts = Excerpts(report)
    for model in report.models:
        if model.annotated:
            yield "\n".join(_lines(model, excerpts, view))
        elif model.status in ("analysed", "partial"):
            yield _comment(f"{model.name} has no source to show: its lines were not watched", view)


def annotated_text(report: Report, sizes: str = "both", *, color: bool = False) -> str:
    """The annotated source of all models of a report; raise `UsageError` for other `sizes`."""
    for known in SIZES:
        if sizes == known:
            view = View(color=color, sizes=known)
            return "\n\n".join(sources(report, view))
    raise UsageError(f"there are no sizes {sizes!r}: give one of {', '.join(SIZES)}")


def _lines(model: ModelReport, excerpts: Excerpts, view: View) -> Iterator[str]:
    heading = title(model, View())
    numbers = _numbers(model)
    heading += f", here {numbers}" if numbers else ""
    room = view.width - 2 if view.width else len(heading) + 1
    yield from (_comment(line, view) for line in _broken(heading, room))
    before = file_of(model.path, cell=model.cell)
    for at, source in enumerate(shown_sources(model)):
        if at:
            yield ""
        if source.name != before:
            yield _comment(source.name, view)
        before = source.name
        lines = excerpts.lines(source.path, source.cell)
        yield from _source_lines([*rows(source, lines, view.sizes, _widest(view))], view)


def shown_sources(model: ModelReport) -> Iterator[AnnotatedSource]:
    """The parts of a model's source of which lines are shown; others have places for editors."""
    return (one for one in model.annotated if one.shown or one.reason is not None)


def _widest(view: View) -> int:
    """Where a line with its note ends at most."""
    return min(view.width or _WIDEST, _WIDEST)


def _broken(text: str, room: int) -> list[str]:
    return wrap(text, room, break_long_words=False, break_on_hyphens=False)


def _numbers(model: ModelReport) -> str:
    """What each symbol of the inputs is in the example: `N = 1, H = 28, W = 28`."""
    found = {
        size: number
        for given in model.inputs
        for size, number in zip(given.shape, given.example, strict=False)
        if isinstance(size, str) and size.isidentifier()
    }
    return ", ".join(f"{name} = {number}" for name, number in found.items())


@dataclass(frozen=True, slots=True)
class Row:
    """One line of annotated source.

    `number` is 0 for the mark that stands for lines left out, and for a stop at no line. `note` is
    the comment behind it, `whole` the same with formulas where `note` has numbers alone. `skipped`
    tells that the line did not run, `reason` why the forward stops there.
    """

    number: int
    text: str
    note: str | None = None
    whole: str | None = None
    skipped: bool = False
    reason: str | None = None


def rows(
    source: AnnotatedSource, lines: Sequence[str], sizes: SizeStyle, widest: int = _WIDEST
) -> Iterator[Row]:
    """The parts of a file that a model is made of and runs, line by line with their notes.

    Where a note with formulas is too long, it and those beside it have the example's numbers alone.
    """
    whole = _notes(source, lines, sizes)
    short = _notes(source, lines, "concrete") if sizes == "both" else whole
    texts = {at: lines[at - 1].rstrip() for at in whole if at <= len(lines)}
    notes: dict[int, str] = {}
    for group in _groups(texts):
        fit = all(_fits(texts[at], whole[at], widest) for at in group)
        notes |= {at: (whole if fit else short)[at] for at in group}
    done = 0
    for first, last in source.shown:
        last = min(last, len(lines))
        if done and first > done:
            yield from _between(lines, done + 1, first - 1)
        for at in range(first, last + 1):
            reason = source.reason if at == source.stopped else None
            skipped = any(begin <= at <= end for begin, end in source.skipped)
            text = lines[at - 1].rstrip()
            yield Row(at, text, notes.get(at), whole.get(at), skipped, reason)
        done = last
    told = any(first <= (source.stopped or 0) <= last for first, last in source.shown)
    if source.reason is not None and not told:
        yield Row(0, "", reason=source.reason)


def _fits(text: str, note: str, widest: int) -> bool:
    return columns(text) + 2 + len(note) <= widest


def _source_lines(found: Sequence[Row], view: View) -> Iterator[str]:
    """The rows as text."""
    begins = _begins({row.number: row.text for row in found if row.note})
    for row in found:
        if row.number or row.reason is None:
            yield from _line(row, begins.get(row.number, 0), view)
        if row.reason is not None:
            label = "stops here" if row.number else "the forward stops"
            yield from _reason(label, row.reason, _indent(row.text), view)


def _groups(numbers: Iterable[int]) -> Iterator[list[int]]:
    """Lines that stand together, with one other between them at most."""
    together: list[int] = []
    for at in sorted(numbers):
        if together and at > together[-1] + 2:
            yield together
            together = []
        together.append(at)
    if together:
        yield together


def _notes(source: AnnotatedSource, lines: Sequence[str], sizes: SizeStyle) -> Mapping[int, str]:
    """The comment behind each line."""
    notes = _behind_whole_lines(source.notes(sizes), lines)
    return {line: f"# {printable(note)}" for line, note in notes.items()}


def _behind_whole_lines(notes: Mapping[int, str], lines: Sequence[str]) -> dict[int, str]:
    """The notes by line, none behind a backslash, where a comment would be an error."""
    placed: dict[int, str] = {}
    for line, note in notes.items():
        while line < len(lines) and lines[line - 1].rstrip().endswith("\\"):
            line += 1
        placed[line] = f"{placed[line]}; {note}" if line in placed else note
    return placed


def _begins(noted: Mapping[int, str]) -> dict[int, int]:
    """Where the note of each line begins: lines that stand together have theirs in one column."""
    begins: dict[int, int] = {}
    for group in _groups(noted):
        widths = [columns(noted[at]) for at in group]
        column = max((width for width in widths if width <= _ALIGNED), default=0) + 2
        begins |= dict.fromkeys(group, column)
    return begins


def _line(row: Row, column: int, view: View) -> Iterator[str]:
    """A line of source with its note behind it, else below."""
    shown = shown_source(row.text)
    painted = view.paint(shown, dim=True) if (row.skipped or not row.number) and shown else shown
    if row.note is None:
        yield painted
        return
    width = columns(row.text)
    for begin in (max(column, width + 2), width + 2):
        if begin + len(row.note) <= _widest(view):
            yield f"{painted}{'':{begin - width}}{_note(row.note, view)}"
            return
    yield painted
    yield f"{_indent(row.text)}    {_note(row.note, view)}"


def _note(comment: str, view: View) -> str:
    return (
        view.paint(comment, dim=True) if comment == "# not run" else view.paint(comment, fg="cyan")
    )


def _comment(text: str, view: View) -> str:
    return view.paint(f"# {printable(text)}", bold=True)


def _reason(label: str, reason: str, indent: str, view: View) -> Iterator[str]:
    """Why the forward stops."""
    text = f"{label}: {printable(reason)}"
    for part in _broken(text, max(_widest(view) - len(indent) - 2, 40)):
        yield indent + view.marked(f"# {part}", "error")


def _between(lines: Sequence[str], first: int, last: int) -> Iterator[Row]:
    """What stands between two parts: itself where it is short, else a mark."""
    left = [line.rstrip() for line in lines[first - 1 : last]]
    if sum(map(bool, left)) <= _FEW:
        yield from (Row(first + at, line) for at, line in enumerate(left))
        return
    if not left[0]:
        yield Row(0, "")
    yield Row(0, min((_indent(line) for line in left if line), key=len) + "# ...")
    if not left[-1]:
        yield Row(0, "")


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]
