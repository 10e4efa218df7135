"""Slips around `forward`: a misspelt name, one in a wrong place, a `return` that is missing."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from modellint.discovery.later_methods import later_methods
from modellint.discovery.scopes import own_nodes
from modellint.source.walking import nodes_of, walk

#: How alike a name must be to stand for `forward`: `foward` is, `reward` (0.77) is not.
_ALIKE = 0.8


@dataclass(frozen=True, slots=True)
class Meant:
    """A function that was probably meant to be a class's `forward`, and what is wrong with it."""

    line: int
    told: str


def meant_forward(node: ast.ClassDef, functions: Iterable[ast.stmt] = ()) -> Meant | None:
    """What was meant to be the forward of a class that has none; `None` if nothing was.

    `functions` are the statements of the module, one of which may have lost its indentation.
    """
    found = [*_misspelt(node), *_nested(node), *_dedented(node, functions)]
    return found[0] if found else None


def _misspelt(node: ast.ClassDef) -> Iterator[Meant]:
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name.isalpha():
            ratio = SequenceMatcher(None, item.name.lower(), "forward").ratio()
            if ratio >= _ALIKE and item.name != "forward":
                told = f"it defines {item.name}: did you mean forward?"
                yield Meant(item.lineno, told)


def _nested(node: ast.ClassDef) -> Iterator[Meant]:
    """A `forward` indented too far, so that it is a function inside of a method."""
    for method in node.body:
        if isinstance(method, ast.FunctionDef):
            for item in method.body:
                if _is_forward(item):
                    told = f"forward is defined inside of {method.name}: indent it less"
                    yield Meant(item.lineno, told)


def _dedented(node: ast.ClassDef, statements: Iterable[ast.stmt]) -> Iterator[Meant]:
    """A `forward` right behind the class that is not indented, and that nothing gives to it."""
    everything = [*statements]
    after = [item for item in everything if item.lineno > (node.end_lineno or node.lineno)]
    given = later_methods(everything).get(node.name, {})
    if after and _is_forward(after[0]) and "forward" not in given:
        yield Meant(after[0].lineno, "forward stands behind the class: indent it")


def _is_forward(item: ast.stmt) -> bool:
    return (
        isinstance(item, ast.FunctionDef)
        and item.name == "forward"
        and [argument.arg for argument in item.args.args][:1] == ["self"]
    )


def returning_nothing(tree: ast.Module, name: str) -> int | None:
    """The line of the forward of a class of a file that has no `return` with a value, or `None`."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            for item in node.body:
                if isinstance(item, ast.FunctionDef) and item.name == "forward":
                    return None if _gives(item) else item.lineno
    return None


def functions_of_nothing(tree: ast.Module, line: int | None) -> Iterator[tuple[str, int]]:
    """Functions and methods that return nothing, though the function around a line uses a result.

    Each with the line where it is defined.
    """
    functions = nodes_of(tree, ast.FunctionDef)
    around = [f for f in functions if line and f.lineno <= line <= (f.end_lineno or f.lineno)]
    if not around:
        return
    ignored = {id(node.value) for node in walk(around[-1]) if isinstance(node, ast.Expr)}
    used = {
        node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
        for node in walk(around[-1])
        if isinstance(node, ast.Call) and id(node) not in ignored
        if isinstance(node.func, ast.Name)
        or (isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name))
    }
    for function in functions:
        if function.name in used - {"forward"} and not _gives(function):
            yield function.name, function.lineno


def _gives(function: ast.FunctionDef) -> bool:
    """Whether a function returns or yields something, or only raises and so is not written yet."""
    return any(
        node.value is not None
        if isinstance(node, ast.Return)
        else isinstance(node, ast.Yield | ast.YieldFrom | ast.Raise)
        for node in own_nodes(function)
    )
