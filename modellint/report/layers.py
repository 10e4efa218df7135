"""The table of layers: what each call of a layer does to its input, and what it costs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from modellint.report.folding import folded
from modellint.report.lines import printable, shape, title
from modellint.report.training import kept_cells, kept_header, mega, training_lines
from modellint.report.view import View
from modellint.results.annotated import SizeStyle
from modellint.results.models import Layer, ModelReport, Shape, input_phrase
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
#: Further columns of the table on a terminal or in a pipe.
_MEMORY = ("MB", "out MB")
_UNITS = ("k", "M", "G", "T", "P")


def tables(report: Report, view: View) -> Iterator[str]:
    """A heading and a table for each model that was traced, at least in part."""
    for model in report.models:
        if not model.layers:
            continue
        if view.terminal:
            from modellint.report.layer_screen import screen

            yield screen(model, view)
        else:
            heading = f"{title(model, view)}\n{costs_for(model)}"
            yield f"{heading}\n\n{table(model, view)}\n"


def table(model: ModelReport, view: View) -> str:
    """The layers of one model in execution order, with totals."""
    sizes: SizeStyle = "symbolic" if view.sizes == "symbolic" else "concrete"
    shown = [*shown_layers(model, view).values()]
    rows = [*layer_rows(model, sizes, shown)]
    memory = [(mega(one.parameter_memory), mega(one.activation_memory)) for one in shown]
    memory.append((mega(model.parameter_memory), mega(model.activation_memory)))
    kept = kept_cells(model, shown)
    each = zip(rows, memory, kept, strict=True)
    cells = [map(printable, [*row, *more, *last]) for row, more, last in each]
    from tabulate import tabulate  # Slow to import, for what few runs need.

    headers = (*HEADERS, *_MEMORY, *kept_header(model))
    align = (*ALIGN, *("right",) * (len(headers) - len(ALIGN)))
    made = tabulate(cells, headers, "simple", colalign=align, disable_numparse=True)
    return "\n".join([made, *training_lines(model)])


def shown_layers(model: ModelReport, view: View) -> Mapping[str, Layer]:
    """The layers of a model by key, those below the wanted depth summed up."""
    return model.layers if view.depth is None else folded(model.layers, view.depth)


def layer_rows(
    model: ModelReport, sizes: SizeStyle = "symbolic", layers: Sequence[Layer] | None = None
) -> Iterator[list[str]]:
    """The cells of the table of layers, below `HEADERS`; keys are as the user's code has them."""
    batch = batch_of(model)
    for layer in model.layers.values() if layers is None else layers:
        yield _row(layer, model.parameters or 0, sizes, batch)
    parameters, macs = number(model.parameters), number(model.macs)
    yield [total_of(model), "", "", "", "", "", parameters, "", macs, ""]


def total_of(model: ModelReport) -> str:
    """What the last row is called."""
    return "total" if model.stopped is None else f"total before {model.stopped}"


def _row(layer: Layer, total: int, sizes: SizeStyle, batch: str | None) -> list[str]:
    return [
        layer.key,
        layer.type,
        f"{sides(layer, 'inputs', sizes, batch)} → {sides(layer, 'outputs', sizes, batch)}",
        sizes_of(layer.kernel),
        sizes_of(layer.stride),
        windows_of(layer.padding),
        number(layer.parameters or None),
        f"{layer.parameters / total:.1%}" if total and layer.parameters else "",
        number(layer.macs or None),
        sizes_of(layer.receptive_field),
    ]


def sides(layer: Layer, side: str, sizes: SizeStyle, batch: str | None) -> str:
    """The sizes of a layer's inputs or outputs: formulas, or the example's of one sample."""
    symbolic: tuple[Shape, ...] = layer.inputs if side == "inputs" else layer.outputs
    if sizes == "symbolic":
        return ", ".join(map(shape, symbolic))
    numbers = layer.example_inputs if side == "inputs" else layer.example_outputs
    pairs = zip(symbolic, numbers, strict=True)
    return ", ".join(_of_sample(formulas, example, batch) for formulas, example in pairs)


def _of_sample(formulas: Shape, example: tuple[int, ...], batch: str | None) -> str:
    """The sizes of an example without the number of samples; what is counted with it stays."""
    told = []
    for formula, size in zip(formulas, example, strict=False):
        if formula == batch and batch is not None:
            continue
        counted = batch is not None and batch in re.findall(r"\w+", str(formula))
        told.append(str(formula) if counted else str(size))
    return "×".join(told) or "1"


def batch_of(model: ModelReport) -> str | None:
    """The symbol of the number of samples, where the model's input has one."""
    for given in model.inputs:
        axis = given.origins.batch
        if axis is not None and axis < len(given.shape) and isinstance(given.shape[axis], str):
            return str(given.shape[axis])
    return None


def costs_for(model: ModelReport) -> str:
    """What the model costs, and the input that this is for."""
    samples = []
    for given in model.inputs:
        sizes = [1 if at == given.origins.batch else size for at, size in enumerate(given.example)]
        samples.append((given.name, "×".join(map(str, sizes)) or "of one value"))
    parts = []
    if model.parameters is not None:
        weight = mega(model.parameter_memory)
        parts.append(
            f"{count(model.parameters)} parameters" + (f" ({weight} MB)" if weight else "")
        )
    if model.macs is not None:
        parts.append(f"{count(model.macs)} MACs")
    if model.activation_memory:
        parts.append(f"{mega(model.activation_memory)} MB of activations")
    given_to = f" for {input_phrase(samples)}" if samples else ""
    return printable(f"{', '.join(parts)}{given_to}")


def count(value: int) -> str:
    """A count in three digits: `1.20 k`, `25.6 M`."""
    if value < 1000:
        return str(value)
    power = min((len(str(value)) - 1) // 3, len(_UNITS))
    scaled = f"{value / 1000**power:.3g}"
    if scaled == "1e+03" and power < len(_UNITS):  # Rounded up into the next unit.
        power, scaled = power + 1, "1"
    return f"{float(scaled):#.3g}".rstrip(".") + f" {_UNITS[power - 1]}"


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
