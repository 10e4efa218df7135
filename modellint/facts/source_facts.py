"""What the source of a model says that its forward does not show.

Losses stand beside a model, and a literal argument looks like a computed one once it is passed:
both are read from the syntax trees of the files, not from the graph.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from modellint.discovery.names import read_names, written_name
from modellint.graph import Graph, Module, Node, fact
from modellint.source.classes import source_at

#: Losses by what they take for the model's output.
LOGIT_LOSSES = frozenset(["CrossEntropyLoss", "cross_entropy"])
PROBABILITY_LOSSES = frozenset(["BCELoss", "binary_cross_entropy"])


@dataclass(frozen=True, slots=True)
class Loss:
    """One of torch's losses that a file builds or calls, as it is written there.

    `owner` is the class with a `forward` in which it stands, if it stands in one.
    """

    name: str
    written: str
    line: int
    owner: str | None = None


@fact
def losses(graph: Graph) -> tuple[Loss, ...]:
    """The losses of torch in the file that defines the model, in file order."""
    if graph.source is None:
        return ()
    known = LOGIT_LOSSES | PROBABILITY_LOSSES
    names = read_names(graph.source.tree)
    found = []
    pending: list[tuple[ast.AST, str | None]] = [(graph.source.tree, None)]
    for node, owner in pending:
        if isinstance(node, ast.ClassDef) and any(map(_is_forward, node.body)):
            owner = node.name
        pending += [(inner, owner) for inner in ast.iter_child_nodes(node)]
        # A class of losses may be picked by name first: `losses = {"ce": nn.CrossEntropyLoss}`.
        if isinstance(node, (ast.Attribute, ast.Name)):
            dotted = names.dotted(node) or ""
            name = dotted.rpartition(".")[2]
            if name in known and dotted.startswith("torch."):
                found.append(Loss(name, written_name(node) or name, node.lineno, owner))
    return tuple(sorted(found, key=lambda loss: loss.line))


def _is_forward(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.FunctionDef) and statement.name == "forward"


@fact
def entry_count(graph: Graph) -> int:
    """How many models stand on their own in the file that defines this one."""
    from modellint.discovery.candidates import discover, entries

    return len(entries(discover(graph.source))) if graph.source is not None else 0


def takes_output(graph: Graph, loss: Loss) -> bool:
    """Whether a loss can be that of the model's output, by where it stands.

    Another model's class has it for itself. In the model's own, a training step that never calls
    `self(...)` feeds it with what it computes by itself.
    """
    if loss.owner is None:
        return True
    return any(
        isinstance(node, ast.Call) and written_name(node.func) in ("self", "self.forward")
        for declared in graph.definitions("")
        if declared.name == loss.owner
        for node in ast.walk(declared)
    )


def constructor(graph: Graph, layer: Node | Module) -> ast.Call | None:
    """The call that constructs a layer, as written; `None` where it stands in no readable file.

    It may be another call than the class's own: the user's, of a function that builds the layer.
    """
    site = layer.construction
    if site is None:
        return None
    own = graph.source
    source = own if own is not None and own.path == site.path else source_at(site.path)
    if source is None:
        return None
    return source.calls.get((site.line, site.column, site.end_line, site.end_column))


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


def called_name(call: ast.Call) -> str:
    """The last part of what a call calls: `Dropout` for `nn.Dropout(0.5)`."""
    return (written_name(call.func) or "").rpartition(".")[2]
