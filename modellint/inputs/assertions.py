"""Whether a comparison of sizes stands in an assertion: the other way, the forward only raises."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Sequence
from functools import lru_cache

from modellint.source.walking import walk
from modellint.symbolic.constraints import Constraint

#: `torch._assert`, under the names that it is called by.
_CALLS = ("torch._assert", "_assert")


def asserted(constraint: Constraint) -> bool:
    """Whether a forward ends where the sizes compare otherwise, as the source says.

    By an assertion, or an `if` that only leads to a `raise`. `False` for an assertion of several
    lines or of alternatives: they are not read here.
    """
    place = constraint.reason.rpartition(" at ")[2]
    path, _, line = place.rpartition(":")
    if not line.isdecimal():
        return False
    text = linecache.getline(path, int(line)).strip()
    if text.startswith("if "):
        return _guards(_block(linecache.getlines(path), int(line)))
    return _raises(text)


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


def _block(lines: Sequence[str], number: int) -> str:
    """A line, counted from 1, and those behind it that stand further to the right."""
    first = lines[number - 1]
    column = len(first) - len(first.lstrip())
    block = [first[column:]]
    for line in lines[number : number + _LONGEST]:
        left = line.lstrip()
        if left and len(line) - len(left) <= column:
            break
        block.append(line[column:] if left else line)
    return "".join(block)


@lru_cache(maxsize=1024)
def _guards(block: str) -> bool:
    """Whether an `if` raises as soon as one comparison in it comes out true."""
    try:
        statement = ast.parse(block).body[0]
    except SyntaxError:
        return False
    if not isinstance(statement, ast.If) or not isinstance(statement.body[-1], ast.Raise):
        return False
    body = [node for line in statement.body for node in walk(line)]
    return _each_decides(statement.test) and not any(isinstance(node, _LEAVING) for node in body)


def _each_decides(test: ast.expr) -> bool:
    """Whether a condition comes true as soon as one comparison in it does."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        # What stands before the last says whether it is asked at all.
        asked = all(isinstance(one, (ast.Name, ast.Attribute)) for one in test.values[:-1])
        return asked and _each_decides(test.values[-1])
    if isinstance(test, ast.BoolOp):
        return all(map(_each_decides, test.values))
    return _is_single(test)


def _all_needed(test: ast.expr) -> bool:
    """Whether a condition fails as soon as one comparison in it does."""
    if isinstance(test, ast.BoolOp):
        return isinstance(test.op, ast.And) and all(map(_all_needed, test.values))
    return _is_single(test)


def _is_single(test: ast.expr) -> bool:
    """Whether a condition is one comparison, with no other inside of it."""
    inside = [node for node in walk(test) if node is not test]
    return isinstance(test, ast.Compare) and not any(isinstance(node, _MORE) for node in inside)


#: What goes on elsewhere before the end of a block.
_LEAVING = (ast.Return, ast.Break, ast.Continue, ast.Yield, ast.YieldFrom)
#: How many lines of a block are read.
_LONGEST = 60

#: What compares within a comparison, so that it may not count.
_MORE = (ast.Compare, ast.BoolOp, ast.IfExp, ast.comprehension, ast.Lambda)
