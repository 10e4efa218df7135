"""Sets an argument of a call in the text, where its value is written."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator, Sequence

from modellint.fixes.edits import Edit
from modellint.fixes.sites import NoEdit, Text

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_UNREAD = frozenset({tokenize.NL, tokenize.NEWLINE, tokenize.COMMENT, tokenize.ENDMARKER})


def set_argument(
    text: Text, call: ast.Call, names: Sequence[str], name: str, written: str
) -> Iterator[Edit]:
    """The edit that gives an argument of a call a value; raise `NoEdit` where that is not plain.

    `names` are the parameters that its positional arguments stand for.
    """
    given = _given(text, call, names, name)
    if given is None:
        yield _added(text, call, f"{name}={written}")
    else:
        yield text.replaced(_value_of(text, given, name), written)


def _given(text: Text, call: ast.Call, names: Sequence[str], name: str) -> ast.expr | None:
    """What a call gives for an argument; `None` where it leaves that out."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    place = text.line_of(call)
    for keyword in call.keywords:
        if keyword.arg is None:
            given = text.text_of(keyword.value)
            raise NoEdit(f"{name} may be one of the arguments in **{given} at {place}")
    for parameter, value in zip(names, call.args, strict=False):
        if isinstance(value, ast.Starred):
            break
        if parameter == name:
            return value
    for value in call.args:
        if isinstance(value, ast.Starred):
            raise NoEdit(f"{name} may be one of the arguments in {text.text_of(value)} at {place}")
    return None


def _value_of(text: Text, given: ast.expr, name: str) -> ast.expr:
    """Where a value is written: itself, or the one place that a name has it of."""
    if is_plain(given):
        return given
    place = text.line_of(given)
    if isinstance(given, ast.Name):
        written = _written(text, given)
        if written is not None:
            return written
        raise NoEdit(f"{name} comes from {given.id} at {place}")
    raise NoEdit(f"{name} is computed at {place}, {' '.join(text.text_of(given).split())}")


def is_plain(node: ast.expr) -> bool:
    """Whether an expression is a literal, of literals in arithmetic too."""
    parts = (ast.Constant, ast.Tuple, ast.List, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop)
    return all(isinstance(one, (*parts, ast.expr_context)) for one in ast.walk(node))


def call_of(text: Text, call: ast.Call, name: str) -> ast.Call | None:
    """The call that gives the first argument of a call, which is also known as `name`.

    Where that is a variable, the one that it is bound to, if to no other.
    """
    given = _given(text, call, (name,), name)
    if isinstance(given, ast.Name):
        bound = _bound(text, given)
        given = bound[0] if len(bound) == 1 else None
    return given if isinstance(given, ast.Call) else None


def _bound(text: Text, name: ast.Name) -> list[ast.expr | None]:
    """What a name is bound to in the nearest scope that binds it; `None` for what is not plain."""
    scope: ast.AST = name
    while not isinstance(scope, (*_FUNCTIONS, ast.Module)):
        scope = text.parents[scope]
    while True:
        bound = _bindings(scope, name.id)
        if bound or isinstance(scope, ast.Module):
            return bound
        scope = text.parents[scope]
        while not isinstance(scope, (*_FUNCTIONS, ast.Module)):
            scope = text.parents[scope]


def _written(text: Text, name: ast.Name) -> ast.expr | None:
    """The literal that a name stands for, where it is bound once and nothing else reads it."""
    bound = _bound(text, name)
    reads = [
        node
        for node in ast.walk(text.source.tree)
        if isinstance(node, ast.Name) and node.id == name.id and isinstance(node.ctx, ast.Load)
    ]
    if len(bound) != 1 or len(reads) != 1:
        return None
    value = bound[0]
    return value if value is not None and is_plain(value) else None


def _bindings(scope: ast.AST, name: str) -> list[ast.expr | None]:
    """What a name is bound to in a scope; `None` for what is no plain assignment."""
    found: list[ast.expr | None] = []
    if isinstance(scope, _FUNCTIONS):
        arguments = scope.args
        listed = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        listed += [one for one in (arguments.vararg, arguments.kwarg) if one is not None]
        found += [None for one in listed if one.arg == name]
    plain: set[int] = set()
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
            if isinstance(target, ast.Name) and target.id == name:
                plain.add(id(target))
                found.append(node.value)
    found += [
        None
        for node in ast.walk(scope)
        if isinstance(node, ast.Name)
        and node.id == name
        and not isinstance(node.ctx, ast.Load)
        and id(node) not in plain
    ]
    return found


def _added(text: Text, call: ast.Call, argument: str) -> Edit:
    """The edit that adds an argument behind those of a call."""
    last = _last_token(text, call)
    if last is None:
        *_, end_line, end_column = text.source.extent(call)
        return text.inserted(end_line, end_column - 1, argument)
    row, after, is_comma = last
    written = f" {argument}," if is_comma else f", {argument}"
    return text.inserted(row, after, written)


def _last_token(text: Text, call: ast.Call) -> tuple[int, int, bool] | None:
    """Where the last argument of a call ends, behind its comma; `None` where there is none."""
    if not call.args and not call.keywords:
        return None
    line, column, *_ = text.source.extent(call)
    written = text.text_of(call)
    tokens = [
        token
        for token in tokenize.generate_tokens(io.StringIO(written).readline)
        if token.type not in _UNREAD
    ]
    closing, before = tokens[-1], tokens[-2]
    if closing.string != ")":
        raise NoEdit("the call does not end in a parenthesis")
    row, at = before.end
    return line + row - 1, at + (column if row == 1 else 1), before.string == ","
