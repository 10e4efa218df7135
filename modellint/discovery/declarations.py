"""The classes and functions that a file declares: which are models, which return one.

From the syntax tree alone. What a name reaches (a class its blocks, a factory its class) is a
graph over the file's own names, from which discovery tells a model from a part of one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from modellint.discovery.evidence import MODEL_WRAPPERS, is_library_model
from modellint.discovery.inlining import FLUENT
from modellint.discovery.misnamed_forward import meant_forward
from modellint.discovery.names import Names, top_level, written_name
from modellint.discovery.scopes import Function

#: torch's own bases that give no model: their subclasses are data, losses of state, or rules.
_NOT_MODELS = (
    "torch.autograd",
    "torch.optim",
    "torch.utils",
    "torch.distributions",
    "torch.fx",
    "torch.export",
)
_EMPTY_BASES = frozenset({"torch.nn.Module", "torch.jit.ScriptModule", "torch.nn.Container"})
_LISTS = frozenset({"torch.nn.ModuleList", "torch.nn.ModuleDict", "torch.nn.ParameterList"})
_LIGHTNING = ("LightningModule", "PyTorchModelHubMixin")
#: Why a class is no model that holds layers and methods, but nothing that runs them all.
NO_FORWARD = "has no forward"
_LOSS_NAMES = ("Loss", "Criterion", "loss")
_SCRIPTS = frozenset(
    """main train test evaluate eval fit run validate predict inference demo setup parse_args
    train_model test_model train_epoch""".split()
)
#: Calls that mark a function as a training or data script, whatever it returns.
_SCRIPT_CALLS = frozenset("backward step zero_grad fit parse_args imread imshow savefig".split())


@dataclass(frozen=True)
class Parameters:
    """A constructor's or factory's parameters, `self` left out."""

    names: tuple[str, ...]
    required: tuple[str, ...]
    defaults: Mapping[str, ast.expr]
    line: int
    annotations: Mapping[str, str] = field(default_factory=dict)


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


def read_declarations(tree: ast.Module, names: Names) -> Declarations:
    """Find the model classes and functions of a file, and what each of them reaches."""
    nodes = {node.name: node for node in top_level(tree.body) if isinstance(node, ast.ClassDef)}
    functions = {
        node.name: node
        for node in top_level(tree.body)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    family = _Family(nodes, names, tree.body)
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


def parameters_of(node: Function, *, method: bool) -> Parameters:
    """The parameters of a function, without the first of a method."""
    arguments = node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults: dict[str, ast.expr] = {}
    for argument, default in zip(reversed(positional), reversed(arguments.defaults), strict=False):
        defaults[argument.arg] = default
    for argument, given in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if given is not None:
            defaults[argument.arg] = given
    listed = [one.arg for one in (positional[1:] if method else positional)]
    listed += [one.arg for one in arguments.kwonlyargs]
    required = tuple(name for name in listed if name not in defaults)
    annotations = {
        one.arg: ast.unparse(one.annotation).strip("'\"")
        for one in [*positional, *arguments.kwonlyargs]
        if one.annotation is not None
    }
    return Parameters(tuple(listed), required, defaults, node.lineno, annotations)


class _Family:
    """The classes of a file with their inheritance."""

    def __init__(
        self, nodes: Mapping[str, ast.ClassDef], names: Names, statements: list[ast.stmt]
    ) -> None:
        self._nodes = nodes
        self._names = names
        self._statements = statements

    def _bases(self, name: str) -> list[str]:
        return [self._names.dotted(base) or "" for base in _bases(self._nodes[name])]

    def _lineage(self, name: str) -> Iterator[ast.ClassDef]:
        """The class and its ancestors in this file, nearest first."""
        seen: set[str] = set()
        pending = [name]
        while pending:
            current = pending.pop(0)
            if current in seen or current not in self._nodes:
                continue
            seen.add(current)
            yield self._nodes[current]
            pending += self._bases(current)

    def _foreign(self, name: str) -> list[str]:
        return [
            base
            for node in self._lineage(name)
            for base in self._bases(node.name)
            if base not in self._nodes
        ]

    def is_model(self, name: str) -> bool:
        foreign = self._foreign(name)
        if any(base.startswith(_NOT_MODELS) for base in foreign):
            return False
        if any(base.startswith("torch.nn.") or base in _EMPTY_BASES for base in foreign):
            return True
        if any(_is_library_class(base) for base in foreign):
            return True
        unknown = [base for base in foreign if base not in _PLAIN_BASES]
        return bool(unknown) and (self._method(name, "forward") is not None or self.layers(name))

    def _method(self, name: str, method: str) -> Function | None:
        for node in self._lineage(name):
            for item in node.body:
                if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef) and item.name == method:
                    static = any(
                        isinstance(mark, ast.Name) and mark.id == "staticmethod"
                        for mark in item.decorator_list
                    )
                    if not static:
                        return item
        return None

    def layers(self, name: str) -> bool:
        """Whether the constructor of a class builds torch layers as attributes."""
        init = self._method(name, "__init__")
        if init is None:
            return False
        called = (
            self._names.dotted(node.func) or ""
            for node in ast.walk(init)
            if isinstance(node, ast.Call)
        )
        return any(one.startswith("torch.nn.") and not one.endswith("Loss") for one in called)

    def _assigns_forward(self, name: str) -> bool:
        return any(
            isinstance(item, ast.Assign)
            and any(
                isinstance(target, ast.Name) and target.id == "forward" for target in item.targets
            )
            for node in self._lineage(name)
            for item in node.body
        )

    def parameters(self, name: str) -> Parameters:
        init = self._method(name, "__init__")
        node = self._nodes[name]
        if init is not None:
            return parameters_of(init, method=True)
        fields: dict[str, ast.expr | None] = {}
        for one in reversed(list(self._lineage(name))):
            if any("dataclass" in ast.unparse(mark) for mark in one.decorator_list):
                for item in one.body:
                    match item:
                        case ast.AnnAssign(target=ast.Name(id=key), annotation=kind, value=value):
                            if "ClassVar" not in ast.unparse(kind):
                                fields[key] = value
        given = {key: value for key, value in fields.items() if value is not None}
        required = tuple(key for key in fields if key not in given)
        return Parameters(tuple(fields), required, given, node.lineno)

    def skip(self, name: str) -> str | None:
        """Why a class is no model of its own, in words, or None."""
        node = self._nodes[name]
        own = [self._names.dotted(base) or "" for base in _bases(node)]
        foreign = self._foreign(name)
        forward = self._method(name, "forward")
        if any(base.rpartition(".")[2] == "Protocol" for base in own):
            return "a protocol"
        if name.endswith("Mixin"):
            return "a mixin"
        if self._abstract(name):
            return "an abstract base class"
        if forward is not None and _only_raises(forward):
            return "an abstract base class: forward only raises"
        if name.endswith(_LOSS_NAMES) or any(base.endswith("Loss") for base in foreign):
            return "a loss, not a model"
        if forward is not None or self._assigns_forward(name):
            return None
        if any(base in _LISTS for base in foreign):
            return "a container without forward"
        if all(
            base in _EMPTY_BASES | _PLAIN_BASES or base.endswith(_LIGHTNING) for base in foreign
        ):
            return None if self._is_misnamed(name) else NO_FORWARD
        return None

    def _is_misnamed(self, name: str) -> bool:
        """Whether a class has what was meant to be its forward, and no subclass has another."""
        meant = any(meant_forward(node, self._statements) for node in self._lineage(name))
        derived = (other for other in self._nodes if self._nodes[name] in self._lineage(other))
        return meant and not any(self._method(other, "forward") for other in derived)

    def _abstract(self, name: str) -> bool:
        declared: set[str] = set()
        defined: set[str] = set()
        for node in self._lineage(name):
            for item in node.body:
                if not isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef):
                    continue
                marks = {ast.unparse(mark).rpartition(".")[2] for mark in item.decorator_list}
                if marks & {"abstractmethod", "abstractproperty"}:
                    declared |= {item.name} - defined
                else:
                    defined.add(item.name)
        return bool(declared)


_PLAIN_BASES = frozenset(
    """object abc.ABC ABC typing.Generic Generic typing.Protocol Protocol enum.Enum Exception
    BaseException dict list tuple set str int float typing.NamedTuple torch.Tensor ValueError
    RuntimeError unittest.TestCase threading.Thread""".split()
)


def _bases(node: ast.ClassDef) -> list[ast.expr]:
    return [base.value if isinstance(base, ast.Subscript) else base for base in node.bases]


def _is_library_class(base: str) -> bool:
    if base.endswith(("Enum", "Weights")):
        return False
    if base.startswith(("torchvision.models", "torchvision.ops", "timm.")):
        return True
    return base.rpartition(".")[2].endswith("LightningModule")


def _only_raises(function: Function) -> bool:
    body = [
        node
        for node in function.body
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    ]
    return len(body) == 1 and isinstance(body[0], ast.Raise)


def _reaches(
    tree: ast.Module, classes: Mapping[str, ast.ClassDef], functions: Mapping[str, Function]
) -> dict[str, frozenset[str]]:
    """For each module-level name, the module-level names that it uses, transitively."""
    direct: dict[str, set[str]] = {}
    for name, node in classes.items():
        direct[name] = _uses(node)
        direct[name] |= {
            used
            for base in _bases(node)
            if isinstance(base, ast.Name) and base.id in classes
            for used in [f"body of {base.id}"]
        }
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
                pending += ast.iter_child_nodes(current)
    return used


def returned_model(
    function: Function, declarations: Declarations, names: Names, depth: int = 4
) -> str | None:
    """The class (or torch name) of the model that a function builds and returns, if it does."""
    found = returned_call(function, declarations, names)
    if found is None or depth == 0:
        return _registered(function)
    callee = _called(found, declarations, names, _local_classes(function, declarations))
    if callee is not None and callee in declarations.functions:
        inner = returned_model(declarations.functions[callee], declarations, names, depth - 1)
        return inner or _registered(function)
    return callee


def returned_call(function: Function, declarations: Declarations, names: Names) -> ast.Call | None:
    """The call whose result a function returns, if that builds a model or is a file's function."""
    if function.name in _SCRIPTS or function.name.startswith("test_") or _is_script(function):
        return None
    assigned: dict[str, list[ast.expr]] = {}
    returned: list[ast.expr] = []
    for node in _own_nodes(function):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            if isinstance(node.targets[0], ast.Name):
                assigned.setdefault(node.targets[0].id, []).append(node.value)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            assigned.setdefault(node.target.id, []).append(node.value)
        elif isinstance(node, ast.Return) and node.value is not None:
            returned.append(node.value)
    local = _local_classes(function, declarations)
    for value in map(_stripped, returned):
        options = assigned.get(value.id, []) if isinstance(value, ast.Name) else [value]
        for option in options:
            call = _peel(option, names)
            if call is not None and _called(call, declarations, names, local) is not None:
                return call
    return None


def _stripped(node: ast.expr) -> ast.expr:
    """The `net` of `net.to(device).eval()`."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr not in FLUENT:
            break
        node = node.func.value
    return node


def _peel(node: ast.expr, names: Names) -> ast.Call | None:
    """The constructing call inside `nn.DataParallel(Net(3).to(device).eval())`."""
    if isinstance(node, ast.IfExp):
        return _peel(node.body, names) or _peel(node.orelse, names)
    if not isinstance(node, ast.Call):
        return None
    if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Call):
        return _peel(node.func.value, names)
    if names.dotted(node.func) in MODEL_WRAPPERS and node.args:
        return _peel(node.args[0], names)
    return node


def _called(
    call: ast.Call, declarations: Declarations, names: Names, local: Mapping[str, str]
) -> str | None:
    if isinstance(call.func, ast.Name):
        name = call.func.id
        if name in declarations.classes or name in declarations.functions:
            return name
    dotted = names.dotted(call.func) or ""
    if is_library_model(dotted):
        return dotted
    # Registries' builders: `build_model_with_cfg(ResNet, variant, pretrained, **kwargs)`.
    for argument in call.args[:2]:
        if isinstance(argument, ast.Name):
            name = local.get(argument.id, argument.id)
            if name in declarations.classes:
                return name
    return None


def _local_classes(function: Function, declarations: Declarations) -> dict[str, str]:
    """The local names that stand for a class of the file: `model_cls = EfficientNet`."""
    found: dict[str, str] = {}
    for node in _own_nodes(function):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Name(id=used)):
                if used in declarations.classes:
                    found.setdefault(name, used)
    return found


def _registered(function: Function) -> str | None:
    """The class that a function registered as a model says it returns."""
    marks = (ast.unparse(mark) for mark in function.decorator_list)
    if not any("register_model" in mark for mark in marks):
        return None
    return written_name(function.returns) if function.returns is not None else function.name


def _is_script(function: Function) -> bool:
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _SCRIPT_CALLS
        for node in ast.walk(function)
    )


def _own_nodes(function: Function) -> Iterator[ast.AST]:
    """The nodes of a function in source order, nested functions and classes left out."""
    pending: list[ast.AST] = list(reversed(function.body))
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        yield node
        pending += reversed(list(ast.iter_child_nodes(node)))
