"""A contract, tried out: whether the model behaves as it says at sizes inside and outside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from typing import TypeAlias

from modellint.contracts.admitted import Contract
from modellint.contracts.contract import contract, ties
from modellint.contracts.drawing import beyond, drawn_apart, drawn_sizes, drawn_together, solving
from modellint.graph import Graph, Tensor
from modellint.symbolic import expressions as ex
from modellint.symbolic.constraints import Constraint, Relation
from modellint.symbolic.dims import evaluate
from modellint.symbolic.expressions import Expr

Key: TypeAlias = tuple[Expr, Relation]
Values: TypeAlias = Mapping[str, int]

#: How many runs a confirmation may take; what is not settled by then is not confirmed.
RUNS = 120
#: How often sizes are looked for that fit a way of the code which refused others.
_FURTHER = 4


class Verdict(Enum):
    """What came of a run at other sizes than the example's."""

    AGREES = "it runs, and every layer has the sizes that the graph says"
    ACCEPTS = "it runs, and its results have the sizes that the graph says, a layer has not"
    DIFFERS = "it runs, and its results have other sizes than the graph says"
    REFUSES = "it does not run"

    @property
    def runs_as_said(self) -> bool:
        """Whether the model takes the sizes and gives what it is said to give."""
        return self in (Verdict.AGREES, Verdict.ACCEPTS)


def confirm(graph: Graph) -> Contract:
    """The contract of a graph, tried out: the model is run on meta at sizes inside and outside.

    What operations demand is a demand until the model runs without it: the code takes another way
    there, and what that way demands counts from then on. What the model's own code compared is a
    demand only if sizes on the other side are refused, or give results of other sizes than the
    graph says. `confirmed` tells that every size that was tried behaved as the contract says: those
    inside run, and each layer has the sizes that the graph says; those outside are refused.
    """
    if graph.rerun is None:
        return contract(graph.constraints, graph.symbols, ties=ties(graph))
    trials = _Trials(graph)
    trials.try_branches()
    while trials.settle():
        pass
    demands = trials.demands()
    return contract(demands, graph.symbols, trials.as_said(), ties=ties(graph))


class _Trials:
    """The runs that a confirmation made, and what they leave of the constraints."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.verdicts: dict[tuple[int, ...], Verdict] = {}
        #: By sizes that were tried, which of the constraints they break.
        self.broken: dict[tuple[int, ...], set[Key]] = {}
        #: Each constraint of a run that the graph is right about.
        self.known: dict[Key, Constraint] = {}
        #: How often the model ran as said without a constraint.
        self.without: Counter[Key] = Counter()
        #: What the code compared in any run, whichever way it went then.
        self.compared: dict[Key, Constraint] = {}
        self._note(graph.constraints)
        self._learn(graph.constraints)
        self.needed = self._needed()

    def demands(self) -> list[Constraint]:
        """What the sizes must satisfy, by all the runs so far."""
        return [constraint for key, constraint in self.known.items() if key in self.needed]

    def branches(self) -> list[Constraint]:
        """What the model's code compared, as long as nothing tells whether it is a demand."""
        return [
            constraint
            for key, constraint in self.known.items()
            if constraint.origin == "branch" and not self.without[key] and key not in self.needed
        ]

    def _needed(self) -> set[Key]:
        """Which constraints are demands: what operations demand, unless the model does without.

        And for sizes that the model does not take although they break none of these, what they
        break of what its code compared; else of what the fewest other sizes did without, which
        then ran by chance: a size of 1 is broadcast, and of two alternatives one may do.
        """
        needed = {
            key
            for key, constraint in self.known.items()
            if constraint.origin != "branch" and not self.without[key]
        }
        refused = [self.broken[s] for s, v in self.verdicts.items() if not v.runs_as_said]
        for by_chance in (False, True):
            for broken in refused:
                if not broken or broken & needed:
                    continue
                least = min(self.without[key] for key in broken)
                if by_chance or not least:
                    needed |= {key for key in broken if self.without[key] == least}
        return needed

    def try_branches(self) -> None:
        """Run once beyond each comparison, where the demands allow it."""
        for constraint in self.branches():
            if constraint not in self.branches():
                continue  # An earlier run has told.
            others = [other for other in self.branches() if other is not constraint]
            example, exact = self.graph.symbols, self.graph.exact
            sizes = beyond(constraint, self.demands(), others, example, exact)
            if sizes is not None:
                self.try_way(sizes)

    def try_way(self, sizes: Values) -> None:
        """Run at some sizes; where they are refused, at some that fit the way that was taken."""
        demands: list[Constraint] = []
        for _ in range(_FURTHER):
            again = self.run(sizes)
            if again is None or again.mismatch is None:
                return
            demands += self._about_this(again)
            found = solving(demands, self.graph.symbols, self.graph.exact)
            if found is None:
                return
            sizes = found

    def settle(self) -> bool:
        """Run inside and outside of the demands; whether that changed them, with runs left."""
        before = self.demands()
        for sizes in self._drawn(before):
            self.run(sizes)
            if len(self.verdicts) >= RUNS:
                return False
            if self.demands() != before:
                return True
        return False

    def _drawn(self, demands: Sequence[Constraint]) -> Iterable[Values]:
        example, exact = self.graph.symbols, self.graph.exact
        for name in example:
            for size in sorted(drawn_sizes(name, demands, example, exact)):
                yield {**example, name: size}
        yield from drawn_together(demands, example, exact)
        compared, tried = [*self.compared.values()], [values for values, _ in self._tried()]
        yield from drawn_apart(demands, compared, tried, example, exact)

    def as_said(self) -> bool:
        """Whether all sizes that were tried behaved as the demands say."""
        demands = self.demands()
        return len(self.verdicts) < RUNS and all(
            verdict is (Verdict.AGREES if _satisfy(demands, values) else Verdict.REFUSES)
            for values, verdict in self._tried()
        )

    def _tried(self) -> Iterable[tuple[Values, Verdict]]:
        for sizes, verdict in self.verdicts.items():
            yield dict(zip(self.graph.symbols, sizes, strict=True)), verdict

    def run(self, values: Values) -> Graph | None:
        """Run at some sizes, unless that was done, and draw the conclusions."""
        key = tuple(values[name] for name in self.graph.symbols)
        if key in self.verdicts or self.graph.rerun is None:
            return None
        again = self.graph.rerun(values)
        verdict = judged(self.graph, again, values)
        theirs = self._about_this(again) if again is not None else []
        self._note(theirs)
        self.broken[key] = {of for of, c in self.known.items() if not c.holds(values)}
        self.verdicts[key] = verdict
        if again is not None and verdict.runs_as_said:
            self.without.update(self.broken[key])
            self._learn(theirs)
        elif again is not None and verdict is Verdict.REFUSES:
            here = {**again.symbols, **values}
            self._learn(c for c in theirs if c.origin != "branch" and not c.holds(here))
        self.needed = self._needed()
        return again

    def _about_this(self, again: Graph) -> list[Constraint]:
        """What a run demanded and compared, about the sizes that are free in this graph."""
        known = {
            ex.symbol(name): ex.constant(size)
            for name, size in again.symbols.items()
            if name not in self.graph.symbols
        }
        return [replace(c, expr=ex.substitute(c.expr, known)) for c in again.constraints]

    def _note(self, constraints: Iterable[Constraint]) -> None:
        """Note what the code compared, in one form for both outcomes."""
        for constraint in constraints:
            names = {symbol.name for symbol in constraint.expr.symbols}
            if constraint.origin == "branch" and names <= self.graph.symbols.keys():
                self.compared.setdefault(_either_way(constraint), constraint)

    def _learn(self, constraints: Iterable[Constraint]) -> None:
        """Take over what a run demanded, unless the model is known to run without it."""
        tried = [*self._tried()]
        fine = [self.graph.symbols, *(values for values, verdict in tried if verdict.runs_as_said)]
        for constraint in constraints:
            key = (constraint.expr, constraint.relation)
            if key in self.known and not (
                self.known[key].origin == "branch" and constraint.origin != "branch"
            ):
                continue
            about = {symbol.name for symbol in constraint.expr.symbols} <= {*self.graph.symbols}
            if about and all(constraint.holds(values) for values in fine):
                self.known[key] = constraint
                for sizes, (values, _) in zip(self.verdicts, tried, strict=True):
                    if not constraint.holds(values):
                        self.broken[sizes].add(key)


def _either_way(comparison: Constraint) -> Key:
    """What a comparison and its opposite have in common."""
    expr = comparison.expr
    if comparison.relation != ">=":
        return expr, "=="
    return min(expr, ex.subtract(ex.negate(expr), ex.ONE), key=str), ">="


def _satisfy(demands: Iterable[Constraint], values: Values) -> bool:
    return all(demand.holds(values) for demand in demands)


def judged(graph: Graph, again: Graph | None, values: Values) -> Verdict:
    """What a run at other sizes says of the graph."""
    if again is None or again.mismatch is not None:
        return Verdict.REFUSES
    layers = {node.key: node.outputs for node in again.calls() if node.op != "pad"}
    return compared(graph, [node.outputs for node in again.outputs], layers, values)


def compared(
    graph: Graph,
    results: Sequence[Sequence[Tensor]],
    layers: Mapping[str, Sequence[Tensor]],
    values: Values,
) -> Verdict:
    """What the results and the layers, by key, of a run that came to its end say of the graph."""
    pairs = zip(graph.outputs, results, strict=False)
    if len(graph.outputs) != len(results) or not all(
        _as_said(mine.outputs, theirs, values) for mine, theirs in pairs
    ):
        return Verdict.DIFFERS
    for node in graph.calls():
        other = layers.get(node.key)
        if node.op != "pad" and other and not _as_said(node.outputs, other, values):
            return Verdict.ACCEPTS
    return Verdict.AGREES


def _as_said(mine: Sequence[Tensor], theirs: Sequence[Tensor], values: Values) -> bool:
    return all(
        not (one.known and other.known)
        or tuple(evaluate(size, values) for size in one.shape) == other.example
        for one, other in zip(mine, theirs, strict=False)
    )
