"""What a forward that raises by itself would have taken: `assert H == self.size`, turned around."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from modellint.building.failures import describe
from modellint.errors import FileError
from modellint.graph import Graph
from modellint.symbolic import expressions as ex
from modellint.symbolic.constraints import Constraint

#: How many lines a comparison may stand above the `raise` that it leads to.
_ABOVE = 4


class Objected(FileError):
    """A forward raised an exception; `wanted` is what its sizes had to be for it not to.

    `raised` is the exception in one line, `steps` how much had run before, `sizes` those that ran.
    `of_code` tells that the code is wrong whatever it is fed: a name or a module's attribute that
    there is not; `of_names` that it is however the model was built; `looked_up` that a dictionary
    has no such key, as another input may have; `took_input` that a layer had taken the input
    before, as a tensor of its kind.
    """

    def __init__(
        self,
        path: str,
        line: int | None,
        message: str,
        error: BaseException,
        steps: int = 0,
        wanted: Constraint | None = None,
        sizes: Mapping[str, int] = MappingProxyType({}),
        took_input: bool = False,
    ) -> None:
        super().__init__("trace-error", path, line, message)
        self.wanted = wanted
        self.sizes = sizes
        self.steps = steps
        self.raised = describe(error)
        self.took_input = took_input
        self.of_names = isinstance(error, NameError | ImportError)
        self.looked_up = isinstance(error, KeyError)
        self.of_code = isinstance(error, NameError | NotImplementedError | ImportError) or (
            isinstance(error, AttributeError) and "_modules" in getattr(error.obj, "__dict__", ())
        )

    def came_as_far(self, graph: Graph) -> bool:
        """Whether as much ran before the exception as of a forward whose sizes did not fit."""
        return self.steps >= len(graph.nodes)


def unmet(
    constraints: Iterable[Constraint], error: BaseException, path: str, line: int
) -> Constraint | None:
    """The demand of the comparison that led to an exception, raised at a line of a file."""
    if not isinstance(error, AssertionError | ValueError | RuntimeError):
        return None
    for constraint in reversed([*constraints]):
        place, _, number = constraint.reason.rpartition(" at ")[2].rpartition(":")
        if constraint.origin != "branch" or place != path:
            continue
        return _turned(constraint) if 0 <= line - int(number) <= _ABOVE else None
    return None


def _turned(constraint: Constraint) -> Constraint | None:
    """The opposite of what a comparison found; that two sizes differ says too little."""
    if constraint.relation == "==":
        return None
    if constraint.relation == "!=":
        return Constraint(constraint.expr, "==", constraint.reason)
    return Constraint(ex.subtract(ex.negate(constraint.expr), ex.ONE), ">=", constraint.reason)
