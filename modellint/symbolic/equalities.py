"""Equalities among sizes, solved: which sizes they leave no choice."""

from __future__ import annotations

from collections.abc import Iterable
from math import gcd

from modellint.symbolic import expressions as ex
from modellint.symbolic.constraints import Constraint
from modellint.symbolic.expressions import Expr, Floor, Symbol

#: Sizes are tried up to here; what holds there is taken to hold for all greater ones.
LIMIT = 1024


def pinned(constraints: Iterable[Constraint]) -> dict[Symbol, Expr]:
    """The symbols that have only one size, or are the same as another, by the equalities."""
    known: dict[Symbol, Expr] = {}
    constraints = [*constraints]
    equalities = [c.expr for c in constraints if c.relation == "=="]
    if any(len(monomial) > 1 for expr in equalities for monomial, _ in expr.terms):
        sizes = [ex.add(c.expr, ex.ONE) for c in constraints if c.relation == ">="]
        equalities = [_without_sizes(expr, sizes) for expr in equalities]
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


def _without_sizes(expr: Expr, sizes: Iterable[Expr]) -> Expr:
    """An expression without factors that are at least 1: `N - M` for `(H - 2)*(N - M)`."""
    for size in sizes:
        if not size.symbols < expr.symbols:
            continue
        while expr.constant is None:
            left = ex.divide_exactly(expr, size)
            if left is None:
                break
            expr = left
    return expr


def _solved(expr: Expr) -> tuple[Symbol, Expr] | None:
    """A symbol and its value, where `expr == 0` leaves it no choice."""
    if any(symbol.unknown for symbol in expr.symbols):
        return None
    for symbol in sorted(expr.symbols, key=lambda s: s.key, reverse=True):
        rest = isolated(expr, symbol)
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


def isolated(expr: Expr, symbol: Symbol) -> Expr | None:
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
