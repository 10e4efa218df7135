"""What a call calls, by its last name."""

from __future__ import annotations

import ast


def called_name(call: ast.Call) -> str:
    """The last name of what is called: `Dropout` of `nn.Dropout(0.5)`, `view` of `f(x).view(1)`.

    Empty where what is called has no name, as that of `layers[0](x)`.
    """
    callee = call.func
    if isinstance(callee, ast.Attribute):
        return callee.attr
    return callee.id if isinstance(callee, ast.Name) else ""
