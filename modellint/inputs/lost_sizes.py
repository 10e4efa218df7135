"""Which models may lose a size in floating point, where no trace can follow it."""

from __future__ import annotations

import functools
import inspect
import types
from typing import Any

from modellint.modules.members import Members, is_stock


def mixes_floats_and_shapes(modules: Members) -> bool:
    """Whether a forward of a model holds a float other than 0 and 1 and looks at a shape."""
    classes: Any = {type(module) for _, module in modules.registered}
    return any(_mixes(of) for of in classes)


@functools.lru_cache(maxsize=4096)
def _mixes(of: Any) -> bool:
    if is_stock(of):
        return False
    code = getattr(inspect.unwrap(of.forward), "__code__", None)
    if not isinstance(code, types.CodeType) or not {"shape", "size"} & set(code.co_names):
        return False
    return any(type(held) is float and held not in (0.0, 1.0) for held in code.co_consts)
