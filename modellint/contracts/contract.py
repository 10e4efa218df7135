"""Which sizes a model accepts: the recorded constraints, solved.

A run demands things of its sizes (`H - 4 >= 0`, `(H // 4 - 3)*(W // 4 - 3) == 25`). `contract`
says of each symbol which sizes it may have while the others keep the example's, and which
conditions tie several symbols. Sizes are
enumerated from 1 to 1024; conditions that only grow with a size are solved by bisection.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from math import gcd

from modellint.contracts.admitted import Beside, Contract, Sizes, listed, phrases
from modellint.graph import Graph, Node, fact
from modellint.source.executed import short_place
from modellint.symbolic import expressions as ex
from modellint.symbolic.constraints import Constraint, conjunction
from modellint.symbolic.dims import Dim, symbolic
from modellint.symbolic.equalities import LIMIT, without_factors
from modellint.symbolic.expressions import Expr, Floor, Symbol

#: Greater sizes than all up to the limit, at which a condition may still say more than sizes do.
_GREAT = tuple(size + by for size in (1 << 12, 1 << 16, 1 << 20) for by in (-1, 0, 1))


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
    constraints: Sequence[Constraint],
    symbols: Mapping[str, int],
    confirmed: bool = False,
    ties: Sequence[str] = (),
) -> Contract:
    """Solve what a run demanded, for its free symbols and their example sizes.

    `ties` are conditions that the sizes of the inputs say of others of theirs.
    """
    demands = _about(constraints, symbols)
    sizes = {}
    for name in symbols:
        about = [c for c in demands if name in _names(c)]
        sizes[name] = sizes_of(name, about, symbols)
    joint = [
        condition(c)
        for c in demands
        if (_unsaid(c, sizes) if len(c.expr.symbols) == 1 else not _implied(c, sizes))
    ]
    told = [
        condition(c)
        for c in demands
        if len(c.expr.symbols) == 1 and sizes[next(iter(c.expr.symbols)).name].apart is not None
    ]
    joint = list(dict.fromkeys([*ties, *joint]))
    return Contract(sizes, tuple(joint), confirmed, frozenset(told), tuple(constraints))


def _about(constraints: Iterable[Constraint], symbols: Mapping[str, int]) -> list[Constraint]:
    """What constraints say of some symbols alone, each once and in its simplest form."""
    found: dict[tuple[Expr, str], Constraint] = {}
    for constraint in constraints:
        expr = constraint.expr
        if constraint.relation == "==":
            expr = without_factors(expr)
        elif constraint.relation == ">=":
            expr = _in_lowest_terms(expr)
        simple = constraint if expr is constraint.expr else replace(constraint, expr=expr)
        if expr.symbols and _names(simple) <= symbols.keys():
            found[expr, constraint.relation] = simple
    return [*found.values()]


@fact
def accepted(graph: Graph) -> Contract:
    """What a graph's constraints say, not tried by running; shared by rules and the report."""
    return contract(graph.constraints, graph.symbols, ties=ties(graph))


def ties(graph: Graph) -> tuple[str, ...]:
    """The conditions that tie an axis of the inputs to others: `C + C2 == 10`.

    Not that two are the same: both have one name.
    """
    found = []
    for given in graph.inputs:
        for axis, size in zip(given.axes, given.node.output.shape, strict=True):
            if isinstance(size, Dim) and str(size.expr) not in (axis, *graph.symbols):
                gap = ex.subtract(ex.atom(ex.symbol(axis)), size.expr)
                found.append(condition(Constraint(gap, "==")))
    return tuple(dict.fromkeys(found))


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
def beside(graph: Graph) -> Beside:
    """Of symbols that others tie, the sizes of those beside which `accepted` says their sizes."""
    return held_beside(accepted(graph), graph.symbols)


def held_beside(of: Contract, example: Mapping[str, int]) -> Beside:
    """The same of a contract: what conditions of several symbols say holds beside the example."""
    found: dict[str, dict[str, int]] = {}
    demands = _about(of.demands, example)
    for name, said in of.sizes.items():
        about = [c for c in demands if name in _names(c)]
        alone = [c for c in about if len(_names(c)) == 1]
        if len(alone) == len(about):  # No other symbol has a say.
            continue
        free = sizes_of(name, alone, example)
        if said == free:
            continue
        for demand in about:
            others = sorted(_names(demand) - {name})
            if others and sizes_of(name, [*alone, demand], example) != free:
                found.setdefault(name, {}).update({one: example[one] for one in others})
    return found


def _names(constraint: Constraint) -> set[str]:
    return {symbol.name for symbol in constraint.expr.symbols}


@fact
def demands(graph: Graph) -> tuple[tuple[Node, Constraint], ...]:
    """The constraints that operations made, each with its call; not what the code compared."""
    at: dict[str, Node] = {}
    for node in graph.computed:
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
    least = {s.name: sizes[s.name].min for s in constraint.expr.symbols}
    return _grows_from(constraint.expr, least) and constraint.holds(least)


def _grows_from(expr: Expr, least: Mapping[str, int]) -> bool:
    """Whether the expression never falls when symbols grow from these sizes on, products too."""
    for monomial, factor in expr.terms:
        alone = len(monomial) == 1 and monomial[0][1] == 1
        for atom, _ in monomial:
            if factor < 0:
                return False
            if isinstance(atom, Symbol):
                continue
            by = atom.denominator.constant
            if by is None or by < 0 or not _grows_from(atom.numerator, least):
                return False
            if not alone and ex.atom(atom).evaluate(least) < 0:
                return False
    return True


def _in_lowest_terms(expr: Expr) -> Expr:
    """An expression that is at least 0 for the same sizes: `8*X >= 2` says `X >= 1`."""
    terms = dict(expr.terms)
    number = terms.pop((), 0)
    by = gcd(*terms.values()) if terms else 1
    if by == 1:
        return expr
    lowest = {monomial: factor // by for monomial, factor in terms.items()}
    return ex.polynomial({**lowest, (): number // by})


def _unsaid(constraint: Constraint, sizes: Mapping[str, Sizes]) -> bool:
    """Whether a condition on one symbol, such as that H is odd, has no short form in its sizes."""
    (symbol,) = constraint.expr.symbols
    said = sizes[symbol.name]
    if said.values is not None:
        return False
    if constraint.relation == ">=" and grows(constraint.expr, symbol):
        return not constraint.holds({symbol.name: said.min})
    step = said.multiple_of
    # As many as there are up to a limit that nobody's size reaches, such as 2**62.
    end = LIMIT if said.max is None else said.max
    tried = [*range(said.min, min(end, said.min + LIMIT * step) + 1, step)]
    if said.max is not None:
        tried += [end] if tried and tried[-1] < end else []
    else:
        tried += [said.min + size // step * step for size in _GREAT]
    return len(_satisfying([constraint], symbol.name, tried)) < len(tried)


def sizes_of(name: str, about: Sequence[Constraint], example: Mapping[str, int]) -> Sizes:
    """The sizes that a symbol may have under conditions on it, others keeping the example's."""
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


def divisor_of(name: str, demand: Constraint, example: Mapping[str, int]) -> int:
    """The number that one demand asks a size to be a multiple of, others keeping the example's."""
    return sizes_of(name, _about([demand], example), example).multiple_of


def admitted_sizes(
    name: str, demands: Sequence[Constraint], example: Mapping[str, int], limit: int
) -> list[int]:
    """The sizes of a symbol up to a limit that satisfy demands, others keeping the example's."""
    others = {ex.symbol(other): ex.constant(size) for other, size in example.items()}
    del others[ex.symbol(name)]
    alone = [
        Constraint(ex.substitute(demand.expr, others), demand.relation)
        for demand in demands
        if any(symbol.name == name for symbol in demand.expr.symbols)
    ]
    return _satisfying(alone, name, range(1, limit + 1))


def _satisfying(demands: Sequence[Constraint], name: str, sizes: Sequence[int]) -> list[int]:
    """Those sizes of a symbol that satisfy every demand; one compiled condition tests them all."""
    wanted = f"[{name} for {name} in __sizes if {conjunction(demands)}]"
    holding = ex.compiled(wanted, ("__sizes",))
    try:
        valid: list[int] = holding(sizes)
        return valid
    except ZeroDivisionError:  # At one of them, which then satisfies nothing.
        return [size for size in sizes if all(demand.holds({name: size}) for demand in demands)]


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
    if not number and len(terms) == 2:
        return None
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


def describe(graph: Graph, of: Contract) -> str:
    """The contract in one line of words, with who demands it.

    As `N any; C = 3; H and W multiples of 16, at least 16 (cat at net.py:41: H == 16*(H // 16))`.
    Conditions that say of one symbol alone what the words have said are left out, and so are sizes
    that only this run fixed, since a loop counted them.
    """
    fixed: dict[str, list[str]] = {}
    for given in graph.inputs:
        for axis, size in zip(given.axes, given.node.output.shape, strict=True):
            if axis in of.sizes or axis in graph.counted:
                continue
            if not isinstance(size, Dim) or str(size.expr) in of.sizes:
                fixed.setdefault(f"= {symbolic(size)}", []).append(axis)
    tied = held_beside(of, graph.symbols)
    said = [(names, phrase) for phrase, names in fixed.items()]
    said += phrases(of.sizes.items(), tied)
    joint = [condition for condition in of.joint if condition not in of.told]
    parts = []
    for names, phrase in sorted(said, key=lambda item: ex.symbol(item[0][0]).key):
        reason = _because(graph, of.demands, names[0], of.sizes.get(names[0]), joint)
        parts.append(f"{listed(names)} {phrase}{reason}")
    return "; ".join([*parts, *joint]) or "one size only"


def _because(
    graph: Graph,
    demands: Sequence[Constraint],
    name: str,
    sizes: Sizes | None,
    joint: Sequence[str],
) -> str:
    """Who demands the divisor or the least size of a symbol, and what, unless it is said anyway."""
    if sizes is None or sizes == Sizes():
        return ""
    values = dict(graph.symbols)
    stepped = sizes.multiple_of > 1 or sizes.apart is not None
    probe = sizes.min + 1 if stepped else sizes.min - 1
    for constraint in demands:
        names = {s.name for s in constraint.expr.symbols}
        if name not in names or not names <= values.keys() or not constraint.reason:
            continue
        if probe > 0 and not constraint.holds({**values, name: probe}):
            where, _, at = constraint.reason.rpartition(" at ")
            path, _, line = at.rpartition(":")
            asked = condition(constraint)
            said = "" if asked in joint else f": {asked}"
            return f" ({where} at {short_place(path, int(line))}{said})"
    return ""
