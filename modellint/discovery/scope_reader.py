"""What the names and expressions of a scope stand for, while its statements are read in order."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from modellint.discovery.constants import NotConstant, constant
from modellint.discovery.displays import added, of_parts, pair, plain_value
from modellint.discovery.expression_reader import MOST_ROUNDS, ExpressionReader
from modellint.discovery.loaders import items
from modellint.discovery.names import Names, written_name
from modellint.discovery.plain_classes import plain_class
from modellint.discovery.scopes import (
    Function,
    Scope,
    Value,
    local_bindings,
    own_nodes,
    stored_in,
)
from modellint.source.file import SourceFile
from modellint.source.walking import walk

#: How deep calls of functions are read.
_DEEPEST = 3
#: Methods that change what a list or dictionary holds.
CHANGING = frozenset("append extend insert update setdefault pop remove clear add".split())


class ScopeReader(ExpressionReader):
    """Reads assignments, loops over what is written out, and functions that compute something."""

    def __init__(self, source: SourceFile, names: Names, models: frozenset[str]) -> None:
        super().__init__(source, names, models)
        self._running: list[str] = []
        self._items = items(source.tree)
        self._bindings: dict[Function, set[str] | None] = {}

    # Assignments -----------------------------------------------------------------------------

    def assigns(self, node: ast.stmt) -> None:
        """Take in what a statement binds, or may change."""
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._assign(target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._assign(target, value)
            case ast.AugAssign(target=target, op=op, value=value):
                self._augment(target, ast.BinOp(target, op, value))
            case ast.For(target=target):
                self.forget(target)
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=holder, attr=method)) as call):
                if method in CHANGING:
                    self._changed(holder, added(call))
            case ast.Import() | ast.ImportFrom() if self.scope.where in ("main", "function"):
                self.scope.local |= {alias.asname or alias.name for alias in node.names}
            case ast.ClassDef(name=name) if name not in self.models:
                self.scope.values[name] = Value(constant=plain_class(node, self.constant_of))

    def _augment(self, target: ast.expr, sum_: ast.BinOp) -> None:
        read = written_name(target)
        value = Value() if read is None else self.value(ast.copy_location(sum_, target))
        self.forget(target)
        if value.constant is not NotConstant and read is not None:
            self.scope.values[read] = value

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if not isinstance(target, ast.Tuple | ast.List):
            self.bind(target, self.value(value), value)
            return
        if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
            values = [self.value(item) for item in value.elts]
            for item, known, node in zip(target.elts, values, value.elts, strict=True):
                self.bind(item, known, node)
            return
        self.spread(target, self.value(value), value)

    def spread(self, target: ast.expr, value: Value, node: ast.expr) -> None:
        """Bind the parts of a value to the names of a target, or the whole to its one name."""
        if not isinstance(target, ast.Tuple | ast.List):
            self.bind(target, value, node)
            return
        parts = self.parts(value, node)
        if parts is None or len(parts) != len(target.elts):
            self.forget(target)
            return
        for item, part in zip(target.elts, parts, strict=True):
            self.spread(item, part, node)

    def bind(self, target: ast.expr, value: Value, node: ast.expr) -> None:
        """Bind a name; what is stored into changes otherwise."""
        name = written_name(target)
        if name is None:
            if isinstance(target, ast.Subscript):
                self._changed(target.value, {target.slice: node})
            elif isinstance(target, ast.Tuple | ast.List):
                self.forget(target)
            return
        for stale in [one for one in self.scope.values if one.startswith(f"{name}.")]:
            del self.scope.values[stale]
        self.scope.values[name] = value
        if value.callee is not None:
            value.variable = name
        self.bound(name, value, node)

    def bound(self, name: str, value: Value, node: ast.expr) -> None:
        """Hear of a name that was bound."""

    def _changed(self, holder: ast.expr, added: Mapping[ast.expr | None, ast.expr] | None) -> None:
        """Add to what a list or dictionary holds what is `added`, by key, or forget all of it.

        A model stays the model it was.
        """
        name = written_name(holder)
        known = self.scope.values.get(name or "")
        if name is None or known is None or known.callee is not None:
            return
        del self.scope.values[name]
        parts = known.parts
        if added is None or parts is None or len(parts) + len(added) > MOST_ROUNDS:
            return
        grown = dict(parts)
        for key, node in added.items():
            try:
                at = len(grown) if key is None else constant(key, self.constant_of)
                grown[at] = self.value(node)
            except (NotConstant, TypeError):
                return
        self.scope.values[name] = of_parts(known.kind, grown)

    def forget(self, target: ast.expr) -> None:
        """Forget all that a target's names stood for."""
        for node in walk(target):
            name = written_name(node)
            if name is not None:
                self.scope.values.pop(name, None)

    # Loops ---------------------------------------------------------------------------------------

    def rounds(self, target: ast.expr, over: ast.expr) -> Iterator[None] | None:
        """The rounds of a loop over what is written out, its names bound; `None` for others."""
        parts = self._looped(over)
        if parts is None or len(parts) > MOST_ROUNDS:
            return None
        return self._rounds(target, over, parts)

    def _rounds(self, target: ast.expr, over: ast.expr, parts: Sequence[Value]) -> Iterator[None]:
        names = {written_name(node) or "" for node in walk(target)}
        before = {name: self.scope.values.get(name) for name in names}
        hidden = names - self.scope.local
        self.scope.local |= hidden
        for part in parts:
            self.spread(target, part, over)
            yield
        self.scope.local -= hidden
        for name, value in before.items():
            self.scope.values.pop(name, None)
            if value is not None:
                self.scope.values[name] = value

    def _looped(self, over: ast.expr) -> list[Value] | None:
        match over:
            case ast.Call(func=ast.Name(id="enumerate"), args=[inner], keywords=[]):
                parts = self._looped(inner)
                if parts is None:
                    return None
                return [pair(plain_value(at, over), part) for at, part in enumerate(parts)]
            case ast.Call(func=ast.Name(id="zip"), args=many, keywords=[]):
                columns = [self._looped(one) for one in many]
                if not columns or any(column is None for column in columns):
                    return None
                rows = zip(*(column or [] for column in columns), strict=False)
                return [Value(parts=dict(enumerate(row))) for row in rows]
            case ast.Call(
                func=ast.Attribute(value=owner, attr="items" | "values" as which), args=[]
            ):
                parts_by_key = self.value(owner).parts
                if parts_by_key is None:
                    return None
                if which == "values":
                    return list(parts_by_key.values())
                return [pair(plain_value(k, over), v) for k, v in parts_by_key.items()]
        return self.parts(self.value(over), over)

    # Functions -------------------------------------------------------------------------------

    def parameters_bound(self, function: Function, node: ast.Call | None) -> dict[str, Value]:
        """What the parameters of a function stand for: what a call gives them, or by default."""
        arguments = function.args
        positional = [*arguments.posonlyargs, *arguments.args]
        names = [argument.arg for argument in positional]
        pairs = list(zip(reversed(positional), reversed(arguments.defaults), strict=False))
        keyword = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        bound = {
            argument.arg: self.value(default)
            for argument, default in [*pairs, *keyword]
            if default is not None
        }
        if node is None:
            return bound
        given: list[Value] = []
        for argument in node.args:
            if not isinstance(argument, ast.Starred):
                given.append(self.value(argument))
                continue
            parts = self.parts(self.value(argument.value), argument.value)
            if parts is None:
                break
            given += parts
        bound |= dict(zip(names, given, strict=False))
        every = {*names, *(one.arg for one in arguments.kwonlyargs)}
        bound |= {word.arg: self.value(word.value) for word in node.keywords if word.arg in every}
        return bound

    @contextmanager
    def inside(self, scope: Scope) -> Iterator[None]:
        """Read in another scope for a while."""
        outer, self.scope = self.scope, scope
        try:
            yield
        finally:
            self.scope = outer

    def module_values(self, bound: set[str]) -> dict[str, Value]:
        """What of the module is seen where some names are bound otherwise."""
        return {name: value for name, value in self.outer.items() if name not in bound}

    @property
    def outer(self) -> Mapping[str, Value]:
        """The values of the module's scope."""
        return self.scope.values

    def sample(self, name: str) -> Value | None:
        """What a class of data of the file gives for one index."""
        function = self._items.get(name)
        return None if function is None else self.result_of(function, {})

    def result(self, node: ast.Call) -> Value | None:
        """What a function of the file that only computes something gives."""
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        function = self.functions.get(name)
        if function is None or name in self.models or name in self.scope.local:
            return None
        return self.result_of(function, self.parameters_bound(function, node))

    def _bound_in_one_way(self, function: Function) -> set[str] | None:
        """The names that a function binds; `None` for one that may return in several places."""
        if function not in self._bindings:
            returns = sum(isinstance(node, ast.Return) for node in own_nodes(function))
            self._bindings[function] = local_bindings(function) if returns == 1 else None
        return self._bindings[function]

    def result_of(self, function: Function, values: Mapping[str, Value]) -> Value | None:
        """What a function returns at its end, for what its parameters stand for."""
        last = function.body[-1]
        running = function.name in self._running or len(self._running) == _DEEPEST
        if not isinstance(last, ast.Return) or last.value is None or running:
            return None
        bound = self._bound_in_one_way(function)
        if bound is None:
            return None
        scope = Scope("function", None, {**self.module_values(bound), **values}, bound)
        self._running.append(function.name)
        try:
            with self.inside(scope):
                for statement in function.body[:-1]:
                    for inner in stored_in(statement):
                        self.forget(inner)
                    self.assigns(statement)
                result = self.value(last.value)
        finally:
            self._running.pop()
        return result
