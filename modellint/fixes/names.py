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
    names = _names_of_torch(text)
    functional = names.get("torch.nn.functional")
    if functional is not None:
        step = step.replace("nn.functional.", f"{functional}.")
    if "nn." not in step:
        return step
    if "torch.nn" not in names:
        raise NoEdit("the file does not import torch.nn")
    return step.replace("nn.", f"{names['torch.nn']}.")


def _names_of_torch(text: Text) -> dict[str, str]:
    """How a file calls `torch.nn` and what is in it; the first name that it imports, if several."""
    found: dict[str, str] = {}
    whole: dict[str, str] = {}
    for node in nodes_of(text.source.tree, ast.Import, ast.ImportFrom):
        module = node.module if isinstance(node, ast.ImportFrom) else None
        for alias in node.names:
            named = f"{module}.{alias.name}" if module else alias.name
            if alias.asname or module:
                found.setdefault(named, alias.asname or alias.name)
            if named.partition(".")[0] == "torch" and module is None and not alias.asname:
                whole["torch.nn"] = "torch.nn"
            elif named == "torch":
                whole["torch.nn"] = f"{alias.asname}.nn"
    return {**whole, **found}


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
