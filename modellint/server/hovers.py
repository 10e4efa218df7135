"""What an editor shows of the layer, the line or the model below the pointer, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from modellint.report.layers import number
from modellint.report.lines import STATUS, accepted, printable, shape
from modellint.results.models import Layer, ModelReport, Shape
from modellint.server.shapes import Shapes

#: A call of a block has more layers than anybody reads.
_MOST = 6


def hover(shapes: Shapes, line: int, column: int) -> str | None:
    """What is known of a place: the layers of a construction or a call, its line, its model."""
    several = len(shapes.report.models) > 1
    layers = shapes.layers_at(line, column)
    # In the order of the calls; models of a file share what is built in one place.
    told = ["\n".join(_layer(layer, model, several=several)) for model, _, layer in layers]
    parts = [*dict.fromkeys(told)] or [*_of_line(shapes, line)]
    if not parts:
        return None
    left = len(parts) - _MOST
    parts[_MOST:] = [f"and {left} more"] if left > 0 else []
    parts += ["*of the text before it stopped to run*"] if shapes.old else []
    return "\n\n".join(parts)


def _of_line(shapes: Shapes, line: int) -> Iterator[str]:
    for at, model in shapes.models():
        if at == line:
            yield "\n".join(_model(model))
    for noted in shapes.notes("both"):
        if noted.line == line:
            several = len(noted.notes) > 1
            for text, models in noted.notes.items():
                names = f" ({', '.join(models)})" if several else ""
                yield _code(printable(text)) + printable(names)


def _layer(layer: Layer, model: ModelReport, *, several: bool) -> Iterator[str]:
    """The lines on a layer: what it is, its shapes, its cost, what it sees."""
    of = f" of {_code(model.name)}" if several else ""
    yield f"**{_code(layer.key)}** {printable(layer.type)}{of}  "
    yield f"{_code(_arrow(layer.inputs, layer.outputs))}  "
    yield f"here {_arrow(layer.example_inputs, layer.example_outputs)}  "
    costs = [*_costs(layer, model)]
    if costs:
        yield ", ".join(costs) + "  "
    if layer.receptive_field is not None:
        seen = "×".join(map(str, layer.receptive_field))
        yield f"sees {seen} of the input{_of_input(layer, model)}  "


def _costs(layer: Layer, model: ModelReport) -> Iterator[str]:
    if layer.parameters:
        share = layer.parameters / (model.parameters or layer.parameters)
        yield f"parameters {number(layer.parameters)} ({share:.1%} of the model)"
    if layer.macs:
        yield f"MACs {number(layer.macs)}"


def _of_input(layer: Layer, model: ModelReport) -> str:
    """How large the map is that a receptive field is a part of, where the model has one."""
    rank = len(layer.receptive_field or ())
    for given in model.inputs:
        if len(given.example) >= rank + 1:
            return f", which is {'×'.join(map(str, given.example[-rank:]))}"
    return ""


def _model(model: ModelReport) -> Iterator[str]:
    """The lines on a model: what it costs, what it is fed, which sizes it accepts."""
    yield f"**{_code(model.name)}** {STATUS[model.status]}  "
    if model.reason:
        yield f"{printable(model.reason)}  "
    if model.parameters is not None:
        yield f"parameters {number(model.parameters)}, MACs {number(model.macs)}  "
    for given in model.inputs:
        sizes = "×".join(map(str, given.example))
        yield (
            f"input {_code(f'{given.name} {shape(given.shape)}')} {given.dtype}, here {sizes} "
            f"({printable(given.told)})  "
        )
    if model.accepts:
        yield f"accepts {printable(accepted(model))}  "


def _arrow(inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> str:
    return " → ".join(", ".join(map(shape, side)) for side in (inputs, outputs))


def _code(text: str) -> str:
    """A text as code in Markdown, whatever it holds."""
    shown = printable(text)
    fence = "``" if "`" in shown else "`"
    return f"{fence}{shown}{fence}"
