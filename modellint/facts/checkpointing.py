"""Which modules a forward runs under activation checkpointing, as its classes are written.

`checkpoint(self.block, x)` keeps nothing of what is inside, and runs it again on the way back.
Where another condition than training decides that, nothing is said: its value is not known.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from modellint.discovery.names import last_name, written_name
from modellint.graph import Graph, fact
from modellint.source.classes import methods
from modellint.source.walking import children, walk

_NAMES = frozenset(["checkpoint", "checkpoint_sequential"])
#: What a condition may ask for and hold whenever a model is trained.
_IN_TRAINING = frozenset(
    "training is_grad_enabled requires_grad is_scripting jit torch self".split()
)


@fact
def checkpointed(graph: Graph) -> tuple[str, ...]:
    """The paths of the modules whose insides are computed again, the outermost alone."""
    if graph.source is None or "checkpoint" not in graph.source.text:
        return ()
    found: dict[str, None] = {}
    read: dict[str, list[tuple[str, bool]]] = {}
    for path, module in graph.modules.items():
        if module.called and module.kind is None:
            if module.type not in read:
                read[module.type] = [*_of_class(graph, path)]
            for attribute, inside in read[module.type]:
                full = f"{path}.{attribute}" if path else attribute
                for name in graph.modules:
                    if name == full if not inside else name.rpartition(".")[0] == full:
                        found[name] = None
    return tuple(one for one in found if not any(one.startswith(f"{over}.") for over in found))


def _of_class(graph: Graph, path: str) -> Iterator[tuple[str, bool]]:
    """The attributes that a class runs so, and whether what is in them is run, one by one."""
    seen: set[str] = set()
    for method in methods(graph.definitions(path)):
        if method.name in seen:  # That of a base, which is overridden.
            continue
        seen.add(method.name)
        loops = {
            node.target.id: written_name(node.iter)
            for node in walk(method)
            if isinstance(node, ast.For) and isinstance(node.target, ast.Name)
        }
        for call in _calls(method):
            written = written_name(call.args[0]) if call.args else None
            looped = loops.get(written or "")
            if written is not None and written.startswith("self."):
                yield written.removeprefix("self."), last_name(call.func) != "checkpoint"
            elif looped is not None and looped.startswith("self."):
                yield looped.removeprefix("self."), True


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    """The calls of `checkpoint` that a training step always comes to."""
    for inner in children(node):
        if isinstance(inner, ast.If) and not _in_training(inner.test):
            continue
        if isinstance(inner, ast.Call) and last_name(inner.func) in _NAMES:
            yield inner
        yield from _calls(inner)


def _in_training(test: ast.expr) -> bool:
    names = {node.id for node in walk(test) if isinstance(node, ast.Name)}
    names |= {node.attr for node in walk(test) if isinstance(node, ast.Attribute)}
    negated = any(isinstance(node, ast.Not) for node in walk(test))
    return not negated and names <= _IN_TRAINING
