"""Whether a comparison of sizes stands in an assertion: the other way, the forward only raises."""

from __future__ import annotations

import ast
import linecache
from functools import lru_cache

from modellint.source.walking import walk
from modellint.symbolic.constraints import Constraint

#: `torch._assert`, under the names that it is called by.
_CALLS = ("torch._assert", "_assert")


def asserted(constraint: Constraint) -> bool:
    """Whether a forward ends where the sizes compare otherwise, as the line of source says.

    `False` for an assertion of several lines or of alternatives: they are not read here.
    """
    place = constraint.reason.rpartition(" at ")[2]
    path, _, line = place.rpartition(":")
    return line.isdecimal() and _raises(linecache.getline(path, int(line)).strip())


@lru_cache(maxsize=1024)
def _raises(line: str) -> bool:
    if not line.startswith(("assert ", *(f"{name}(" for name in _CALLS))):
        return False
    try:
        statement = ast.parse(line).body[0]
    except SyntaxError:
        return False
    if isinstance(statement, ast.Assert):
        return _all_needed(statement.test)
    call = statement.value if isinstance(statement, ast.Expr) else None
    return (
        isinstance(call, ast.Call)
        and ast.unparse(call.func) in _CALLS
        and bool(call.args)
        and _all_needed(call.args[0])
    )


def _all_needed(test: ast.expr) -> bool:
    """Whether a condition fails as soon as one comparison in it does."""
    if isinstance(test, ast.BoolOp):
        return isinstance(test.op, ast.And) and all(map(_all_needed, test.values))
    inside = [node for node in walk(test) if node is not test]
    return isinstance(test, ast.Compare) and not any(isinstance(node, _MORE) for node in inside)


#: What compares within a comparison, so that it may not count.
_MORE = (ast.Compare, ast.BoolOp, ast.IfExp, ast.comprehension, ast.Lambda)
