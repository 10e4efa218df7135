"""The sizes that a search tries next: those that satisfy what its runs demanded until then."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from modellint.contracts.solutions import followed, solutions
from modellint.inputs.feeds import Feed
from modellint.inputs.forwards import about
from modellint.symbolic import expressions as ex
from modellint.symbolic.constraints import Constraint
from modellint.symbolic.dims import Dim
from modellint.symbolic.equalities import pinned

if TYPE_CHECKING:
    from modellint.tracing.forward_run import Traced


def folded_batch(feed: Feed, traced: Traced) -> Constraint | None:
    """The demand that the first output keeps the batch, where it does not."""
    if not feed.batches or not traced.outputs or not traced.outputs[0].shapes[0]:
        return None
    first = feed.batches[0]
    size = traced.outputs[0].shapes[0][0]
    if not isinstance(size, Dim) or ex.symbol(first) not in size.expr.symbols:
        return None
    steps = [name for name in feed.unsaid - {first} if name[0] in "LT"]
    whole = ex.atom(ex.symbol(first))
    if any(size.expr == ex.multiply(whole, ex.atom(ex.symbol(step))) for step in steps):
        return None  # A row for each step of each sample, as losses of sequences take them.
    expr = ex.subtract(size.expr, whole)
    value = size.value - feed.example[first]
    return Constraint(expr, "==", "the output keeps the batch") if value else None


def next_feed(
    feed: Feed, demands: list[Constraint], tried: set[tuple[tuple[str, int], ...]]
) -> Feed | None:
    """The feed with the first sizes that satisfy the demands and were not tried."""
    hard = [c for c in demands if c.origin == "operation"]
    example = dict(feed.example)
    solved = set(feed.solved)
    pins = pinned(hard)
    for symbol, value in pins.items():
        if symbol.name in feed.searched and value.constant is not None and value.constant > 0:
            example[symbol.name] = value.constant
            solved.add(symbol.name)
    for symbol, value in pins.items():
        if symbol.name in feed.searched and value.constant is None:
            example[symbol.name] = max(1, value.evaluate(example))
    for demand in hard:
        if demand.relation == "==" and about(demand, example) and not demand.holds(example):
            example |= followed(demand, example, feed.searched - solved)
    rest = [name for name in feed.example if name in feed.searched and name not in solved]
    if all(c.holds(example) for c in hard if about(c, example)):
        key = tuple(sorted(example.items()))
        if key not in tried:
            tried.add(key)
            return replace(feed, example=example, solved=frozenset(solved))
    exact = {s.name for c in hard if c.relation == "==" for s in c.expr.symbols if s.name in rest}
    for values in solutions(hard, example, rest):
        key = tuple(sorted(values.items()))
        if key not in tried:
            tried.add(key)
            return replace(feed, example=values, solved=frozenset(solved | exact))
    return None
