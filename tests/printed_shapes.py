"""What eager PyTorch says where a print is put behind each line: the truth about annotated shapes.

The source is parsed, a call that notes shapes is put behind each statement that assigns, and around
each value that is returned, and the result is run with data.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from copy import deepcopy
from types import ModuleType
from typing import Any

import torch
from torch import nn

#: By the last line of a statement, the shapes of all tensors that it left, run after run.
Printed = dict[int, list[list[tuple[int, ...]]]]


class _Prints(ast.NodeTransformer):
    """Puts the notes in, inside of functions only."""

    def __init__(self) -> None:
        self.inside = False

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        before, self.inside = self.inside, True
        self.generic_visit(node)
        self.inside = before
        return node

    def visit_Return(self, node: ast.Return) -> ast.AST:
        if node.value is not None:
            node.value = _call(node, node.value)
        return node

    def visit_Assign(self, node: ast.Assign) -> Any:
        target = node.targets[0]
        alias = isinstance(node.value, ast.Name) and isinstance(target, (ast.Name, ast.Attribute))
        if not self.inside or alias:
            return node
        return [node, ast.Expr(_call(node, _loaded(target)))]

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        if not self.inside or node.value is None or isinstance(node.value, ast.Name):
            return node
        return [node, ast.Expr(_call(node, _loaded(node.target)))]

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        return [node, ast.Expr(_call(node, _loaded(node.target)))] if self.inside else node

    def visit_Expr(self, node: ast.Expr) -> Any:
        call = node.value
        if self.inside and isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            if call.func.attr == "append":
                call.args = [_call(node, call.args[0])]
            elif call.func.attr.endswith("_") and not call.func.attr.endswith("__"):
                node.value = _call(node, call)
        return node


def _call(node: ast.stmt, value: ast.expr) -> ast.Call:
    name = ast.Name("__printed__", ast.Load())
    return ast.Call(name, [ast.Constant(node.end_lineno), value], [])


def _loaded(target: ast.expr) -> ast.expr:
    if isinstance(target, ast.Starred):
        return _loaded(target.value)
    if isinstance(target, (ast.Tuple, ast.List)):
        return ast.Tuple([_loaded(one) for one in target.elts], ast.Load())
    return ast.parse(ast.unparse(target), mode="eval").body


def shapes_in(value: Any) -> Iterator[tuple[int, ...]]:
    """The shapes of the tensors of a value, in the order in which it holds them."""
    if isinstance(value, torch.Tensor):
        yield tuple(value.shape)
    elif isinstance(value, (tuple, list)):
        for one in value:
            yield from shapes_in(one)
    elif isinstance(value, dict):
        for one in value.values():
            yield from shapes_in(one)
    elif hasattr(value, "__dataclass_fields__"):
        yield from shapes_in([getattr(value, name) for name in value.__dataclass_fields__])


class PrintedModule:
    """A module made of a source with notes, and what they have noted."""

    def __init__(self, text: str, name: str) -> None:
        self.noted: Printed = {}
        tree = ast.fix_missing_locations(_Prints().visit(ast.parse(text)))
        self.module = ModuleType(name)
        vars(self.module)["__printed__"] = self._print
        exec(compile(tree, f"<{name} with prints>", "exec"), vars(self.module))

    def _print(self, line: int, value: Any) -> Any:
        found = list(shapes_in(value))
        if found:
            self.noted.setdefault(line, []).append(found)
        return value

    def run(self, model: nn.Module, *inputs: Any, **named: Any) -> Printed:
        """What a model of the original module prints; its parts are taken for their like here."""
        printing = deepcopy(model).eval()
        for part in printing.modules():
            like = getattr(self.module, type(part).__name__, None)
            if like is not None and type(part).__module__ != "torch.nn":
                part.__class__ = like
        self.noted.clear()
        with torch.no_grad():
            printing(*inputs, **named)
        return dict(self.noted)


def evaluated(shape: tuple[int | str, ...], sizes: Mapping[str, int]) -> tuple[int, ...]:
    """A symbolic shape where the symbols have these sizes."""
    return tuple(eval(size, {}, dict(sizes)) if isinstance(size, str) else size for size in shape)
