"""The scopes of a source file: module, functions, docstring examples, and what each binds."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from modellint.discovery.constants import NotConstant, constant, no_name
from modellint.discovery.names import stored_names, top_level, written_name
from modellint.source.walking import children, nodes_of, owned_nodes, walk

if TYPE_CHECKING:
    from modellint.discovery.example_tensors import Held

Where = Literal["module", "main", "function", "class", "docstring"]
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(slots=True)
class Value:
    """What a name stands for, as far as known, in each of the ways it can be used.

    `held` is a tensor, or a container of tensors; `parts` are the values of a display, by index or
    key, and `kind` is the type of it; `stands_for` is the class of a model itself.
    """

    constant: Any = NotConstant
    held: Held | None = None
    callee: str | None = None
    variable: str | None = None
    built: str = ""
    expression: ast.expr | None = None
    parts: Mapping[Any, Value] | None = None
    kind: str = ""
    stands_for: str | None = None


@dataclass
class Scope:
    """A scope while it is read: where it stands, its values so far, the names it hides."""

    where: Where
    owner: str | None
    values: dict[str, Value] = field(default_factory=dict)
    #: Names whose module-level meaning is hidden: parameters, local variables, local imports.
    local: set[str] = field(default_factory=set)


def local_bindings(function: Function) -> set[str]:
    """The names that a function binds itself: parameters, assignments, imports."""
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    bound = {argument.arg for argument in every}
    bound |= {extra.arg for extra in (arguments.vararg, arguments.kwarg) if extra is not None}
    for node in walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    return bound


def own_nodes(function: Function) -> Iterator[ast.AST]:
    """The nodes of a function in source order, nested functions and classes left out."""
    pending: list[ast.AST] = list(reversed(function.body))
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        yield node
        pending += reversed(children(node))


def own_expressions(node: ast.stmt) -> Iterator[ast.expr]:
    """The expressions of a statement itself, not of the blocks in it."""
    for child in children(node):
        if isinstance(child, ast.expr):
            yield child
        elif isinstance(child, ast.withitem):
            yield child.context_expr


def stored_in(node: ast.stmt) -> Iterator[ast.expr]:
    """The names that the blocks of a statement store to, whichever of them runs."""
    if isinstance(node, ast.If | ast.For | ast.While | ast.With | ast.Try):
        for inner in walk(node):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                yield inner


def functions(tree: ast.Module) -> list[tuple[Function, str | None]]:
    """Every function in the order of the text, with the name of the class it is a method of."""
    return owned_nodes(tree, ast.FunctionDef, ast.AsyncFunctionDef)


def _examples(lines: list[str]) -> Iterator[tuple[int, str]]:
    """The pieces of code among lines with where they begin: lines that go on after `...` as one."""
    at = 0
    while at < len(lines):
        indented = lines[at].lstrip()
        start, code = at, indented.removeprefix(">>> ").rstrip()
        at += 1
        if not indented.startswith(">>> "):
            yield start, code
            continue
        while at < len(lines) and lines[at].lstrip().startswith("..."):
            code += "\n" + lines[at].lstrip().removeprefix("...").removeprefix(" ").rstrip()
            at += 1
        yield start, code


def docstring_examples(tree: ast.Module) -> Iterator[tuple[str | None, list[ast.stmt]]]:
    """The example code of each docstring, with the true line numbers."""
    inner = nodes_of(tree, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in (tree, *inner):
        if not ast.get_docstring(node, clean=False):
            continue
        first = node.body[0]
        assert isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
        statements: list[ast.stmt] = []
        for offset, code in _examples(str(first.value.value).split("\n")):
            if "(" not in code and "=" not in code:
                continue
            try:
                parsed = ast.parse(code)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
            ast.increment_lineno(parsed, first.lineno + offset - 1)
            statements += parsed.body
        owner = None if isinstance(node, ast.Module) else node.name
        yield owner, statements


def module_bindings(tree: ast.Module) -> frozenset[str]:
    """Names that importing the file binds by statements which modellint runs."""
    bound: set[str] = set()
    for node in top_level(tree.body):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.With):
            bound |= stored_names(node)
    return frozenset(bound)


def parser_defaults(tree: ast.Module) -> dict[str, Any]:
    """The literal defaults of the file's command-line options, by attribute name.

    An option that has none, but a list of choices, stands for the first of them.
    """
    options: dict[str, Any] = {}
    for node in nodes_of(tree, ast.Call):
        if not isinstance(node.func, ast.Attribute):
            continue
        flags = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
        if node.func.attr != "add_argument" or not flags:
            continue
        named = {keyword.arg: keyword.value for keyword in node.keywords}
        long = next((flag for flag in flags if str(flag).startswith("--")), flags[0])
        dest = named.get("dest")
        name = str(dest.value) if isinstance(dest, ast.Constant) else str(long).lstrip("-")
        value = _option(named)
        if value is not NotConstant:
            options[name.replace("-", "_")] = value
    return options


def _option(named: Mapping[str | None, ast.expr]) -> Any:
    """What an option is where nobody gives it; `NotConstant` if that is not written there."""
    match named.get("action"):
        case ast.Constant(value="store_true" | "store_false" as action) if "default" not in named:
            return action == "store_false"
    known: Any = NotConstant
    try:
        if "default" in named:
            known = constant(named["default"], no_name)
        if known in (NotConstant, None) and "choices" in named:
            known = constant(named["choices"], no_name)[0]
        kind = written_name(named["type"]) if "type" in named else None
        if kind in ("int", "float") and isinstance(known, str):
            known = {"int": int, "float": float}[kind](known)
    except (NotConstant, LookupError, TypeError, ValueError):
        return NotConstant
    return known


def parses_options(node: ast.expr) -> bool:
    """Whether an expression is the result of parsing the command line."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("parse_args", "parse_known_args")
    )
