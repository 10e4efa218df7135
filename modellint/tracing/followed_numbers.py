"""Sizes that go through tensors: what integers made of them holds sizes still."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from math import prod
from operator import add, floordiv, mod, mul, sub
from typing import Any

from modellint.symbolic.dims import Dim
from modellint.tracing.binding import arguments_of
from modellint.tracing.tape import Handle, Leaf, Record

#: What makes one number, or a list of them, of others.
_PAIRS: Mapping[str, Callable[[Any, Any], Any]] = {
    "add": add,
    "sub": sub,
    "mul": mul,
    "floor_divide": floordiv,
    "remainder": mod,
}
_FLOORED = frozenset(["div", "divide", "true_divide"])
_WHOLE: Mapping[str, Callable[[list[Any]], Any]] = {
    "prod": prod,
    "sum": lambda numbers: reduce(add, numbers, 0),
}
#: Longer rows are no sizes.
_LONGEST = 16


def holds_sizes(given: Any) -> bool:
    """Whether a tensor is made of sizes and whole numbers alone, one or a row of them."""
    if isinstance(given, (tuple, list)):
        plain = all(type(one) in (int, Dim) for one in given)
        return plain and len(given) <= _LONGEST and any(type(one) is Dim for one in given)
    return type(given) is Dim


def followed(record: Record) -> Any:
    """The number or the row of numbers that a tensor holds, sizes among them; `None` if unknown."""
    if record.dtypes != ("int64",):
        return None
    if isinstance(record, Leaf):
        number: Any = record.number
        if number is None and record.op == "constant" and record.shapes == ((),):
            return None if record.leaf.is_meta else record.leaf.item()
        return [*number] if isinstance(number, (tuple, list)) else number
    arguments = arguments_of(record)
    left, right = arguments.get("input"), arguments.get("other")
    if record.op in _WHOLE:
        row = _number(left)
        rest = [value for name, value in arguments.items() if name != "input"]
        plain = all(value in (None, False) for value in rest)
        return _WHOLE[record.op](row) if plain and isinstance(row, list) else None
    if record.op == "getitem":
        row, index = _number(left), arguments.get("index")
        if isinstance(index, tuple) and len(index) == 1:
            (index,) = index
        return row[index] if isinstance(row, list) and type(index) is int else None
    if record.op == "neg":
        return _paired(mul, _number(left), -1) if _number(left) is not None else None
    if record.op == "unpack" and record.inputs[0].op == "unbind" and len(record.path) == 1:
        row = _number(arguments_of(record.inputs[0]).get("input"))
        return row[record.path[0]] if isinstance(row, list) else None
    combine = _PAIRS.get(record.op)
    rounding = {name: value for name, value in arguments.items() if name not in ("input", "other")}
    if record.op in _FLOORED and rounding == {"rounding_mode": "floor"}:
        combine, rounding = floordiv, {}
    if combine is not None and not rounding:
        first, second = _number(left), _number(right)
        if first is None or second is None:
            return None
        return _paired(combine, first, second)
    return None


def plain_numbers(of: Any) -> Any:
    """A number or a row of numbers without their expressions, as a tensor holds them."""
    if isinstance(of, list):
        return [plain_numbers(one) for one in of]
    return of.value if isinstance(of, Dim) else of


def _number(argument: Any) -> Any:
    if isinstance(argument, Handle):
        return followed(argument.record)
    return argument if type(argument) in (int, Dim) else None


def _paired(combine: Callable[[Any, Any], Any], first: Any, second: Any) -> Any:
    if not isinstance(first, list) and not isinstance(second, list):
        return combine(first, second)
    length = len(first if isinstance(first, list) else second)
    one, other = (row if isinstance(row, list) else [row] * length for row in (first, second))
    if len(one) != len(other):
        return None
    return [combine(left, right) for left, right in zip(one, other, strict=True)]
