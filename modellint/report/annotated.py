"""The source of models with the shape behind each line: Python text, its notes being comments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import TYPE_CHECKING

from modellint.errors import UsageError
from modellint.report.excerpts import Excerpts
from modellint.report.lines import columns, printable, shown_source, title
from modellint.report.view import View
from modellint.results.annotated import SIZES, AnnotatedSource, Sizes
from modellint.results.models import ModelReport
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
    yield _comment(heading + (f", here {numbers}" if numbers else ""), view)
    for at, source in enumerate(model.annotated):
        if at or source.path != model.path:
            yield _comment(source.path, view)
        yield from source_lines(source, excerpts.lines(source.path), view)


def _numbers(model: ModelReport) -> str:
    """What each symbol of the inputs is in the example: `N = 1, H = 28, W = 28`."""
    found = {
        size: number
        for given in model.inputs
        for size, number in zip(given.shape, given.example, strict=False)
        if isinstance(size, str) and size.isidentifier()
    }
    return ", ".join(f"{name} = {number}" for name, number in found.items())


def source_lines(source: AnnotatedSource, lines: Sequence[str], view: View) -> Iterator[str]:
    """The parts of a file that a model is made of and runs, with their notes."""
    notes = _notes(source, lines, view.sizes)
    unreached = {line for span in source.skipped for line in range(span[0], span[1] + 1)}
    done = 0
    for first, last in source.shown:
        if done:
            yield from _between(lines, done + 1, first - 1, view)
        last = min(last, len(lines))
        begins = _begins({at: lines[at - 1] for at in range(first, last + 1) if at in notes})
        for at in range(first, last + 1):
            text, forms = lines[at - 1], notes.get(at, ())
            yield from _line(text, forms, begins.get(at, 0), view, dim=at in unreached)
            if at == source.stopped and source.reason is not None:
                yield from _reason(source.reason, _indent(lines[at - 1]), view)
        done = last


def _notes(
    source: AnnotatedSource, lines: Sequence[str], sizes: Sizes
) -> Mapping[int, tuple[str, ...]]:
    """The comment behind each line, in the forms that it may have, the best one first.

    Where formulas are too long, the example's numbers alone say what the line makes.
    """
    forms: tuple[Sizes, ...] = ("both", "concrete") if sizes == "both" else (sizes,)
    each = [_behind_whole_lines(source.notes(form), lines) for form in forms]
    return {
        line: tuple(dict.fromkeys(f"# {printable(notes[line])}" for notes in each))
        for line in each[0]
    }


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
    together: list[int] = []
    for at in [*noted, None]:
        if together and (at is None or at > together[-1] + 2):
            widths = [columns(noted[one].rstrip()) for one in together]
            column = max((width for width in widths if width <= _ALIGNED), default=0) + 2
            begins |= dict.fromkeys(together, column)
            together = []
        together += [at] if at is not None else []
    return begins


def _line(text: str, forms: Sequence[str], column: int, view: View, *, dim: bool) -> Iterator[str]:
    """A line of source with its note behind it, else below."""
    text = text.rstrip()
    shown = shown_source(text)
    painted = view.paint(shown, dim=True) if dim and shown else shown
    if not forms:
        yield painted
        return
    width = columns(text)
    for form in forms:
        for begin in (max(column, width + 2), width + 2):
            if begin + len(form) <= _WIDEST:
                yield f"{painted}{'':{begin - width}}{_note(form, view)}"
                return
    yield painted
    indent = f"{_indent(text)}    "
    fitting = (form for form in forms if len(indent) + len(form) <= _WIDEST)
    yield indent + _note(next(fitting, forms[-1]), view)


def _note(comment: str, view: View) -> str:
    return (
        view.paint(comment, dim=True) if comment == "# not run" else view.paint(comment, fg="cyan")
    )


def _comment(text: str, view: View) -> str:
    return view.paint(f"# {printable(text)}", bold=True)


def _reason(reason: str, indent: str, view: View) -> Iterator[str]:
    """Why the forward stops at the line above."""
    text = f"stops here: {printable(reason)}"
    room = max(_WIDEST - len(indent) - 2, 40)
    for part in wrap(text, room, break_long_words=False, break_on_hyphens=False):
        yield indent + view.marked(f"# {part}", "error")


def _between(lines: Sequence[str], first: int, last: int, view: View) -> Iterator[str]:
    """What stands between two parts: itself where it is short, else a mark."""
    left = lines[first - 1 : last]
    if sum(1 for line in left if line.strip()) <= _FEW:
        yield from (shown_source(line.rstrip()) for line in left)
        return
    if not left[0].strip():
        yield ""
    indent = min((_indent(line) for line in left if line.strip()), key=len)
    yield indent + view.paint("# ...", dim=True)
    if not left[-1].strip():
        yield ""


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]
