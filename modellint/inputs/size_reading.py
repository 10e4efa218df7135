"""One function's code, read for what becomes of the sizes that it has: where one may leave."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from modellint.inputs.size_operands import (
    ASKING,
    COUNTED,
    ENDING,
    FILLING,
    FOLLOWED,
    OF_SIZES,
    TELLING,
    Handed,
    Leaves,
    Level,
    Operands,
    assigned,
    by_parameter,
    function_tree,
    is_builtin,
    is_of_torch,
    place,
    repeats,
    taken,
)
from modellint.modules.members import is_stock
from modellint.source.callees import called_name
from modellint.tracing.literals import asks_for_sizes

if TYPE_CHECKING:
    from modellint.inputs.size_uses import SizeUses

_MATH = frozenset([math.floor, math.ceil, math.trunc, math.prod])


class SizeReading(Operands):
    """One function's code: its names and what they may be."""

    def __init__(
        self,
        uses: SizeUses,
        code: CodeType,
        scope: Mapping[str, Any],
        handed: Handed,
    ) -> None:
        tree = function_tree(code)
        if tree is None:
            raise Leaves
        self.uses = uses
        self.scope = scope
        self.modules = uses.modules.get(place(code), [])
        self.tree = tree
        arguments = [*tree.args.posonlyargs, *tree.args.args, *tree.args.kwonlyargs]
        self.first = arguments[0].arg if arguments and self.modules else None
        self.attributes: dict[str, list[Any]] = {}
        self.looking_up: set[str] = set()
        self.names: dict[str, Level] = {}
        #: What each name is bound to; `None` for what is no expression, such as an argument.
        self.bound: dict[str, list[ast.expr | None]] = {}
        levels = {name: level for name, level, _ in handed}
        rest = [given for given in (tree.args.vararg, tree.args.kwarg) if given is not None]
        for argument in (*arguments, *rest):
            self.names[argument.arg] = levels.get(argument.arg, Level.NONE)
            self.bound[argument.arg] = [None]
        self.followed_floats = bool(self.modules) and asks_for_sizes(code)
        asked = uses.asking.get(place(code))
        solid = {name: False for name, _, floats in handed if not floats}
        self.floats = solid if asked is None else {**asked.floats, **solid}
        if asked is not None:
            self.tensors, self.held_then = asked.tensors, asked.floats
            # A name that is assigned may be something later; what is handed a size is one.
            sizes = {name for name, level in levels.items() if level}
            self.nones = frozenset(self.bound.keys() & asked.nones - assigned(tree) - sizes)
        self.returned = Level.NONE

    def result(self) -> Level:
        """Read the body, where it has loops until nothing more is learned of its names."""
        if not repeats(self.tree):
            self.statements(self.tree.body)
            return self.returned
        for _ in range(8):
            before = dict(self.names), self.returned
            self.statements(self.tree.body)
            if (self.names, self.returned) == before:
                return self.returned
        return self.unclear(Level.MAYBE)

    def lost(self, level: Level) -> Level:
        """Raises `Leaves` if what leaves here is or holds a size; notes what is perhaps one."""
        if level > Level.PERHAPS:
            raise Leaves
        return self.unclear(level)

    def kept(self, level: Level) -> None:
        """Raises `Leaves` if what is kept is surely a size: it is read who knows where."""
        if level is Level.SURELY:
            raise Leaves
        self.unclear(level)

    def unclear(self, level: Level) -> Level:
        """Note that what is a size by this level goes where the tree does not tell what becomes."""
        self.uses.unclear = self.uses.unclear or bool(level)
        return min(level, Level.MAYBE)

    # -- statements -----------------------------------------------------------------------------

    def statements(self, body: Iterable[ast.stmt]) -> None:
        for statement in body:
            self.statement(statement)

    def statement(self, of: ast.stmt) -> None:
        read = _STATEMENTS.get(type(of))
        if read is not None:
            read(self, of)
        elif type(of) not in _SILENT:
            self.unclear(Level.MAYBE)

    def assignment(self, of: ast.Assign | ast.AnnAssign) -> None:
        if of.value is None:
            return
        for target in of.targets if isinstance(of, ast.Assign) else [of.target]:
            self.bind(target, of.value, self.level(of.value))

    def change(self, of: ast.AugAssign) -> None:
        left: Any = of.target
        self.bind(of.target, None, self.arithmetic(left, of.op, of.value))

    def result_of(self, of: ast.Return) -> None:
        if of.value is not None:
            self.returned = max(self.returned, self.level(of.value))

    def branches(self, of: ast.If | ast.While) -> None:
        self.level(of.test)
        decided = self.decided(of.test)
        if decided is not False:
            self.statements(of.body)
        if decided is not True:
            self.statements(of.orelse)

    def context(self, of: ast.With) -> None:
        for item in of.items:
            level = self.level(item.context_expr)
            if item.optional_vars is not None:
                self.bind(item.optional_vars, None, level)
        self.statements(of.body)

    def attempt(self, of: ast.Try) -> None:
        handlers = [line for handler in of.handlers for line in handler.body]
        self.statements([*of.body, *handlers, *of.orelse, *of.finalbody])

    def loop(self, of: ast.For) -> None:
        """Bind what a loop counts and goes through, and read what it does."""
        self.go_through(of.target, of.iter)
        self.statements([*of.body, *of.orelse])

    def go_through(self, target: ast.expr, several: ast.expr) -> None:
        """Bind what a loop takes of something, one after the other."""
        level = self.level(several)
        for part, value in taken(target, several):
            counts = value is COUNTED and part is not target
            self.bind(part, value, Level.NONE if counts else level)

    def bind(self, target: ast.expr, value: ast.expr | None, level: Level) -> None:
        if isinstance(target, ast.Name):
            self.bound.setdefault(target.id, [])
            if not any(known is value for known in self.bound[target.id]):
                self.bound[target.id].append(value)
                if len(self.bound[target.id]) > 1:
                    # What is a size in one place only is none for sure.
                    known = self.names.get(target.id, Level.NONE)
                    level = level if known is level else min(Level.MAYBE, max(known, level))
            else:
                level = level if level is self.names[target.id] else min(Level.MAYBE, level)
            self.names[target.id] = level if level else self.names.get(target.id, Level.NONE)
        elif isinstance(target, (ast.Tuple, ast.List)):
            paired = isinstance(value, (ast.Tuple, ast.List))
            parts = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
            starred = any(isinstance(part, ast.Starred) for part in (*target.elts, *parts))
            if paired and len(parts) == len(target.elts) and not starred:
                for inner, part in zip(target.elts, parts, strict=True):
                    self.bind(inner, part, self.level(part))
            else:
                for inner in target.elts:
                    self.bind(inner, None if not level else value, level)
        elif isinstance(target, ast.Starred):
            self.bind(target.value, value, level)
        elif isinstance(target, ast.Subscript):
            self.level(target)
            if level and isinstance(target.value, ast.Name):
                self.bind(target.value, None, min(level, Level.MAYBE))
            else:
                self.kept(level)
        elif isinstance(target, ast.Attribute):
            self.kept(level)

    # -- expressions ----------------------------------------------------------------------------

    def level(self, of: ast.expr) -> Level:
        """Whether an expression is a size. Raises `Leaves` where it surely loses one."""
        # Most expressions are names or constants.
        if isinstance(of, ast.Name):
            return self.names.get(of.id, Level.NONE)
        if isinstance(of, ast.Constant):
            return Level.NONE
        read = _EXPRESSIONS.get(type(of))
        if read is not None:
            return read(self, of)
        inside = [part for part in ast.iter_child_nodes(of) if isinstance(part, ast.expr)]
        self.lost(self.most(inside))
        return Level.NONE

    def attribute(self, of: ast.Attribute) -> Level:
        level = self.level(of.value)
        if of.attr == "shape":
            return Level.SURELY
        return min(level, Level.MAYBE)

    def subscript(self, of: ast.Subscript) -> Level:
        level = self.level(of.slice)
        if level and not self.is_tensor_index(of):
            self.lost(level)
        return self.level(of.value)

    def slice(self, of: ast.Slice) -> Level:
        return self.most(part for part in (of.lower, of.upper, of.step) if part is not None)

    def most(self, parts: Iterable[ast.expr]) -> Level:
        return max([self.level(part) for part in parts], default=Level.NONE)

    def several(self, of: ast.Tuple | ast.List) -> Level:
        levels = [self.level(part) for part in of.elts]
        return min(Level.MAYBE, max(levels, default=Level.NONE))

    def mapping(self, of: ast.Dict) -> Level:
        self.lost(self.most(key for key in of.keys if key is not None))
        return min(Level.MAYBE, self.most(of.values))

    def unary(self, of: ast.UnaryOp) -> Level:
        level = self.level(of.operand)
        return Level.NONE if isinstance(of.op, ast.Not) else level

    def either(self, of: ast.BoolOp) -> Level:
        levels = [self.level(part) for part in of.values]
        return min(levels) if min(levels) else min(Level.MAYBE, max(levels))

    def conditional(self, of: ast.IfExp) -> Level:
        self.level(of.test)
        decided = self.decided(of.test)
        if decided is not None:
            return self.level(of.body if decided else of.orelse)
        levels = [self.level(of.body), self.level(of.orelse)]
        return min(levels) if min(levels) else min(Level.MAYBE, max(levels))

    def named(self, of: ast.NamedExpr) -> Level:
        self.bind(of.target, of.value, self.level(of.value))
        return self.level(of.target)

    def compared(self, of: ast.Compare) -> Level:
        before = of.left
        level = self.level(before)
        for operator, after in zip(of.ops, of.comparators, strict=True):
            right = self.level(after)
            if isinstance(operator, (ast.In, ast.NotIn)):
                if isinstance(after, (ast.Dict, ast.Set)):
                    self.lost(level)
                elif not self.is_plain_sequence(after):
                    self.kept(level)
            elif isinstance(operator, (ast.Eq, ast.NotEq)):
                pass  # Floats are hardly compared so.
            elif right and level is not Level.SURELY and self.may_be_float(before):
                self.lost(right)
            before, level = after, right
        return Level.NONE

    def arithmetic(self, left: ast.expr, operator: ast.operator, right: ast.expr) -> Level:
        first, second = self.level(left), self.level(right)
        if not second:
            repeats = isinstance(operator, ast.Mult) and self.may_be_sequence(right)
            return self.lost(first) if repeats else first
        if first is Level.SURELY:
            return Level.SURELY
        if isinstance(operator, ast.Add) and self.may_be_sequence(left):
            return max(min(first, Level.MAYBE), min(second, Level.MAYBE))
        if self.may_be_float(left) or self.may_be_sequence(left):
            self.lost(min(second, Level.PERHAPS) if first else second)  # Two sizes, perhaps.
        return second

    def comprehension(self, of: Any) -> Level:
        for part in of.generators:
            self.go_through(part.target, part.iter)
            self.most(part.ifs)
        if isinstance(of, ast.DictComp):
            self.lost(self.level(of.key))
            return min(Level.MAYBE, self.level(of.value))
        level = self.level(of.elt)
        if isinstance(of, ast.SetComp):
            self.lost(level)
        return min(Level.MAYBE, level)

    # -- calls ----------------------------------------------------------------------------------

    def call(self, of: ast.Call) -> Level:
        if called_name(of) in TELLING:
            return Level.NONE
        arguments = [*of.args, *(word.value for word in of.keywords)]
        if called_name(of) == "_assert":
            del arguments[1:]  # Its message is not made of what is true.
        levels = [self.level(argument) for argument in arguments]
        handed = max(levels, default=Level.NONE)
        first = levels[0] if of.args else Level.NONE
        func = of.func
        if isinstance(func, ast.Name) and func.id not in self.bound:
            if func.id in FOLLOWED and func.id not in self.scope:
                return self.followed(func.id, of, handed)
            if func.id in FOLLOWED | ENDING and is_builtin(self.scope, func.id):
                return self.followed(func.id, of, handed) if func.id in FOLLOWED else Level.NONE
        if isinstance(func, ast.Attribute) and any(one is math for one in self.held(func.value)):
            exact = getattr(math, func.attr, None) in _MATH
            return handed if exact else min(Level.MAYBE, handed)  # The tracer puts in its own.
        targets = self.held(func)
        if targets:
            apart = {type(t) if isinstance(t, nn.Module) else id(t): t for t in targets}
            return max(self.called(target, of, levels) for target in apart.values())
        if isinstance(func, ast.Attribute):
            receiver = self.level(func.value)
            of_tensor = hasattr(torch.Tensor, func.attr) and self.may_be_tensor(func.value)
            if of_tensor and func.attr in ASKING:
                return Level.SURELY
            if func.attr in FILLING:
                if handed and isinstance(func.value, ast.Name):
                    self.bind(func.value, None, min(handed, Level.MAYBE))
                else:
                    self.lost(handed)
                return Level.NONE
            if of_tensor:
                return Level.NONE
            if not handed:
                return max(min(receiver, Level.MAYBE), self.uses.any_result)
            if func.attr not in self.uses.names:
                return self.unclear(handed)  # It is some other object's.
            of_base = isinstance(func.value, ast.Call) and called_name(func.value) == "super"
            if func.attr != "forward" or of_base:
                self.uses.methods(func.attr, 1 if first else 2)
                return self.uses.any_result
        else:
            self.level(func)
        if handed:
            self.uses.handed_forwards()
            self.unclear(handed)  # Nor need it be a module.
        return self.uses.any_result

    def followed(self, name: str, of: ast.Call, handed: Level) -> Level:
        if name == "len":
            held = self.held(of.args[0]) if of.args else []
            tensor = not held or any(isinstance(one, torch.Tensor) for one in held)
            return Level.SURELY if tensor else Level.NONE
        if name in ("int", "float", "abs", "round") and len(of.args) == 1:
            return handed
        if name in ("int", "float"):
            self.lost(handed)
        return min(Level.MAYBE, handed)

    def called(self, target: Any, of: ast.Call, levels: Sequence[Level]) -> Level:
        """What a call of something known returns. Raises `Leaves` where it loses its argument."""
        handed = max(levels, default=Level.NONE)
        bound = isinstance(target, nn.Module) or self.is_method(of.func, target)
        if isinstance(target, nn.Module):
            kind: Any = type(target)
            if is_stock(kind):
                return Level.NONE
            target = kind.forward
        target = getattr(target, "__func__", target)
        if target in _MATH:
            return handed
        if isinstance(target, FunctionType):
            if (target.__module__ or "").partition(".")[0] == "torch":
                if target.__name__ in OF_SIZES:
                    self.lost(handed)
                return Level.NONE
            # What is handed no size has those that it asks for, which the run told of.
            given: Handed = frozenset()
            if handed:
                given = by_parameter(target.__code__, of, levels, bound, self.may_be_float)
            unclear = self.uses.unclear
            try:
                return self.uses.result(target.__code__, target.__globals__, given)
            except Leaves:
                if handed:
                    raise
                return Level.PERHAPS
            finally:
                if not handed:
                    self.uses.unclear = unclear  # What it asks itself is told by its own code.
        module = getattr(target, "__module__", None) or ""
        of_torch = module.partition(".")[0] == "torch" or is_of_torch(target)
        if isinstance(target, type):
            self.unclear(handed)  # An object may hold it as it is.
        elif target is not None and not of_torch:
            self.lost(handed)
        return Level.NONE


#: Statements that do nothing with a size.
_SILENT = frozenset([ast.Raise, ast.Pass, ast.Break, ast.Continue, ast.Import, ast.ImportFrom])

_STATEMENTS: Mapping[type, Callable[[SizeReading, Any], Any]] = {
    ast.Assign: SizeReading.assignment,
    ast.AnnAssign: SizeReading.assignment,
    ast.AugAssign: SizeReading.change,
    ast.Return: SizeReading.result_of,
    ast.For: SizeReading.loop,
    ast.If: SizeReading.branches,
    ast.While: SizeReading.branches,
    ast.With: SizeReading.context,
    ast.Try: SizeReading.attempt,
    ast.Expr: lambda self, of: self.level(of.value),
    ast.Assert: lambda self, of: self.level(of.test),  # Its message is made where the run ends.
}

_EXPRESSIONS: Mapping[type, Callable[[SizeReading, Any], Level]] = {
    ast.Attribute: SizeReading.attribute,
    ast.Subscript: SizeReading.subscript,
    ast.Slice: SizeReading.slice,
    ast.Tuple: SizeReading.several,
    ast.List: SizeReading.several,
    ast.Starred: lambda self, of: self.level(of.value),
    ast.Dict: SizeReading.mapping,
    ast.UnaryOp: SizeReading.unary,
    ast.BoolOp: SizeReading.either,
    ast.IfExp: SizeReading.conditional,
    ast.NamedExpr: SizeReading.named,
    ast.Compare: SizeReading.compared,
    ast.BinOp: lambda self, of: self.arithmetic(of.left, of.op, of.right),
    ast.ListComp: SizeReading.comprehension,
    ast.SetComp: SizeReading.comprehension,
    ast.DictComp: SizeReading.comprehension,
    ast.GeneratorExp: SizeReading.comprehension,
    ast.Call: SizeReading.call,
}
