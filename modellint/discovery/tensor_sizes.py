"""Sizes that code reads of example tensors, as the numbers that they are: `data.size(1)` is 5."""

from __future__ import annotations

import ast

from modellint.discovery.constants import NotConstant, constant, no_name
from modellint.discovery.example_tensors import Reader
from modellint.source.tree_copies import copied
from modellint.source.walking import walk

#: What gives a tensor's sizes, their number, or the number of its elements.
_SIZES = frozenset("size shape numel nelement dim ndim".split())


def with_sizes(node: ast.expr, reader: Reader) -> ast.expr:
    """The expression with the sizes that it reads of example tensors as numbers."""
    if not any(map(_may_read, walk(node))):
        return node
    replaced: ast.expr = _Sized(reader).visit(copied(node))
    return replaced


def _may_read(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(attr=name):
            return name in _SIZES
        case ast.Call(func=ast.Name(id="len")):
            return True
    return False


class _Sized(ast.NodeTransformer):
    """Replaces what is read of the sizes of example tensors by numbers."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Replace `data.size(1)`, `data.size()`, `data.numel()`, `data.dim()` and `len(data)`."""
        match node:
            case ast.Call(func=ast.Attribute(value=owner, attr="size"), args=[index], keywords=[]):
                return self._size(node, owner, index)
            case ast.Call(func=ast.Attribute(value=owner, attr=what), args=[], keywords=[]):
                return self._whole(node, owner, what) if what in _SIZES else self._inside(node)
            case ast.Call(func=ast.Name(id="len"), args=[owner], keywords=[]):
                return self._size(node, owner, ast.Constant(0))
        return self._inside(node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """Replace `data.shape[1]` and `data.size()[1]`."""
        match node.value:
            case _ if isinstance(node.slice, ast.Slice):
                return self._inside(node)
            case ast.Attribute(value=owner, attr="shape"):
                return self._size(node, owner, node.slice)
            case ast.Call(func=ast.Attribute(value=owner, attr="size"), args=[], keywords=[]):
                return self._size(node, owner, node.slice)
        return self._inside(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Replace `data.shape` and `data.ndim`."""
        if node.attr in ("shape", "ndim"):
            return self._whole(node, node.value, node.attr)
        return self._inside(node)

    def _inside(self, node: ast.expr) -> ast.AST:
        return self.generic_visit(node)

    def _whole(self, node: ast.expr, owner: ast.expr, what: str) -> ast.AST:
        example = self._reader.read(owner)
        if example is None or example.of is not None:
            return self._inside(node)
        if what in ("dim", "ndim"):
            return _number(len(example.shape), node)
        if None in example.shape:
            return self._inside(node)
        sizes = [size for size in example.shape if size is not None]
        if what in ("shape", "size"):
            elements: list[ast.expr] = [_number(size, node) for size in sizes]
            return ast.copy_location(ast.Tuple(elements, ast.Load()), node)
        count = 1
        for size in sizes:
            count *= size
        return _number(count, node)

    def _size(self, node: ast.expr, owner: ast.expr, index: ast.expr) -> ast.AST:
        example = self._reader.read(owner)
        try:
            at = constant(index, no_name)
        except NotConstant:
            return self._inside(node)
        if example is None or example.of is not None or not isinstance(at, int):
            return self._inside(node)
        rank = len(example.shape)
        size = example.shape[at] if -rank <= at < rank else None
        return node if size is None else _number(size, node)


def _number(value: int, like: ast.expr) -> ast.expr:
    return ast.copy_location(ast.Constant(value), like)
