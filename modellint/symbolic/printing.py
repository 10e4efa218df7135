"""The text of an expression: valid Python over the symbols, factored where symbols are separate.

Binary operators have spaces around them, products have none: `16*(H // 4 - 3)*(W // 4 - 3)`,
`(H - 1) // 2 + 1`, `N*H*W // 400`.
"""

from __future__ import annotations

from math import gcd

from modellint.symbolic.atoms import (
    Atom,
    Floor,
    Monomial,
    Symbol,
    Terms,
    atom_symbols,
    ordered,
)


def text(of: Terms) -> str:
    """A sum of terms as a person writes it, and as Python reads it."""
    constant = _constant(of)
    if constant is not None:
        return str(constant)
    number, factors = _factored(of)
    if len(factors) == 1 and number == 1:
        return _sum(factors[0])
    if number == -1:
        return "-" + "*".join(_factor(factor) for factor in factors)
    return "*".join([str(number)] * (number != 1) + [_factor(factor) for factor in factors])


def _constant(of: Terms) -> int | None:
    """The number that a sum is, or `None` where it depends on a symbol."""
    return 0 if not of else of[0][1] if of[0][0] == () else None


def _factored(of: Terms) -> tuple[int, list[Terms]]:
    """A number and factors whose product this is; one factor each for separate symbols."""
    if len(of) == 1:
        return of[0][1], [((of[0][0], 1),)]
    number = gcd(*(factor for _, factor in of))
    if of[0][1] < 0 and all(factor < 0 for _, factor in of):
        number = -number
    rest: Terms = tuple((monomial, factor // number) for monomial, factor in of)
    factors: list[Terms] = []
    for group in _groups(rest):
        split = _split(rest, group)
        if split is not None:
            factors.append(split[0])
            rest = split[1]
    left = _constant(rest)
    if left is None:
        factors.append(rest)
    else:
        number *= left
    floors = any(isinstance(a, Floor) for monomial, _ in of for a, _ in monomial)
    if len(factors) == 1 and not floors:
        return 1, [of]
    return number, factors


def _groups(of: Terms) -> list[frozenset[Atom]]:
    """The atoms of an expression, together where they share a symbol."""
    atoms = sorted({a for monomial, _ in of for a, _ in monomial}, key=lambda a: a.key)
    groups: list[tuple[set[Symbol], set[Atom]]] = []
    for found in atoms:
        symbols, members = set(atom_symbols(found)), {found}
        apart = []
        for group in groups:
            if group[0] & symbols:
                symbols |= group[0]
                members |= group[1]
            else:
                apart.append(group)
        groups = [*apart, (symbols, members)]
    ordered = sorted(groups, key=lambda group: min(s.key for s in group[0]))
    return [frozenset(members) for _, members in ordered]


def _split(of: Terms, group: frozenset[Atom]) -> tuple[Terms, Terms] | None:
    """The factor that holds a group's atoms and the factor with the others, if there are such."""
    rows: dict[Monomial, dict[Monomial, int]] = {}
    for monomial, factor in of:
        inside = tuple(item for item in monomial if item[0] in group)
        outside = tuple(item for item in monomial if item[0] not in group)
        rows.setdefault(outside, {})[inside] = factor
    first = next(iter(rows.values()))
    content = gcd(*first.values())
    if next(iter(first.values())) < 0:
        content = -content
    column = {inside: factor // content for inside, factor in first.items()}
    others: dict[Monomial, int] = {}
    lead = next(iter(column))
    for outside, row in rows.items():
        scale, left = divmod(row.get(lead, 0), column[lead])
        if left or row != {inside: scale * factor for inside, factor in column.items()}:
            return None
        others[outside] = scale
    if set(column) == {()}:
        return None
    return ordered(column), ordered(others)


def _factor(of: Terms) -> str:
    """A factor of a product: in parentheses unless it is a product of symbols."""
    if len(of) == 1 and of[0][1] == 1:
        return _product(of[0][0])
    return f"({_sum(of)})"


def _product(monomial: Monomial, alone: bool = False) -> str:
    parts = []
    for found, power in monomial:
        name = found.name if isinstance(found, Symbol) else _division(found)
        if isinstance(found, Floor) and not (alone and len(monomial) == 1 and power == 1):
            name = f"({name})"
        parts.append(name if power == 1 else f"{name}**{power}")
    return "*".join(parts)


def _division(of: Floor) -> str:
    above, below = str(of.numerator), str(of.denominator)
    number, factors = _factored(of.numerator.terms)
    product = len(of.numerator.terms) == 1 or number != 1 or len(factors) > 1
    simple = product and number > 0
    if not simple:
        above = f"({above})"
    if of.denominator.constant is None and not below.isidentifier():
        below = f"({below})"
    return f"{above} // {below}"


def _sum(of: Terms) -> str:
    # Positive terms first (3 - H, not -H + 3), the number last where something stands before it.
    terms = sorted(of, key=lambda item: (item[1] < 0, item[0] == ()))
    if any(item[1] > 0 and item[0] for item in terms):
        terms.sort(key=lambda item: (item[0] == (), item[1] < 0))
    printed = ""
    for index, (monomial, factor) in enumerate(terms):
        size = abs(factor)
        if not monomial:
            body = str(size)
        elif size == 1:
            body = _product(monomial, alone=True)
            if factor < 0 and "//" in body and not body.startswith("("):
                body = f"({body})"
        else:
            body = f"{size}*{_product(monomial)}"
        if index == 0:
            printed = f"-{body}" if factor < 0 else body
        else:
            printed += f" - {body}" if factor < 0 else f" + {body}"
    return printed
