"""What the page shows, as plain values for its scripts: an overview, and one object a model.

Every text is printable, as in the other formats; the scripts write it as text, never as markup.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from modellint._version import __version__
from modellint.mending.diffs import diff
from modellint.report.excerpts import Excerpts
from modellint.report.html.blocks import Block, blocks, name_of
from modellint.report.html.comparison import comparison
from modellint.report.html.kinds import kind_of
from modellint.report.html.source import excerpt, expanded
from modellint.report.layers import layer_rows
from modellint.report.line_notes import rows
from modellint.report.lines import STATUS, accepted, last_line, printable, shape
from modellint.report.owners import model_of
from modellint.report.training import training_fact
from modellint.report.troubles import troubles
from modellint.results.annotated import AnnotatedSource
from modellint.results.findings import Diagnostic, Related, TriedFix
from modellint.results.models import Layer, ModelInput, ModelReport
from modellint.results.picture import Border, Picture, Step
from modellint.results.places import place_of
from modellint.results.report import Report


def overview(report: Report, owned: Mapping[int, Sequence[Diagnostic]]) -> dict[str, Any]:
    """The first tab: every model in a line, what failed, and findings that no model owns.

    `owned` are the findings of each model, by its place in the report.
    """
    excerpts = Excerpts(report)
    mine = {finding for found in owned.values() for finding in found}
    made: dict[str, Any] = _printable(
        {
            "version": __version__,
            "torch": report.torch,
            "summary": last_line(report),
            "models": [
                {
                    "name": model.name,
                    "path": model.path,
                    "place": model.place,
                    "status": model.status,
                    "words": STATUS[model.status],
                    "parameters": model.parameters,
                    "macs": model.macs,
                    "layers": len(model.layers),
                    "findings": _severities(owned[at]),
                }
                for at, model in enumerate(report.models)
            ],
            "troubles": [
                {
                    "kind": one.kind,
                    "severity": one.severity,
                    "place": one.place,
                    "message": one.sentence,
                }
                for one in troubles(report)
            ],
            "findings": [_finding(one, excerpts) for one in report.findings if one not in mine],
            "notes": [[note.place, note.message] for note in report.notes],
            "rules": _rules(report),
            "comparison": None if report.compared is None else comparison(report.compared),
        }
    )
    return made


def owned_findings(report: Report) -> dict[int, list[Diagnostic]]:
    """The findings of each model, by the model's place in the report."""
    places = {id(model): at for at, model in enumerate(report.models)}
    found: dict[int, list[Diagnostic]] = {at: [] for at in range(len(report.models))}
    for finding in report.findings:
        model = model_of(report, finding)
        if model is not None:
            found[places[id(model)]].append(finding)
    return found


def details(
    model: ModelReport, findings: Sequence[Diagnostic], excerpts: Excerpts
) -> dict[str, Any]:
    """One model's tab."""
    made: dict[str, Any] = _printable(
        {
            "name": model.name,
            "class": model.class_name,
            "place": model.place,
            "status": model.status,
            "words": STATUS[model.status],
            "reason": model.reason,
            "inputs": [_input(given) for given in model.inputs],
            "parameters": model.parameters,
            "macs": model.macs,
            "training": training_fact(model),
            "stopped": model.stopped,
            "accepts": accepted(model),
            "layers": list(_layers(model)),
            "findings": [_finding(finding, excerpts) for finding in findings],
            "skipped": [[one.rule, one.layer, one.reason] for one in model.skipped],
            "annotated": [_annotated(source, excerpts) for source in model.annotated],
            **_picture(model),
        }
    )
    return made


def _severities(findings: Sequence[Diagnostic]) -> dict[str, int]:
    return dict(Counter(finding.severity for finding in findings))


def _rules(report: Report) -> list[list[Any]]:
    """How often each rule has something to say, the most frequent first, and what it says."""
    said = {rule.name: rule.summary for rule in report.rules}
    counts: Counter[str] = Counter()
    for finding in report.findings:
        counts[finding.rule] += finding.count
    ranked = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return [[rule, count, said.get(rule, "")] for rule, count in ranked]


def _input(given: ModelInput) -> dict[str, Any]:
    return {
        "name": given.name,
        "shape": shape(given.shape),
        "example": "×".join(map(str, given.example)),
        "dtype": given.dtype,
        "source": given.source,
        "guessed": given.guessed,
    }


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
        ]


def _example(layer: Layer) -> str:
    sides = (layer.example_inputs, layer.example_outputs)
    return " → ".join(", ".join("×".join(map(str, one)) for one in side) for side in sides)


def _finding(finding: Diagnostic, excerpts: Excerpts) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "place": finding.place,
        "line": finding.line,
        "model": finding.model,
        "layers": list(finding.layers),
        "count": finding.count,
        "message": finding.message,
        "help": finding.advice,
        "related": [[_line(one), one.message] for one in finding.related],
        "source": excerpt(finding, excerpts),
        "fix": None if finding.fix is None else _fix(finding.fix, excerpts),
    }


def _line(one: Related) -> str:
    return place_of(one.path, one.line, cell=one.cell)


def _fix(fix: TriedFix, excerpts: Excerpts) -> dict[str, Any]:
    """What a fix does in words, and as a diff without its heads."""
    lines = [line for made in excerpts.fixed(fix) for line in [*diff(*made, around=0)][2:]]
    changed = [line.replace("\t", "    ") for line in lines if line[0] in "+-"]
    return {"message": fix.message, "safe": fix.safe, "diff": changed}


def _annotated(source: AnnotatedSource, excerpts: Excerpts) -> dict[str, Any]:
    """The rows: number, text, note, the note in full, whether it ran, why it stops there."""
    found = rows(source, excerpts.lines(source.path, source.cell), "both")
    return {
        "path": source.name,
        "rows": [
            [
                row.number,
                expanded(row.text),
                row.note or "",
                row.whole or "",
                row.number > 0 and not row.skipped,
                row.reason,
            ]
            for row in found
        ],
    }


def _picture(model: ModelReport) -> dict[str, Any]:
    drawn = model.picture
    if drawn is None:
        return {"steps": [], "block": None, "borders": []}
    layers = {key: at for at, key in enumerate(model.layers)}
    return {
        "steps": [_step(step, layers) for step in drawn.steps],
        "block": _block(blocks(drawn)) if drawn.steps else None,
        "borders": list(_borders(drawn)),
    }


def _step(step: Step, layers: Mapping[str, int]) -> list[Any]:
    # Of one sample, wherever the batch stands.
    sizes = zip(step.shape, step.example, strict=True)
    example = "×".join(str(size) for name, size in sizes if name != "N")
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


def _printable(value: Any) -> Any:
    """The same value with nothing in its texts that acts on a reader."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {key: _printable(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_printable(one) for one in value]
    return value
