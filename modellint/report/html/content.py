"""What a model's tab shows, as plain values for the page's scripts.

The scripts write every text as text, never as markup; `printed` makes all of them printable, as
they are in the other formats.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

from modellint.report.excerpts import Excerpts
from modellint.report.html.blocks import Block, blocks, name_of
from modellint.report.html.contract import contract, measured_at
from modellint.report.html.findings import Found
from modellint.report.html.kinds import kind_of
from modellint.report.html.source import annotated
from modellint.report.layers import layer_rows
from modellint.report.line_notes import shown_sources
from modellint.report.lines import STATUS, printable, shape
from modellint.report.training import training_fact
from modellint.results.models import Layer, ModelReport, Shape
from modellint.results.picture import PARAMETER, Border, Picture, Step
from modellint.results.report import Report


def details(report: Report, at: int, found: Found, excerpts: Excerpts) -> dict[str, Any]:
    """The tab of the model at a place of the report; `findings` are places in `found`."""
    model = report.models[at]
    return {
        "name": model.name,
        "class": model.class_name,
        "place": model.place,
        "status": model.status,
        "words": STATUS[model.status],
        "reason": model.reason,
        "parameters": model.parameters,
        "macs": model.macs,
        "training": training_fact(model),
        "weight": model.parameter_memory,
        "memory": model.activation_memory,
        "at": measured_at(model),
        "stopped": model.stopped,
        "contract": contract(model),
        "layers": list(_layers(model)),
        "findings": list(found.of_model[at]),
        "skipped": [[one.rule, one.layer, one.reason] for one in model.skipped],
        "annotated": [annotated(source, excerpts) for source in shown_sources(model)],
        **_picture(model),
    }


def printed(value: Any) -> Any:
    """The same value with nothing in its texts that acts on a reader."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {key: printed(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [printed(one) for one in value]
    return value


def _layers(model: ModelReport) -> Iterator[list[Any]]:
    """The layers with the texts of the table of layers, and the numbers to sort by and to draw."""
    for layer, cells in zip(model.layers.values(), layer_rows(model), strict=False):
        key, kind, shapes, kernel, stride, padding = cells[:6]
        field = None if layer.receptive_field is None else list(layer.receptive_field)
        yield [
            key,
            kind,
            shapes,
            kernel,
            stride,
            padding,
            layer.parameters,
            layer.macs,
            field,
            layer.line,
            _example(layer),
            kind_of(layer.op),
            layer.activation_memory,
        ]


def _example(layer: Layer) -> str:
    """The sizes of one sample before and after a layer: `1×28×28 → 6×26×26`."""
    sides = ((layer.inputs, layer.example_inputs), (layer.outputs, layer.example_outputs))
    return " → ".join(", ".join(map(_sample, *side)) for side in sides)


def _sample(shape: Shape, example: tuple[int, ...]) -> str:
    # Of one sample, wherever the batch stands.
    sizes = zip(shape, example, strict=True)
    return "×".join(str(size) for name, size in sizes if name != "N")


def _picture(model: ModelReport) -> dict[str, Any]:
    drawn = model.picture
    if drawn is None:
        return {"steps": [], "block": None, "borders": [], "held": 0}
    layers = {key: at for at, key in enumerate(model.layers)}
    return {
        "steps": [_step(step, layers) for step in drawn.steps],
        "block": _block(blocks(drawn)) if drawn.steps else None,
        "borders": list(_borders(drawn)),
        "held": _held(drawn, layers),
    }


def _held(drawn: Picture, layers: Mapping[str, int]) -> int:
    """How many numbers the parameters hold that no layer counts as its own."""
    counted = {at for step in drawn.steps if step.key in layers for at in step.sources}
    return sum(
        prod(step.example)
        for at, step in enumerate(drawn.steps)
        if step.op == PARAMETER and at not in counted
    )


def _step(step: Step, layers: Mapping[str, int]) -> list[Any]:
    example = _sample(step.shape, step.example)
    place = layers.get(step.key, -1)
    made = [name_of(step), step.type, kind_of(step.op), example, place, shape(step.shape)]
    # Findings name a step by its key: that of a layer is in the layers, others bring their own.
    return made if place >= 0 else [*made, step.key]


def _block(block: Block) -> list[Any]:
    parts = [_block(part) if isinstance(part, Block) else part for part in block.parts]
    return [
        block.path,
        block.name,
        block.type,
        parts,
        [list(row) for row in block.rows],
        [list(pair) for pair in block.connections],
    ]


def _borders(picture: Picture) -> Iterator[dict[str, Any]]:
    """The axes of each input of which it is known how its positions count."""
    inputs: dict[str, list[Border]] = {}
    for border in picture.borders:
        inputs.setdefault(border.input, []).append(border)
    for name, axes in inputs.items():
        yield {
            "input": name,
            "axes": [
                [str(axis.name), axis.size, axis.edge, list(axis.weights)]
                for axis in sorted(axes, key=lambda axis: axis.axis)
            ],
        }
