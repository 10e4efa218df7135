"""What expressions give, on values as far as these are known."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from modellint.programs.operators import Operators
from modellint.programs.reading import MOST_ITEMS, is_key, mapping_of
from modellint.programs.values import (
    UNKNOWN,
    Data,
    Either,
    FilePath,
    Instance,
    Library,
    Scope,
    Spread,
    Stream,
    Tensor,
    Unknown,
    Value,
    is_plain,
    truth,
)


class Expressions(Operators):
    """Evaluates expressions; whoever derives from it says what calls and attributes give."""

    def __init__(self) -> None:
        super().__init__()
        self._readers: Mapping[type[ast.AST], Callable[[Any, Scope], Value]] = {
            ast.Constant: lambda node, scope: node.value,
            ast.Name: self._name,
            ast.Attribute: lambda n, scope: self.attribute(self.value(n.value, scope), n.attr),
            ast.Call: self._call,
            ast.List: lambda node, scope: self.made(self._items(node.elts, scope)),
            ast.Set: lambda node, scope: self.made(self._items(node.elts, scope)),
            ast.Tuple: self._tuple,
            ast.Dict: self._dict,
            ast.BinOp: self._binary,
            ast.UnaryOp: self._unary,
            ast.BoolOp: self._bool,
            ast.Compare: self._compare,
            ast.IfExp: self._choice,
            ast.Subscript: lambda n, s: self.item(self.value(n.value, s), self.value(n.slice, s)),
            ast.Slice: self._slice,
            ast.JoinedStr: self._text,
            ast.Lambda: lambda node, scope: self.function(node, scope),
            ast.ListComp: self._comprehension,
            ast.SetComp: self._comprehension,
            ast.GeneratorExp: self._comprehension,
            ast.DictComp: self._comprehension,
            ast.NamedExpr: self._walrus,
            ast.Starred: lambda node, scope: self.value(node.value, scope),
            ast.Await: lambda node, scope: self.value(node.value, scope),
            ast.Yield: self._yield,
            ast.YieldFrom: self._yield_from,
        }

    def value(self, node: ast.expr, scope: Scope) -> Value:
        """What an expression stands for in a scope."""
        self.step()
        read = self._readers.get(type(node))
        return UNKNOWN if read is None else read(node, scope)

    # Names and displays -----------------------------------------------------------------------

    def _name(self, node: ast.Name, scope: Scope) -> Value:
        found = scope.lookup(node.id)
        if found is not None:
            return self.resolved(found.value)
        if node.id == "__file__":
            return FilePath(scope.module.path)
        if hasattr(builtins, node.id):
            return Library(f"builtins.{node.id}")
        return self.from_stars(node.id, scope.module)

    def _items(self, nodes: Sequence[ast.expr], scope: Scope) -> list[Value]:
        values: list[Value] = []
        for node in nodes:
            if not isinstance(node, ast.Starred):
                values.append(self.value(node, scope))
                continue
            spread = self.listed(self.value(node.value, scope))
            values += [Spread()] if spread is None else spread
        return values

    def _tuple(self, node: ast.Tuple, scope: Scope) -> Value:
        return tuple(self._items(node.elts, scope))

    def _dict(self, node: ast.Dict, scope: Scope) -> Value:
        made: dict[Any, Value] = {}
        for key, inner in zip(node.keys, node.values, strict=True):
            value = self.value(inner, scope)
            if key is None:
                spread = mapping_of(value)
                if spread is None:
                    return UNKNOWN
                made |= spread
                continue
            name = self.value(key, scope)
            if not is_key(name):
                return UNKNOWN
            made[name] = value
        return self.made(made)

    def _slice(self, node: ast.Slice, scope: Scope) -> Value:
        bounds = (node.lower, node.upper, node.step)
        return slice(*(None if one is None else self.value(one, scope) for one in bounds))

    def _text(self, node: ast.JoinedStr, scope: Scope) -> Value:
        text = ""
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                value = self.value(part.value, scope)
                if not is_plain(value) or part.format_spec is not None:
                    return UNKNOWN
                text += repr(value) if part.conversion == ord("r") else str(value)
            else:
                text += str(self.value(part, scope))
        return text

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, scope: Scope
    ) -> Value:
        inner = Scope(scope.module, {}, scope, scope.owner, scope.this)
        whole = True
        pairs: dict[Any, Value] = {}
        values: list[Value] = []
        for known in self._rounds(node.generators, inner):
            whole = whole and known
            if isinstance(node, ast.DictComp):
                key = self.value(node.key, inner)
                whole = whole and is_key(key)
                if is_key(key):
                    pairs[key] = self.value(node.value, inner)
            else:
                values.append(self.value(node.elt, inner))
        if isinstance(node, ast.DictComp):
            return self.made(pairs) if whole else UNKNOWN
        return self.made(values) if whole else Stream(tuple(values[:1]))

    def _rounds(self, generators: Sequence[ast.comprehension], scope: Scope) -> Iterator[bool]:
        """The rounds of a comprehension, its names bound, with whether each is known to be one."""
        if not generators:
            yield True
            return
        first, *rest = generators
        items, whole = self.looped(self.value(first.iter, scope))
        for item in items:
            self.bind(first.target, item, scope)
            tests = [truth(self.value(test, scope)) for test in first.ifs]
            if False in tests:
                continue
            for known in self._rounds(rest, scope):
                yield known and whole and None not in tests
        if not items and not whole:
            yield False

    def looped(self, value: Value) -> tuple[Sequence[Value], bool]:
        """The items of what is looped over, and whether these are all of them."""
        listed = self.listed(value)
        if listed is not None and len(listed) <= MOST_ITEMS:
            return listed, True
        if isinstance(value, Stream):
            return value.items or (UNKNOWN,), False
        if isinstance(value, Data):
            return (value.item,), False
        if isinstance(value, Either):
            return [item for one in value.options for item in self.looped(one)[0]][:2], False
        if isinstance(value, Tensor) and value.of is None and value.shape:
            return (Tensor(value.shape[1:], value.dtype),), False
        if isinstance(value, Instance):
            return (self.iterated(value),), False
        return (UNKNOWN,), False

    def _walrus(self, node: ast.NamedExpr, scope: Scope) -> Value:
        value = self.value(node.value, scope)
        self.bind(node.target, value, scope)
        return value

    def _yield(self, node: ast.Yield, scope: Scope) -> Value:
        value = None if node.value is None else self.value(node.value, scope)
        if self.yields:
            self.yields[-1].append(value)
        return UNKNOWN

    def _yield_from(self, node: ast.YieldFrom, scope: Scope) -> Value:
        items, _ = self.looped(self.value(node.value, scope))
        if self.yields:
            self.yields[-1] += items
        return UNKNOWN

    def _call(self, node: ast.Call, scope: Scope) -> Value:
        if isinstance(node.func, ast.Name) and node.func.id == "super":
            return self.above(node, scope)
        owner: Value = None
        if isinstance(node.func, ast.Attribute):
            owner = self.value(node.func.value, scope)
            function = self.attribute(owner, node.func.attr)
        else:
            function = self.value(node.func, scope)
        given = self._items(node.args, scope)
        named: dict[str, Value] = {}
        for word in node.keywords:
            value = self.value(word.value, scope)
            if word.arg is not None:
                named[word.arg] = value
                continue
            spread = mapping_of(value)
            if spread is None or not all(isinstance(key, str) for key in spread):
                named["**"] = Spread()
            else:
                named |= spread
        if isinstance(function, Unknown) and isinstance(node.func, ast.Attribute):
            return self.by_name(owner, node.func.attr, given, named, node, scope)
        return self.call(function, given, named, node, scope)
