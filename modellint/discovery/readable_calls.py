"""A way to build a model as users are told it: without the functions that it is written with."""

from __future__ import annotations

import ast

from modellint.discovery.arguments import MAKERS, ConstructorCall


def readable(call: ConstructorCall) -> str:
    """The call as one would write it in the file that it was read in, or nearly so."""
    if not call.elsewhere:
        return str(call)
    tree = _Plain().visit(ast.parse(str(call), mode="eval"))
    return ast.unparse(tree)


def readable_value(text: str) -> str:
    """The expression of an argument as one would write it, or nearly so."""
    if not any(maker in text for maker in MAKERS.values()):
        return text
    return ast.unparse(_Plain().visit(ast.parse(text, mode="eval")))


class _Plain(ast.NodeTransformer):
    """Puts what is made in the place of the functions that make it."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Name what is named, and show settings by what they hold."""
        self.generic_visit(node)
        match node:
            case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str(dotted))]):
                if name == MAKERS["library"]:
                    return _named(dotted)
            case ast.Call(func=ast.Name(id=name), args=[_, ast.Constant(value=str(own))]):
                if name == MAKERS["name"]:
                    return _named(own)
            case ast.Call(func=ast.Name(id=name), args=[ast.Dict() as held, *_]):
                if name in (MAKERS["settings"], MAKERS["entries"]):
                    return held
            case ast.Call(func=ast.Name(id=name), args=[cls, attributes, held]):
                if name == MAKERS["object"]:
                    shown = held if isinstance(held, ast.Dict) else attributes
                    nameless = isinstance(cls, ast.Constant)
                    return shown if nameless else ast.Call(cls, [shown], [])
        return node


def _named(dotted: str) -> ast.expr:
    return ast.parse(dotted.removeprefix("builtins."), mode="eval").body
