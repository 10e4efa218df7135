"""Libraries' models in files that train them, and the losses that do not go with what they give."""

from __future__ import annotations

import copy
from collections.abc import Iterator

from torch import Tensor

from modellint.facts.usage import training
from modellint.graph import Graph
from modellint.graph.operations import (
    CONVOLUTIONS,
    IDENTITIES,
    REORDERINGS,
    RESHAPES,
    varying_inputs,
)
from modellint.results.report import Report
from tests.offers import offered
from tests.zoo.models import Exhibit

from .faults import Plan, Subject
from .measure import Row, result_of, said, subject_of
from .sources import SOURCE_FAULTS, Source, drawn_edits, judged, source_of_text
from .surgeries import HOLDER, source_of

#: What is planted in the text around a model whose layers are written elsewhere.
LOSSES = [fault for fault in SOURCE_FAULTS if fault.rule == "loss-mismatch"]
_NOTHING = Plan("", "", "", lambda model: None)


def plant_losses(exhibit: Exhibit) -> Iterator[Row]:
    """Train the model of a library with losses that take something else than it gives."""
    if exhibit.family == "files":
        return
    source = library_source(exhibit, subject_of(exhibit))
    if source is None:
        return
    before = said(_lint(source.text, source.inputs))
    for fault, edit in drawn_edits(source, source.name, LOSSES):
        yield judged(fault, edit, source.name, before, _lint(edit.text, source.inputs))


def _lint(text: str, inputs: tuple[str, ...]) -> Report:
    """What is said of a text in this process, where its library is imported once."""
    return Report(findings=tuple(offered(text, models=(HOLDER,), inputs=inputs, trials=0)))


def library_source(exhibit: Exhibit, subject: Subject) -> Source | None:
    """A file that builds a model; `None` where no layer of weights gives its one result.

    A model that gives a dictionary or an object of several, if only in training, is trained with
    none of these losses as it is.
    """
    last = _last(subject.graph)
    whole = copy.deepcopy(subject.model).to("meta")  # Its buffers, too.
    if last is None or not isinstance(result_of(whole, subject.specs), Tensor):
        return None
    text = f"import torch\n{source_of(exhibit, subject, _NOTHING)}"
    return source_of_text(str(exhibit), text, HOLDER, subject.specs, f"model.{last}")


def _last(graph: Graph) -> str | None:
    """The path of the layer of weights whose values are the model's one result."""
    trained = training(graph)
    if {len(one.outputs) for one in (graph, trained) if isinstance(one, Graph)} != {1}:
        return None
    node = graph.outputs[0]
    while node.op in IDENTITIES | RESHAPES | REORDERINGS and len(varying_inputs(graph, node)) == 1:
        (node,) = varying_inputs(graph, node)
    return node.key if node.op in CONVOLUTIONS | {"linear"} and node.module else None
