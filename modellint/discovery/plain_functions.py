"""What functions, methods and operators without effect make of plain values.

Plain are numbers, texts, and containers of them; whatever else raises `NotConstant`.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from modellint.discovery.namespaces import Namespace

_LARGEST_POWER = 64
LONGEST = 10_000
_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}


class NotConstant(Exception):  # an answer, not an error
    """An expression has no value that the syntax tree alone tells."""


@dataclass(frozen=True, slots=True)
class Array:
    """The numbers of a tensor or an array that is written out, nested as there."""

    items: Any

    def numbers(self) -> list[Any]:
        """All of them in one list."""
        pending, found = [self.items], []
        while pending:
            current = pending.pop()
            if isinstance(current, list | tuple):
                pending += reversed(current)
            else:
                found.append(_number(current))
        return found

    def only(self) -> Any:
        """The one number of an array of one; raises `ValueError` for others."""
        (number,) = self.numbers()
        return number


def is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(is_plain, value))
    if isinstance(value, dict):
        return all(is_plain(one) for pair in value.items() for one in pair)
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, int | str | bool)


def _range(*bounds: int) -> list[int]:
    numbers = range(*bounds)
    if len(numbers) > LONGEST:
        raise NotConstant
    return list(numbers)


def _array(items: Any, **_: Any) -> Array:
    made = Array(items)
    made.numbers()
    return made


def _power(base: Any, exponent: Any) -> Any:
    return binary(ast.Pow, base, exponent)


def _product(values: Any, **_: Any) -> Any:
    result: Any = 1
    for value in sequence(values):
        result = binary(ast.Mult, result, _number(value))
    return result


#: Functions without effect, by the names that they are commonly called by.
FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "int": lambda value: int(value if isinstance(value, str) else _number(value)),
    "float": lambda value: float(value if isinstance(value, str) else _number(value)),
    "vars": lambda held: dict(held.values) if isinstance(held, Namespace) else _contained(None),
    "str": lambda value: str(_atom(value)),
    "bool": bool,
    "tuple": lambda values=(): tuple(sequence(values)),
    "list": lambda values=(): list(sequence(values)),
    "dict": lambda *given, **named: dict(*given, **named),
    "set": lambda values=(): sorted(set(sequence(values))),
    "sorted": lambda values: sorted(sequence(values)),
    "reversed": lambda values: [*reversed(sequence(values))],
    "enumerate": lambda values, start=0: [*enumerate(sequence(values), start)],
    "zip": lambda *many: [*zip(*map(sequence, many), strict=False)],
    "range": _range,
    "len": lambda values: len(_contained(values)),
    "sum": lambda values: sum(map(_number, sequence(values))),
    "min": min,
    "max": max,
    "abs": abs,
    "round": round,
    "divmod": divmod,
    "all": lambda values: all(sequence(values)),
    "any": lambda values: any(sequence(values)),
    "pow": _power,
    "torch.Size": lambda values: tuple(sequence(values)),
    **dict.fromkeys("torch.tensor torch.as_tensor np.array np.asarray numpy.array".split(), _array),
    **dict.fromkeys(
        "torch.Tensor torch.LongTensor torch.IntTensor torch.FloatTensor".split(),
        # A number is the size of these.
        lambda items: _array(sequence(items)),
    ),
    **{
        f"math.{name}": getattr(math, name)
        for name in ("sqrt", "isqrt", "ceil", "floor", "log", "log2", "log10", "gcd", "lcm")
    },
    "math.pow": _power,
    **dict.fromkeys(["math.prod", "np.prod", "numpy.prod", "prod"], _product),
    **{
        f"{module}.{name}": getattr(math, name)
        for module in ("np", "numpy")
        for name in ("sqrt", "ceil", "floor", "log2")
    },
}

#: What holds settings that are read by attribute, by its last name.
NAMESPACES = frozenset(
    "SimpleNamespace Namespace EasyDict edict ConfigDict Munch DictConfig CfgNode".split()
)
#: Methods of texts and containers that change nothing.
_METHODS: Mapping[type, frozenset[str]] = {
    dict: frozenset("get keys values items copy".split()),
    str: frozenset(
        """format lower upper title strip lstrip rstrip split replace startswith endswith join
        removeprefix removesuffix isdigit partition rpartition rsplit capitalize""".split()
    ),
    list: frozenset("index count copy".split()),
    tuple: frozenset("index count".split()),
}
#: How long a text may be that a method is called on, or given.
_LONGEST_TEXT = 200


def method(owner: Any, name: str, given: list[Any], named: dict[str, Any]) -> Any:
    if isinstance(owner, Namespace):
        owner = dict(owner.values)
    if isinstance(owner, Array):
        return _of_array(owner, name) if not given and not named else _contained(None)
    if name == "item" and not given and isinstance(owner, int | float):
        return owner
    if name not in _METHODS.get(type(owner), ()):
        raise NotConstant
    texts = [one for one in (owner, *given) if isinstance(one, str)]
    if any(len(text) > _LONGEST_TEXT or wide(text) for text in texts):
        raise NotConstant
    result = getattr(owner, name)(*given, **named)
    return [*result] if isinstance(owner, dict) and name in ("keys", "values", "items") else result


def _of_array(owner: Array, name: str) -> Any:
    if name == "item":
        return owner.only()
    if name == "tolist":
        return owner.items
    reduced: Mapping[str, Callable[[list[Any]], Any]] = {"max": max, "min": min, "sum": sum}
    if name not in reduced:
        raise NotConstant
    return Array(reduced[name](owner.numbers()))


def wide(text: str) -> bool:
    """Whether a text, taken for a format, may ask for more than two digits of columns."""
    return any(len(digits) > 2 for digits in re.findall(r"\d+", text)) and "{" in text


def sequence(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value)
    if isinstance(value, tuple | list | str):
        return list(value)
    raise NotConstant


def _contained(value: Any) -> Any:
    if isinstance(value, Array):
        return value.items
    if isinstance(value, tuple | list | str | dict):
        return value
    raise NotConstant


def _atom(value: Any) -> Any:
    if isinstance(value, int | float | str | bool | None):
        return value
    raise NotConstant


def _number(value: Any) -> Any:
    if isinstance(value, Array):
        return value.only()
    if isinstance(value, int | float):
        return value
    raise NotConstant


def hashable(value: Any) -> Any:
    if isinstance(value, str | int | float | bool | tuple | None):
        return value
    raise NotConstant


def unary(op: ast.unaryop, value: Any) -> Any:
    if isinstance(op, ast.Not):
        return not value
    if isinstance(op, ast.USub):
        return -_number(value)
    if isinstance(op, ast.UAdd):
        return _number(value)
    raise NotConstant


def binary(kind: type[ast.operator], left: Any, right: Any) -> Any:
    if kind not in _OPERATORS:
        raise NotConstant
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    repeated = isinstance(left, tuple | list | str) and isinstance(right, int) and right < 1000
    joined = isinstance(left, tuple | list | str) and type(left) is type(right)
    if kind is ast.Pow and not (numbers and abs(left) < 1e6 and abs(right) <= _LARGEST_POWER):
        raise NotConstant
    if not (numbers or (kind is ast.Add and joined) or (kind is ast.Mult and repeated)):
        raise NotConstant
    return checked(_OPERATORS[kind](left, right))


def checked(value: Any) -> Any:
    """A value that is no larger than what running the code could mean."""
    # A chain of `x = x * x` must not take the memory that running it would take.
    if (isinstance(value, int) and abs(value) > 2**63) or _length(value) > LONGEST:
        raise NotConstant
    return value


def _length(value: Any) -> int:
    return len(value) if isinstance(value, tuple | list | str | dict) else 0


def weight(value: Any) -> int:
    """How many values a container holds, those in containers in it counted each time."""
    weight = 0
    pending = [value]
    while pending:
        current = pending.pop()
        weight += 1
        if max(weight, _length(current)) > LONGEST:
            raise NotConstant
        if isinstance(current, tuple | list):
            pending += current
        elif isinstance(current, dict):
            pending += current.values()
    return weight


def item(container: Any, index: Any) -> Any:
    if isinstance(container, Namespace):
        return container.attribute(index)
    if isinstance(container, Array):
        return Array(container.items[index])
    if not isinstance(container, tuple | list | dict | str):
        raise NotConstant
    return container[index]
