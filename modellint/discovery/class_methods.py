"""Class methods and static methods that build a model of their class: `Net.small()`."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping

from modellint.discovery.names import top_level, written_name
from modellint.discovery.scopes import own_nodes

#: Beginnings of names of what reads weights or files: nothing that a lint could repeat.
_READING = ("from_pretrained", "from_checkpoint", "from_file", "from_json", "load", "restore")


def building_methods(
    tree: ast.Module, models: Collection[str]
) -> dict[str, Mapping[str, ast.FunctionDef]]:
    """By class, its methods that can be called on the class and return one of its instances."""
    return {
        node.name: {method.name: method for method in _building(node)}
        for node in top_level(tree.body)
        if isinstance(node, ast.ClassDef) and node.name in models
    }


def _building(node: ast.ClassDef) -> Iterator[ast.FunctionDef]:
    for item in node.body:
        if not isinstance(item, ast.FunctionDef) or item.name.startswith(_READING):
            continue
        marks = {written_name(mark) for mark in item.decorator_list}
        first = [argument.arg for argument in item.args.args[:1]]
        own = {node.name, *(first if "classmethod" in marks else ())}
        if marks & {"classmethod", "staticmethod"} and _returns(item, own):
            yield item


def _returns(function: ast.FunctionDef, callees: set[str]) -> bool:
    """Whether a function returns what a call of one of these names gives."""
    built: set[str] = set()
    for node in own_nodes(function):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if _calls(value, callees):
                built.add(name)
            case ast.Return(value=ast.Name(id=name)) if name in built:
                return True
            case ast.Return(value=ast.Call() as value) if _calls(value, callees):
                return True
    return False


def _calls(node: ast.expr, callees: set[str]) -> bool:
    return isinstance(node, ast.Call) and written_name(node.func) in callees
