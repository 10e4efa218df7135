"""Methods that a class gets behind its definition, as notebooks write a class over several cells.

`Net.forward = forward`, `setattr(Net, "forward", forward)`, and functions whose decorator is given
the class, or reads it from the annotation of `self`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

from modellint.discovery.names import top_level
from modellint.discovery.scopes import Function
from modellint.source.walking import walk

#: By class and by method, the function that it becomes, where one stands in the file.
LaterMethods = Mapping[str, Mapping[str, Function | None]]


def later_methods(statements: Iterable[ast.stmt]) -> LaterMethods:
    """The methods that statements of a module give to its classes; the last of a name counts."""
    found: dict[str, dict[str, Function | None]] = {}
    functions: dict[str, Function] = {}
    for node in top_level(statements):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            functions[node.name] = node
            for owner in _owners(node):
                found.setdefault(owner, {})[node.name] = node
        for owner, method, value in _assigned(node):
            known = functions.get(value.id) if isinstance(value, ast.Name) else None
            found.setdefault(owner, {})[method] = known
    return found


def _owners(function: Function) -> Iterator[str]:
    """The names that may be classes which a function's decorators make it a method of."""
    for mark in function.decorator_list:
        if isinstance(mark, ast.Call):
            given = [*mark.args, *(word.value for word in mark.keywords)]
            yield from (one.id for part in given for one in walk(part) if isinstance(one, ast.Name))
    first = [*function.args.posonlyargs, *function.args.args][:1]
    for argument in first if function.decorator_list else ():
        match argument.annotation:
            case ast.Name(id=name) | ast.Constant(value=str(name)):
                yield name


def _assigned(node: ast.stmt) -> Iterator[tuple[str, str, ast.expr]]:
    """What a statement puts into a class: its name, the method's, and what it becomes."""
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                match target:
                    case ast.Attribute(value=ast.Name(id=owner), attr=method):
                        yield owner, method, value
        case ast.Expr(
            value=ast.Call(
                func=ast.Name(id="setattr"),
                args=[ast.Name(id=owner), ast.Constant(value=str(method)), value],
            )
        ):
            yield owner, method, value
