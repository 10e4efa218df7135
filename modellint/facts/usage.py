"""Which modules a model's results depend on, in evaluation and in training.

A second trace doubles what a lint costs, so training mode is traced only for a model of which the
evaluation trace leaves a question.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from modellint.errors import FileError, ModellintError
from modellint.geometry.dependence import leading_to, live
from modellint.graph import Graph, Module, fact
from modellint.source.classes import Method, methods, own_attribute
from modellint.source.walking import children, walk

#: Methods that only build, initialise or hand out what a model consists of.
_SETUP = ("init", "reset", "load", "freeze", "get_", "set_", "no_weight_decay", "group_matcher")
#: What is asked of a module without running it.
_QUESTIONS = frozenset(
    """parameters named_parameters buffers named_buffers modules named_modules children
    named_children state_dict load_state_dict train eval to cuda cpu half float double bfloat16
    apply requires_grad_ register_forward_hook register_forward_pre_hook register_buffer weight bias
    out_features in_features out_channels in_channels num_features""".split()
)
#: Modules that hold parameters for others to read: nobody calls them.
_SHELVES = frozenset(["ParameterList", "ParameterDict"])
#: Modules that hold others, of which the owner's code picks some.
_LISTS = frozenset(["ModuleList", "ModuleDict"])


@dataclass(frozen=True, slots=True)
class Unused:
    """A registered module none of whose parameters any result depends on.

    `parameters` counts those of all modules in it. `elsewhere` names a method that runs the module
    although this forward does not: under another condition, or for another purpose.
    """

    module: Module
    parameters: int
    elsewhere: str | None

    @property
    def called(self) -> bool:
        """Whether its forward ran, so that its result was dropped."""
        return self.module.called


@fact
def training(graph: Graph) -> Graph | str:
    """The same model traced in training mode, or why it cannot be."""
    if graph.train is None:
        return "there is no way back to the model"
    try:
        found = graph.train()
    except ModellintError as error:
        return error.message if isinstance(error, FileError) else str(error)
    if found.mismatch is not None:
        return f"sizes do not fit there: {found.mismatch.message}"
    return found


@fact
def results(graph: Graph) -> frozenset[int]:
    """The indices of the nodes that an output, or a value that the model keeps, depends on."""
    return leading_to(graph, (*graph.outputs, *graph.kept)) if graph.kept else live(graph)


@fact
def unused_modules(graph: Graph) -> tuple[Unused, ...]:
    """The registered modules with parameters on which no result of this forward depends.

    Of modules inside one another only the outermost. Empty for a forward that did not end.
    """
    if graph.mismatch is not None or not graph.outputs:
        return ()
    reached = results(graph)
    read = {node.parameter for node in graph.nodes if node.parameter and node.index in reached}
    if read.issuperset(graph.parameters):
        return ()
    alive = _alive(graph)
    if "" not in alive:
        return ()
    numbers = _numbers(graph)
    # A module is made when it is asked for: by their paths alone most are none of these.
    paths = [
        path
        for path in graph.modules
        if path not in alive and numbers.get(path) and path.rpartition(".")[0] in alive
    ]
    return tuple(
        Unused(module, numbers[path], _elsewhere(graph, path))
        for path, module in ((path, graph.modules[path]) for path in paths)
        if module.type not in _SHELVES and module.registered
    )


def _alive(graph: Graph) -> frozenset[str]:
    """The paths of the modules with a parameter, own or inside, that a result depends on."""
    found: set[str] = set()
    reached = results(graph)
    for node in graph.nodes:
        if node.parameter is not None and node.index in reached:
            for name in node.parameter.names:
                found.update(_around(name))
    return frozenset(found)


def _around(name: str) -> Iterator[str]:
    """The paths of the modules that a parameter's name lies in, the model's among them."""
    while name:
        name = name.rpartition(".")[0]
        yield name


def _numbers(graph: Graph) -> Mapping[str, int]:
    """How many numbers the parameters inside each module hold, tied ones once."""
    found: dict[str, int] = {}
    for parameter in graph.parameters:
        for path in {path for name in parameter.names for path in _around(name)}:
            found[path] = found.get(path, 0) + parameter.numel
    return found


def used_in_training(graph: Graph, module: Module) -> bool:
    """Whether a result of the training trace (which must exist) depends on a module."""
    trained = training(graph)
    return not isinstance(trained, str) and module.path in _alive(trained)


# What the source says


def _elsewhere(graph: Graph, path: str) -> str | None:
    """The method of the owner's class that runs a module which this forward did not run."""
    owner, _, name = path.rpartition(".")
    listed = graph.modules[owner].type in _LISTS
    while owner and graph.modules[owner].type in _LISTS:
        # An element of a list is run through the attribute that holds the list.
        owner, _, name = owner.rpartition(".")
    if owner and not graph.modules[owner].called:
        return None
    for method in methods(graph.definitions(owner)):
        if any(word in method.name for word in _SETUP):
            continue
        if _picks(method, name) if listed else _runs(method, name):
            return method.name
    return None


def _runs(method: ast.AST, name: str) -> bool:
    """Whether a method does more with `self.name` than ask it something."""
    return any(
        not isinstance(inner.ctx, ast.Store)
        and not isinstance(outer, (ast.Compare, ast.If, ast.Delete))
        and not (isinstance(outer, ast.Attribute) and outer.attr in _QUESTIONS)
        for outer, inner in _mentions(method, name)
    )


def _picks(method: Method, name: str) -> bool:
    """Whether a method picks an element of `self.name` by one of its own arguments."""
    given = {argument.arg for argument in (*method.args.args, *method.args.kwonlyargs)} - {"self"}
    return any(
        isinstance(outer, ast.Subscript)
        and any(isinstance(n, ast.Name) and n.id in given for n in walk(outer.slice))
        for outer, _ in _mentions(method, name)
    )


def _mentions(method: ast.AST, name: str) -> Iterator[tuple[ast.AST, ast.Attribute]]:
    """Each `self.name` in a method, with the expression or statement around it."""
    for outer in walk(method):
        for inner in children(outer):
            if isinstance(inner, ast.Attribute) and own_attribute(inner) == name:
                yield outer, inner
