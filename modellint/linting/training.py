"""What training takes of memory, added to what is reported of a model."""

from __future__ import annotations

from dataclasses import replace

from modellint.facts.training_memory import training
from modellint.graph import Graph
from modellint.results.models import ModelReport


def with_training(model: ModelReport, graph: Graph) -> ModelReport:
    """The model with its training memory, and what each layer keeps; as it is if there is none."""
    found = training(graph)
    if found is None:
        return model
    kept = {node.key: found.layers.get(node.index, 0) for node in graph.calls()}
    layers = {key: replace(layer, kept=kept[key]) for key, layer in model.layers.items()}
    return replace(model, layers=layers, training_memory=found.memory)
