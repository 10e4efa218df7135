"""What the annotations of a model's forward say of the shapes that it takes and returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from modellint.discovery.names import read_names
from modellint.discovery.shape_annotations import (
    AnnotatedShape,
    forward_of,
    parameter_shapes,
    returned_shapes,
)
from modellint.graph import Graph, fact

#: Where the names are from that shapes are stated with. Most files mention none.
_SOURCES = ("jaxtyping", "Annotated")


@dataclass(frozen=True, slots=True)
class AnnotatedForward:
    """The shapes in a forward's annotations: of parameters by name, and of its results in order."""

    parameters: Mapping[str, AnnotatedShape]
    returned: tuple[AnnotatedShape | None, ...]


@fact
def annotated_forward(graph: Graph) -> AnnotatedForward | None:
    """The shapes that the forward of a model states; `None` where it returns none that is stated.

    A forward that stands in another file than the model is not read.
    """
    if graph.source is None or not any(word in graph.source.text for word in _SOURCES):
        return None
    for declared in graph.definitions(""):
        forward = forward_of(declared)
        if forward is None:
            continue
        names = read_names(graph.source.tree)
        returned = returned_shapes(forward, names)
        if declared.name not in graph.source.classes or not any(returned):
            return None
        return AnnotatedForward(dict(parameter_shapes(forward, names)), returned)
    return None
