"""The table of layers: what each call of a layer does to its input, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator

from modellint.report.lines import printable, shape, title
from modellint.report.view import View
from modellint.results.models import Layer, ModelReport
from modellint.results.report import Report

HEADERS = (
    "layer",
    "type",
    "input → output",
    "kernel",
    "stride",
    "padding",
    "parameters",
    "share",
    "MACs",
    "field",
)
ALIGN = ("left", "left", "left", *("right",) * 7)


def tables(report: Report, view: View) -> Iterator[str]:
    """A title and a table for each model that was traced, at least in part."""
    for model in report.models:
        if model.layers:
            yield f"{title(model, view)}\n\n{table(model)}\n"


def table(model: ModelReport) -> str:
    """The layers of one model in execution order, with totals."""
    rows = [map(printable, row) for row in layer_rows(model)]
    from tabulate import tabulate  # Slow to import, for what few runs need.

    return tabulate(rows, HEADERS, "simple", colalign=ALIGN, disable_numparse=True)


def layer_rows(model: ModelReport) -> Iterator[list[str]]:
    """The cells of the table of layers, below `HEADERS`; keys are as the user's code has them."""
    for layer in model.layers.values():
        yield _row(layer, model.parameters or 0)
    total = "total" if model.stopped is None else f"total before {model.stopped}"
    yield [total, "", "", "", "", "", number(model.parameters), "", number(model.macs), ""]


def _row(layer: Layer, total: int) -> list[str]:
    arrow = " → ".join(", ".join(map(shape, side)) for side in (layer.inputs, layer.outputs))
    share = f"{layer.parameters / total:.1%}" if total and layer.parameters else ""
    return [
        layer.key,
        layer.type,
        arrow,
        sizes_of(layer.kernel),
        sizes_of(layer.stride),
        windows_of(layer.padding),
        number(layer.parameters or None),
        share,
        number(layer.macs or None),
        sizes_of(layer.receptive_field),
    ]


def number(value: int | None) -> str:
    """A count with its thousands apart; nothing where it is not known."""
    return "" if value is None else f"{value:,}"


def sizes_of(values: tuple[int, ...] | None) -> str:
    """Sizes as `3×3`; nothing where there are none."""
    return "" if values is None else "×".join(map(str, values))


def windows_of(values: tuple[tuple[int, int], ...] | None) -> str:
    """Padding as `1×1`, or `0+1×0+1` where begin and end differ; nothing where there is none."""
    if values is None:
        return ""
    return "×".join(str(begin) if begin == end else f"{begin}+{end}" for begin, end in values)
