"""The shape behind each line of a forward, and what a model costs above its class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from lsprotocol import types

from modellint.report.layers import number
from modellint.report.lines import STATUS, plural, printable
from modellint.report.owners import model_of
from modellint.results.annotated import SizeStyle
from modellint.results.models import ModelReport
from modellint.results.report import Report
from modellint.rules import SEVERITIES
from modellint.server.ranges import Ranges
from modellint.server.shapes import Noted, Shapes

#: What is longer pushes the code out of sight, in characters; all of it is in the tooltip.
_LONGEST = 90


def hints(
    shapes: Shapes, ranges: Ranges, sizes: SizeStyle, visible: types.Range
) -> Iterator[types.InlayHint]:
    """A hint behind each visible line that makes a tensor."""
    for noted in shapes.notes(sizes):
        if visible.start.line <= noted.line - 1 <= visible.end.line:
            yield types.InlayHint(
                position=ranges.line(shapes.part, noted.line).end,
                label=_label(noted, old=shapes.old),
                padding_left=True,
                tooltip=_tooltip(noted, old=shapes.old),
            )


def _label(noted: Noted, *, old: bool) -> str:
    text = printable(next(iter(noted.notes)))
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}…"
    return text + (" …" if len(noted.notes) > 1 else "") + (" (old)" if old else "")


def _tooltip(noted: Noted, *, old: bool) -> str:
    lines = [f"{', '.join(models)}: {text}" for text, models in noted.notes.items()]
    lines += ["of the text before it stopped to run"] if old else []
    return "\n".join(map(printable, lines))


def lenses(shapes: Shapes, ranges: Ranges) -> Iterator[types.CodeLens]:
    """A line above each model: parameters, MACs, the sizes that it accepts, what was found."""
    for line, model in shapes.models():
        title = " · ".join(_parts(model, shapes.report)) + (" (old)" if shapes.old else "")
        # A command of no name cannot be clicked.
        command = types.Command(title=printable(title), command="")
        yield types.CodeLens(range=ranges.line(shapes.part, line), command=command)


def _parts(model: ModelReport, report: Report) -> Iterator[str]:
    if model.status in ("failed", "not-analysed"):
        yield f"{model.name}: {STATUS[model.status]}"
        return
    yield f"{model.name}: {number(model.parameters)} parameters"
    yield f"{number(model.macs)} MACs"
    if model.accepts:
        yield f"accepts {model.accepts}"
    found = [one for one in report.findings if model_of(report, one) is model]
    counts = Counter(one.severity for one in found)
    told = [plural(counts[one], one) for one in SEVERITIES if counts[one]]
    yield ", ".join(told) or "no findings"
