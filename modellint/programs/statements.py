"""What statements do to the names of a scope, in their order, branches and loops included."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Literal

from modellint.discovery.names import is_main_guard, last_name, written_name
from modellint.programs.calls import Calls
from modellint.programs.modules import Module, Modules
from modellint.programs.values import (
    UNKNOWN,
    ClassValue,
    Data,
    Either,
    FilePath,
    Function,
    FunctionValue,
    Lazy,
    Library,
    Made,
    Scope,
    Tensor,
    Unknown,
    Value,
    either,
    same,
    truth,
)

#: How a block ends: at its end, or before.
End = Literal["", "return", "break", "continue", "raise"]
#: How many rounds of a loop are read; of one with more, one that stands for all.
_MOST_ROUNDS = 64
_NO_SELF = frozenset({"staticmethod"})


class Statements(Calls):
    """Reads blocks of statements."""

    def __init__(self, modules: Modules) -> None:
        super().__init__(modules)
        self._returned: list[list[Value]] = []
        #: The modules that are read as programs, whose main guards hold.
        self.programs: set[str] = set()

    def run_module(self, module: Module) -> None:
        """Read the statements of a module, once."""
        if module.state != "unread":
            return
        module.state = "running"
        before, self.doubt = self.doubt, 0
        exploring = self.exploring
        self.exploring = exploring and module.path in self.programs
        try:
            self.block(module.tree.body, Scope(module, module.names))
        finally:
            self.doubt, self.exploring = before, exploring
            module.state = "read"

    def result(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> Value:
        """What the body of a function returns."""
        self._returned.append([])
        try:
            end = self.block(node.body, scope)
            found = self._returned[-1]
        finally:
            self._returned.pop()
        return either(found if end in ("return", "raise") or found else [None])

    def block(self, body: Sequence[ast.stmt], scope: Scope) -> End:
        """Read statements until one ends the block."""
        for node in body:
            self.step()
            end = self._statement(node, scope)
            if end:
                return end
        return ""

    def _statement(self, node: ast.stmt, scope: Scope) -> End:
        match node:
            case ast.Expr(value=value):
                self.value(value, scope)
            case ast.Assign(targets=targets, value=value):
                known = self.value(value, scope)
                for target in targets:
                    self.bind(target, known, scope)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self.bind(target, self.value(value, scope), scope)
            case ast.AugAssign():
                self._augmented(node, scope)
            case ast.Return(value=value):
                result = None if value is None else self.value(value, scope)
                for returned in self._returned[-1:]:
                    returned.append(result)
                return "return"
            case ast.If():
                return self._if(node, scope)
            case ast.For() | ast.AsyncFor():
                return self._for(node, scope)
            case ast.While():
                return self._while(node, scope)
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    value = self.value(item.context_expr, scope)
                    if item.optional_vars is not None:
                        self.bind(item.optional_vars, value, scope)
                return self.block(node.body, scope)
            case ast.Try() | ast.TryStar():
                return self._try(node, scope)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._define(
                    node.name, self._decorated(node, self.function(node, scope), scope), scope
                )
            case ast.ClassDef():
                self._define(
                    node.name, self._decorated(node, self._class(node, scope), scope), scope
                )
            case ast.Import() | ast.ImportFrom():
                self._import(node, scope)
            case ast.Break():
                return "break"
            case ast.Continue():
                return "continue"
            case ast.Raise():
                return "raise"
            case ast.Assert(test=test):
                self.value(test, scope)
            case ast.Delete(targets=targets):
                for target in targets:
                    if isinstance(target, ast.Name):
                        scope.names.pop(target.id, None)
            case ast.Global(names=names):
                scope.shared |= set(names)
            case ast.Match():
                return self._match(node, scope)
        return ""

    # Assignments ------------------------------------------------------------------------------

    def _define(self, name: str, value: Value, scope: Scope) -> None:
        names = scope.module.names if name in scope.shared else scope.names
        names[name] = value

    def bind(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Bind the names of a target, or store where it says."""
        match target:
            case ast.Name(id=name):
                self._define(name, value, scope)
            case ast.Attribute(value=owner, attr=name):
                self.set_attribute(self.value(owner, scope), name, value)
            case ast.Subscript(value=owner, slice=index):
                self.set_item(self.value(owner, scope), self.value(index, scope), value)
            case ast.Starred(value=inner):
                self.bind(inner, value, scope)
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                for one, part in zip(targets, self._parts(value, targets), strict=True):
                    self.bind(one, part, scope)

    def _parts(self, value: Value, targets: Sequence[ast.expr]) -> list[Value]:
        if isinstance(value, Either):
            each = [self._parts(one, targets) for one in value.options]
            return [either(list(column)) for column in zip(*each, strict=True)]
        listed = self.listed(value)
        star = next((at for at, one in enumerate(targets) if isinstance(one, ast.Starred)), None)
        if listed is not None and star is not None and len(listed) >= len(targets) - 1:
            after = len(targets) - star - 1
            middle = listed[star : len(listed) - after]
            return [*listed[:star], middle, *listed[len(listed) - after :]]
        if listed is not None and len(listed) == len(targets):
            return listed
        if isinstance(value, Tensor) and value.shape[:1] == (None,):
            return [Tensor(value.shape[1:], value.dtype) for _ in targets]
        return [UNKNOWN for _ in targets]

    def _augmented(self, node: ast.AugAssign, scope: Scope) -> None:
        target = node.target
        read = ast.copy_location(_loaded(target), target)
        old, other = self.value(read, scope), self.value(node.value, scope)
        if isinstance(old, list) and isinstance(node.op, ast.Add):
            self.method(old, "extend", [other], {})
            return
        self.bind(target, self.operated(type(node.op), old, other), scope)

    # Branches ---------------------------------------------------------------------------------

    def _if(self, node: ast.If, scope: Scope) -> End:
        if is_main_guard(node):
            held = scope.module.path in self.programs
            return self.block(node.body if held else node.orelse, scope)
        known = truth(self.value(node.test, scope))
        if known is not None:
            return self.block(node.body if known else node.orelse, scope)
        return self._one_of([node.body, node.orelse], scope)

    def _match(self, node: ast.Match, scope: Scope) -> End:
        self.value(node.subject, scope)
        return self._one_of([*(one.body for one in node.cases), []], scope)

    def _one_of(self, bodies: Sequence[Sequence[ast.stmt]], scope: Scope) -> End:
        """Read blocks of which one is run, and go on with what any of them leaves."""
        before = dict(scope.names)
        ends: list[End] = []
        left: list[dict[str, Value]] = []
        for body in bodies:
            scope.names.clear()
            scope.names.update(before)
            outer, self.fresh = self.fresh, {}
            self.doubt += 1
            try:
                end = self.block(body, scope)
            finally:
                self.doubt -= 1
                self.fresh = {**outer, **self.fresh} if self.doubt else {}
            ends.append(end)
            if not end:
                left.append(dict(scope.names))
        if left:
            merged = _merged(left)
            scope.names.clear()
            scope.names.update(merged)
            return ""
        return "return" if "return" in ends else ends[0]

    def _for(self, node: ast.For | ast.AsyncFor, scope: Scope) -> End:
        items, whole = self.looped(self.value(node.iter, scope))
        if whole and len(items) <= (1 if _trains(node) else _MOST_ROUNDS):
            for item in items:
                self.bind(node.target, item, scope)
                end = self.block(node.body, scope)
                if end == "break":
                    return ""
                if end in ("return", "raise"):
                    return end
            return self.block(node.orelse, scope)
        self.bind(node.target, items[0] if items else UNKNOWN, scope)
        return self._perhaps(node.body, scope)

    def _while(self, node: ast.While, scope: Scope) -> End:
        if truth(self.value(node.test, scope)) is False:
            return self.block(node.orelse, scope)
        return self._perhaps(node.body, scope)

    def _perhaps(self, body: Sequence[ast.stmt], scope: Scope) -> End:
        """Read a block that is run any number of times."""
        self._one_of([body, []], scope)
        return ""

    def _try(self, node: ast.Try | ast.TryStar, scope: Scope) -> End:
        end = self.block(node.body, scope)
        if end == "raise" and node.handlers:
            end = self._one_of([one.body for one in node.handlers], scope)
        elif not end:
            end = self.block(node.orelse, scope)
        last = self.block(node.finalbody, scope)
        return last or end

    # Definitions ------------------------------------------------------------------------------

    def function(self, node: Function, scope: Scope) -> FunctionValue:
        """The function that a definition makes."""
        arguments = node.args
        positional = [*arguments.posonlyargs, *arguments.args]
        defaults = {
            one.arg: self.value(default, scope)
            for one, default in zip(
                reversed(positional), reversed(arguments.defaults), strict=False
            )
        }
        defaults |= {
            one.arg: self.value(default, scope)
            for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
            if default is not None
        }
        marks = frozenset(
            last_name(one.func if isinstance(one, ast.Call) else one)
            for one in getattr(node, "decorator_list", ())
        )
        if not scope.is_body:
            return FunctionValue(node, scope, defaults, None, marks)
        around = scope.outer or Scope(scope.module, scope.module.names)
        return FunctionValue(node, around, defaults, scope.owner, marks)

    def _class(self, node: ast.ClassDef, scope: Scope) -> ClassValue:
        bases = tuple(
            self.value(base, scope) for base in node.bases if not isinstance(base, ast.Starred)
        )
        made = ClassValue(node.name, node, scope.module, bases, {})
        if _has_fields(node, bases):
            made.fields = {
                item.target.id: item.value
                for item in node.body
                if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
                if "ClassVar" not in ast.unparse(item.annotation)
            }
        outer = None if scope.names is scope.module.names else scope
        self.block(node.body, Scope(scope.module, made.names, outer, made, is_body=True))
        return made

    def _decorated(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, made: Value, scope: Scope
    ) -> Value:
        """What decorators make of a definition: it stays what it is where these are not known."""
        from modellint.programs.library_calls import options_of

        for mark in reversed(node.decorator_list):
            if last_name(mark) in ("property", "staticmethod", "classmethod", "dataclass"):
                continue
            decorator = self.value(mark, scope)
            if isinstance(decorator, Made):
                if isinstance(made, FunctionValue):
                    made.given |= options_of(self, decorator, scope)
                continue
            result = self.call(decorator, [made], {}, mark, scope)
            if isinstance(result, FunctionValue | ClassValue):
                made = result
        return made

    # Imports ----------------------------------------------------------------------------------

    def _import(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        module = scope.module
        if isinstance(node, ast.Import):
            for alias in node.names:
                head = alias.name.partition(".")[0]
                bound = alias.name if alias.asname else head
                self._define(alias.asname or head, self._later(bound, None, module), scope)
                if bound != alias.name:
                    self._later(alias.name, None, module)
            return
        dotted = "." * node.level + (node.module or "")
        for alias in node.names:
            if alias.name == "*":
                found = self.modules.named(dotted, module)
                module.imported[dotted] = found
                if found is not None:
                    self.ready(found)
            else:
                later = self._later(dotted, alias.name, module)
                self._define(alias.asname or alias.name, later, scope)

    def _later(self, dotted: str, name: str | None, importer: Module) -> Lazy:
        lazy = Lazy(dotted, name, importer)
        self.pending.append(lazy)
        return lazy


def _trains(node: ast.AST) -> bool:
    """Whether a loop trains a model: one round is as good as all."""
    return any(isinstance(one, ast.Attribute) and one.attr in _TRAINING for one in ast.walk(node))


_TRAINING = frozenset({"backward", "zero_grad"})


def _merged(scopes: Sequence[Mapping[str, Value]]) -> dict[str, Value]:
    """What names stand for where one of several scopes holds."""
    names = dict.fromkeys(name for one in scopes for name in one)
    merged: dict[str, Value] = {}
    for name in names:
        found = [one[name] for one in scopes if name in one]
        alike = all(same(one, found[0]) for one in found)
        merged[name] = found[0] if alike else either(found)
    return merged


def _loaded(target: ast.expr) -> ast.expr:
    """A target as an expression that reads it."""
    match target:
        case ast.Name(id=name):
            return ast.Name(name, ast.Load())
        case ast.Attribute(value=owner, attr=name):
            return ast.Attribute(owner, name, ast.Load())
        case ast.Subscript(value=owner, slice=index):
            return ast.Subscript(owner, index, ast.Load())
    return target


def _has_fields(node: ast.ClassDef, bases: Sequence[Value]) -> bool:
    marks = [
        written_name(one.func if isinstance(one, ast.Call) else one) or ""
        for one in node.decorator_list
    ]
    libraries = [one.dotted for one in bases if isinstance(one, Library)]
    data = any("dataclass" in one or one.endswith(("define", "frozen")) for one in marks)
    named = {one.rpartition(".")[2] for one in libraries}
    return data or bool(named & {"NamedTuple", "BaseModel", "BaseSettings"})


__all__ = ["Data", "FilePath", "Statements", "Unknown"]
