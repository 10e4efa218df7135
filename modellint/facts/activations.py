"""The activation that a model has between its layers, as what is missing where it has none."""

from __future__ import annotations

from collections import Counter

from modellint.facts.composition import Pair
from modellint.fixes import After, Before, Fix, Instead
from modellint.graph import Graph, Module, Node

#: The layer that each makes, and the operation itself.
_LAYERS = {
    "relu": "nn.ReLU()",
    "relu6": "nn.ReLU6()",
    "leaky_relu": "nn.LeakyReLU()",
    "elu": "nn.ELU()",
    "gelu": "nn.GELU()",
    "silu": "nn.SiLU()",
    "mish": "nn.Mish()",
    "hardswish": "nn.Hardswish()",
    "tanh": "nn.Tanh()",
}


def usual_activation(graph: Graph) -> str:
    """The activation that a model uses most, by its functional name; a ReLU where it has none."""
    counted = Counter(node.op for node in graph.nodes if node.op in _LAYERS)
    return counted.most_common(1)[0][0] if counted else "relu"


def activated(graph: Graph, pair: Pair) -> Fix:
    """The activation that the model uses elsewhere, between two layers that have none.

    Where an `nn.Identity()` stands beside them, it is that.
    """
    op = usual_activation(graph)
    layer = _LAYERS[op]
    step = f"{{}}.{op}()" if op in ("relu", "tanh") else f"nn.functional.{op}({{}})"
    fix = Fix(layer, [After(pair.first, step)])
    fix = Fix(layer, [Before(pair.second, step, layer)], instead=fix)
    for module in identities_beside(graph, pair.first, pair.second):
        fix = Fix(layer, [Instead(module, None, layer)], instead=fix)
    return fix


def identities_beside(graph: Graph, *layers: Node) -> list[Module]:
    """The layers that run and do nothing in the blocks of others: one may hold another's place."""
    blocks = {node.module.rpartition(".")[0] for node in layers}
    beside = [path for path in graph.modules if path.rpartition(".")[0] in blocks]
    modules = [graph.modules[path] for path in beside]
    return [module for module in modules if module.type == "Identity" and module.called]
