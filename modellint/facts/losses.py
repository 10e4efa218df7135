"""Which losses stand beside a model, and what they are given of it.

Both are read from the syntax tree of the model's file: a loss is no part of the forward.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from modellint.discovery.constants import no_name
from modellint.discovery.names import Names, last_name, read_names, written_name
from modellint.discovery.scopes import Function, functions, local_bindings, own_nodes
from modellint.graph import Graph, fact
from modellint.source.walking import children, nodes_of, walk

#: Losses by what they take for the model's output.
LOGIT_LOSSES = frozenset(["CrossEntropyLoss", "cross_entropy"])
PROBABILITY_LOSSES = frozenset(["BCELoss", "binary_cross_entropy"])
BINARY_LOGIT_LOSSES = frozenset(["BCEWithLogitsLoss", "binary_cross_entropy_with_logits"])
LOG_PROBABILITY_LOSSES = frozenset(["NLLLoss", "nll_loss"])
REGRESSION_LOSSES = frozenset(
    """MSELoss mse_loss L1Loss l1_loss SmoothL1Loss smooth_l1_loss HuberLoss huber_loss""".split()
)
_KNOWN = (
    LOGIT_LOSSES
    | PROBABILITY_LOSSES
    | BINARY_LOGIT_LOSSES
    | LOG_PROBABILITY_LOSSES
    | REGRESSION_LOSSES
)

#: What each of these names holds: one search over a text instead of one a name.
_IN_ALL = "oss"
_NAME = re.compile("|".join(sorted(_KNOWN)))

#: Methods and functions of a tensor that leave each value as it is.
_SAME_VALUES = frozenset(
    """squeeze unsqueeze view reshape flatten ravel permute transpose contiguous to float double
    half cpu cuda detach clone view_as reshape_as requires_grad_""".split()
)
#: Those of them that leave the sizes as well.
_SAME_SIZES = frozenset("contiguous to float double half cpu cuda detach clone".split())
#: How a model is handed on while it stays the same.
_WRAPPERS = frozenset("to cuda cpu train eval float half double DataParallel compile".split())


@dataclass(frozen=True, slots=True)
class Loss:
    """One of torch's losses that a file builds or calls, as it is written there.

    `owner` is the class with a `forward` in which it stands, if it stands in one.
    """

    name: str
    written: str
    line: int
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """One call of a loss with what this very model gives.

    `output` is the place of the output among the model's. `same_sizes` tells that it comes as the
    model gives it; else it was reshaped, value by value the same. `target` is the shape of what it
    is compared with, where the file tells, and `target_input` the place of the model's argument
    that it is compared with, where it is one.
    """

    loss: Loss
    output: int
    same_sizes: bool
    target: tuple[int | None, ...] | None = None
    target_input: int | None = None


@fact
def losses(graph: Graph) -> tuple[Loss, ...]:
    """The losses of torch in the file that defines the model, in file order."""
    if graph.source is None:
        return ()
    names = read_names(graph.source.tree)
    found = []
    pending: list[tuple[ast.AST, str | None]] = [(graph.source.tree, None)]
    for node, owner in pending:
        if isinstance(node, ast.ClassDef) and any(map(_is_forward, node.body)):
            owner = node.name
        pending += [(inner, owner) for inner in children(node)]
        # A class of losses may be picked by name first: `losses = {"ce": nn.CrossEntropyLoss}`.
        if isinstance(node, (ast.Attribute, ast.Name)):
            name = _loss_name(names, node)
            if name is not None:
                found.append(Loss(name, written_name(node) or name, node.lineno, owner))
    return tuple(sorted(found, key=lambda loss: loss.line))


def _loss_name(names: Names, node: ast.AST) -> str | None:
    dotted = names.dotted(node) or ""
    name = dotted.rpartition(".")[2]
    return name if name in _KNOWN and dotted.startswith("torch.") else None


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
        for node in walk(declared)
    )


@fact
def uses(graph: Graph) -> tuple[Use, ...]:
    """The calls of losses whose first operand is, for certain, an output of this model.

    Read are calls of the model by the name that it was built under, by `self(...)` in its own class
    and, where the file has no other model, by a parameter of a function; their results through
    variables and reshapes. What is computed of an output otherwise is none.
    """
    if graph.source is None or not losses_nearby(graph):
        return ()
    return tuple(_Uses(graph, graph.source.tree).read())


@fact
def losses_nearby(graph: Graph) -> bool:
    """Whether a loss stands where it can be this model's: in its class, or in that of no model.

    By the lines of its name alone: a library's file is long, and the losses in it are others'.
    """
    source = graph.source
    lines = _lines_of(source.text) if source is not None else ()
    if source is None or not lines:
        return False
    own: frozenset[str] | None = None
    elsewhere = [*lines]
    for statement in source.tree.body:
        first, last = statement.lineno, statement.end_lineno or statement.lineno
        inside = [line for line in elsewhere if first <= line <= last]
        if not inside or not isinstance(statement, (ast.Import, ast.ImportFrom, ast.ClassDef)):
            continue
        if isinstance(statement, ast.ClassDef):
            own = own or _own_classes(graph.modules[""].type, source.tree)
            if statement.name in own or not any(map(_is_forward, statement.body)):
                continue
        elsewhere = [line for line in elsewhere if line not in inside]
    return bool(elsewhere)


def _own_classes(name: str, tree: ast.Module) -> frozenset[str]:
    """The names of a class and of those that it derives from, as its file writes them."""
    bases = {one.name: one.bases for one in tree.body if isinstance(one, ast.ClassDef)}
    found = [name]
    for one in found:
        found += [base for base in map(last_name, bases.get(one, ())) if base not in found]
    return frozenset(found)


@lru_cache(maxsize=64)
def _lines_of(text: str) -> tuple[int, ...]:
    """The lines in which a loss is named, in whatever role; found once for all models of a file."""
    return tuple(_naming_lines(text))


def _naming_lines(text: str) -> Iterator[int]:
    at, line_number, counted = text.find(_IN_ALL), 1, 0
    while at >= 0:
        first, last = text.rfind("\n", 0, at) + 1, text.find("\n", at)
        line = text[first : last if last >= 0 else len(text)]
        if _NAME.search(line):
            line_number, counted = line_number + text.count("\n", counted, at), at
            yield line_number
        at = text.find(_IN_ALL, max(last, at + 1))


@fact
def called_losses(graph: Graph) -> frozenset[str]:
    """The names of the losses that the file calls, whatever it gives them."""
    if graph.source is None or not losses(graph):
        return frozenset()
    reader = _Uses(graph, graph.source.tree)
    found = map(reader.applied, nodes_of(graph.source.tree, ast.Call))
    return frozenset(loss.name for loss in found if loss is not None)


class _Uses:
    """Reads the uses of one file."""

    def __init__(self, graph: Graph, tree: ast.Module) -> None:
        self.graph = graph
        self.tree = tree
        self.names = read_names(tree)
        self.classes = {declared.name for declared in graph.definitions("")[:1]}
        self.values = _values(tree)

    def read(self) -> Iterator[Use]:
        """The uses in the module's own code and in each function."""
        yield from self._in(_Scope(list(_outside(self.tree)), frozenset(), None))
        for function, owner in functions(self.tree):
            yield from self._in(_Scope(list(own_nodes(function)), _parameters(function), owner))

    def _in(self, scope: _Scope) -> Iterator[Use]:
        for node in scope.nodes:
            if not isinstance(node, ast.Call):
                continue
            loss = self.applied(node)
            operands = [*node.args, *(word.value for word in node.keywords if word.arg == "target")]
            if loss is None or not operands:
                continue
            found = self._output(scope, operands[0], node.lineno)
            if found is None:
                continue
            call, output, same = found
            shape, place = None, None
            if len(operands) > 1:
                place = self._argument(scope, operands[1], call, node.lineno)
                if place is None:
                    shape = self._shape(scope, operands[1], node.lineno)
            yield Use(loss, output, same, shape, place)

    def applied(self, call: ast.Call) -> Loss | None:
        """The loss that a call applies: a function, or what a variable was built as."""
        name = _loss_name(self.names, call.func)
        if name is not None:
            # `nn.MSELoss()` builds one; `F.mse_loss(x, y)` applies one.
            return None if name[0].isupper() else self._named(name, call.func, call.lineno)
        built = call.func if isinstance(call.func, ast.Call) else None
        if built is None:
            written = written_name(call.func)
            given = self.values.get(written or "", ())
            made = [value for value in given if isinstance(value, ast.Call)]
            kinds = {_loss_name(self.names, value.func) for value in made}
            if not made or len(made) < len(given) or len(kinds) > 1:
                return None
            built = made[0]
        name = _loss_name(self.names, built.func)
        return None if name is None else self._named(name, built.func, call.lineno)

    def _named(self, name: str, written: ast.expr, line: int) -> Loss:
        return Loss(name, written_name(written) or name, line)

    def _output(
        self, scope: _Scope, node: ast.expr, line: int, same: bool = True
    ) -> tuple[ast.Call, int, bool] | None:
        """The model's call that an expression is the output of, its place, and its sizes' truth."""
        match node:
            case ast.Name(id=name):
                bound = scope.bound(name, line)
                if bound is None:
                    return None
                value, place = bound
                found = self._output(scope, value, value.lineno, same)
                if found is None or place is None:
                    return found
                return found[0], place, found[2]
            case ast.Call(func=ast.Attribute(value=owner, attr=method)) if method in _SAME_VALUES:
                inner = node.args[0] if self._is_torch(owner) and node.args else owner
                return self._output(scope, inner, line, same and method in _SAME_SIZES)
            case ast.Call() if self._is_model(scope, node.func):
                return node, 0, same
        return None

    def _is_torch(self, node: ast.expr) -> bool:
        return (self.names.dotted(node) or "") in ("torch", "torch.nn.functional")

    def _is_model(self, scope: _Scope, func: ast.expr) -> bool:
        if isinstance(func, ast.Call):
            return self._builds(func)
        written = written_name(func)
        if written in ("self", "self.forward"):
            return scope.owner in self.classes
        given = self.values.get(written or "", ())
        if given:
            return all(
                isinstance(value, ast.Call) and self._builds(value, written) for value in given
            )
        return written in scope.parameters and entry_count(self.graph) == 1

    def _builds(self, call: ast.Call, variable: str | None = None) -> bool:
        """Whether a call builds the model, or hands it on: `Net().to(device)`, `net.cuda()`."""
        name = last_name(call.func)
        if name in self.classes:
            return True
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in _WRAPPERS:
            return False
        for inner in (call.func.value, *call.args[:1]):
            if variable is not None and written_name(inner) == variable:
                return True
            if isinstance(inner, ast.Call) and self._builds(inner, variable):
                return True
        return False

    def _argument(self, scope: _Scope, target: ast.expr, call: ast.Call, line: int) -> int | None:
        """The place of the model's argument that the target is, if it is a variable for both."""
        if not isinstance(target, ast.Name) or scope.stores(target.id, call.lineno, line):
            return None
        for place, given in enumerate(call.args):
            if isinstance(given, ast.Name) and given.id == target.id:
                return place
        return None

    def _shape(self, scope: _Scope, target: ast.expr, line: int) -> tuple[int | None, ...] | None:
        value = target
        if isinstance(target, ast.Name):
            bound = scope.bound(target.id, line)
            if bound is None or bound[1] is not None:
                return None
            value = bound[0]
        # Every run imports this with its rules, and few files have a target of known sizes.
        from modellint.discovery.example_tensors import Reader

        reader = Reader(self.names, no_name, lambda name: None)
        example = reader.read(value) if isinstance(value, ast.Call) else None
        return None if example is None else example.shape


@dataclass(frozen=True)
class _Scope:
    """The nodes of a function or of a module's own code, its parameters and the class around."""

    nodes: Sequence[ast.AST]
    parameters: frozenset[str]
    owner: str | None

    def bound(self, name: str, line: int) -> tuple[ast.expr, int | None] | None:
        """What a name was last assigned before a line, and its place in a tuple; `None` if unclear.

        The first of several in the same block of a loop counts as the last of the round before, so
        only what stands above is asked.
        """
        last: tuple[int, tuple[ast.expr, int | None] | None] = (0, None)
        for node in self.nodes:
            if not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Store):
                continue
            if node.id == name and last[0] <= node.lineno < line:
                last = node.lineno, self._assigned(node)
        return last[1]

    def _assigned(self, stored: ast.Name) -> tuple[ast.expr, int | None] | None:
        for node in self.nodes:
            if not isinstance(node, ast.Assign) or len(node.targets) != 1:
                continue
            target = node.targets[0]
            if target is stored:
                return node.value, None
            if isinstance(target, ast.Tuple) and stored in target.elts:
                return node.value, target.elts.index(stored)
        return None

    def stores(self, name: str, first: int, last: int) -> bool:
        """Whether a name is assigned in lines after `first` and before `last`."""
        return any(
            isinstance(node, ast.Name)
            and isinstance(node.ctx, ast.Store)
            and node.id == name
            and first <= node.lineno < last
            for node in self.nodes
        )


def _parameters(function: Function) -> frozenset[str]:
    stored = {n.id for n in own_nodes(function) if isinstance(n, ast.Name) and _is_store(n)}
    return frozenset(local_bindings(function) - stored)


def _is_store(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def _outside(tree: ast.Module) -> Iterator[ast.AST]:
    """The nodes of a module in source order, functions and classes left out."""
    pending: list[ast.AST] = list(reversed(tree.body))
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            continue
        yield node
        pending += reversed(children(node))


def _values(tree: ast.Module) -> Mapping[str, list[ast.expr]]:
    """What each variable and attribute of the file is assigned, by its written name."""
    found: dict[str, list[ast.expr]] = {}
    for node in nodes_of(tree, ast.Assign, ast.AnnAssign):
        if node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                name = written_name(target)
                if name is not None:
                    found.setdefault(name, []).append(node.value)
    return found
