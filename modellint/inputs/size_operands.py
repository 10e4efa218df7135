"""What the operands of code may be: sizes, floats, lists, and what the modules hold."""

from __future__ import annotations

import ast
import builtins
import inspect
import linecache
import textwrap
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from enum import IntEnum
from functools import lru_cache
from types import BuiltinFunctionType, CodeType, ModuleType
from typing import Any

import torch
from torch import nn

from modellint.source.callees import called_name
from modellint.tracing.asking import may_hold_float


class Level(IntEnum):
    """Whether a value is a size that carries its expression, or holds some.

    `PERHAPS` is for all that is known, as of what some forward is called with; `MAYBE` is a list
    that holds sizes, or what is a size on one of two ways.
    """

    NONE = 0
    PERHAPS = 1
    MAYBE = 2
    SURELY = 3


#: The file, the first line and the name of code.
Place = tuple[str, int, str]

#: Functions of torch that make sizes of sizes, and see no more than their values.
OF_SIZES = frozenset("broadcast_shapes sym_int sym_float sym_max sym_min sym_sqrt".split())
#: Methods of a tensor that answer with sizes.
ASKING = frozenset("size numel nelement stride".split())
#: Builtins that leave what they get as it is, or that are told of it.
FOLLOWED = frozenset(
    "int float len max min abs round sum tuple list divmod zip enumerate reversed".split()
)
#: Builtins that make something of a size that is none, and are told of it.
ENDING = frozenset("range print isinstance type bool slice all any hasattr".split())
#: Functions that tell people of a size.
TELLING = frozenset("print debug info warning warn error".split())
#: Methods of a list that put in what they get.
FILLING = frozenset("append extend insert".split())
#: What a function is handed: its parameters, if they are sizes, and if they may be floats.
Handed = frozenset[tuple[str, Level, bool]]


class Leaves(Exception):
    """A size may leave the integers here."""


class Operands:
    """The names of one function, what each is bound to, and what its modules hold."""

    scope: Mapping[str, Any]
    modules: Sequence[nn.Module]
    first: str | None
    names: dict[str, Level]
    #: What each name is bound to; `None` for what is no expression, such as an argument.
    bound: dict[str, list[ast.expr | None]]
    #: What the modules hold by a name, as far as was asked.
    attributes: dict[str, list[Any]]
    #: The names whose bindings are looked through.
    looking_up: set[str]
    #: The names that held no float when the code asked for a size; `None` where it did not ask.
    floats: Mapping[str, bool] | None = None
    #: All names that held something when the code asked.
    held_then: Collection[str] = ()
    #: The names that held tensors when the code asked.
    tensors: frozenset[str] = frozenset()
    #: The parameters that were `None` whenever the code asked, and stay so.
    nones: frozenset[str] = frozenset()
    #: Whether the floats that the code has, and those that its modules hold, ask for sizes.
    followed_floats = False

    def level(self, of: ast.expr) -> Level:
        """Whether an expression is a size."""
        raise NotImplementedError(ast.dump(of))

    def is_tensor_index(self, of: ast.Subscript) -> bool:
        """Whether this is how a tensor is indexed, and no list."""
        if isinstance(of.slice, ast.Tuple):
            return any(isinstance(part, ast.Slice) for part in of.slice.elts)
        if isinstance(of.value, ast.Name) and of.value.id in self.bound:
            return all(
                of.value.id in self.tensors
                if value is None
                else isinstance(value, ast.Call) and called_name(value) == "clone"
                for value in self.bound[of.value.id]
            )
        held = self.held(of.value)
        return bool(held) and all(isinstance(one, torch.Tensor) for one in held)

    def may_be_float(self, of: ast.expr, seen: frozenset[str] = frozenset()) -> bool:
        """Whether an expression may be a plain float, which is asked before the size is."""
        if isinstance(of, ast.Constant):
            return not (isinstance(of.value, int) or self.followed_floats)
        if isinstance(of, ast.UnaryOp):
            return self.may_be_float(of.operand, seen)
        if isinstance(of, (ast.Tuple, ast.List)):
            return any(self.may_be_float(part, seen) for part in of.elts)
        if isinstance(of, ast.Subscript):
            return self.may_be_float(of.value, seen)
        if isinstance(of, ast.BinOp):
            # With a size for sure it is a size or a ratio, or was told to be lost on its own.
            if Level.SURELY in (self.level(of.left), self.level(of.right)):
                return False
            if not isinstance(of.op, (ast.Div, ast.Pow)):
                return self.may_be_float(of.left, seen) or self.may_be_float(of.right, seen)
        if isinstance(of, ast.Name) and of.id in self.bound:
            if of.id in seen:
                return False
            values = self.bound[of.id]
            within = seen | {of.id}
            if self.names.get(of.id) is Level.SURELY:
                return False
            asked = True if self.floats is None else self.floats.get(of.id, True)
            return any(
                asked if value is None else self.may_be_float(value, within) for value in values
            )
        if isinstance(of, ast.Call):
            if isinstance(of.func, ast.Name) and of.func.id in ("int", "len"):
                return False
            if isinstance(of.func, ast.Attribute) and self.is_tensor_method(of.func):
                return False
            functions = self.held(of.func)
            if functions and all(map(makes_tensors, functions)):
                return False
        held = self.held(of)
        if self.followed_floats and all(type(one) is float for one in held):
            return not self._are_own(of)
        return not held or any(map(may_hold_float, held))

    def decided(self, test: ast.expr) -> bool | None:
        """What a test comes out as, for all that is told of it; else `None`.

        The modules tell of what they hold as plain values, the run of parameters that are `None`.
        """
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            inner = self.decided(test.operand)
            return None if inner is None else not inner
        if isinstance(test, ast.BoolOp):
            parts = [self.decided(part) for part in test.values]
            ends = isinstance(test.op, ast.Or)
            if ends in parts:
                return ends
            return None if None in parts else not ends
        if isinstance(test, ast.Name):
            return False if test.id in self.nones else None
        if isinstance(test, ast.Compare):
            return self._compared_to_none(test)
        if isinstance(test, ast.Call):
            held = self.held(test.func)
            return False if torch.jit.is_scripting in held else None  # type: ignore[attr-defined]
        if not isinstance(test, ast.Attribute) or getattr(test.value, "id", None) != self.first:
            return None
        held = self.held(test)
        plain = all(one is None or isinstance(one, (bool, int, str)) for one in held)
        found = {bool(one) for one in held} if plain else set()
        return found.pop() if len(found) == 1 else None

    def _compared_to_none(self, test: ast.Compare) -> bool | None:
        """What `x is None` and `x is not None` come out as for a parameter that is `None`."""
        known = isinstance(test.left, ast.Name) and test.left.id in self.nones
        right, operator = test.comparators[0], test.ops[0]
        plain = len(test.ops) == 1 and isinstance(right, ast.Constant) and right.value is None
        if not (known and plain and isinstance(operator, (ast.Is, ast.IsNot))):
            return None
        return isinstance(operator, ast.Is)

    def _are_own(self, of: ast.expr) -> bool:
        """Whether this is an attribute that each of the modules itself has, not its class."""
        own = isinstance(of, ast.Attribute) and getattr(of.value, "id", None) == self.first
        return own and all(getattr(of, "attr", "") in vars(module) for module in self.modules)

    def may_be_sequence(self, of: ast.expr) -> bool:
        if isinstance(of, (ast.List, ast.Tuple, ast.ListComp, ast.JoinedStr)):
            return True
        if isinstance(of, ast.Constant):
            return isinstance(of.value, (str, bytes))
        if isinstance(of, ast.Name) and of.id in self.bound:
            return any(value is not None and _is_display(value) for value in self.bound[of.id])
        return any(isinstance(one, (list, tuple, str)) for one in self.held(of))

    def is_plain_sequence(self, of: ast.expr) -> bool:
        """Whether this is a list or a tuple, which compares what it holds one by one."""
        if isinstance(of, ast.Name) and of.id in self.bound:
            return all(isinstance(value, (ast.Tuple, ast.List)) for value in self.bound[of.id])
        return isinstance(of, (ast.Tuple, ast.List))

    def held(self, of: ast.expr) -> list[Any]:
        """What an attribute of the module, or a global name, holds as the model was built."""
        if isinstance(of, ast.Attribute) and isinstance(of.value, ast.Name):
            if of.value.id == self.first:
                if of.attr not in self.attributes:
                    found = [one for m in self.modules for one in _attribute(m, of.attr)]
                    self.attributes[of.attr] = list({id(one): one for one in found}.values())
                return self.attributes[of.attr]
            owner = self.scope.get(of.value.id)
            if of.value.id not in self.bound and isinstance(owner, ModuleType):
                return [getattr(owner, of.attr, None)]
        if isinstance(of, ast.Subscript):
            return [inner for one in self.held(of.value) for inner in _elements(one)]
        if isinstance(of, ast.Name) and of.id in self.bound:
            return self._bound_to(of.id)
        if isinstance(of, ast.Attribute):
            return [
                inner
                for one in self.held(of.value)
                for inner in (
                    _attribute(one, of.attr)
                    if isinstance(one, nn.Module)
                    else [getattr(one, of.attr, None)]
                    if isinstance(one, ModuleType)
                    else []
                )
            ]
        if isinstance(of, ast.Name):
            if of.id in self.scope:
                return [self.scope[of.id]]
            return [getattr(builtins, of.id)] if hasattr(builtins, of.id) else []
        return []

    def _bound_to(self, name: str) -> list[Any]:
        """What a name holds that is only ever bound to what is known; nothing where it is not."""
        if name in self.looking_up:
            return []  # It is bound to what is made of itself.
        self.looking_up.add(name)
        try:
            found = [[] if value is None else self.held(value) for value in self.bound[name]]
        finally:
            self.looking_up.discard(name)
        return [] if [] in found else [one for held in found for one in held]

    def is_method(self, func: ast.expr, target: Any) -> bool:
        """Whether what is called is a method of a module, which gets the module first."""
        if not isinstance(func, ast.Attribute) or isinstance(target, staticmethod):
            return False
        if isinstance(func.value, ast.Name) and func.value.id == self.first:
            owners: Sequence[Any] = self.modules
        else:
            owners = [one for one in self.held(func.value) if isinstance(one, nn.Module)]
        # What an instance holds is no method.
        return any(vars(one).get(func.attr) is not target for one in owners)

    def may_be_tensor(self, of: ast.expr) -> bool:
        """Whether this may be a tensor, for all that the modules and the run tell of it."""
        held = self.held(of)
        if held:
            return all(isinstance(one, torch.Tensor) for one in held)
        if isinstance(of, ast.Name) and self.bound.get(of.id) == [None]:
            # A parameter, of which the run knows what it held if the code asked for a size.
            return of.id in self.tensors or of.id not in self.held_then
        return True

    def is_tensor_method(self, of: ast.Attribute) -> bool:
        root = of.value
        if isinstance(root, ast.Name) and (root.id == self.first or root.id not in self.bound):
            return False
        return hasattr(torch.Tensor, of.attr)


def by_parameter(
    code: CodeType,
    of: ast.Call,
    levels: Sequence[Level],
    bound: bool,
    may_be_float: Callable[[ast.expr], bool],
) -> Handed:
    """What a call's arguments are, by the parameters that get them; a method's first is `bound`."""
    names = parameters(code)
    several = any(isinstance(given, ast.Starred) for given in of.args)
    if several or any(word.arg is None for word in of.keywords):
        most = min(Level.MAYBE, max(levels, default=Level.NONE))
        return frozenset((name, most, True) for name in names[bound:] if most)
    count = code.co_argcount
    arguments: list[tuple[str | None, ast.expr]] = [
        (names[at + bound] if at + bound < count else None, given)
        for at, given in enumerate(of.args)
    ]
    arguments += [(w.arg if w.arg in names else None, w.value) for w in of.keywords]
    handed = (
        (name or names[-1], level, name is None or may_be_float(given))
        for (name, given), level in zip(arguments, levels, strict=False)
        if names
    )
    # What is no size and may be a float is what every parameter is taken for.
    return frozenset(one for one in handed if one[1] or not one[2])


def is_builtin(scope: Mapping[str, Any], name: str) -> bool:
    """Whether a global name is a builtin's."""
    return name not in scope or scope[name] is getattr(builtins, name)


def is_of_torch(target: Any) -> bool:
    """Whether a builtin function is one of torch."""
    owner = getattr(target, "__self__", None)
    return isinstance(target, BuiltinFunctionType) and (
        getattr(owner, "__module__", "") or getattr(owner, "__name__", "") or ""
    ).startswith("torch")


def place(code: CodeType) -> Place:
    """Where code stands: what a run puts in its stead stands there, too."""
    return code.co_filename, code.co_firstlineno, code.co_name


def parameters(code: CodeType) -> tuple[str, ...]:
    """The names of a function's parameters, what takes several ones last."""
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(code.co_flags & inspect.CO_VARARGS) + bool(code.co_flags & inspect.CO_VARKEYWORDS)
    return code.co_varnames[:count]


def makes_tensors(target: Any) -> bool:
    """Whether a call of something makes a tensor: a function of torch does."""
    name = getattr(target, "__name__", "")
    torchs = (getattr(target, "__module__", None) or "").partition(".")[0] == "torch"
    return name not in OF_SIZES and (is_of_torch(target) or (torchs and inspect.isroutine(target)))


#: Whatever a loop counts: an integer, and none of the trace's.
COUNTED = ast.Constant(0)


def taken(target: ast.expr, several: ast.expr) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    """What a loop binds, and an expression for what each name gets, where one is known."""
    call = several if isinstance(several, ast.Call) else None
    name = None if call is None else called_name(call)
    given = [] if call is None else call.args
    parts = target.elts if isinstance(target, ast.Tuple) else []
    if name == "range":
        yield target, COUNTED
    elif name == "enumerate" and len(parts) == 2 and given:
        yield parts[0], COUNTED
        yield parts[1], _one_of(given[0])
    elif name == "zip" and parts and len(parts) == len(given):
        for part, of in zip(parts, given, strict=True):
            yield part, _one_of(of)
    elif name == "items" and len(parts) == 2 and call is not None:
        yield parts[0], None
        yield parts[1], _one_of(call)
    else:
        yield target, _one_of(several)


#: What hands on the elements of its argument, and methods that hand on those of a container.
_HANDING, _OF_CONTAINERS = ("reversed", "list", "tuple", "iter"), ("values", "items", "children")


@lru_cache(maxsize=1024)
def _one_of(several: ast.expr) -> ast.expr | None:
    """An expression for what a loop takes of a container, one after the other."""
    if isinstance(several, ast.Call):
        func, name = several.func, called_name(several)
        if isinstance(func, ast.Name) and name in _HANDING and several.args:
            return _one_of(several.args[0])
        if isinstance(func, ast.Attribute) and name in _OF_CONTAINERS:
            return _one_of(func.value)
    if isinstance(several, (ast.Name, ast.Attribute, ast.Subscript)):
        return ast.Subscript(several, ast.Constant(0), ast.Load())
    return None


@lru_cache(maxsize=1024)
def function_tree(code: CodeType) -> ast.FunctionDef | None:
    """The tree of a function's code, from the file that it stands in; `None` where none is."""
    start = code.co_firstlineno - 1
    lines = linecache.getlines(code.co_filename)[start:]
    if not lines:
        return None
    try:
        body = ast.parse(textwrap.dedent("".join(inspect.getblock(lines)))).body
    except (SyntaxError, ValueError):
        return None
    found = body[0] if body else None
    named = isinstance(found, ast.FunctionDef) and found.name == code.co_name
    return found if named else None  # type: ignore[return-value]


@lru_cache(maxsize=1024)
def repeats(tree: ast.FunctionDef) -> bool:
    """Whether lines of a function run again, after those that stand behind them."""
    return any(isinstance(node, (ast.For, ast.While)) for node in ast.walk(tree))


@lru_cache(maxsize=1024)
def assigned(tree: ast.FunctionDef) -> frozenset[str]:
    """The names that a function's lines, or those inside of it, bind to something."""
    return frozenset(
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
    )


def _attribute(module: nn.Module, name: str) -> list[Any]:
    own = vars(module)
    for table in (own, *(own.get(t) or {} for t in ("_modules", "_parameters", "_buffers"))):
        if name in table:
            return [table[name]]
    kind: Any = type(module)
    found = next((vars(base)[name] for base in kind.__mro__ if name in vars(base)), None)
    return [] if found is None or isinstance(found, property) else [found]


#: How many elements of a container are looked at; who holds more holds data.
_MOST = 1000


def _elements(held: Any) -> list[Any]:
    """What an index of a container may pick."""
    kind: Any = type(held)
    if issubclass(kind, (nn.ModuleList, nn.Sequential, nn.ModuleDict)):
        return list(vars(held).get("_modules", {}).values())
    if kind in (list, tuple, dict) and len(held) <= _MOST:
        return list(held.values() if kind is dict else held)
    return []


def _is_display(of: ast.expr) -> bool:
    return isinstance(of, (ast.List, ast.Tuple, ast.ListComp, ast.Dict, ast.JoinedStr))
