"""What a run demands of sizes: constraints, and who is told of them while it runs.

An operation demands that sizes fit, and a comparison in the model's own code says of them how it
came out. Both are facts that a model's contract is made of.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import count
from typing import Literal

from modellint.symbolic import expressions as ex
from modellint.symbolic.expressions import Expr

Relation = Literal["==", "!=", ">="]
DemandedBy = Literal["operation", "branch", "tool"]
Values = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Constraint:
    """What a run demands of the sizes: `expr relation 0`, and who demands it.

    `origin` tells who: `operation` where sizes must fit, `branch` where the model's own code
    compared a size and went one way, `tool` where a size left the integers and its expression
    could not follow, so that the trace holds only for sizes that give the same value.
    """

    expr: Expr
    relation: Relation
    reason: str = ""
    origin: DemandedBy = "operation"

    @property
    def text(self) -> str:
        """The demand as a Python expression that must be true, as `H - 4 >= 0`."""
        return f"{self.expr} {self.relation} 0"

    def holds(self, values: Mapping[str, int]) -> bool:
        """Whether these sizes satisfy it; a division by zero counts as refusal."""
        try:
            value = self.expr.evaluate(values)
        except ZeroDivisionError:
            return False
        return (
            value == 0
            if self.relation == "=="
            else value != 0
            if self.relation == "!="
            else (value >= 0)
        )


def conjunction(demands: Iterable[Constraint]) -> str:
    """All demands as one Python expression that must be true."""
    return " and ".join(dict.fromkeys(demand.text for demand in demands)) or "True"


def jointly(demands: Iterable[Constraint], known: Collection[str]) -> Callable[[Values], bool]:
    """One test of sizes by all demands that speak of `known` symbols only, compiled together."""
    spoken = [demand for demand in demands if all(s.name in known for s in demand.expr.symbols)]
    names = tuple(sorted({symbol.name for demand in spoken for symbol in demand.expr.symbols}))
    condition = ex.compiled(conjunction(spoken), names)

    def holds(values: Values) -> bool:
        try:
            return bool(condition(*[values[name] for name in names]))
        except ZeroDivisionError:
            return False

    return holds


_recorder: ContextVar[Callable[[Expr, Relation, DemandedBy], None] | None] = ContextVar(
    "recorder", default=None
)
_unknowns: ContextVar[dict[str, int] | None] = ContextVar("unknowns", default=None)
_numbers = count()


@contextmanager
def recording(
    record: Callable[[Expr, Relation, DemandedBy], None], unknowns: dict[str, int] | None = None
) -> Iterator[None]:
    """Hand every demand on sizes inside the block to `record(expr, relation, origin)`.

    Sizes of which nothing but the example is known enter `unknowns`, by their symbol's name.
    """
    token, other = _recorder.set(record), _unknowns.set(unknowns)
    try:
        yield
    finally:
        _recorder.reset(token)
        _unknowns.reset(other)


def demand(of: Expr, relation: Relation, origin: DemandedBy = "operation") -> None:
    """Record `of relation 0`, unless it says nothing."""
    record = _recorder.get()
    if record is None or of.constant is not None:
        return
    if relation != "==":
        low = ex.least(of)
        if low is not None and low >= (1 if relation == "!=" else 0):
            return
    record(of, relation, origin)


def demand_outcome(gap: Expr, order: str, outcome: bool) -> None:
    """Record what a comparison says by how it came out, `gap` being left minus right, integers."""
    if order in ("==", "!="):
        demand(gap, "==" if outcome is (order == "==") else "!=", "branch")
        return
    # a < b and its negation a >= b, as one demand that holds at the example.
    if order in ("<", ">="):
        least = gap if outcome is (order == ">=") else ex.subtract(ex.negate(gap), ex.ONE)
    else:
        least = ex.negate(gap) if outcome is (order == "<=") else ex.subtract(gap, ex.ONE)
    demand(least, ">=", "branch")


def unknown_size(value: int) -> Expr:
    """A new symbol for a size of which only the value in the example is known."""
    name = f"u{next(_numbers)}"
    unknowns = _unknowns.get()
    if unknowns is not None:
        unknowns[name] = value
    return ex.atom(ex.symbol(name, unknown=True))
