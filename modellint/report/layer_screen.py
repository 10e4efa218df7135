"""The table of layers on a terminal: as many columns as it has room for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from modellint.report.layers import (
    batch_of,
    costs_for,
    count,
    shown_layers,
    sides,
    sizes_of,
    total_of,
    windows_of,
)
from modellint.report.layout import wrapped
from modellint.report.lines import columns, printable, title
from modellint.report.rich_text import rendered
from modellint.report.training import kept_header, mega, training_lines
from modellint.report.view import View
from modellint.results.annotated import SizeStyle
from modellint.results.models import Layer, ModelReport

#: Paths are not broken into shorter parts than this.
_NARROWEST = 12


@dataclass(frozen=True)
class _Column:
    """A column: its heading, what it says of a layer and of all, whether these are numbers."""

    heading: str
    cell: Callable[[Layer], str]
    total: str = ""
    right: bool = True
    wraps: bool = False


def screen(model: ModelReport, view: View) -> str:
    """The heading of a model and its layers, as a terminal shows them."""
    chosen, gap, over = _fitting(model, view)
    table = Table(box=None, padding=(0, gap, 0, 0), pad_edge=False, header_style="bold")
    for column in chosen:
        table.add_column(
            column.heading,
            justify="right" if column.right else "left",
            overflow="fold",
            no_wrap=not column.wraps,
            min_width=min(columns(column.heading), 8),
        )
    _, *rows, totals = _cells(chosen, model, view)
    widest = max(columns(name) for name, *_ in rows)
    for name, *cells in rows:
        path = _broken(name, max(widest - over, _NARROWEST)) if over > 0 else name
        table.add_row(*map(Text, [path, *cells]))
    table.add_row(*(Text(total, "bold") for total in totals))
    first, *others = wrapped(title(model, View()), view.room)
    name = printable(model.name)
    heading = [view.paint(name, bold=True) + first.removeprefix(name), *others]
    heading += wrapped(costs_for(model), view.room)
    told = [line for text in training_lines(model) for line in wrapped(text, view.room)]
    return "\n".join([*heading, "", rendered(table, view), *told])


def _fitting(model: ModelReport, view: View) -> tuple[list[_Column], int, int]:
    """The most columns that there is room for, the gap between, and what they take too much."""
    for details, sides_of in ((True, True), (True, False), (False, True), (False, False)):
        chosen = [*_columns(model, view, details=details, both=sides_of)]
        rows = _cells(chosen, model, view)
        taken = sum(max(map(columns, cells)) for cells in zip(*rows, strict=True))
        for gap in (2, 1):
            over = taken + gap * (len(chosen) - 1) - view.room
            if over <= 0:
                return chosen, gap, 0
    return chosen, gap, over


def _cells(chosen: Sequence[_Column], model: ModelReport, view: View) -> list[list[str]]:
    """The headings, the cells of each layer, and the totals."""
    layers = shown_layers(model, view).values()
    rows = [[printable(column.cell(layer)) for column in chosen] for layer in layers]
    return [[one.heading for one in chosen], *rows, [one.total for one in chosen]]


def _broken(path: str, width: int) -> str:
    """A path over several lines of some width where it has more parts than there is room for."""
    lines = [""]
    for part in path.replace(".", ".\0").split("\0"):
        if lines[-1] and columns(lines[-1] + part) > width:
            lines.append("  ")
        lines[-1] += part
    return "\n".join(lines)


def _columns(model: ModelReport, view: View, *, details: bool, both: bool) -> Iterator[_Column]:
    """The columns, with `details` all there are; `both` sides of a layer or its output alone."""
    sizes: SizeStyle = "symbolic" if view.sizes == "symbolic" else "concrete"
    batch = batch_of(model)
    total = model.parameters or 0
    yield _Column("layer", lambda one: one.key, total_of(model), right=False, wraps=True)
    yield _Column("type", lambda one: one.type, right=False, wraps=True)
    if both:
        yield _Column(
            "input → output",
            lambda one: " → ".join(sides(one, s, sizes, batch) for s in ("inputs", "outputs")),
            right=False,
            wraps=True,
        )
    else:
        yield _Column(
            "output", lambda one: sides(one, "outputs", sizes, batch), right=False, wraps=True
        )
    if details:
        yield _Column("kernel", lambda one: sizes_of(one.kernel))
        yield _Column("stride", lambda one: _alike(one.stride))
        yield _Column("padding", lambda one: windows_of(one.padding))
    else:
        yield _Column("kernel", _kernel)
    parameters = "" if model.parameters is None else count(model.parameters)
    macs = "" if model.macs is None else count(model.macs)
    yield _Column("params", lambda one: count(one.parameters) if one.parameters else "", parameters)
    if details:
        yield _Column(
            "share", lambda one: f"{one.parameters / total:.1%}" if total * one.parameters else ""
        )
        yield _Column("MB", lambda one: mega(one.parameter_memory), mega(model.parameter_memory))
    yield _Column("MACs", lambda one: count(one.macs) if one.macs else "", macs)
    yield _Column("field", lambda one: _alike(one.receptive_field))
    activations = mega(model.activation_memory)
    yield _Column("out MB", lambda one: mega(one.activation_memory), activations)
    for heading in kept_header(model):
        total_kept = mega(model.training_memory.kept) if model.training_memory else ""
        yield _Column(heading, lambda one: mega(one.kept), total_kept)


def _kernel(layer: Layer) -> str:
    """A kernel with its stride where that is not 1: `3×3/2`."""
    stride = _alike(layer.stride)
    return sizes_of(layer.kernel) + (f"/{stride}" if stride not in ("", "1") else "")


def _alike(values: tuple[int, ...] | None) -> str:
    """One number where all axes have it."""
    return str(values[0]) if values and len({*values}) == 1 else sizes_of(values)
