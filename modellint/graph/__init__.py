"""The one central value: a forward as nodes in execution order, and the families of operations.

Built by `tracing`, read by everything after it. Never imports torch. Public: rules use these names.
"""

from modellint.graph.graph import Graph, Input, Mismatch, fact, fact_of_call
from modellint.graph.nodes import (
    LAYERS,
    STEPS,
    Module,
    Node,
    Parameter,
    Site,
    Tensor,
    cached_property,
)
from modellint.graph.origins import ConstructorArgument, Origin, Origins

__all__ = [
    "ConstructorArgument",
    "LAYERS",
    "STEPS",
    "Graph",
    "Input",
    "Mismatch",
    "Module",
    "Node",
    "Origin",
    "Origins",
    "Parameter",
    "Site",
    "Tensor",
    "cached_property",
    "fact",
    "fact_of_call",
]
