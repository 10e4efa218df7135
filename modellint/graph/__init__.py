"""The one central value: a forward as nodes in execution order, and the families of operations.

Built by `tracing`, read by everything after it. Never imports torch. Public: rules use these names,
and those of what a graph holds besides: its source, and what a run demanded of sizes.
"""

from modellint.graph.graph import Graph, Input, Mismatch, fact, fact_of_call
from modellint.graph.line_values import LineValue, LineValues, NamedTensor
from modellint.graph.nodes import (
    LAYERS,
    LEAVES,
    STEPS,
    Module,
    Node,
    Parameter,
    Site,
    Tensor,
    cached_property,
)
from modellint.graph.origins import ConstructorArgument, Origin, Origins
from modellint.graph.saved import Saved
from modellint.source.cells import Cells
from modellint.source.file import Comment, Extent, Ignore, SourceFile
from modellint.symbolic.atoms import Symbol, Terms
from modellint.symbolic.constraints import Constraint, DemandedBy, Relation
from modellint.symbolic.expressions import Expr

__all__ = [
    "Comment",
    "Constraint",
    "DemandedBy",
    "Expr",
    "Extent",
    "Ignore",
    "LineValue",
    "LineValues",
    "NamedTensor",
    "Relation",
    "Cells",
    "SourceFile",
    "Symbol",
    "Terms",
    "ConstructorArgument",
    "LAYERS",
    "LEAVES",
    "STEPS",
    "Graph",
    "Input",
    "Mismatch",
    "Module",
    "Node",
    "Origin",
    "Origins",
    "Parameter",
    "Saved",
    "Site",
    "Tensor",
    "cached_property",
    "fact",
    "fact_of_call",
]
