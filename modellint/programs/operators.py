"""What operators give: arithmetic, comparisons and conditions, on values that may not be known."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from modellint.discovery.plain_functions import NotConstant, binary
from modellint.programs import tensors
from modellint.programs.reading import MOST_ITEMS, Reading
from modellint.programs.values import (
    UNKNOWN,
    ClassValue,
    Either,
    FilePath,
    FunctionValue,
    Instance,
    Library,
    Method,
    ModuleValue,
    Native,
    Partial,
    Record,
    Scope,
    Tensor,
    Unknown,
    Value,
    either,
    is_plain,
    same,
    truth,
)

_COMPARED: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_CALLED = (ClassValue, FunctionValue, Method, ModuleValue, Partial, Native)


class Operators(Reading):
    """Computes what operators give."""

    def _binary(self, node: ast.BinOp, scope: Scope) -> Value:
        left, right = self.value(node.left, scope), self.value(node.right, scope)
        return self.operated(type(node.op), left, right)

    def operated(self, kind: type[ast.operator], left: Value, right: Value) -> Value:
        """What an operator gives."""
        if isinstance(left, Either) or isinstance(right, Either):
            ones = left.options if isinstance(left, Either) else (left,)
            others = right.options if isinstance(right, Either) else (right,)
            return either([self.operated(kind, a, b) for a in ones for b in others] + [UNKNOWN])
        if isinstance(left, Tensor) and isinstance(right, Tensor) and kind is ast.MatMult:
            return tensors.multiplied(left, right)
        if isinstance(left, Tensor) or isinstance(right, Tensor):
            return tensors.together(left, right)
        if isinstance(left, FilePath) and isinstance(right, str) and kind is ast.Div:
            return FilePath(f"{left.path}/{right}")
        if isinstance(left, list) and isinstance(right, list) and kind is ast.Add:
            return self.made(left + right)
        if isinstance(left, tuple) and isinstance(right, tuple) and kind is ast.Add:
            return left + right
        if isinstance(left, int) and isinstance(right, list | tuple | str):
            left, right = right, left
        if isinstance(left, list | tuple) and isinstance(right, int) and kind is ast.Mult:
            return self.made(left * right) if len(left) * right <= MOST_ITEMS else UNKNOWN
        if kind is ast.BitOr and isinstance(left, dict) and isinstance(right, dict):
            return self.made(left | right)
        if kind is ast.Mod and isinstance(left, str):
            return _formatted(left, right)
        if not (is_plain(left) and is_plain(right)):
            return UNKNOWN
        try:
            return binary(kind, left, right)
        except (NotConstant, ArithmeticError, TypeError, ValueError):
            return UNKNOWN

    def _unary(self, node: ast.UnaryOp, scope: Scope) -> Value:
        value = self.value(node.operand, scope)
        if isinstance(node.op, ast.Not):
            known = truth(value)
            return UNKNOWN if known is None else not known
        if isinstance(value, Tensor):
            return value
        if not isinstance(value, int | float):
            return UNKNOWN
        if isinstance(node.op, ast.USub):
            return -value
        return value if isinstance(node.op, ast.UAdd) else UNKNOWN

    def _bool(self, node: ast.BoolOp, scope: Scope) -> Value:
        stops = isinstance(node.op, ast.Or)
        open_ones: list[Value] = []
        value: Value = UNKNOWN
        for one in node.values:
            value = self.value(one, scope)
            known = truth(value)
            if known is stops:
                return value if not open_ones or not stops else either([*open_ones, value])
            if known is None:
                open_ones.append(value)
        if not open_ones:
            return value
        return either([*open_ones, value]) if stops else UNKNOWN

    def _compare(self, node: ast.Compare, scope: Scope) -> Value:
        left = self.value(node.left, scope)
        result: Value = True
        for op, other in zip(node.ops, node.comparators, strict=True):
            right = self.value(other, scope)
            one = self._compared(op, left, right)
            if one is False:
                return False
            result = result if one is True else one
            left = right
        return result

    def _compared(self, op: ast.cmpop, left: Value, right: Value) -> Value:
        if isinstance(op, ast.NotEq | ast.IsNot | ast.NotIn):
            positive = {ast.NotEq: ast.Eq, ast.IsNot: ast.Is, ast.NotIn: ast.In}[type(op)]()
            known = self._compared(positive, left, right)
            return known if isinstance(known, Unknown) else not known
        if isinstance(left, Tensor) or isinstance(right, Tensor):
            made = tensors.together(left, right)
            return replace(made, dtype="bool") if isinstance(made, Tensor) else UNKNOWN
        if isinstance(left, Unknown | Either) or isinstance(right, Unknown | Either):
            return UNKNOWN
        if isinstance(op, ast.Is | ast.Eq):
            return self._equal(left, right, identical=isinstance(op, ast.Is))
        if isinstance(op, ast.In):
            return self._contains(right, left)
        if not (is_plain(left) and is_plain(right)):
            return UNKNOWN
        try:
            return _COMPARED[type(op)](left, right)
        except TypeError:
            return UNKNOWN

    def _equal(self, left: Value, right: Value, *, identical: bool) -> Value:
        if identical and (left is None or right is None):
            return left is right
        if self.exploring and isinstance(left, str) and isinstance(right, str):
            return UNKNOWN
        if same(left, right):
            return True
        known = (*_CALLED, Library, Instance, Record, list, tuple, dict, set)
        plain = is_plain(left) or isinstance(left, known)
        return (
            bool(left == right)
            if plain and (is_plain(right) or isinstance(right, known))
            else UNKNOWN
        )

    def _contains(self, container: Value, item: Value) -> Value:
        if isinstance(container, str) and isinstance(item, str):
            return UNKNOWN if self.exploring else item in container
        known = self.listed(container)
        if known is None or not (is_plain(item) or isinstance(item, _CALLED)):
            return UNKNOWN
        if self.exploring and isinstance(item, str) and not isinstance(container, dict):
            return UNKNOWN
        if any(same(one, item) for one in known):
            return True
        if isinstance(container, dict | Instance) and self.import_rest():
            return self._contains(container, item)
        return UNKNOWN if any(isinstance(one, Unknown | Either) for one in known) else False

    def _choice(self, node: ast.IfExp, scope: Scope) -> Value:
        known = truth(self.value(node.test, scope))
        if known is not None:
            return self.value(node.body if known else node.orelse, scope)
        return either([self.value(node.body, scope), self.value(node.orelse, scope)])


def _formatted(text: str, given: Value) -> Value:
    values = given if isinstance(given, tuple) else (given,)
    if not all(map(is_plain, values)) or re.search(r"\d{3}", text):
        return UNKNOWN
    try:
        return text % values
    except (TypeError, ValueError):
        return UNKNOWN
