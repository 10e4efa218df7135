"""Which sizes a model accepts: the recorded constraints, solved.

A run demands things of its sizes (`H - 4 >= 0`, `(H // 4 - 3)*(W // 4 - 3) == 25`). `pinned` finds
the symbols that these leave no choice, `contract` says of each other symbol which sizes it may
have while the others keep the example's, and which conditions tie several symbols. Sizes are
enumerated from 1 to 1024; conditions that only grow with a size are solved by bisection.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import gcd
from pathlib import Path
from typing import Any

from modellint import expressions as ex
from modellint.dims import Constraint, Dim, evaluate
from modellint.expressions import Expr, Floor, Symbol
from modellint.graph import Graph, Node, fact

#: Sizes are tried up to here; what holds there is taken to hold for all greater ones.
LIMIT = 1024
#: How many of the sizes that a contract names are held to a condition, to see whether it says more.
_TRIED = 64


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes one symbol may have while the others keep the example's.

    `max` is `None` where there is no greatest; `values` lists them where only some work. `apart`
    is how far the sizes are from each other where they are no multiples: 2 for those that are odd.
    """

    min: int = 1
    max: int | None = None
    multiple_of: int = 1
    values: tuple[int, ...] | None = None
    apart: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The sizes as the JSON report has them."""
        values = None if self.values is None else list(self.values)
        return {
            "min": self.min,
            "max": self.max,
            "multiple_of": self.multiple_of,
            "values": values,
        }


@dataclass(frozen=True)
class Contract:
    """The sizes a model accepts: each free symbol's, and what ties several of them.

    `told` are those of the joint conditions that the sizes say in full, though not in JSON.
    """

    sizes: Mapping[str, Sizes] = field(default_factory=dict)
    joint: tuple[str, ...] = ()
    confirmed: bool = False
    told: frozenset[str] = frozenset()

    def __getitem__(self, symbol: str) -> Sizes:
        return self.sizes[symbol]

    def to_dict(self) -> dict[str, Any]:
        """The symbols' sizes as the JSON report has them."""
        return {name: sizes.to_dict() for name, sizes in self.sizes.items()}


def pinned(constraints: Iterable[Constraint]) -> dict[Symbol, Expr]:
    """The symbols that have only one size, or are the same as another, by the equalities."""
    known: dict[Symbol, Expr] = {}
    equalities = [c.expr for c in constraints if c.relation == "=="]
    progress = True
    while progress:
        progress = False
        for expr in equalities:
            expr = without_factors(ex.substitute(expr, known))
            if expr.constant is not None:
                continue
            found = _solved(expr)
            if found is None:
                continue
            symbol, value = found
            known = {s: ex.substitute(e, {symbol: value}) for s, e in known.items()}
            known[symbol] = value
            progress = True
    return known


def without_factors(expr: Expr) -> Expr:
    """An expression that is zero exactly where the given one is, without needless factors."""
    if not expr.terms:
        return expr
    number = gcd(*(factor for _, factor in expr.terms))
    common: dict[Symbol, int] | None = None
    for monomial, _ in expr.terms:
        powers = {a: p for a, p in monomial if isinstance(a, Symbol)}
        common = (
            powers
            if common is None
            else {a: min(p, powers[a]) for a, p in common.items() if a in powers}
        )
    if number == 1 and not common:
        return expr
    divisor = ex.constant(number)
    for symbol, power in (common or {}).items():
        for _ in range(power):
            divisor = ex.multiply(divisor, ex.atom(symbol))
    return ex.divide_exactly(expr, divisor) or expr


def _solved(expr: Expr) -> tuple[Symbol, Expr] | None:
    """A symbol and its value, where `expr == 0` leaves it no choice."""
    if any(symbol.unknown for symbol in expr.symbols):
        return None
    for symbol in sorted(expr.symbols, key=lambda s: s.key, reverse=True):
        rest = _isolated(expr, symbol)
        if rest is not None and (rest.constant is not None or _simple(rest)):
            return symbol, rest
    if len(expr.symbols) == 1:
        (symbol,) = expr.symbols
        solutions = []
        for size in range(1, LIMIT + 1):
            if Constraint(expr, "==").holds({symbol.name: size}):
                solutions.append(size)
                if len(solutions) > 1:
                    return None
        if len(solutions) == 1:
            return symbol, ex.constant(solutions[0])
    return None


def _isolated(expr: Expr, symbol: Symbol) -> Expr | None:
    """What the symbol equals, where it stands alone in one term with the factor 1 or -1."""
    alone = ((symbol, 1),)
    factor = dict(expr.terms).get(alone)
    if factor not in (1, -1):
        return None
    rest = ex.subtract(expr, ex.multiply(ex.constant(factor), ex.atom(symbol)))
    if symbol in rest.symbols:
        return None
    return ex.negate(rest) if factor == 1 else rest


def _simple(expr: Expr) -> bool:
    """Whether one symbol may be written by others in this way: no floors, no products."""
    return all(
        sum(power for _, power in monomial) <= 1
        and not any(isinstance(a, Floor) for a, _ in monomial)
        for monomial, _ in expr.terms
    )


def grows(expr: Expr, symbol: Symbol) -> bool:
    """Whether the expression never falls when the symbol grows (others at least 1)."""
    for monomial, factor in expr.terms:
        holding = [a for a, _ in monomial if symbol in ex.atom_symbols(a)]
        if not holding:
            continue
        if factor < 0 or len(monomial) > 1:
            return False
        for found in holding:
            if isinstance(found, Floor) and (
                found.denominator.constant is None or not grows(found.numerator, symbol)
            ):
                return False
    return True


def contract(
    constraints: Sequence[Constraint], symbols: Mapping[str, int], confirmed: bool = False
) -> Contract:
    """Solve what a run demanded, for its free symbols and their example sizes."""
    demands: dict[tuple[Expr, str], Constraint] = {}
    for constraint in constraints:
        expr = constraint.expr
        if constraint.relation == "==":
            expr = without_factors(expr)
        names = {s.name for s in expr.symbols}
        if not names or not names <= symbols.keys():
            continue
        demands[expr, constraint.relation] = Constraint(
            expr, constraint.relation, constraint.reason, constraint.origin
        )
    sizes = {}
    for name in symbols:
        about = [c for c in demands.values() if any(s.name == name for s in c.expr.symbols)]
        sizes[name] = _sizes_of(name, about, symbols)
    joint = [
        condition(c)
        for c in demands.values()
        if (_unsaid(c, sizes) if len(c.expr.symbols) == 1 else not _implied(c, sizes))
    ]
    told = [
        condition(c)
        for c in demands.values()
        if len(c.expr.symbols) == 1 and sizes[next(iter(c.expr.symbols)).name].apart is not None
    ]
    return Contract(sizes, tuple(dict.fromkeys(joint)), confirmed, frozenset(told))


@fact
def accepted(graph: Graph) -> Contract:
    """What a graph's constraints say, not tried by running; shared by rules and the report."""
    return contract(graph.constraints, graph.symbols)


def sized_axes(graph: Graph) -> Iterator[tuple[str, Sizes]]:
    """The axes of the inputs but batch and channels, by name, and the sizes that each may have.

    An axis whose size is the same as another's, or follows from it, is left out.
    """
    known = accepted(graph).sizes
    for given in graph.inputs:
        for place, axis in enumerate(given.axes):
            size = given.node.output.shape[place]
            if axis not in _SIZED and (place == 0 or axis == "C"):
                continue
            if axis in known:
                yield axis, known[axis]
            elif not isinstance(size, Dim):
                yield axis, Sizes(size, size, 1, (size,))


@fact
def demands(graph: Graph) -> tuple[tuple[Node, Constraint], ...]:
    """The constraints that operations made, each with its call; not what the code compared."""
    at: dict[str, Node] = {}
    for node in graph.nodes:
        if node.call is not None:
            at.setdefault(f"{node.op} at {node.call.path}:{node.call.line}", node)
    return tuple(
        (at[constraint.reason], constraint)
        for constraint in graph.constraints
        if constraint.origin == "operation" and constraint.reason in at
    )


def _implied(constraint: Constraint, sizes: Mapping[str, Sizes]) -> bool:
    """Whether a joint condition says nothing that the least sizes do not say."""
    if constraint.relation == "==":
        return False
    names = [s.name for s in constraint.expr.symbols]
    growing = all(grows(constraint.expr, s) for s in constraint.expr.symbols)
    return growing and constraint.holds({name: sizes[name].min for name in names})


def _unsaid(constraint: Constraint, sizes: Mapping[str, Sizes]) -> bool:
    """Whether a condition on one symbol, such as that H is odd, has no short form in its sizes."""
    (symbol,) = constraint.expr.symbols
    said = sizes[symbol.name]
    if said.values is not None or constraint.relation == ">=":
        return False
    tried = range(said.min, said.min + _TRIED * said.multiple_of, said.multiple_of)
    return not all(
        constraint.holds({symbol.name: size})
        for size in tried
        if said.max is None or size <= said.max
    )


def _sizes_of(name: str, about: Sequence[Constraint], example: Mapping[str, int]) -> Sizes:
    symbol = ex.symbol(name)
    others = {
        s: ex.constant(example[s.name]) for c in about for s in c.expr.symbols if s is not symbol
    }
    least, most, rest = 1, None, []
    for constraint in about:
        alone = Constraint(ex.substitute(constraint.expr, others), constraint.relation)
        if alone.expr.constant is not None:
            continue
        if alone.relation == ">=" and grows(alone.expr, symbol):
            least = max(least, _first(alone, name))
        elif alone.relation == ">=" and grows(ex.negate(alone.expr), symbol):
            # What only falls with the size holds up to the last size before its opposite begins.
            beyond = ex.subtract(ex.negate(alone.expr), ex.ONE)
            last = _first(Constraint(beyond, ">="), name) - 1
            most = last if most is None else min(most, last)
        else:
            rest.append(alone)
    if not rest and (most is None or most - least >= 64):
        return Sizes(min=least, max=most)
    limit = max(LIMIT, 2 * example[name])
    sizes = range(least, min(limit, limit if most is None else most) + 1)
    found = _summary(_satisfying(rest, name, sizes), limit, example[name])
    if most is not None and most > limit and found.max is None:
        return replace(found, max=most - most % found.multiple_of)
    return found


def _satisfying(demands: Sequence[Constraint], name: str, sizes: Iterable[int]) -> list[int]:
    """Those sizes of a symbol that satisfy every demand; one compiled condition tests them all."""
    together = " and ".join(dict.fromkeys(demand.text for demand in demands)) or "True"
    holds = ex.compiled(together, (name,))
    valid = []
    for size in sizes:
        try:
            if holds(size):
                valid.append(size)
        except ZeroDivisionError:
            continue
    return valid


def _first(constraint: Constraint, name: str) -> int:
    """The least size from which on a growing condition holds."""
    low, high = 1, 1
    while not constraint.holds({name: high}):
        low, high = high + 1, high * 2
        if high > 1 << 40:
            return high
    while low < high:
        middle = (low + high) // 2
        if constraint.holds({name: middle}):
            high = middle
        else:
            low = middle + 1
    return low


def _summary(valid: Sequence[int], limit: int, example: int) -> Sizes:
    if not valid:
        return Sizes(min=example, max=example, values=(example,))
    first, last = valid[0], valid[-1]
    step = gcd(*valid)
    if len(valid) == 1 and last + first <= limit:
        return Sizes(first, first, 1, (first,))
    if limit - last < max(step, *(b - a for a, b in pairwise(valid)), 1):
        if len(valid) == (last - first) // step + 1:
            return Sizes(first, None, step)
        gaps = {later - earlier for earlier, later in pairwise(valid)}
        apart = gaps.pop() if len(gaps) == 1 else None
        # Else neither an interval nor the multiples of a number: no short form says it all.
        return Sizes(first, None, step, tuple(valid) if len(valid) <= 64 else None, apart)
    return Sizes(first, last, step, tuple(valid) if len(valid) <= 64 else None)


_OPPOSITE = {"==": "!=", "!=": "=="}


def condition(constraint: Constraint) -> str:
    """A constraint as a readable condition: `(H // 4 - 3)*(W // 4 - 3) == 25`."""
    expr = constraint.expr
    if constraint.relation != ">=":
        expr = without_factors(expr)
    moved = _completed(expr)
    if moved is not None:
        left, right = moved
        relation: str = constraint.relation
        if left.terms[0][1] < 0:
            left, right = ex.negate(left), ex.negate(right)
            relation = "<=" if relation == ">=" else relation
        return f"{left} {relation} {right}"
    positive = {m: f for m, f in expr.terms if f > 0 and m}
    negative = {m: -f for m, f in expr.terms if f < 0 and m}
    number = dict(expr.terms).get((), 0)
    if number > 0 and not negative:
        negative, positive = {}, positive
        return f"{ex.polynomial(positive)} {constraint.relation} {-number}"
    sides = (positive, negative)
    sides[0 if number > 0 else 1][()] = abs(number)
    left, right = (ex.polynomial(side) for side in sides)
    return f"{left} {constraint.relation} {right}"


def _completed(expr: Expr) -> tuple[Expr, Expr] | None:
    """`left == right` with a right number for which the left is a product of separate symbols."""
    terms = dict(expr.terms)
    number = terms.pop((), 0)
    mixed = next((m for m in terms if len(m) == 2 and all(p == 1 for _, p in m)), None)
    if mixed is None:
        return None
    first, second = ((item,) for item in mixed)
    across, over, down = terms[mixed], terms.get(first, 0), terms.get(second, 0)
    if (over * down) % across:
        return None
    added = over * down // across
    left = ex.polynomial({**terms, (): added})
    bare = len(left.terms) > 1 and not str(left).startswith("(")
    if added and (bare or "*" not in str(left)):
        return None
    return left, ex.constant(added - number)


#: The names of axes that are neither the batch nor channels, wherever they stand.
_SIZED = frozenset({"D", "H", "W", "L"})
#: Sides that data sets have, the likelier first, for pictures of one channel and for others.
_COMMON = {1: (28, 32, 64, 224), 3: (32, 224, 64, 28, 256, 299)}


#: Sizes that are tried where none up to the limit will do: seconds of sound are long.
_LONG = tuple(1 << power for power in range(11, 21))


#: Sizes below this are none that a picture has: there every map of a network may be one pixel.
_COLLAPSED = 16


def _joins(demand: Constraint) -> bool:
    """Whether a demand is that two maps which meet have one size; maps of one pixel always have."""
    op = demand.reason.partition(" at ")[0]
    return demand.relation == "==" and op in ("add", "sub", "mul", "cat", "stack")


def _hold(
    demands: Iterable[Constraint], example: Mapping[str, int], names: Sequence[str], size: int
) -> bool:
    values = {**example, **dict.fromkeys(names, size)}
    return all(demand.holds(values) for demand in demands)


def solutions(
    constraints: Sequence[Constraint], example: Mapping[str, int], free: Sequence[str]
) -> Iterator[dict[str, int]]:
    """Sizes that satisfy the constraints: square ones first, common ones before the smallest.

    Where sizes need only be small enough, the greatest come first: a sequence of one token says
    little. There are none where maps that meet agree only when little is left of both. Symbols
    outside `free` keep the example's sizes.
    """
    relevant = [
        c
        for c in constraints
        if c.origin == "operation"
        and any(s.name in free for s in c.expr.symbols)
        and all(s.name in example for s in c.expr.symbols)
    ]
    involved = [n for n in free if any(s.name == n for c in relevant for s in c.expr.symbols)]
    if not involved:
        return
    square = []
    for size in range(1, LIMIT + 1):
        if _hold(relevant, example, involved, size):
            square.append(size)
    if square[:1] == [1] and all(c.relation == ">=" for c in relevant):
        square.sort(reverse=True)
    elif square[:1] == [1] and square[-1] < _COLLAPSED and any(map(_joins, relevant)):
        return
    if not square:
        square = [size for size in _LONG if _hold(relevant, example, involved, size)]
    common = _COMMON[1 if example.get("C") == 1 else 3]
    for size in dict.fromkeys([*(side for side in common if side in square), *square]):
        yield {**example, **dict.fromkeys(involved, size)}
    if len(involved) < 2:
        return
    first, second = involved[-2:]
    for one in range(1, 257):
        for other in range(1, 257):
            values = {**example, first: one, second: other}
            if one != other and all(c.holds(values) for c in relevant):
                yield values


def confirm(graph: Graph) -> Contract:
    """The contract of a graph, tried out: the model is run on meta at sizes inside and outside.

    What operations demand is taken as it is. What the model's own code compared is a demand only
    if sizes on the other side are refused, or run but give layers other sizes than the graph says.
    `confirmed` tells whether every size that was tried behaved as the contract says.
    """
    demands = [c for c in graph.constraints if c.origin != "branch"]
    branches = [c for c in graph.constraints if c.origin == "branch"]
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
        for size in _outside(contract(demands, graph.symbols)[name]):
            confirmed = confirmed and not _agrees(graph, {name: size})
    return contract(demands, graph.symbols, confirmed)


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
            near += _outside(_sizes_of(name, [branch], example))
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


def describe(graph: Graph, of: Contract) -> str:
    """The contract in one line of words, with who demands it.

    As `N any; C = 3; H and W multiples of 16, at least 16 (cat at net.py:41: H == 16*(H // 16))`.
    Conditions that say of one symbol alone what the words have said are left out.
    """
    said: dict[str, list[str]] = {}
    for given in graph.inputs:
        for axis, size in zip(given.axes, given.node.output.shape, strict=True):
            if axis in of.sizes:
                continue
            if not isinstance(size, Dim):
                said.setdefault(f"= {size}", []).append(axis)
    for name, sizes in of.sizes.items():
        said.setdefault(words(sizes), []).append(name)
    parts = []
    for phrase, symbols in sorted(said.items(), key=lambda item: ex.symbol(item[1][0]).key):
        reason = _because(graph, symbols[0], of.sizes.get(symbols[0]))
        parts.append(f"{_listed(symbols)} {phrase}{reason}")
    joint = [condition for condition in of.joint if condition not in of.told]
    return "; ".join([*parts, *joint]) or "one size only"


def _because(graph: Graph, name: str, sizes: Sizes | None) -> str:
    """Who demands the divisor or the least size of a symbol."""
    if sizes is None or sizes == Sizes():
        return ""
    values = dict(graph.symbols)
    stepped = sizes.multiple_of > 1 or sizes.apart is not None
    probe = sizes.min + 1 if stepped else sizes.min - 1
    for constraint in graph.constraints:
        if not any(s.name == name for s in constraint.expr.symbols) or not constraint.reason:
            continue
        if probe > 0 and not constraint.holds({**values, name: probe}):
            where, _, place = constraint.reason.rpartition(" at ")
            return f" ({where} at {Path(place).name}: {condition(constraint)})"
    return ""


def grouped(axes: Iterable[tuple[str, Sizes]]) -> str:
    """Axes with their sizes in words: `H and W 28 to 29`."""
    said: dict[str, list[str]] = {}
    for name, sizes in dict(axes).items():
        said.setdefault(words(sizes), []).append(name)
    return ", ".join(f"{_listed(names)} {phrase}" for phrase, names in said.items())


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def words(sizes: Sizes) -> str:
    """The sizes of a symbol in words: `any`, `28 to 29`, `odd`, `multiples of 16, at least 16`."""
    if sizes.values is not None and sizes.max is not None:
        if len(sizes.values) == 1:
            return f"= {sizes.values[0]}"
        if sizes.values == tuple(range(sizes.min, sizes.max + 1)):
            return f"{sizes.min} to {sizes.max}"
        return "one of " + ", ".join(map(str, sizes.values))
    first = 1
    said = "any" if sizes.min == 1 and sizes.multiple_of == 1 else ""
    if sizes.apart is not None:
        first = sizes.min % sizes.apart or sizes.apart
        said = "odd" if sizes.apart == 2 else f"{first} more than a multiple of {sizes.apart}"
    elif sizes.multiple_of > 1:
        said = f"multiples of {sizes.multiple_of}"
    if sizes.min > first:
        said = f"{said}, at least {sizes.min}" if said else f"at least {sizes.min}"
    if sizes.max is None:
        return said
    return f"at most {sizes.max}" if said == "any" else f"{said}, at most {sizes.max}"
