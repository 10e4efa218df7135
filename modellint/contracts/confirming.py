"""A contract, tried out: whether the model behaves as it says at sizes inside and outside."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from modellint.contracts.admitted import Contract, Sizes
from modellint.contracts.contract import contract, sizes_of
from modellint.graph import Graph
from modellint.symbolic.dims import Constraint, evaluate
from modellint.symbolic.equalities import LIMIT


def confirm(graph: Graph) -> Contract:
    """The contract of a graph, tried out: the model is run on meta at sizes inside and outside.

    What operations demand is taken as it is, but where the code takes another way that does not
    demand it. What the model's own code compared is a demand only if sizes on the other side are
    refused, or run but give layers other sizes than the graph says.
    `confirmed` tells whether every size that was tried behaved as the contract says.
    """
    about = [c for c in graph.constraints if {s.name for s in c.expr.symbols} <= {*graph.symbols}]
    demands = [c for c in about if c.origin != "branch"]
    branches = [c for c in about if c.origin == "branch"]
    confirmed = graph.rerun is not None
    for name in graph.symbols:
        for _ in range(len(branches) + 1):
            sizes = contract(demands, graph.symbols)[name]
            added = False
            for size in _inside(sizes, name, branches, graph.symbols):
                if _agrees(graph, {name: size}):
                    continue
                broken = [
                    c
                    for c in branches
                    if any(s.name == name for s in c.expr.symbols)
                    and not c.holds({**graph.symbols, name: size})
                ]
                demands += broken
                branches = [c for c in branches if c not in broken]
                added = added or bool(broken)
                confirmed = confirmed and bool(broken)
                break
            if not added:
                break
        demands = _on_any_way(graph, demands, name)
        for size in _outside(contract(demands, graph.symbols)[name]):
            confirmed = confirmed and not _agrees(graph, {name: size})
    return contract(demands, graph.symbols, confirmed)


def _on_any_way(graph: Graph, demands: list[Constraint], name: str) -> list[Constraint]:
    """The demands without those that sizes beyond do without: a loop may run once less there.

    Not without equalities: where they break and the model runs, a size of 1 was broadcast.
    """
    for size in _outside(contract(demands, graph.symbols)[name]):
        values = {**graph.symbols, name: size}
        broken = [c for c in demands if not c.holds(values)]
        least = broken and all(c.relation == ">=" for c in broken)
        if least and _agrees(graph, values):
            return _on_any_way(graph, [c for c in demands if c not in broken], name)
    return demands


def _agrees(graph: Graph, sizes: Mapping[str, int]) -> bool:
    """Whether the model runs at these sizes and its layers then have the sizes the graph says."""
    return holds_at(graph, sizes) is True


def holds_at(graph: Graph, sizes: Mapping[str, int]) -> bool | None:
    """Whether layers have the sizes the graph says in a run at others; `None`: it refuses them."""
    values = {**graph.symbols, **sizes}
    again = graph.rerun(values) if graph.rerun is not None else None
    if again is None:
        return None
    shown = {node.key: node for node in again.calls() if node.op != "pad"}
    for node in graph.calls():
        other = shown.get(node.key)
        if node.op == "pad" or other is None:
            continue
        for mine, theirs in zip(node.outputs, other.outputs, strict=False):
            known = mine.known and theirs.known
            if known and tuple(evaluate(s, values) for s in mine.shape) != theirs.example:
                return False
    return True


def _inside(
    sizes: Sizes, name: str, branches: Sequence[Constraint], example: Mapping[str, int]
) -> list[int]:
    """Sizes that the contract admits: its ends, and one that breaks each compared condition."""
    step = sizes.apart or sizes.multiple_of
    valid = list(sizes.values or range(sizes.min, (sizes.max or LIMIT) + 1, step))
    chosen = {valid[0], valid[min(1, len(valid) - 1)], valid[-1] if sizes.max else valid[0]}
    for branch in branches:
        if any(symbol.name == name for symbol in branch.expr.symbols):
            near = sorted(valid, key=lambda size: abs(size - example[name]))[:256]
            near += _outside(sizes_of(name, [branch], example))
            broken = (
                size
                for size in near
                if not branch.holds({**example, name: size}) and _admits(sizes, size)
            )
            chosen.update(itertools.islice(broken, 1))
    return sorted(chosen)


def _admits(sizes: Sizes, size: int) -> bool:
    if sizes.values is not None:
        return size in sizes.values
    inside = size >= sizes.min and (sizes.max is None or size <= sizes.max)
    if sizes.apart is not None:
        return inside and (size - sizes.min) % sizes.apart == 0
    return inside and size % sizes.multiple_of == 0


def _outside(sizes: Sizes) -> list[int]:
    """Sizes just outside of what the contract admits."""
    chosen = []
    if sizes.min > 1:
        chosen.append(sizes.min - 1)
    if sizes.apart is not None:
        # Not near the least: what is left of a map there may be 1, which broadcasts.
        chosen.append(sizes.min + sizes.apart + 1)
    elif sizes.multiple_of > 1 and sizes.max != sizes.min:
        chosen.append(sizes.min + 1)
    if sizes.max is not None:
        chosen.append(sizes.max + 1)
    return chosen
