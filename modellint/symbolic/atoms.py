"""What expressions are made of: symbols, floors that do not divide evenly, and their products."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modellint.symbolic.expressions import Expr

#: The order in which symbols are printed; others follow by name.
ROLES = "NCDHWLTSF"

#: A product of atoms, each with its power.
Monomial = tuple[tuple["Atom", int], ...]
#: The terms of a sum, each a monomial and its coefficient.
Terms = tuple[tuple[Monomial, int], ...]


class Symbol:
    """A size that is free: an input's, or, if `unknown`, one that nothing more is known of."""

    __slots__ = ("key", "name", "unknown")

    def __init__(self, name: str, unknown: bool = False) -> None:
        self.name = name
        self.unknown = unknown
        role = ROLES.find(name[0])
        self.key = (0, role if role >= 0 else len(ROLES), len(name), name)

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> tuple[Callable[..., Symbol], tuple[str, bool]]:
        return symbol, (self.name, self.unknown)


class Floor:
    """`numerator // denominator`, where no simpler form was found."""

    __slots__ = ("denominator", "key", "numerator")

    def __init__(self, numerator: Expr, denominator: Expr) -> None:
        self.numerator = numerator
        self.denominator = denominator
        self.key = (1, 0, 0, f"{numerator} // {denominator}")

    def __repr__(self) -> str:
        return self.key[3]

    def __reduce__(self) -> tuple[Callable[..., Floor], tuple[Expr, Expr]]:
        return floor, (self.numerator, self.denominator)


Atom = Symbol | Floor


def symbol(name: str, unknown: bool = False) -> Symbol:
    """The symbol of a name; one object a name."""
    # The cache tells f(x) from f(x, False), so it stands behind one way to call it.
    return _symbol(name, unknown)


@cache
def _symbol(name: str, unknown: bool) -> Symbol:
    return Symbol(name, unknown)


@cache
def floor(numerator: Expr, denominator: Expr) -> Floor:
    """The floor of a division; one object for each."""
    return Floor(numerator, denominator)


def atom_symbols(atom: Atom) -> frozenset[Symbol]:
    """The symbols that an atom depends on."""
    if isinstance(atom, Symbol):
        return frozenset((atom,))
    return atom.numerator.symbols | atom.denominator.symbols


def ordered(terms: Mapping[Monomial, int]) -> Terms:
    """The terms of a sum in their one order, without those whose coefficient is zero."""
    kept = [item for item in terms.items() if item[1]]
    if len(kept) > 1:
        kept.sort(key=monomial_key)
    return tuple(kept)


def monomial_key(item: tuple[Monomial, int]) -> tuple[int, list[tuple[object, ...]]]:
    """What orders the terms of a sum: the degree, then the atoms."""
    monomial = item[0]
    return (-sum(power for _, power in monomial), [(*a.key, -p) for a, p in monomial])
