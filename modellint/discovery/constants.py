"""The values of expressions that need no running: numbers, texts, and containers of them.

A small evaluator computes what arithmetic, displays, comprehensions over them and a few functions
without effect make of constants. It takes so many steps and no more.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from modellint.discovery.names import written_name
from modellint.discovery.namespaces import Namespace, NamespaceClass
from modellint.discovery.plain_functions import (
    FUNCTIONS,
    NAMESPACES,
    Array,
    NotConstant,
    binary,
    checked,
    hashable,
    is_plain,
    item,
    method,
    sequence,
    unary,
    weight,
    wide,
)
from modellint.source.walking import walk

_MOST_STEPS = 100_000
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda one, many: one in many,
    ast.NotIn: lambda one, many: one not in many,
}


def no_name(name: str) -> NoReturn:
    """The lookup of a constant that reads no names."""
    raise NotConstant(name)


def constant(node: ast.AST, lookup: Callable[[str], Any]) -> Any:
    """The value of a constant expression; raise `NotConstant` if it has none.

    `lookup` gives the value of a dotted name, and raises `NotConstant` for what it does not know.
    """
    try:
        return _Evaluation(lookup).value(node)
    except (ArithmeticError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise NotConstant from error


def as_expression(value: Any, like: ast.expr) -> ast.expr:
    """A constant written out, in the place of an expression; raise `NotConstant` if it cannot be.

    Namespaces cannot.
    """
    if not is_plain(value):
        raise NotConstant
    written = ast.parse(repr(value), mode="eval").body
    for inner in walk(written):
        ast.copy_location(inner, like)
    return written


#: What gives a value that something else has made.
_KNOWN = (ast.Name, ast.Attribute, ast.Subscript)


class _Evaluation:
    """Computes one expression."""

    def __init__(self, lookup: Callable[[str], Any]) -> None:
        self._lookup = lookup
        self._inner: dict[str, Any] = {}
        self._steps = 0

    def value(self, node: ast.AST) -> Any:
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise NotConstant
        value = self._value(node)
        if isinstance(value, tuple | list | dict) and not isinstance(node, _KNOWN):
            self._steps += weight(value)
        return value

    def _value(self, node: ast.AST) -> Any:
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Tuple(elts=items):
                return tuple(self._items(items))
            case ast.List(elts=items):
                return self._items(items)
            case ast.Dict():
                return self._mapping(node)
            case ast.UnaryOp(op=op, operand=operand):
                return unary(op, self.value(operand))
            case ast.BinOp(left=left, op=op, right=right):
                return binary(type(op), self.value(left), self.value(right))
            case ast.BoolOp() | ast.Compare() | ast.IfExp():
                return self._condition(node)
            case ast.JoinedStr(values=parts):
                return "".join(self._text(part) for part in parts)
            case ast.Subscript(value=value, slice=ast.Slice() as by):
                return self._sliced(self.value(value), by)
            case ast.Subscript(value=value, slice=index):
                return item(self.value(value), self.value(index))
            case ast.ListComp() | ast.GeneratorExp():
                return [self.value(node.elt) for _ in self._rounds(node.generators)]
            case ast.DictComp():
                return {
                    hashable(self.value(node.key)): self.value(node.value)
                    for _ in self._rounds(node.generators)
                }
            case ast.Call():
                return self._call(node)
            case ast.Name(id=name):
                return self._inner[name] if name in self._inner else self._lookup(name)
            case ast.Attribute():
                return self._attribute(node)
        raise NotConstant

    def _items(self, nodes: list[ast.expr]) -> list[Any]:
        values: list[Any] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                values.extend(sequence(self.value(node.value)))
            else:
                values.append(self.value(node))
        return values

    def _mapping(self, node: ast.Dict) -> dict[Any, Any]:
        made: dict[Any, Any] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            if key is not None:
                made[hashable(self.value(key))] = self.value(value)
                continue
            spread = self.value(value)
            if not isinstance(spread, dict):
                raise NotConstant
            made |= spread
        return made

    def _condition(self, node: ast.BoolOp | ast.Compare | ast.IfExp) -> Any:
        if isinstance(node, ast.IfExp):
            return self.value(node.body if self.value(node.test) else node.orelse)
        if isinstance(node, ast.Compare):
            left = self.value(node.left)
            for op, other in zip(node.ops, node.comparators, strict=True):
                right = self.value(other)
                if not _COMPARISONS[type(op)](left, right):
                    return False
                left = right
            return True
        result: Any = None
        for one in node.values:
            result = self.value(one)
            if bool(result) is isinstance(node.op, ast.Or):
                return result
        return result

    def _text(self, part: ast.expr) -> str:
        if not isinstance(part, ast.FormattedValue):
            return str(self.value(part))
        value = self.value(part.value)
        if part.conversion == ord("r"):
            value = repr(value)
        how = self.value(part.format_spec) if part.format_spec is not None else ""
        if not isinstance(value, int | float | str) or wide("{" + how):
            raise NotConstant
        return format(value, how)

    def _sliced(self, container: Any, by: ast.Slice) -> Any:
        if not isinstance(container, tuple | list | str):
            raise NotConstant
        bounds = [None if one is None else self.value(one) for one in (by.lower, by.upper, by.step)]
        return container[slice(*bounds)]

    def _rounds(self, generators: list[ast.comprehension]) -> Iterator[None]:
        """The rounds of a comprehension, with its names bound."""
        if not generators:
            yield
            return
        first, *rest = generators
        if first.is_async:
            raise NotConstant
        before = self._inner
        for value in sequence(self.value(first.iter)):
            self._inner = {**before, **dict(_unpacked(first.target, value))}
            if all(self.value(test) for test in first.ifs):
                yield from self._rounds(rest)
        self._inner = before

    def _attribute(self, node: ast.Attribute) -> Any:
        name = written_name(node)
        if name is not None and name.partition(".")[0] not in self._inner:
            try:
                return self._lookup(name)
            except NotConstant:
                pass
        owner = self.value(node.value)
        if not isinstance(owner, Namespace | NamespaceClass):
            raise NotConstant
        return owner.attribute(node.attr)

    def _call(self, node: ast.Call) -> Any:
        given = self._items(node.args)
        named = self._keywords(node.keywords)
        name = written_name(node.func) or ""
        if name in FUNCTIONS and name not in self._inner:
            return checked(FUNCTIONS[name](*given, **named))
        if name.rpartition(".")[2] in NAMESPACES and len(given) <= 1:
            return Namespace({**dict(*given), **named})
        if isinstance(node.func, ast.Attribute):
            return checked(method(self.value(node.func.value), node.func.attr, given, named))
        made = self.value(node.func)
        if not isinstance(made, NamespaceClass):
            raise NotConstant
        return made.made(given, named)

    def _keywords(self, words: list[ast.keyword]) -> dict[str, Any]:
        named: dict[str, Any] = {}
        for word in words:
            value = self.value(word.value)
            if word.arg is not None:
                named[word.arg] = value
            elif isinstance(value, dict) and all(isinstance(key, str) for key in value):
                named |= value
            else:
                raise NotConstant
        return named


def _unpacked(target: ast.expr, value: Any) -> Iterator[tuple[str, Any]]:
    """The names that a target binds to a value or its parts."""
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Tuple | ast.List):
        for inner, part in zip(target.elts, sequence(value), strict=True):
            yield from _unpacked(inner, part)
    else:
        raise NotConstant


__all__ = ["Array", "NotConstant", "as_expression", "constant", "no_name"]
