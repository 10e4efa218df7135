"""Which classes of a file are models by what they inherit, and which are none of their own."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from modellint.discovery.later_methods import later_methods
from modellint.discovery.misnamed_forward import meant_forward
from modellint.discovery.names import Names, stored_names, top_level, written_name
from modellint.discovery.other_files import OtherClass
from modellint.discovery.scopes import Function
from modellint.discovery.signatures import Parameters, parameters_of
from modellint.source.walking import walk

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
_PLAIN_BASES = frozenset(
    """object abc.ABC ABC typing.Generic Generic typing.Protocol Protocol enum.Enum Exception
    BaseException dict list tuple set str int float typing.NamedTuple torch.Tensor ValueError
    RuntimeError unittest.TestCase threading.Thread""".split()
)
_LISTS = frozenset({"torch.nn.ModuleList", "torch.nn.ModuleDict", "torch.nn.ParameterList"})
_LIGHTNING = ("LightningModule", "PyTorchModelHubMixin")
#: Why a class is no model that holds layers and methods, but nothing that runs them all.
NO_FORWARD = "has no forward"
#: What every module has.
_MODULE_METHODS = frozenset(
    """add_module apply bfloat16 buffers children cpu cuda double eval float forward get_buffer
    get_parameter get_submodule half load_state_dict modules named_buffers named_children
    named_modules named_parameters parameters register_buffer register_module register_parameter
    requires_grad_ state_dict to train type zero_grad""".split()
)
_LOSS_NAMES = ("Loss", "Criterion", "loss")


class Family:
    """The classes of a file with their inheritance; `others` are those of other files."""

    def __init__(
        self,
        nodes: Mapping[str, ast.ClassDef],
        names: Names,
        statements: list[ast.stmt],
        others: Mapping[str, OtherClass] = MappingProxyType({}),
    ) -> None:
        self._own = nodes
        self._former = former_definitions(statements)
        former = {f"{node.name} at {node.lineno}": node for node in self._former.values()}
        self._nodes = {**{name: other.node for name, other in others.items()}, **former, **nodes}
        self._others = others
        self._names = names
        self._statements = statements
        self._later = later_methods(statements)

    def _bases(self, name: str) -> list[str]:
        other = self._others.get(name) if name not in self._own else None
        names = self._names if other is None else other.names
        node = self._nodes[name]
        former = self._former.get(node)
        bases = [names.dotted(base) or "" for base in bases_of(node)]
        if former is None:
            return bases
        return [f"{base} at {former.lineno}" if base == node.name else base for base in bases]

    def _lineage(self, name: str) -> Iterator[ast.ClassDef]:
        """The class and its ancestors in this file, nearest first."""
        return (self._nodes[one] for one in self._keys(name))

    def _keys(self, name: str) -> Iterator[str]:
        """The names of a class and its ancestors, nearest first."""
        seen: set[str] = set()
        pending = [name]
        while pending:
            current = pending.pop(0)
            if current in seen or current not in self._nodes:
                continue
            seen.add(current)
            yield current
            pending += self._bases(current)

    def _foreign(self, name: str) -> list[str]:
        return [
            base for one in self._keys(name) for base in self._bases(one) if base not in self._nodes
        ]

    def is_model(self, name: str) -> bool:
        """Whether a class is one of torch's modules, as far as the file tells."""
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
            later = self._later.get(node.name, {}).get(method)
            if later is not None:
                return later
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
            self._names.dotted(node.func) or "" for node in walk(init) if isinstance(node, ast.Call)
        )
        return any(one.startswith("torch.nn.") and not one.endswith("Loss") for one in called)

    def _assigns_forward(self, name: str) -> bool:
        return any(
            "forward" in self._later.get(node.name, {}) for node in self._lineage(name)
        ) or any(
            isinstance(item, ast.Assign)
            and any(
                isinstance(target, ast.Name) and target.id == "forward" for target in item.targets
            )
            for node in self._lineage(name)
            for item in node.body
        )

    def parameters(self, name: str) -> Parameters:
        """What the constructor of a class takes, its own or inherited, or a dataclass's fields."""
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
        own = [self._names.dotted(base) or "" for base in bases_of(node)]
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
        if forward is not None and self._is_unfilled(name, forward):
            return "an abstract base class: its subclasses set what its forward uses"
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

    def _is_unfilled(self, name: str, forward: Function) -> bool:
        """Whether a class has no constructor, and its forward calls attributes that nothing sets.

        Where a constructor sets others, one that is missing is forgotten.
        """
        if self._method(name, "__init__") is not None or set(self._foreign(name)) - _EMPTY_BASES:
            return False
        known: set[str] = set()
        for node in self._lineage(name):
            known |= {getattr(item, "name", "") for item in node.body} | stored_names(node)
            known |= {
                inner.attr
                for inner in walk(node)
                if isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store)
            }
        called = (inner.func for inner in walk(forward) if isinstance(inner, ast.Call))
        used = [
            func.attr
            for func in called
            if isinstance(func, ast.Attribute)
            and isinstance(func.value, ast.Name)
            and func.value.id == "self"
        ]
        return any(one not in known and one not in _MODULE_METHODS for one in used)

    def _is_misnamed(self, name: str) -> bool:
        """Whether a class has what was meant to be its forward, and no subclass has another."""
        meant = any(meant_forward(node, self._statements) for node in self._lineage(name))
        derived = (other for other in self._own if self._nodes[name] in self._lineage(other))
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


def former_definitions(statements: Iterable[ast.stmt]) -> dict[ast.ClassDef, ast.ClassDef]:
    """The classes that derive from what had their name before, as in a notebook's later cell."""
    found: dict[ast.ClassDef, ast.ClassDef] = {}
    last: dict[str, ast.ClassDef] = {}
    for node in top_level(statements):
        if isinstance(node, ast.ClassDef):
            former = last.get(node.name)
            if former is not None and node.name in map(written_name, bases_of(node)):
                found[node] = former
            last[node.name] = node
    return found


def bases_of(node: ast.ClassDef) -> list[ast.expr]:
    """What a class derives from, as it is written, type arguments left out."""
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
