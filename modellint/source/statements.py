"""The statements of a file by their lines: what each leaves behind, and where it may be read.

A statement is simple or has blocks. What stands in the head of a compound one (a condition, what a
loop goes through) leaves nothing here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from modellint.source.file import blocks
from modellint.source.walking import nodes_of, walk

Function = ast.FunctionDef | ast.AsyncFunctionDef
#: By tree, so that they go where nobody needs it any more.
_UNITS: WeakKeyDictionary[ast.Module, Mapping[int, Unit]] = WeakKeyDictionary()
_LOOPS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
#: Statements without code of their own, besides texts that stand alone.
_SILENT = (ast.Pass, ast.Global, ast.Nonlocal)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a statement leaves a value: an expression, and its name where there are several."""

    name: str
    node: ast.expr


@dataclass(frozen=True, slots=True)
class Statement:
    """A simple statement: its lines, the places it leaves values in, whether it returns one."""

    line: int
    end_line: int
    places: tuple[Place, ...]
    returns: bool


@dataclass(frozen=True, slots=True)
class Unit:
    """Statements that lines alone do not tell apart.

    `single` tells that it is one line on which nothing loops, so that another event of that line
    is another run of it. `shared` tells that the head of the block around it stands on that line
    as well: whether the statements have run, only what they left behind tells.
    """

    statements: tuple[Statement, ...]
    single: bool
    shared: bool


def units(tree: ast.Module) -> Mapping[int, Unit]:
    """The simple statements of a file, which must not change, by each line that they are on."""
    if tree not in _UNITS:
        _UNITS[tree] = _units(tree)
    return _UNITS[tree]


def _units(tree: ast.Module) -> Mapping[int, Unit]:
    found = sorted(_simple(tree.body, 0), key=lambda one: (one[0].lineno, one[0].col_offset))
    made: dict[int, Unit] = {}
    at = 0
    while at < len(found):
        group = [found[at]]
        last = _end(found[at][0])
        while at + len(group) < len(found) and found[at + len(group)][0].lineno <= last:
            group.append(found[at + len(group)])
            last = max(last, _end(group[-1][0]))
        first = group[0][0].lineno
        shared = any(head for _, head in group)
        loops = any(isinstance(node, _LOOPS) for one, _ in group for node in walk(one))
        unit = Unit(tuple(_statement(one) for one, _ in group), first == last and not loops, shared)
        made |= dict.fromkeys(range(first, last + 1), unit)
        at += len(group)
    return made


def functions(tree: ast.Module) -> list[Function]:
    """The functions and methods of a file, those inside of others too."""
    return nodes_of(tree, ast.FunctionDef, ast.AsyncFunctionDef)


def extent(node: ast.stmt) -> tuple[int, int]:
    """The first and the last line of a statement, with its decorators."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(one.lineno for one in decorators)]), _end(node)


def branches(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The blocks of a statement, each whole; a class and a function have none."""
    if isinstance(statement, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        return
    for name in ("body", "orelse", "finalbody"):
        block = getattr(statement, name, None)
        if block:
            yield block
    for inner in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
        yield inner.body


def has_code(statement: ast.stmt) -> bool:
    """Whether anything runs where a statement stands."""
    text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return not text and not isinstance(statement, _SILENT)


def _end(statement: ast.stmt) -> int:
    return statement.end_lineno or statement.lineno


def _simple(body: list[ast.stmt], head: int) -> Iterator[tuple[ast.stmt, bool]]:
    """The simple statements, each with whether it stands on the last line of a head."""
    pending = [(one, head) for one in body]
    while pending:
        statement, head = pending.pop()
        inner = [*blocks(statement)]
        if inner:
            end = _head(statement)
            pending += [(one, end) for one in inner]
        else:
            yield statement, statement.lineno <= head


def _head(statement: ast.stmt) -> int:
    """The last line of what stands before a statement's first block."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return 0  # It runs when the function is made, not when it is called.
    heads = [getattr(statement, name, None) for name in ("test", "iter", "subject")]
    heads += [item.context_expr for item in getattr(statement, "items", ())]
    ends = [head.end_lineno or 0 for head in heads if isinstance(head, ast.expr)]
    return max([statement.lineno, *ends])


def _statement(node: ast.stmt) -> Statement:
    returns = isinstance(node, ast.Return) and node.value is not None
    return Statement(node.lineno, _end(node), tuple(_places(node)), returns)


def _places(node: ast.stmt) -> Iterator[Place]:
    match node:
        # Another name of a value is no value of its own.
        case ast.Assign(targets=[ast.Name() | ast.Attribute(), *_], value=ast.Name()):
            return
        case ast.AnnAssign(value=ast.Name() | None):
            return
        case ast.Assign(targets=[target, *_]) | ast.AnnAssign(target=target):
            yield from _targets(target)
        case ast.AugAssign(target=ast.Name() | ast.Attribute() as target):
            yield Place("", target)
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=held, attr="append"), args=[_])):
            last = ast.Subscript(held, ast.Constant(-1), ast.Load())
            yield Place("", last)
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=held, attr=attr))):
            if attr.endswith("_") and not attr.endswith("__"):
                yield Place("", held)  # What works in place.


def _targets(target: ast.expr) -> Iterator[Place]:
    if not isinstance(target, (ast.Tuple, ast.List)):
        yield Place("", target)
        return
    pending = [*target.elts]
    while pending:
        one = pending.pop(0)
        if isinstance(one, (ast.Tuple, ast.List)):
            pending = [*one.elts, *pending]
            continue
        node = one.value if isinstance(one, ast.Starred) else one
        yield Place(ast.unparse(node), node)
