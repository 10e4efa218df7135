"""What a running forward leaves behind: one record an operation, before the graph is made of it."""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType
from typing import Any

from modellint.dims import Constraint, Origin, Relation
from modellint.expressions import Expr
from modellint.graph import Site


class Record:
    """One operation as it ran: its function, its arguments with tensors replaced by records."""

    __slots__ = (
        "args",
        "arguments",
        "call",
        "dtypes",
        "func",
        "index",
        "inputs",
        "kwargs",
        "leaf",
        "module",
        "op",
        "path",
        "shapes",
        "varying",
    )

    def __init__(
        self,
        index: int,
        op: str,
        func: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        arguments: dict[str, Any],
        inputs: tuple[Record, ...],
        module: Any,
        call: Site | None,
    ) -> None:
        self.index = index
        self.op = op
        self.func = func
        self.args = args
        self.kwargs = kwargs
        self.arguments = arguments
        self.inputs = inputs
        self.module = module
        self.call = call
        self.leaf: Any = None
        self.path: tuple[Any, ...] = ()
        self.shapes: tuple[tuple[int, ...], ...] = ()
        self.dtypes: tuple[str, ...] = ()
        self.varying = op == "input" or any(record.varying for record in inputs)


class Tape:
    """The records and constraints of one forward, in order."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.constraints: dict[tuple[Expr, Relation], Constraint] = {}
        self.describe: Callable[[], str] = str

    def demand(self, expr: Expr, relation: Relation, origin: Origin) -> None:
        """Keep one constraint; the first place that demands it gives the reason.

        What an operation demands stands over what a branch only happened to compare.
        """
        key = (expr, relation)
        known = self.constraints.get(key)
        if known is None or (known.origin == "branch" and origin == "operation"):
            self.constraints[key] = Constraint(expr, relation, self.describe(), origin)


_positions: dict[tuple[CodeType, int], tuple[int, int, int, int]] = {}


def position(code: CodeType, instruction: int) -> tuple[int, int, int, int]:
    """Line, column, end line and end column (from 1, in code units) of an instruction."""
    key = (code, instruction)
    found = _positions.get(key)
    if found is None:
        line, end, column, last = list(code.co_positions())[instruction // 2]
        line = line or code.co_firstlineno
        found = (line, (column or 0) + 1, end or line, (last or 0) + 1)
        _positions[key] = found
    return found
