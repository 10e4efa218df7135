"""What the names of a source file stand for, as far as its syntax tree tells.

Nothing of the file is run: imports give names their dotted origin, constant expressions are
computed by a small evaluator that knows numbers, strings and containers of them.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from modellint.source.file import blocks

#: Modules that are torch's own under a longer or a shorter name.
_ABBREVIATIONS = {
    "nn": "torch.nn",
    "F": "torch.nn.functional",
    "torch.nn.modules": "torch.nn",
}
_LARGEST_POWER = 64
_LONGEST = 10_000
_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}


class NotConstant(Exception):  # an answer, not an error
    """An expression has no value that the syntax tree alone tells."""


@dataclass(frozen=True)
class Names:
    """The imports of a file: local name to dotted origin, and modules imported with a star."""

    origins: Mapping[str, str]
    stars: tuple[str, ...] = ()
    local: frozenset[str] = field(default=frozenset())

    def dotted(self, node: ast.AST) -> str | None:
        """The full dotted name of `a.b.c`, its import resolved; None for another expression."""
        written = written_name(node)
        if written is None:
            return None
        head, _, rest = written.partition(".")
        if head in self.origins:
            head = self.origins[head]
        elif head not in self.local:
            head = self._from_star(head, rest)
        return _canonical(f"{head}.{rest}" if rest else head)

    def _from_star(self, head: str, rest: str) -> str:
        if head in _ABBREVIATIONS and rest:
            return _ABBREVIATIONS[head]
        if "torch.nn" in self.stars and head[:1].isupper():
            return f"torch.nn.{head}"
        return head


def _canonical(name: str) -> str:
    if not name.startswith("torch.nn.modules."):
        return name
    return f"torch.nn.{name.rpartition('.')[2]}"


def read_names(tree: ast.Module) -> Names:
    """Collect a file's imports, wherever they stand, and the names it defines itself."""
    origins: dict[str, str] = {}
    stars: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname:
                    origins[alias.asname] = alias.name
                else:
                    head = alias.name.partition(".")[0]
                    origins[head] = head
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            for alias in node.names:
                if alias.name == "*":
                    stars.append(module)
                else:
                    separator = "" if module.endswith(".") else "."
                    origins[alias.asname or alias.name] = f"{module}{separator}{alias.name}"
    defined = frozenset(
        node.name
        for node in top_level(tree.body)
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    )
    for name in defined & origins.keys():
        del origins[name]
    return Names(origins, tuple(stars), defined)


def top_level(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Every statement at module level, those inside `if`, `try` and `with` included.

    What stands under `if __name__ == "__main__"` is not: it never runs on import.
    """
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.TryStar | ast.With) and not is_main_guard(node):
            yield from top_level(blocks(node))


def is_main_guard(node: ast.stmt) -> bool:
    """Whether a statement is `if __name__ == "__main__"`, the two sides in any order."""
    if not isinstance(node, ast.If):
        return False
    for test in ast.walk(node.test):
        if isinstance(test, ast.Compare) and len(test.comparators) == 1:
            sides = [test.left, test.comparators[0]]
            named = any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides)
            main = any(
                isinstance(side, ast.Constant) and side.value == "__main__" for side in sides
            )
            if named and main:
                return True
    return False


def written_name(node: ast.AST) -> str | None:
    """The text of `a.b.c`, or None if the expression is not a chain of names."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return ".".join([node.id, *reversed(parts)])


def stored_names(*nodes: ast.AST) -> set[str]:
    """The names that some code stores to, wherever in it."""
    return {
        inner.id
        for node in nodes
        for inner in ast.walk(node)
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)
    }


def no_name(name: str) -> NoReturn:
    """The lookup of a constant that reads no names."""
    raise NotConstant(name)


def constant(node: ast.AST, lookup: Callable[[str], Any]) -> Any:
    """The value of a constant expression; raise `NotConstant` if it has none.

    `lookup` gives the value of a dotted name, and raises `NotConstant` for what it does not know.
    """
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Tuple(elts=items):
            return tuple(_items(items, lookup))
        case ast.List(elts=items):
            return _items(items, lookup)
        case ast.Dict(keys=keys, values=values):
            if any(key is None for key in keys):
                raise NotConstant
            return {
                _hashable(constant(key, lookup)): constant(value, lookup)
                for key, value in zip(keys, values, strict=True)
                if key is not None
            }
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_number(constant(operand, lookup))
        case ast.BinOp(left=left, op=op, right=right):
            return _binary(type(op), constant(left, lookup), constant(right, lookup))
        case ast.Subscript(value=value, slice=index):
            return _item(constant(value, lookup), constant(index, lookup))
        case ast.Call(
            func=ast.Name(id="int" | "tuple" | "list" as kind), args=[argument], keywords=[]
        ):
            return _convert(kind, constant(argument, lookup))
        case ast.Call(func=func, args=[argument], keywords=[]) if (
            written_name(func) == "torch.Size"
        ):
            return _convert("tuple", constant(argument, lookup))
        case ast.Name() | ast.Attribute():
            name = written_name(node)
            if name is None:
                raise NotConstant
            return lookup(name)
    raise NotConstant


def _items(nodes: list[ast.expr], lookup: Callable[[str], Any]) -> list[Any]:
    values: list[Any] = []
    for node in nodes:
        if isinstance(node, ast.Starred):
            spread = constant(node.value, lookup)
            if not isinstance(spread, tuple | list):
                raise NotConstant
            values.extend(spread)
        else:
            values.append(constant(node, lookup))
    return values


def _number(value: Any) -> Any:
    if isinstance(value, int | float):
        return value
    raise NotConstant


def _hashable(value: Any) -> Any:
    if isinstance(value, str | int | float | bool | tuple | None):
        return value
    raise NotConstant


def _binary(kind: type[ast.operator], left: Any, right: Any) -> Any:
    if kind not in _OPERATORS:
        raise NotConstant
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    repeated = isinstance(left, tuple | list) and isinstance(right, int) and right < 1000
    joined = isinstance(left, tuple | list | str) and type(left) is type(right)
    if kind is ast.Pow and not (numbers and abs(left) < 1e6 and abs(right) <= _LARGEST_POWER):
        raise NotConstant
    if not (numbers or (kind is ast.Add and joined) or (kind is ast.Mult and repeated)):
        raise NotConstant
    try:
        value = _OPERATORS[kind](left, right)
    except (ArithmeticError, ValueError) as error:
        raise NotConstant from error
    # A chain of `x = x * x` must not take the memory that running it would take.
    if (isinstance(value, int) and abs(value) > 2**63) or _length(value) > _LONGEST:
        raise NotConstant
    return value


def _length(value: Any) -> int:
    return len(value) if isinstance(value, tuple | list | str) else 0


def _item(container: Any, index: Any) -> Any:
    if not isinstance(container, tuple | list | dict):
        raise NotConstant
    try:
        return container[index]
    except (LookupError, TypeError) as error:
        raise NotConstant from error


def _convert(kind: str, value: Any) -> Any:
    convert: dict[str, type] = {"int": int, "tuple": tuple, "list": list}
    wanted = int | float if kind == "int" else tuple | list
    if not isinstance(value, wanted):
        raise NotConstant
    return convert[kind](value)
