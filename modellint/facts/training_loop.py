"""How a file trains a model: its optimizer, its batch, autocast and what is computed again.

All of it is read from syntax trees, of the model's file and of those that use it: training is no
part of the forward.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePath
from typing import Any

from modellint.discovery.constants import NotConstant, constant
from modellint.discovery.names import Names, last_name, read_names, written_name
from modellint.discovery.scopes import functions
from modellint.facts.losses import entry_count
from modellint.facts.optimizers import OPTIMIZERS
from modellint.graph import Graph, fact
from modellint.source.file import SourceFile
from modellint.source.walking import nodes_of, walk

#: Methods of a module that hand out its parameters.
_PARAMETERS = frozenset(["parameters", "named_parameters"])
#: How a model is handed on while it stays the same.
_WRAPPERS = frozenset("to cuda cpu train eval float half double DataParallel compile".split())
#: The text that a file with anything to read here has.
_MARKS = ("optim", "DataLoader", "autocast", "checkpoint")


@dataclass(frozen=True, slots=True)
class Optimizer:
    """An optimizer that is built for the model: its class and its options."""

    name: str
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Loop:
    """What files say of training the model; `None` and nothing where they do not.

    `samples` is the batch of a `DataLoader`, `precision` the dtype of autocast. `source` and
    `batch` are the places of the optimizer and of the loader.
    """

    optimizers: tuple[Optimizer, ...] = ()
    source: str | None = None
    samples: int | None = None
    batch: str | None = None
    precision: str | None = None


@fact
def training_loop(graph: Graph) -> Loop:
    """What the file that defines the model says of its training, else those that use it."""
    found = Loop()
    if graph.source is not None:
        found = _read(graph, graph.source, graph.words)
    if found.optimizers and found.samples is not None:
        return found
    for shown, source in graph.users():
        if not _imports(graph, source):
            continue
        other = _read(graph, source, partial(_place, shown))
        if found.samples is None:
            found = replace(found, samples=other.samples, batch=other.batch)
        if not found.optimizers and other.optimizers:
            found = replace(found, optimizers=other.optimizers, source=other.source)
            found = replace(found, precision=found.precision or other.precision)
    return found


def _imports(graph: Graph, source: SourceFile) -> bool:
    """Whether a file imports the model's class, its file or the folder of that.

    Others are said to use it that only build what a configuration names.
    """
    own = PurePath(graph.source.path) if graph.source is not None else PurePath()
    wanted = {graph.modules[""].type, own.stem, own.parent.name}
    origins = read_names(source.tree).origins.values()
    return any(wanted & {*origin.split(".")} for origin in origins)


def _place(shown: str, line: int) -> str:
    return f"{shown}:{line}"


def _read(graph: Graph, source: SourceFile, place: Callable[[int], str]) -> Loop:
    if not any(mark in source.text for mark in _MARKS):
        return Loop()
    reader = _Reader(graph, source.tree)
    samples, loader = reader.batch()
    built = reader.optimizers()
    return Loop(
        optimizers=tuple(one for one, _ in built),
        source=place(built[0][1]) if built else None,
        samples=samples,
        batch=None if loader is None else place(loader),
        precision=reader.precision() if built else None,
    )


class _Reader:
    """Reads one file."""

    def __init__(self, graph: Graph, tree: ast.Module) -> None:
        self.graph = graph
        self.tree = tree
        self.names: Names = read_names(tree)
        self.classes = {graph.modules[""].type}
        self.values = _values(tree)

    def optimizers(self) -> list[tuple[Optimizer, int]]:
        """The optimizers that are built for this model, with their lines, equal ones once."""
        found: dict[tuple[str, str], tuple[Optimizer, int]] = {}
        for call, owner in self._calls():
            name = self._optimizer(call)
            if name is not None and self._is_for_model(call, owner):
                options = {word.arg: self._value(word.value) for word in call.keywords if word.arg}
                one = Optimizer(name, options), call.lineno
                found.setdefault((name, repr(sorted(options.items()))), one)
        return [*found.values()]

    def batch(self) -> tuple[int | None, int | None]:
        """The batch size of the loader that trains: that which shuffles, where several differ."""
        loaders = [
            (size, call.lineno, self._shuffles(call))
            for call in nodes_of(self.tree, ast.Call)
            if last_name(call.func) == "DataLoader" and (size := self._size(call)) is not None
        ]
        shuffled = [one for one in loaders if one[2]]
        chosen = shuffled or loaders
        if len({size for size, _, _ in chosen}) != 1:
            return None, None
        return chosen[0][0], chosen[0][1]

    def precision(self) -> str | None:
        """The dtype that autocast computes in: float16 on a GPU where nothing is said."""
        for call in nodes_of(self.tree, ast.Call):
            dotted = self.names.dotted(call.func) or ""
            if dotted.rpartition(".")[2] != "autocast" or not dotted.startswith("torch."):
                continue
            words = {word.arg: word.value for word in call.keywords}
            enabled = words.get("enabled")
            if isinstance(enabled, ast.Constant) and enabled.value is False:
                continue
            return last_name(words["dtype"]) or None if "dtype" in words else "float16"
        return None

    def _calls(self) -> Iterator[tuple[ast.Call, str | None]]:
        """The calls of the file, each with the class around it."""
        inside: dict[int, str | None] = {}
        for function, owner in functions(self.tree):
            for node in walk(function):
                inside[id(node)] = owner
        for call in nodes_of(self.tree, ast.Call):
            yield call, inside.get(id(call))

    def _optimizer(self, call: ast.Call) -> str | None:
        dotted = self.names.dotted(call.func) or ""
        name = dotted.rpartition(".")[2]
        return name if name in OPTIMIZERS and dotted.startswith("torch.optim.") else None

    def _is_for_model(self, call: ast.Call, owner: str | None) -> bool:
        given = [*call.args[:1], *(word.value for word in call.keywords if word.arg == "params")]
        owners = [
            node.func.value
            for argument in given
            for node in walk(argument)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in _PARAMETERS
        ]
        return any(self._is_model(one, owner) for one in owners) or (
            not owners and self._is_alone()
        )

    def _is_model(self, node: ast.expr, owner: str | None) -> bool:
        if isinstance(node, ast.Call):
            return self._builds(node, None)
        written = written_name(node)
        if written == "self":
            return owner in self.classes
        given = self.values.get(written or "", ())
        built = [one for one in given if isinstance(one, ast.Call)]
        if any(self._builds(one, written) for one in built):
            return True
        # A function that gives a model gives this one where there is no other.
        layers = any((self.names.dotted(one.func) or "").startswith("torch.") for one in built)
        return not layers and self._is_alone()

    def _is_alone(self) -> bool:
        return entry_count(self.graph) == 1

    def _builds(self, call: ast.Call, variable: str | None) -> bool:
        """Whether a call builds the model, or hands it on: `Net().to(device)`, `net.cuda()`."""
        if last_name(call.func) in self.classes:
            return True
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in _WRAPPERS:
            return False
        for inner in (call.func.value, *call.args[:1]):
            if isinstance(inner, ast.Call) and self._builds(inner, variable):
                return True
            if variable is None or written_name(inner) != variable:
                for one in self.values.get(written_name(inner) or "", ()):
                    if isinstance(one, ast.Call) and last_name(one.func) in self.classes:
                        return True
        return False

    def _size(self, call: ast.Call) -> int | None:
        words = {word.arg: word.value for word in call.keywords}
        node = words.get("batch_size", call.args[1] if len(call.args) > 1 else None)
        value = 1 if node is None else self._value(node)
        return value if type(value) is int and value > 0 else None

    def _shuffles(self, call: ast.Call) -> bool:
        return any(
            word.arg == "shuffle" and self._value(word.value) is True for word in call.keywords
        )

    def _value(self, node: ast.expr) -> Any:
        """The value of an expression; the expression's own text where it has none."""
        try:
            return constant(node, self._lookup)
        except NotConstant:
            return ast.unparse(node)

    def _lookup(self, name: str) -> Any:
        """A name that is assigned once, an option of a command line by its default."""
        given = self.values.get(name, ())
        if len(given) == 1:
            return constant(given[0], self._lookup)
        found = self._option(name.rpartition(".")[2]) if "." in name else None
        if found is None:
            raise NotConstant(name)
        return constant(found, self._lookup)

    def _option(self, name: str) -> ast.expr | None:
        """The default of `--batch-size`, which is `args.batch_size` later."""
        for call in nodes_of(self.tree, ast.Call):
            if last_name(call.func) != "add_argument":
                continue
            flags = [one.value for one in call.args if isinstance(one, ast.Constant)]
            words = {word.arg: word.value for word in call.keywords}
            named = {str(flag).lstrip("-").replace("-", "_") for flag in flags}
            target = words.get("dest")
            if isinstance(target, ast.Constant):
                named = {str(target.value)}
            if name in named:
                return words.get("default")
        return None


def _values(tree: ast.Module) -> Mapping[str, list[ast.expr]]:
    """What each variable and attribute of the file is assigned, by its written name."""
    found: dict[str, list[ast.expr]] = {}
    for node in nodes_of(tree, ast.Assign, ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            name = written_name(target)
            if name is not None and node.value is not None:
                found.setdefault(name, []).append(node.value)
    return found
