"""The table: operation → symbolic output shape.

Every entry is a function of the operation's own arguments, in which a tensor is a `Tensor` (sizes
that carry expressions, and a dtype) and which returns the shape of the result. Its signature is
the signature of the functional: the tracer binds positional arguments by it. What sizes must
satisfy is demanded with `equal` and `at_least`, which record the constraint and refuse what does
not fit. Nothing here computes with torch.
"""

from modellint.shapes import (  # noqa: F401  (each fills the table)
    along_axes,
    elementwise,
    joins,
    products,
    reductions,
    sampling,
    selections,
    sequences,
    views,
    windows,
    writes,
)
from modellint.shapes.core import OPS, NotTensor, Op, Out, Refused, Tensor, Unsure

__all__ = ["OPS", "NotTensor", "Op", "Out", "Refused", "Tensor", "Unsure"]
