"""What a file calls `torch.nn`, and where it defines the class of a module."""

from __future__ import annotations

import ast

from modellint.fixes.sites import NoEdit, Text
from modellint.graph import Graph
from modellint.source.walking import nodes_of


def spelled(step: str, text: Text) -> str:
    """A step with `nn.` as the file calls `torch.nn`; raise `NoEdit` where it does not.

    `nn.functional.` is what the file calls that, where it has a name for it.
    """
    if "nn." not in step:
        return step
    whole: str | None = None
    for node in nodes_of(text.source.tree, ast.Import, ast.ImportFrom):
        module = node.module if isinstance(node, ast.ImportFrom) else None
        for alias in node.names:
            named = f"{module}.{alias.name}" if module else alias.name
            if named == "torch.nn.functional" and (alias.asname or module):
                step = step.replace("nn.functional.", f"{alias.asname or alias.name}.")
            if named == "torch.nn" and (alias.asname or module):
                return step.replace("nn.", f"{alias.asname or alias.name}.")
            if named in ("torch", "torch.nn") and module is None:
                whole = f"{alias.asname or 'torch'}.nn."
    if "nn." not in step:
        return step
    if whole is None:
        raise NoEdit("the file does not import torch.nn")
    return step.replace("nn.", whole)


def class_of(path: str, graph: Graph, text: Text) -> ast.ClassDef:
    """The class of a module, where this file defines it."""
    holder = graph.modules.get(path)
    found = [
        node
        for node in nodes_of(text.source.tree, ast.ClassDef)
        if holder is not None and node.name == holder.type
    ]
    if len(found) != 1:
        raise NoEdit("its class is not written in this file, or twice")
    return found[0]
