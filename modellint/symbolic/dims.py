"""Symbolic sizes: an int that carries its expression, and the float that division makes of it.

A `Dim` is an `int` whose value is the size in the traced example, so that torch and the user's
own arithmetic take it as it is, and whose `expr` says the same for every size. Comparing one is
recorded as a constraint. A `Ratio` is the same for quotients; each of the two makes the other.
"""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from modellint.symbolic import expressions as ex
from modellint.symbolic.constraints import demand, demand_outcome, unknown_size
from modellint.symbolic.expressions import Expr

_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Dim(int):
    """A size: its value in the example, and its expression over the symbols."""

    expr: Expr

    def __new__(cls, value: int, expr: Expr) -> Dim:
        """Make a size; the caller answers for the expression's value at the example."""
        made = int.__new__(cls, value)
        made.expr = expr
        return made

    def __reduce__(self) -> tuple[Callable[..., Dim], tuple[int, Expr]]:
        return Dim, (self.value, self.expr)

    def __copy__(self) -> Dim:
        return self

    def __deepcopy__(self, memo: object) -> Dim:
        return self

    #: The size in the example, as a plain int: by int's own function, since it is asked for most.
    value: int = property(int.__int__)  # type: ignore[assignment]

    @property
    def unknown(self) -> bool:
        """Whether only the example's size is known."""
        return self.expr.unknown

    def _compare(self, other: object, outcome: Any, order: str) -> Any:
        if isinstance(other, float):
            # int leaves floats to float, which asks only for the value.
            return Ratio.of(self)._compare(other, _ORDERS[order](self.value, float(other)), order)
        if outcome is NotImplemented or not isinstance(other, int):
            return outcome
        gap = ex.subtract(self.expr, expr_of(other))
        demand_outcome(gap, order, outcome)
        return outcome

    def __bool__(self) -> bool:
        nonzero = int.__bool__(self)
        demand(self.expr, "!=" if nonzero else "==", "branch")
        return nonzero

    def __neg__(self) -> int:
        negated: int = dim(-self.value, ex.negate(self.expr))
        return negated

    def __pos__(self) -> Dim:
        return self

    def __abs__(self) -> int:
        return -self if self < 0 else self

    def __floor__(self) -> Dim:
        return self

    def __ceil__(self) -> Dim:
        return self

    def __trunc__(self) -> Dim:
        return self

    def __round__(self, digits: Any = None) -> Dim:
        return self

    def fix(self) -> None:
        """Demand the example's size: it is a plain number from here on."""
        demand(ex.subtract(self.expr, ex.constant(self.value)), "==", "tool")

    def __float__(self) -> float:
        # math.sqrt and its kin: what they return can no longer be followed.
        self.fix()
        return float(self.value)

    def __array__(self, *_: Any, **__: Any) -> Any:
        """An array of numpy, which holds plain numbers."""
        self.fix()
        return sys.modules["numpy"].array(self.value)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        from modellint.symbolic.numpy_functions import by_numpy  # It makes both of each other.

        return by_numpy(ufunc, method, inputs, options)

    def __truediv__(self, other: Any) -> Any:
        if isinstance(other, (int, float)):
            return Ratio.of(self) / other
        return NotImplemented

    def __rtruediv__(self, other: Any) -> Any:
        if isinstance(other, (int, float)):
            return Ratio.of(other) / self
        return NotImplemented

    def __divmod__(self, other: int) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: int) -> Any:
        return other // self, other % self

    def __pow__(self, power: Any, modulo: Any = None) -> Any:
        if modulo is None and isinstance(power, int) and 0 <= power <= 8:
            return dim(self.value**power, ex.product_of([self.expr] * power))
        return Ratio(float(self.value**power), None)

    def __rpow__(self, base: Any, modulo: Any = None) -> Any:
        made = base**self.value
        return fresh(made, self.expr) if isinstance(made, int) else Ratio(float(made), None)

    def __lshift__(self, by: int) -> Any:
        return self * (1 << by)

    def __rshift__(self, by: int) -> Any:
        return self // (1 << by)

    def __and__(self, other: int) -> Any:
        return fresh(self.value & int(other), self.expr)

    def __or__(self, other: int) -> Any:
        return fresh(self.value | int(other), self.expr)

    def __xor__(self, other: int) -> Any:
        return fresh(self.value ^ int(other), self.expr)

    def bit_length(self) -> int:
        """How many bits it has; the expression does not follow."""
        return fresh(self.value.bit_length(), self.expr)


def _arithmetic(name: str, combine: Callable[[Expr, Expr], Expr]) -> None:
    plain = getattr(int, f"__{name}__")

    def forward(self: Dim, other: Any) -> Any:
        if type(other) is int:
            return dim(plain(self, other), combine(self.expr, ex.constant(other)))
        if isinstance(other, int):
            return dim(plain(self, other), combine(self.expr, expr_of(other)))
        if isinstance(other, float):
            return getattr(Ratio.of(self), f"__{name}__")(other)
        if name == "mul" and isinstance(other, (list, tuple, str, bytes)):
            self.fix()
        return NotImplemented

    def backward(self: Dim, other: Any) -> Any:
        if isinstance(other, int):
            return dim(plain(other, self), combine(expr_of(other), self.expr))
        if isinstance(other, float):
            return getattr(Ratio.of(other), f"__{name}__")(self)
        if name == "mul" and isinstance(other, (list, tuple, str, bytes)):
            self.fix()
        return NotImplemented

    setattr(Dim, f"__{name}__", forward)
    setattr(Dim, f"__r{name}__", backward)


def _remainder(left: Expr, right: Expr) -> Expr:
    return ex.subtract(left, ex.multiply(ex.floor_divide(left, right), right))


for _name, _combine in (
    ("add", ex.add),
    ("sub", ex.subtract),
    ("mul", ex.multiply),
    ("floordiv", ex.floor_divide),
    ("mod", _remainder),
):
    _arithmetic(_name, _combine)


class Ratio(float):
    """A float made from sizes, which keeps its expression until it is an integer again.

    `ratio` is (numerator, denominator), or `None` where rounding or a function such as `sqrt`
    broke the link; its floor is then a size of which only the example is known. Only steps that
    keep `floor` and `ceil` exact in floating point keep the link: division by integers, products
    with numbers that have no factor in common with the denominator, and halves.
    """

    ratio: tuple[Expr, int] | None

    def __new__(cls, value: float, ratio: tuple[Expr, int] | None) -> Ratio:
        """Make a ratio; the caller answers for its value at the example."""
        made = float.__new__(cls, value)
        made.ratio = ratio
        return made

    @classmethod
    def of(cls, number: float) -> Ratio:
        """The ratio of an int, a size or a float with few binary digits."""
        if isinstance(number, Ratio):
            return number
        if isinstance(number, int):
            return cls(float(int.__add__(number, 0)), (expr_of(number), 1))
        if not math.isfinite(number):
            return cls(number, None)
        exact = Fraction(number)
        if exact.denominator > 1024 or abs(exact.numerator) > 1 << 30:
            return cls(number, None)
        return cls(number, (ex.constant(exact.numerator), exact.denominator))

    def __reduce__(self) -> tuple[Callable[..., Ratio], tuple[float, tuple[Expr, int] | None]]:
        return Ratio, (float.__add__(self, 0.0), self.ratio)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        from modellint.symbolic.numpy_functions import by_numpy  # It makes both of each other.

        return by_numpy(ufunc, method, inputs, options)

    @property
    def constant(self) -> bool:
        """Whether it is the same for every size."""
        return self.ratio is not None and self.ratio[0].constant is not None

    @property
    def sizes(self) -> Dim:
        """A size that decides on it: one of its own where only the example is known."""
        if self.ratio is None:
            return Dim(math.floor(float(self)), unknown_size(math.floor(float(self))))
        top, bottom = self.ratio
        return Dim(round(float.__mul__(self, bottom)), top)

    def _sum(self, other: Any, sign: int) -> Any:
        if not isinstance(other, (int, float)):
            return NotImplemented
        right = Ratio.of(other)
        value = float.__add__(self, sign * float.__add__(right, 0.0))
        if self.ratio is None or right.ratio is None:
            return Ratio(value, None)
        (a, p), (b, q) = self.ratio, right.ratio
        b = ex.multiply(b, ex.constant(sign * p))
        return Ratio(value, (ex.add(ex.multiply(a, ex.constant(q)), b), p * q))

    def __add__(self, other: Any) -> Any:
        return self._sum(other, 1)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self._sum(other, -1)

    def __rsub__(self, other: Any) -> Any:
        return Ratio.of(other)._sum(self, -1)

    def __abs__(self) -> Ratio:
        return -self if self < 0 else self

    def __neg__(self) -> Ratio:
        ratio = self.ratio and (ex.negate(self.ratio[0]), self.ratio[1])
        return Ratio(float.__neg__(self), ratio)

    def __mul__(self, other: Any) -> Any:
        if not isinstance(other, (int, float)):
            return NotImplemented
        right = Ratio.of(other)
        value = float.__mul__(self, right)
        if self.ratio is None or right.ratio is None:
            return Ratio(value, None)
        (a, p), (b, q) = self.ratio, right.ratio
        # (H / 49) * 49 is not H in floating point: a common odd factor breaks the link.
        for top, bottom in ((b, p), (a, q)):
            odd = bottom // (bottom & -bottom)
            if odd > 1 and (top.constant is None or math.gcd(top.constant, odd) > 1):
                return Ratio(value, None)
        return Ratio(value, (ex.multiply(a, b), p * q))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        if not isinstance(other, (int, float)):
            return NotImplemented
        right = Ratio.of(other)
        value = float.__truediv__(self, right)
        if self.ratio is None or right.ratio is None or right.ratio[1] != 1:
            return Ratio(value, None)
        whole = ex.divide_exactly(self.ratio[0], right.ratio[0])
        if whole is not None and self.ratio[1] == 1:
            return Ratio(value, (whole, 1))
        if not right.ratio[0].constant or right.ratio[0].constant < 0:
            return Ratio(value, None)
        return Ratio(value, (self.ratio[0], self.ratio[1] * right.ratio[0].constant))

    def __rtruediv__(self, other: Any) -> Any:
        return Ratio.of(other) / self

    def __floordiv__(self, other: Any) -> Any:
        if not isinstance(other, (int, float)):
            return NotImplemented
        right = Ratio.of(other)
        value, by = float.__floordiv__(self, right), right.ratio
        if self.ratio is None or by is None or by[1] != 1 or not by[0].constant:
            return Ratio(value, None)
        divisor = ex.multiply(by[0], ex.constant(self.ratio[1]))
        return Ratio(value, (ex.floor_divide(self.ratio[0], divisor), 1))

    def __floor__(self) -> int:
        value = math.floor(float.__add__(self, 0.0))
        if self.ratio is None:
            return fresh(value)
        floor: int = dim(value, ex.floor_divide(self.ratio[0], ex.constant(self.ratio[1])))
        return floor

    def __ceil__(self) -> int:
        return -((-self).__floor__())

    def __trunc__(self) -> int:
        return self.__floor__() if self >= 0 else self.__ceil__()

    def _compare(self, other: Any, outcome: Any, order: str) -> Any:
        """Record what a comparison of two ratios says of their sizes, both brought to integers."""
        if outcome is NotImplemented or not isinstance(other, (int, float)):
            return outcome
        if type(other) is float and math.isfinite(other):
            # 0.7 means 7/10, which is also what 7 / 10 of a size rounds to.
            exact = Fraction(other).limit_denominator(1024)
            exact = exact if float(exact) == other else Fraction(other)
            right: tuple[Expr, int] | None = (ex.constant(exact.numerator), exact.denominator)
        else:
            right = Ratio.of(other).ratio
        if self.ratio is None or right is None:
            return outcome
        (a, p), (b, q) = self.ratio, right
        left, right_side = ex.multiply(a, ex.constant(q)), ex.multiply(b, ex.constant(p))
        demand_outcome(ex.subtract(left, right_side), order, outcome)
        return outcome

    def __bool__(self) -> bool:
        return self != 0.0

    def __round__(self, digits: Any = None) -> Any:
        value = round(float.__add__(self, 0.0), digits)
        if digits:
            return Ratio(value, None)
        if self.ratio is None or self.ratio[1] % 2 == 0:
            # Halves go to the even neighbour: no floor division says that.
            return fresh(int(value))
        top, bottom = self.ratio
        doubled = ex.add(ex.multiply(top, ex.constant(2)), ex.constant(bottom))
        return dim(int(value), ex.floor_divide(doubled, ex.constant(2 * bottom)))

    def __int__(self) -> int:
        # int() returns a plain int whatever this returns, so the value is fixed here.
        made = self.__trunc__()
        if isinstance(made, Dim):
            if made.unknown:
                demand(made.expr, "==", "tool")
            made.fix()
            return made.value
        return made


def _comparisons(cls: type[Dim | Ratio], plain: type[int | float]) -> None:
    """Let comparisons come out as those of plain numbers do, and record what they say."""

    def compared(order: str, compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        return lambda self, other: self._compare(other, compare(self, other), order)

    for order, operation in _ORDERS.items():
        name = f"__{operation.__name__}__"
        setattr(cls, name, compared(order, getattr(plain, name)))


def _unlinked(name: str) -> None:
    """Let an operation of floats make a ratio of which only the example is known."""

    def made(self: Ratio, other: Any) -> Any:
        if not isinstance(other, (int, float)):
            return NotImplemented
        return Ratio(getattr(float, name)(self, Ratio.of(other)), None)

    setattr(Ratio, name, made)


for _name in ("__mod__", "__rmod__", "__pow__", "__rpow__", "__rfloordiv__"):
    _unlinked(_name)
_comparisons(Dim, int)
_comparisons(Ratio, float)


def fresh(value: int, source: Expr | None = None) -> int:
    """A size of which only the value in the example is known."""
    if source is not None and source.constant is not None:
        return value
    return Dim(value, unknown_size(value))


def dim(value: int, expr: Expr) -> Any:
    """The size of a value and an expression; a plain int where the expression is a number."""
    if expr.constant is not None:
        return expr.constant
    return Dim(value, expr)


def free(name: str, value: int) -> Dim:
    """A free size: a symbol and its value in the example."""
    return Dim(value, ex.atom(ex.symbol(name)))


def expr_of(number: int) -> Expr:
    """The expression of a size or of a plain int."""
    return number.expr if isinstance(number, Dim) else ex.constant(int(number))


def symbolic(size: int) -> int | str:
    """The size as reports print it: an expression, or a number where it is fixed or unknown."""
    if isinstance(size, Dim) and not size.unknown:
        return str(size.expr)
    return int.__add__(size, 0)


def evaluate(size: int, values: Mapping[str, int]) -> int:
    """The size where the symbols have these values. Raises `KeyError` for a missing symbol."""
    return size.expr.evaluate(values) if isinstance(size, Dim) else size


def same(left: int, right: int) -> bool:
    """Whether two sizes are equal for every input size; records nothing."""
    if left is right:
        return True
    return expr_of(left) is expr_of(right)
