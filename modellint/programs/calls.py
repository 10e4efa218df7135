"""What calls give: functions and classes of the project are read, those of libraries are known."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from modellint.discovery.libraries import MODEL_WRAPPERS
from modellint.programs import tensors
from modellint.programs.modules import Modules
from modellint.programs.objects import Objects
from modellint.programs.observed import Construction, Feeding, FunctionCall
from modellint.programs.reading import mapping_of
from modellint.programs.values import (
    UNKNOWN,
    ClassValue,
    Either,
    Function,
    FunctionValue,
    Instance,
    Library,
    Made,
    Method,
    Native,
    Partial,
    Record,
    Scope,
    Spread,
    Stream,
    Super,
    Tensor,
    Unknown,
    Value,
    either,
)

#: How deep calls are read, and how often a function within itself.
_DEEPEST, _WITHIN_ITSELF = 24, 2
#: What a caller is told of a model that it hands over: the model itself.
_HANDED_BACK = frozenset("prepare setup setup_module wrap compile".split())


class Calls(Objects):
    """Calls functions and classes, and notes the models that are built and fed."""

    def __init__(self, modules: Modules) -> None:
        super().__init__(modules)
        self.built: list[Construction] = []
        self.fed: list[Feeding] = []
        #: The functions that were read, by their nodes.
        self.entered: set[ast.AST] = set()
        #: Whether a function is read that nothing calls.
        self.uncalled = False
        self._stack: list[ast.AST] = []
        self._within: list[FunctionCall] = []
        self._building: list[ClassValue] = []
        self._place: tuple[str, int] = ("", 0)

    def call(
        self,
        function: Value,
        given: Sequence[Value],
        named: Mapping[str, Value],
        node: ast.AST,
        scope: Scope,
    ) -> Value:
        """What a call gives."""
        before, self._place = self._place, (scope.module.path, getattr(node, "lineno", 0))
        try:
            return self.called(function, given, named, scope)
        finally:
            self._place = before

    def called(
        self, function: Value, given: Sequence[Value], named: Mapping[str, Value], scope: Scope
    ) -> Value:
        """What a call gives that stands where the reading is."""
        match function:
            case FunctionValue():
                return self.invoke(function, None, given, named)
            case Method():
                return self.invoke(function.function, function.this, given, named)
            case ClassValue():
                return self.construct(function, given, named)
            case Native():
                return function.call(given, named)
            case Partial():
                every = {**function.named, **named}
                return self.called(function.function, [*function.given, *given], every, scope)
            case Either():
                return either([self.called(o, given, named, scope) for o in function.options])
            case Library():
                return self.of_library(function.dotted, given, named, scope)
            case Instance():
                return self._instance_called(function, given, named, scope)
        return UNKNOWN

    def _instance_called(
        self, owner: Instance, given: Sequence[Value], named: Mapping[str, Value], scope: Scope
    ) -> Value:
        if not owner.cls.is_model:
            found = owner.cls.find("__call__")
            function = None if found is None else self.bound(found.value, owner)
            return UNKNOWN if function is None else self.called(function, given, named, scope)
        path, line = self._place
        if any(one.is_like(owner, given, named) for one in self.fed):
            return Tensor((), of=owner)
        self.fed.append(Feeding(owner, tuple(given), dict(named), path, line))
        forward = owner.cls.find("forward")
        result: Value = UNKNOWN
        if forward is not None:
            result = self.called(self.bound(forward.value, owner), given, named, scope)
        return Tensor((), of=owner) if isinstance(result, Unknown) else result

    # Functions --------------------------------------------------------------------------------

    def invoke(
        self,
        function: FunctionValue,
        this: Value,
        given: Sequence[Value],
        named: Mapping[str, Value],
    ) -> Value:
        """What a function of the project gives."""
        node = function.node
        self.step()
        self.entered.add(node)
        if len(self._stack) >= _DEEPEST or self._stack.count(node) >= _WITHIN_ITSELF:
            return UNKNOWN
        names = self.parameters(function, this, given, named)
        scope = Scope(function.scope.module, names, function.scope, function.owner, this)
        if isinstance(this, Instance) and function.name == "__init__" and this.cls.is_model:
            said = {key: value for key, value in names.items() if value is not this}
            this.attributes.setdefault("hparams", Record(said, table=True))
        if isinstance(node, ast.Lambda):
            return self.value(node.body, scope)
        self._stack.append(node)
        self._within.append(FunctionCall(function, tuple(given), dict(named), *self._place))
        self.yields.append([])
        try:
            result = self.result(node, scope)
            yielded = self.yields[-1]
        finally:
            self._stack.pop()
            self._within.pop()
            self.yields.pop()
        return Stream(tuple(yielded)) if yielded else result

    def parameters(
        self,
        function: FunctionValue,
        this: Value,
        given: Sequence[Value],
        named: Mapping[str, Value],
    ) -> dict[str, Value]:
        """What the parameters of a function stand for in a call."""
        arguments = function.node.args
        positional = [*arguments.posonlyargs, *arguments.args]
        values = [*given] if this is None else [this, *given]
        bound: dict[str, Value] = {}
        rest = False
        for at, argument in enumerate(positional):
            rest = rest or (at < len(values) and isinstance(values[at], Spread))
            if at < len(values) and not rest:
                bound[argument.arg] = values[at]
        extra = [] if rest else values[len(positional) :]
        if arguments.vararg is not None:
            bound[arguments.vararg.arg] = UNKNOWN if rest else tuple(extra)
        every = {one.arg for one in [*positional, *arguments.kwonlyargs]}
        loose = {key: value for key, value in named.items() if key not in every and key != "**"}
        bound |= {key: value for key, value in named.items() if key in every}
        if arguments.kwarg is not None:
            bound[arguments.kwarg.arg] = UNKNOWN if "**" in named else loose
        said = dict(function.given)
        if "*first" in said and positional:
            said[positional[0].arg] = said.pop("*first")
        for name in every - bound.keys():
            default = said.get(name, function.defaults.get(name, UNKNOWN))
            open_ = rest or "**" in named
            bound[name] = either([default, UNKNOWN]) if open_ else default
        return bound

    # Classes ----------------------------------------------------------------------------------

    def construct(
        self, cls: ClassValue, given: Sequence[Value], named: Mapping[str, Value]
    ) -> Value:
        """The object that a call of a class makes."""
        made = Instance(cls, {}, tuple(given), dict(named), {} if cls.is_mapping else None)
        if self.doubt:
            self.fresh |= {id(made): made, id(made.attributes): made.attributes}
        if cls.is_model:
            inside = tuple(self._building)
            self.built.append(
                Construction(
                    made, *self._place, inside, self._explores(), self.uncalled, tuple(self._within)
                )
            )
            self._building.append(cls)
        try:
            self._initialised(made, given, named)
        finally:
            if cls.is_model:
                self._building.pop()
        return made

    def _explores(self) -> bool:
        return self.exploring or self.settings is not None

    def _initialised(
        self, made: Instance, given: Sequence[Value], named: Mapping[str, Value]
    ) -> None:
        init = made.cls.find("__init__")
        if init is not None and isinstance(init.value, FunctionValue):
            self.invoke(init.value, made, given, named)
            return
        fields = self._fields(made.cls)
        if fields is not None:
            bound = {**dict(zip(fields, given, strict=False)), **named}
            for name, (default, scope) in fields.items():
                value = bound.get(name, UNKNOWN)
                if name not in bound and default is not None:
                    value = self._default(default, scope)
                made.attributes[name] = value
            after = made.cls.find("__post_init__")
            if after is not None and isinstance(after.value, FunctionValue):
                self.invoke(after.value, made, [], {})
        elif made.held is not None:
            self.method(made.held, "update", given, named)

    def _fields(self, cls: ClassValue) -> dict[str, tuple[ast.expr | None, Scope]] | None:
        """The fields of a dataclass and its bases, with their defaults and where these stand."""
        found: dict[str, tuple[ast.expr | None, Scope]] = {}
        some = False
        for one in reversed([*cls.lineage()]):
            some = some or one.fields is not None
            scope = Scope(one.module, one.names, None, one)
            found |= {name: (node, scope) for name, node in (one.fields or {}).items()}
        return found if some else None

    def _default(self, node: ast.expr, scope: Scope) -> Value:
        if (
            isinstance(node, ast.Call)
            and ast.unparse(node.func).rpartition(".")[2].lower() == "field"
        ):
            for word in node.keywords:
                if word.arg == "default":
                    return self.value(word.value, scope)
                if word.arg == "default_factory":
                    return self.call(self.value(word.value, scope), [], {}, node, scope)
            return self.value(node.args[0], scope) if node.args else UNKNOWN
        return self.value(node, scope)

    def above(self, node: ast.Call, scope: Scope) -> Value:
        """What `super(...)` gives."""
        method: Scope | None = scope
        while method is not None and method.owner is None:
            method = method.outer
        if method is None or method.owner is None:
            return UNKNOWN
        owner: Value = method.owner
        this = method.this
        if len(node.args) == 2:
            owner, this = (self.value(one, scope) for one in node.args)
        return Super(owner, this) if isinstance(owner, ClassValue) else UNKNOWN

    def iterated(self, owner: Instance) -> Value:
        """The item that stands for all that an object gives."""
        for name in ("__iter__", "__getitem__"):
            found = owner.cls.find(name)
            if found is not None and isinstance(found.value, FunctionValue):
                given = [UNKNOWN] if name == "__getitem__" else []
                result = self.invoke(found.value, owner, given, {})
                return result if given else self.looped(result)[0][0] if result else UNKNOWN
        return UNKNOWN

    # Libraries --------------------------------------------------------------------------------

    def of_library(
        self, dotted: str, given: Sequence[Value], named: Mapping[str, Value], scope: Scope
    ) -> Value:
        """What a call of a library gives."""
        from modellint.programs.library_calls import CALLS, shown

        tensor = tensors.of_library(dotted, given, named)
        if tensor is not None:
            return tensor
        if dotted in MODEL_WRAPPERS or dotted.endswith("DistributedDataParallel"):
            return given[0] if given else UNKNOWN
        first = given[0] if given else None
        if isinstance(first, Instance) and first.cls.is_model:
            fed = shown(dotted, given, named)
            if fed is not None:
                path, line = self._place
                self.fed.append(Feeding(first, tuple(fed), {}, path, line))
        known = CALLS.get(dotted.removeprefix("builtins.")) or CALLS.get(
            "*." + dotted.rpartition(".")[2]
        )
        if known is not None:
            return known(self, given, named, scope)
        if dotted.startswith("builtins."):
            return UNKNOWN
        return Made(dotted, tuple(given), dict(named))

    def by_name(
        self,
        owner: Value,
        name: str,
        given: Sequence[Value],
        named: Mapping[str, Value],
        node: ast.AST,
        scope: Scope,
    ) -> Value:
        """What a method of an unknown object gives, where its name tells."""
        models = [one for one in given if isinstance(one, Instance) and one.cls.is_model]
        if name in ("fit", "test", "validate") and models:
            self._trained(models[0], [*given[1:], *named.values()], node, scope)
            return UNKNOWN
        if name in _HANDED_BACK and models:
            return given[0] if len(given) == 1 else tuple(given)
        return UNKNOWN

    def _trained(
        self, model: Instance, given: Sequence[Value], node: ast.AST, scope: Scope
    ) -> None:
        """Read the step that a trainer runs, on a batch of its data."""
        step = self.attribute(model, "training_step")
        if isinstance(step, Method):
            batches = [self.looped(one)[0][0] for one in given if not isinstance(one, str)]
            batch = next((one for one in batches if not isinstance(one, Unknown)), UNKNOWN)
            self.call(step, [batch, 0], {}, node, scope)

    # What whoever derives from this knows -------------------------------------------------------

    def result(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> Value:
        """What the body of a function returns."""
        raise NotImplementedError


def is_model(value: Value) -> bool:
    """Whether a value is a model of the project's."""
    return isinstance(value, Instance) and value.cls.is_model


__all__ = ["Calls", "Function", "mapping_of"]
