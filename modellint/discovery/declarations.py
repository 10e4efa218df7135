"""The classes and functions that a file declares: which are models, and what each of them reaches.

From the syntax tree alone. What a name reaches (a class its blocks, a factory its class) is a
graph over the file's own names, from which discovery tells a model from a part of one.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass

from modellint.discovery.inheritance import Family, bases_of, former_definitions
from modellint.discovery.names import Names, top_level
from modellint.discovery.other_files import classes_behind
from modellint.discovery.scopes import Function
from modellint.discovery.signatures import Parameters
from modellint.source.walking import children


@dataclass(frozen=True)
class ModelClass:
    """A `torch.nn.Module` class of the file; `skip` says why it is no model of its own.

    `builds` tells whether its constructor builds layers of torch's.
    """

    name: str
    node: ast.ClassDef
    bases: tuple[str, ...]
    parameters: Parameters
    skip: str | None
    builds: bool


@dataclass(frozen=True)
class Declarations:
    """What a file declares at module level, conditionally or not."""

    classes: Mapping[str, ModelClass]
    functions: Mapping[str, Function]
    #: Classes that are no models and need no arguments: configurations, by default.
    plain: tuple[str, ...]
    reaches: Mapping[str, frozenset[str]]


def read_declarations(tree: ast.Module, names: Names, path: str | None = None) -> Declarations:
    """Find the model classes and functions of a file, and what each of them reaches.

    With its `path`, classes of other files of the project that its own derive from are read.
    """
    nodes = {node.name: node for node in top_level(tree.body) if isinstance(node, ast.ClassDef)}
    functions = {
        node.name: node
        for node in top_level(tree.body)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    others = classes_behind(nodes, names, path) if path is not None else {}
    family = Family(nodes, names, tree.body, others)
    classes = {
        name: ModelClass(
            name,
            node,
            tuple(names.dotted(base) or "" for base in node.bases),
            family.parameters(name),
            family.skip(name),
            family.layers(name),
        )
        for name, node in nodes.items()
        if family.is_model(name)
    }
    plain = tuple(
        name for name in nodes if not family.is_model(name) and not family.parameters(name).required
    )
    return Declarations(classes, functions, plain, _reaches(tree, nodes, functions))


def _reaches(
    tree: ast.Module, classes: Mapping[str, ast.ClassDef], functions: Mapping[str, Function]
) -> dict[str, frozenset[str]]:
    """For each module-level name, the module-level names that it uses, transitively."""
    direct: dict[str, set[str]] = {}
    former = former_definitions(tree.body)
    for name, node in classes.items():
        direct[name] = _uses(node)
        direct[name] |= {
            used
            for base in bases_of(node)
            if isinstance(base, ast.Name) and base.id in classes
            for used in [f"body of {base.id}"]
        }
        before = former.get(node)
        while before is not None:
            direct[name] |= _uses(before)
            before = former.get(before)
        direct[f"body of {name}"] = direct[name]
    for name, function in functions.items():
        direct[name] = _uses(function)
    for statement in top_level(tree.body):
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                if isinstance(target, ast.Name) and target.id not in direct:
                    direct[target.id] = _uses(statement.value)
    return {name: _closure(name, direct) for name in direct}


def _closure(name: str, direct: Mapping[str, set[str]]) -> frozenset[str]:
    seen: set[str] = set()
    pending = list(direct[name])
    while pending:
        current = pending.pop()
        if current not in seen and current in direct:
            seen.add(current)
            pending += direct[current]
    return frozenset(seen)


def _uses(node: ast.AST) -> set[str]:
    """The names that a declaration's code loads, types and checks of types left out."""
    used: set[str] = set()
    pending: list[ast.AST] = [node]
    while pending:
        current = pending.pop()
        match current:
            case ast.Name(id=name, ctx=ast.Load()):
                used.add(name)
            case ast.Attribute(value=ast.Name()):
                # `Base.__init__(self)` and `Net.cfg` do not build a Base or a Net.
                continue
            case ast.Call(func=ast.Name(id="isinstance" | "issubclass" | "super")):
                pending += current.args[:1]
            case ast.arg():
                continue
            case ast.AnnAssign(value=value):
                pending += [value] if value is not None else []
            case ast.ClassDef(body=body, decorator_list=marks):
                pending += [*body, *marks]
            case ast.FunctionDef(args=args, body=body) | ast.AsyncFunctionDef(args=args, body=body):
                pending += [*args.defaults, *(one for one in args.kw_defaults if one), *body]
            case _:
                pending += children(current)
    return used
