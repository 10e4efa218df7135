"""What `--list` prints: the models of files and how each would be built and fed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from modellint.report.lines import error_line, last_line, printable
from modellint.report.view import View
from modellint.results.places import place_of
from modellint.results.report import Report

if TYPE_CHECKING:
    from modellint.discovery.example_tensors import InputHint
    from modellint.engine.engine import Listed


def list_page(models: Sequence[Listed], report: Report, view: View) -> str:
    """Two lines a model after its place: the call that would build it, the inputs it would get."""
    lines = [line for model in models for line in _model(model, view)]
    lines += [error_line(problem, view) for problem in report.errors]
    if not lines:
        lines.append(last_line(report))
    return "".join(f"{line}\n" for line in lines)


def _model(model: Listed, view: View) -> Iterator[str]:
    candidate = model.candidate
    place = place_of(model.path, model.line, cell=model.cell)
    place = view.paint(f"{printable(place)}:", bold=True)
    yield f"{place} {candidate.name} ({candidate.kind})"
    if candidate.missing is not None:
        yield f"  build: {printable(candidate.missing)}"
    elif candidate.calls:
        from modellint.discovery.readable_calls import readable

        call = candidate.calls[0]
        yield f"  build: {printable(readable(call))} ({call.origin})"
    elif candidate.kind == "factory":
        yield f"  build: {candidate.name}()"
    if candidate.inputs:
        yield f"  input: {_inputs(candidate.inputs[0])}"
    else:
        yield "  input: to be solved from the model's first layers"


def _inputs(hint: InputHint) -> str:
    shapes = []
    for tensor in hint.tensors:
        sizes = ", ".join("?" if size is None else str(size) for size in tensor.shape)
        name = f"{tensor.name}=" if tensor.name else ""
        if tensor.of is not None:
            shapes.append(f"{name}the output of {tensor.of}")
            continue
        shapes.append(f"{name}({sizes}) {tensor.dtype}".rstrip())
    where = f"{hint.source}, if it reads images" if hint.images else hint.source
    return f"{', '.join(shapes)} ({where})"
