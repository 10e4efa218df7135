"""What the source of a model says that its forward does not show.

A literal argument looks like a computed one once it is passed, and a result that a line drops like
one that nothing asked for: both are read from the syntax trees of the files, not from the graph.
"""

from __future__ import annotations

import ast
from linecache import getline

from modellint.discovery.names import read_names, top_level
from modellint.graph import Graph, Module, Node, Site
from modellint.source.callees import called_name as called_name
from modellint.source.classes import source_at
from modellint.source.file import SourceFile


def constructor(graph: Graph, layer: Node | Module) -> ast.Call | None:
    """The call that constructs a layer, as written; `None` where it stands in no readable file.

    It may be another call than the class's own: the user's, of a function that builds the layer.
    """
    site = layer.construction
    source = _source(graph, site) if site is not None else None
    if site is None or source is None:
        return None
    return source.calls.get((site.line, site.column, site.end_line, site.end_column))


def _source(graph: Graph, site: Site) -> SourceFile | None:
    own = graph.source
    return own if own is not None and own.path == site.path else source_at(site.path)


def call_statement(graph: Graph, site: Site) -> ast.Call | None:
    """The call at a place of the forward, if it is a statement of its own that keeps no result.

    `None` also for one in the body of a `try`, which may stand there to see whether it fails.
    """
    # Libraries are parsed only where the line may be one: it begins and ends with the call.
    first, last = (getline(site.path, line) for line in (site.line, site.end_line))
    if first[: site.column - 1].strip() or last[site.end_column - 1 :].partition("#")[0].strip():
        return None
    source = _source(graph, site)
    if source is None:
        return None
    return source.call_statements.get((site.line, site.column, site.end_line, site.end_column))


def calls_tensor(graph: Graph, site: Site, call: ast.Call, of_leaf: bool) -> bool:
    """Whether a call is a function of torch, or a method of what can be a tensor.

    `meter.add(x)` adds as `x.add(y)` does; but `meter` is a name of the file's own, not of the
    function's, and what `self` holds is one of its tensors only where the operation reads such
    (`of_leaf`).
    """
    source = _source(graph, site)
    if source is None:
        return False
    names = read_names(source.tree)
    if (names.dotted(call.func) or "").startswith("torch."):
        return True
    if not isinstance(call.func, ast.Attribute):
        return False
    held: ast.expr = call.func.value
    while isinstance(held, (ast.Attribute, ast.Subscript, ast.Call)):
        held = held.func if isinstance(held, ast.Call) else held.value
    if not isinstance(held, ast.Name):
        return True  # `(x + y).relu()`
    if held.id == "self":
        return of_leaf or isinstance(call.func.value, (ast.Call, ast.Subscript))
    if held.id in names.origins:
        return names.origins[held.id].startswith("torch")
    return held.id not in _globals(source.tree)


def _globals(tree: ast.Module) -> frozenset[str]:
    """The names that a file assigns or defines outside of functions and classes."""
    found = set()
    for node in top_level(tree.body):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    return frozenset(found)


def literal_arguments(call: ast.Call) -> bool:
    """Whether every argument is written out as a number, text or tuple of them."""
    values = [*call.args, *(word.value for word in call.keywords)]
    return all(word.arg is not None for word in call.keywords) and all(map(_literal, values))


def _literal(value: ast.expr) -> bool:
    if isinstance(value, ast.UnaryOp):
        return _literal(value.operand)
    if isinstance(value, (ast.Tuple, ast.List)):
        return all(map(_literal, value.elts))
    return isinstance(value, ast.Constant)
