"""Which modules a forward plainly runs and returns in training mode only, as its source says.

Auxiliary heads are nearly always written in one way: `if self.training: aux = self.head(x)`, and
`aux` is returned. Where the source says so, no trace in training mode is needed to know it, which
takes as long as the one in evaluation.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from modellint.graph import Graph
from modellint.source.classes import Method, methods, own_attribute
from modellint.source.walking import walk


def returned_in_training(graph: Graph, path: str) -> bool:
    """Whether the model returns what its own attribute gives, by no other condition than the mode.

    `False` says nothing: other ways to write it are not read here.
    """
    if "." in path or not graph.modules[""].called:
        return False
    named: dict[str, Method] = {}
    for method in methods(graph.definitions("")):
        named.setdefault(method.name, method)
    forward = named.get("forward")
    if forward is None:
        return False
    run = [forward, *(named[name] for name in _always_run(forward) if name in named)]
    return any(_returned(method, path) for method in run)


def _always_run(forward: Method) -> Iterator[str]:
    """The methods of its own that the first statements of a forward call, whatever the mode."""
    for statement in forward.body:
        if isinstance(statement, ast.Assign | ast.Return | ast.Expr):
            call = statement.value
            if isinstance(call, ast.Call) and (name := own_attribute(call.func)) is not None:
                yield name
        if not isinstance(statement, ast.Assign | ast.AnnAssign | ast.Expr):
            return


def _returned(method: Method, name: str) -> bool:
    """Whether a method ends by returning what `self.name` gave in training mode."""
    last = method.body[-1]
    returns = [node for node in walk(method) if isinstance(node, ast.Return)]
    if not isinstance(last, ast.Return) or returns != [last] or last.value is None:
        return False
    results = last.value.elts if isinstance(last.value, ast.Tuple) else [last.value]
    for line, variable in _heads(method.body, name, False):
        stored = [
            node.lineno
            for node in walk(method)
            if isinstance(node, ast.Name)
            and node.id == variable
            and isinstance(node.ctx, ast.Store)
        ]
        named = any(isinstance(result, ast.Name) and result.id == variable for result in results)
        if named and max(stored) == line:
            return True
    return False


def _heads(body: list[ast.stmt], name: str, trained: bool) -> Iterator[tuple[int, str]]:
    """The lines and variables that take what `self.name` gives, where only the mode decides."""
    for statement in body:
        if isinstance(statement, ast.If) and not statement.orelse:
            conditions = _conditions(statement.test)
            if all(_is_mode(one) or _is_there(one, name) for one in conditions):
                mode = trained or any(map(_is_mode, conditions))
                yield from _heads(statement.body, name, mode)
        elif trained and isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target, call = statement.targets[0], statement.value
            called = own_attribute(call.func) if isinstance(call, ast.Call) else None
            if isinstance(target, ast.Name) and called == name:
                yield statement.lineno, target.id


def _conditions(test: ast.expr) -> list[ast.expr]:
    return test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]


def _is_mode(test: ast.expr) -> bool:
    return own_attribute(test) == "training"


def _is_there(test: ast.expr, name: str) -> bool:
    """Whether it is `self.name is not None`, which holds for a module that is registered."""
    return (
        isinstance(test, ast.Compare)
        and own_attribute(test.left) == name
        and isinstance(test.ops[0], ast.IsNot)
        and isinstance(test.comparators[0], ast.Constant)
        and test.comparators[0].value is None
    )
