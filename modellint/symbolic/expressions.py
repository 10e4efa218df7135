"""Integer expressions over named sizes, in simplest form: polynomials whose atoms may be floors.

An `Expr` is a sum of monomials with integer coefficients; a monomial is a product of atoms; an
atom is a `Symbol` (a size of an input, at least 1) or a `Floor` (a floor division that does not
divide evenly). Equal terms are merged, floors of floors flattened, and what divides is divided, so
that two expressions built on different ways are usually the same object: a chain of five stride-2
convolutions on H is one floor division.

The identities, for integers x, c and d, e > 0:

* (d·q + r) // d = q + r // d
* (x // e + c) // d = (x + c·e) // (d·e)
* (g·x + c) // (g·d) = (x + c // g) // d
* -x // d = -((x + d - 1) // d)

The constant in a floor's numerator is kept in (-d, 0]: `(H - 1) // 2 + 1`, not `(H + 1) // 2`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache, lru_cache
from math import gcd
from typing import Any

from modellint.symbolic.atoms import (
    Atom,
    Floor,
    Monomial,
    Symbol,
    Terms,
    atom_symbols,
    floor,
    monomial_key,
    ordered,
    symbol,
)
from modellint.symbolic.printing import text

__all__ = [
    "Atom",
    "Expr",
    "Floor",
    "ONE",
    "Symbol",
    "ZERO",
    "add",
    "atom",
    "atom_symbols",
    "compiled",
    "constant",
    "divide_exactly",
    "floor_divide",
    "least",
    "multiply",
    "negate",
    "polynomial",
    "product_of",
    "substitute",
    "subtract",
    "symbol",
]


class Expr:
    """A polynomial with integer coefficients; interned, so that equality is identity."""

    __slots__ = (
        "__weakref__",
        "_function",
        "_names",
        "_symbols",
        "_text",
        "_unknown",
        "constant",
        "terms",
    )

    terms: Terms
    constant: int | None
    _text: str | None
    _symbols: frozenset[Symbol] | None
    _unknown: bool | None
    _function: Callable[..., int] | None
    _names: tuple[str, ...]

    def __repr__(self) -> str:
        if self._text is None:
            self._text = text(self.terms)
        return self._text

    def __reduce__(self) -> tuple[Callable[..., Expr], tuple[object]]:
        return _restored, (self.terms,)

    @property
    def symbols(self) -> frozenset[Symbol]:
        """The symbols it depends on, through floors as well."""
        if self._symbols is None:
            found: set[Symbol] = set()
            for monomial, _ in self.terms:
                for atom, _ in monomial:
                    found |= atom_symbols(atom)
            self._symbols = frozenset(found)
        return self._symbols

    @property
    def unknown(self) -> bool:
        """Whether it depends on a size of which only the example is known."""
        if self._unknown is None:
            self._unknown = any(found.unknown for found in self.symbols)
        return self._unknown

    def evaluate(self, values: Mapping[str, int]) -> int:
        """Its value where each symbol has the given one.

        Raises `KeyError` for a symbol without a value and `ZeroDivisionError` where a symbolic
        denominator becomes zero.
        """
        if self.constant is not None:
            return self.constant
        if self._function is None:
            self._names = tuple(sorted(found.name for found in self.symbols))
            self._function = compiled(repr(self), self._names)
        return self._function(*[values[name] for name in self._names])


@lru_cache(maxsize=1 << 14)
def compiled(text: str, names: tuple[str, ...]) -> Callable[..., Any]:
    """A Python function of the named sizes that computes an expression, a condition or a list."""
    made: Callable[..., Any] = eval(f"lambda {', '.join(names)}: {text}", {})
    return made


_interned: dict[Terms, Expr] = {}


def _restored(terms: Terms) -> Expr:
    return polynomial(dict(terms))


def polynomial(terms: Mapping[Monomial, int]) -> Expr:
    """The expression with these terms; zero coefficients are dropped."""
    key = ordered(terms)
    found = _interned.get(key)
    if found is None:
        found = Expr()
        found.terms = key
        found.constant = 0 if not key else key[0][1] if key[0][0] == () else None
        found._text = found._symbols = found._unknown = found._function = None
        _interned[key] = found
    return found


def constant(value: int) -> Expr:
    """The expression that is always this number."""
    # A size as a key of the cache would be kept in its place, and be asked what it equals.
    return _constant(int(value))


@cache
def _constant(value: int) -> Expr:
    return polynomial({(): value})


ZERO, ONE = constant(0), constant(1)


@cache
def atom(of: Atom) -> Expr:
    """The expression that is one atom."""
    return polynomial({((of, 1),): 1})


@lru_cache(maxsize=1 << 16)
def add(left: Expr, right: Expr) -> Expr:
    """left + right."""
    terms = dict(left.terms)
    for monomial, factor in right.terms:
        terms[monomial] = terms.get(monomial, 0) + factor
    return polynomial(terms)


@lru_cache(maxsize=1 << 16)
def subtract(left: Expr, right: Expr) -> Expr:
    """left - right."""
    terms = dict(left.terms)
    for monomial, factor in right.terms:
        terms[monomial] = terms.get(monomial, 0) - factor
    return polynomial(terms)


def _times(left: Monomial, right: Monomial) -> Monomial:
    if not left or not right:
        return left or right
    powers = dict(left)
    for found, power in right:
        powers[found] = powers.get(found, 0) + power
    return tuple(sorted(powers.items(), key=lambda item: item[0].key))


@lru_cache(maxsize=1 << 16)
def multiply(left: Expr, right: Expr) -> Expr:
    """left · right."""
    terms: dict[Monomial, int] = {}
    for first, a in left.terms:
        for second, b in right.terms:
            monomial = _times(first, second)
            terms[monomial] = terms.get(monomial, 0) + a * b
    return polynomial(terms)


def negate(of: Expr) -> Expr:
    """-of."""
    return subtract(ZERO, of)


def _over(monomial: Monomial, divisor: Monomial) -> Monomial | None:
    powers = dict(monomial)
    for found, power in divisor:
        left = powers.get(found, 0) - power
        if left < 0:
            return None
        powers[found] = left
    return tuple((found, powers[found]) for found, _ in monomial if powers[found])


@lru_cache(maxsize=1 << 14)
@lru_cache(maxsize=1 << 16)
def divide_exactly(numerator: Expr, denominator: Expr) -> Expr | None:
    """The polynomial q with q · denominator = numerator, or `None` if there is none."""
    quotient: dict[Monomial, int] = {}
    rest = numerator
    lead, factor = denominator.terms[0]
    # Each step removes the leading term; a quotient longer than this is none that sizes make.
    for _ in range(64):
        if not rest.terms:
            return polynomial(quotient)
        step = _over(rest.terms[0][0], lead)
        if step is None or rest.terms[0][1] % factor:
            return None
        quotient[step] = quotient.get(step, 0) + rest.terms[0][1] // factor
        rest = subtract(rest, multiply(polynomial({step: rest.terms[0][1] // factor}), denominator))
    return None


@lru_cache(maxsize=1 << 16)
def floor_divide(numerator: Expr, denominator: Expr) -> Expr:
    """numerator // denominator, simplified. Raises `ZeroDivisionError` for a constant zero."""
    if denominator.constant is not None:
        return _floor_by_number(numerator, denominator.constant)
    whole = divide_exactly(numerator, denominator)
    if whole is not None:
        return whole
    numerator, denominator = _cancelled(numerator, denominator)
    if denominator.constant is not None:
        return _floor_by_number(numerator, denominator.constant)
    quotient: dict[Monomial, int] = {}
    rest = dict(numerator.terms)
    if len(denominator.terms) == 1:
        lead, factor = denominator.terms[0]
        for monomial, coefficient in numerator.terms:
            step = _over(monomial, lead)
            if step is not None and coefficient % factor == 0:
                quotient[step] = coefficient // factor
                del rest[monomial]
    if not rest:
        return polynomial(quotient)
    return add(polynomial(quotient), atom(floor(polynomial(rest), denominator)))


def _cancelled(numerator: Expr, denominator: Expr) -> tuple[Expr, Expr]:
    """Both without the number and the symbols that divide every term of both.

    Only symbols are cancelled: they are at least 1, while a floor may be zero.
    """
    everything = (*numerator.terms, *denominator.terms)
    number = gcd(*(factor for _, factor in everything))
    common: dict[Atom, int] = {}
    for index, (monomial, _) in enumerate(everything):
        powers: dict[Atom, int] = {a: p for a, p in monomial if isinstance(a, Symbol)}
        common = (
            powers
            if index == 0
            else {a: min(p, powers[a]) for a, p in common.items() if a in powers}
        )
    shared = tuple(sorted(common.items(), key=lambda item: item[0].key))

    def reduced(of: Expr) -> Expr:
        terms: dict[Monomial, int] = {}
        for monomial, factor in of.terms:
            left = _over(monomial, shared)
            assert left is not None
            terms[left] = factor // number
        return polynomial(terms)

    return reduced(numerator), reduced(denominator)


def _floor_by_number(numerator: Expr, divisor: int) -> Expr:
    if divisor == 0:
        raise ZeroDivisionError("floor division of a size by zero")
    if divisor < 0:
        numerator, divisor = negate(numerator), -divisor
    quotient: dict[Monomial, int] = {}
    rest: dict[Monomial, int] = {}
    for monomial, factor in numerator.terms:
        # Toward zero, so that a negative remainder can be turned round below.
        whole = abs(factor) // divisor * (1 if factor > 0 else -1)
        quotient[monomial] = whole
        if factor - whole * divisor:
            rest[monomial] = factor - whole * divisor
    outside = polynomial(quotient)
    number = rest.pop((), 0)
    if not rest:
        return add(outside, constant(number // divisor))
    common = gcd(divisor, *rest.values())
    if common > 1:
        rest = {monomial: factor // common for monomial, factor in rest.items()}
        number, divisor = number // common, divisor // common
        reduced = add(polynomial(rest), constant(number))
        return add(outside, _floor_by_number(reduced, divisor))
    lead = min(rest.items(), key=monomial_key)
    if lead[1] < 0:
        turned = {monomial: -factor for monomial, factor in rest.items()}
        turned[()] = divisor - 1 - number
        return subtract(outside, _floor_by_number(polynomial(turned), divisor))
    if len(rest) == 1 and lead[1] == 1 and len(lead[0]) == 1:
        inner, power = lead[0][0]
        if isinstance(inner, Floor) and power == 1 and inner.denominator.constant is not None:
            step = inner.denominator.constant
            flat = add(inner.numerator, constant(number * step))
            return add(outside, _floor_by_number(flat, divisor * step))
    shift = -(-number // divisor)
    rest[()] = number - shift * divisor
    floored = atom(floor(polynomial(rest), constant(divisor)))
    return add(add(outside, constant(shift)), floored)


def substitute(of: Expr, values: Mapping[Symbol, Expr]) -> Expr:
    """The expression with some symbols replaced, simplified anew."""
    if not values or of.symbols.isdisjoint(values):
        return of
    total = ZERO
    for monomial, factor in of.terms:
        product = constant(factor)
        for found, power in monomial:
            if isinstance(found, Symbol):
                replaced = values.get(found) or atom(found)
            else:
                replaced = floor_divide(
                    substitute(found.numerator, values), substitute(found.denominator, values)
                )
            for _ in range(power):
                product = multiply(product, replaced)
        total = add(total, product)
    return total


@lru_cache(maxsize=1 << 14)
def least(of: Expr) -> int | None:
    """A lower bound over all symbols at least 1, or `None` where none is seen at a glance.

    Of an unknown number nothing is known, not even its sign: it may be any step of a computation.
    """
    total = 0
    for monomial, factor in of.terms:
        if not monomial:
            total += factor
            continue
        if factor < 0:
            return None
        product = factor
        for found, power in monomial:
            if isinstance(found, Symbol):
                low = None if found.unknown else 1
            else:
                low = _least_floor(found)
            if low is None or low < 0:
                return None
            product *= low**power
        total += product
    return total


def _least_floor(of: Floor) -> int | None:
    low = least(of.numerator)
    if low is None or of.denominator.constant is None:
        return None
    return low // of.denominator.constant


def product_of(factors: Iterable[Expr]) -> Expr:
    """The product of some expressions."""
    total = ONE
    for factor in factors:
        total = multiply(total, factor)
    return total
