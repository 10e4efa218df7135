"""The sizes of an export: expressions as `torch.export` writes them, read without sympy."""

from __future__ import annotations

import ast
from typing import Any

from modellint.exported.program import Axis

#: A linear form: what is multiplied with each symbol, and with `""`, the constant.
_Linear = dict[str, int]


class _Unread(Exception):
    """An expression that is no sum of multiples of symbols."""


def axis(size: Any) -> Axis:
    """A size of the JSON: `{"as_int": 3}`, or an expression with the size that it had.

    Raises what a wrong JSON raises: `KeyError`, `TypeError`, `ValueError`.
    """
    if "as_int" in size:
        return Axis(int(size["as_int"]))
    expression = size["as_expr"]
    hint = expression.get("hint") or {}
    example = int(hint.get("as_int") or 0)
    try:
        return axis_of(expression["expr_str"], example)
    except (_Unread, SyntaxError):
        return Axis(example, dynamic=True)


def axis_of(text: str, example: int) -> Axis:
    """A size by its expression: `s0`, `32*_h + 1`, or `Mul(Integer(32), Symbol('_h', ...))`.

    `example` is the size that it had. One that is no multiple of one symbol and a number is
    `dynamic` without a symbol.
    """
    try:
        found = _linear(ast.parse(text.strip(), mode="eval").body)
    except (_Unread, SyntaxError):
        return Axis(example, dynamic=True)
    offset = found.pop("", 0)
    terms = [(name, factor) for name, factor in found.items() if factor]
    if not terms:
        return Axis(offset)
    (symbol, factor), *others = terms
    if others or factor < 1:
        return Axis(example, dynamic=True)
    return Axis(example, symbol, factor, offset, dynamic=True)


def _linear(node: ast.expr) -> _Linear:
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return {"": node.value}
    if isinstance(node, ast.Name):
        return {node.id: 1}
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return _times(_linear(node.operand), {"": -1})
    if isinstance(node, ast.BinOp):
        left, right = _linear(node.left), _linear(node.right)
        if isinstance(node.op, ast.Add):
            return _plus(left, right)
        if isinstance(node.op, ast.Sub):
            return _plus(left, _times(right, {"": -1}))
        if isinstance(node.op, ast.Mult):
            return _times(left, right)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _called(node.func.id, node.args)
    raise _Unread


def _called(name: str, arguments: list[ast.expr]) -> _Linear:
    """An expression in the form that sympy's `srepr` has."""
    first = arguments[0] if arguments else None
    if name == "Symbol" and isinstance(first, ast.Constant):
        return {str(first.value): 1}
    if name == "Integer" and first is not None:
        return _linear(first)
    if name in ("Add", "Mul"):
        total: _Linear = {"": 0 if name == "Add" else 1}
        for argument in arguments:
            part = _linear(argument)
            total = _plus(total, part) if name == "Add" else _times(total, part)
        return total
    raise _Unread


def _plus(one: _Linear, other: _Linear) -> _Linear:
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}


def _times(one: _Linear, other: _Linear) -> _Linear:
    if {*one} - {""} and {*other} - {""}:
        raise _Unread
    number, rest = (one, other) if not {*one} - {""} else (other, one)
    factor = number.get("", 0)
    return {name: factor * value for name, value in rest.items()}
