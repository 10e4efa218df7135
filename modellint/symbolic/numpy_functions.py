"""What functions of numpy make of sizes: sizes, where Python has the function."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from modellint.symbolic.dims import Dim, Ratio

#: What functions of numpy are called that Python has, too.
_NUMPY: Mapping[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "true_divide": operator.truediv,
    "floor_divide": operator.floordiv,
    "remainder": operator.mod,
    "negative": operator.neg,
    "ceil": lambda number: Ratio.of(math.ceil(number)),
    "floor": lambda number: Ratio.of(math.floor(number)),
    "trunc": lambda number: Ratio.of(math.trunc(number)),
    "rint": lambda number: Ratio.of(round(number)),
    "sqrt": lambda number: Ratio(math.sqrt(float.__add__(Ratio.of(number), 0.0)), None),
}


def by_numpy(ufunc: Any, method: str, inputs: Any, options: Mapping[str, Any]) -> Any:
    """What a function of numpy makes of sizes; one that Python has not fixes them.

    Numbers of numpy among them are taken as Python's.
    """
    known = _NUMPY.get(ufunc.__name__)
    if method == "__call__" and known is not None and not options:
        numbers = [number.item() if hasattr(number, "item") else number for number in inputs]
        if all(isinstance(number, (int, float)) for number in numbers):
            return known(*numbers)
    plain: list[Any] = []
    for number in inputs:
        if isinstance(number, Dim):
            number.fix()
            plain.append(number.value)
        elif isinstance(number, Ratio):
            number.sizes.fix()
            plain.append(float.__add__(number, 0.0))
        else:
            plain.append(number)
    return getattr(ufunc, method)(*plain, **options)
