"""What a file shows of its models in use: where they are built, and on what they are called.

Every scope (module, `__main__`, functions, docstring examples) is read in order with the values
of its simple assignments, so that `net = Net(hidden); x = torch.rand(n, 3, 32, 32); net(x)` is
understood. Nothing is run, and what is not understood is left out.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from modellint.discovery.example_tensors import Example, InputHint, InputTensor, Reader, with_sizes
from modellint.discovery.inlining import FLUENT, Inliner
from modellint.discovery.names import (
    Names,
    NotConstant,
    constant,
    is_main_guard,
    stored_names,
    written_name,
)
from modellint.discovery.scopes import (
    Function,
    Scope,
    Value,
    Where,
    docstring_examples,
    functions,
    local_bindings,
    module_bindings,
    own_expressions,
    parser_defaults,
    parses_options,
)
from modellint.source.file import SourceFile

MODEL_WRAPPERS = frozenset(
    """torch.compile torch.nn.DataParallel torch.nn.parallel.DataParallel torch.jit.script
    torch.nn.parallel.DistributedDataParallel""".split()
)
#: Functions that are given a model and its inputs, by their last name.
_SHOWERS = frozenset(
    """export trace add_graph profile FlopCountAnalysis flop_count draw_graph summary
    get_model_complexity_info count_ops thop_profile""".split()
)
#: Methods that change what a list or dictionary holds.
_CHANGING = frozenset("append extend insert pop remove clear update setdefault add".split())
#: Libraries whose `summary` takes sizes with the batch; the others' take them without.
_WITH_BATCH = ("torchinfo", "torchvision")


@dataclass(frozen=True, slots=True)
class Construction:
    """A call that builds a model: `callee` is a class or factory of the file, or a torch name.

    `node` is the call with local names replaced by what they stand for, or None if one of them
    cannot be; then the call cannot be repeated.
    """

    callee: str
    node: ast.Call | None
    line: int
    variable: str | None
    where: Where
    owner: str | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """All constructions of a file in order, and the input hints for each callee."""

    constructions: tuple[Construction, ...]
    hints: Mapping[str, tuple[InputHint, ...]]
    variable_hints: Mapping[str, tuple[InputHint, ...]]


def gather_evidence(source: SourceFile, names: Names, models: Collection[str]) -> Evidence:
    """Read how a file builds and calls `models`, the names of its classes and factories."""
    reader = _EvidenceReader(source, names, frozenset(models))
    reader.read()
    return Evidence(
        tuple(sorted(reader.constructions.values(), key=lambda found: found.line)),
        {name: tuple(hints) for name, hints in reader.hints.items()},
        {name: tuple(hints) for name, hints in reader.variable_hints.items()},
    )


class _Model(NamedTuple):
    """A model that an expression stands for: what built it, its variable, and the whole call.

    `built` is the call as text with local names replaced, empty where that cannot be done.
    """

    callee: str
    variable: str | None
    built: str


class _EvidenceReader:
    def __init__(self, source: SourceFile, names: Names, models: frozenset[str]) -> None:
        self.source = source
        self.names = names
        self.models = models
        self.constructions: dict[int, Construction] = {}
        self.hints: dict[str, list[InputHint]] = {}
        self.variable_hints: dict[str, list[InputHint]] = {}
        self.options = parser_defaults(source.tree)
        self.module_names = module_bindings(source.tree) | names.local | frozenset(names.origins)
        self.scope = Scope("module", None)
        self.tensors = Reader(names, self._constant_of, self._example_of, self._called)

    def read(self) -> None:
        """Read every scope of the file; module-level values are seen by the others."""
        self._block(self.source.tree.body)
        module = self.scope
        for function, owner in functions(self.source.tree):
            bound = local_bindings(function)
            values = {name: value for name, value in module.values.items() if name not in bound}
            self.scope = Scope(
                "class" if owner in self.models else "function", owner, values, bound
            )
            self._defaults(function)
            self._block(function.body)
        for owner, body in docstring_examples(self.source.tree):
            self.scope = Scope("docstring", owner, dict(module.values))
            self._block(body)

    def _defaults(self, function: Function) -> None:
        arguments = function.args
        positional = [*arguments.posonlyargs, *arguments.args]
        pairs: list[tuple[ast.arg, ast.expr | None]] = list(
            zip(reversed(positional), reversed(arguments.defaults), strict=False)
        )
        pairs += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        for argument, default in pairs:
            if default is not None:
                self.scope.values[argument.arg] = self._value(default)

    # Statements ------------------------------------------------------------------------------

    def _block(self, body: list[ast.stmt]) -> None:
        for node in body:
            self._statement(node)

    def _statement(self, node: ast.stmt) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return
        if is_main_guard(node) and isinstance(node, ast.If):
            self._main(node)
            return
        for expression in own_expressions(node):
            self._calls(expression)
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._assign(target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._assign(target, value)
            case ast.AugAssign(target=target) | ast.For(target=target):
                self._forget(target)
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=holder, attr=method))):
                if method in _CHANGING:
                    self._changed(holder)
            case ast.Import() | ast.ImportFrom() if self.scope.where in ("main", "function"):
                self.scope.local |= {alias.asname or alias.name for alias in node.names}
        for inner in ("body", "orelse", "finalbody"):
            self._block(getattr(node, inner, []))
        for handler in getattr(node, "handlers", []):
            self._block(handler.body)

    def _main(self, node: ast.If) -> None:
        outer = self.scope
        bound = stored_names(*node.body)
        self.scope = Scope("main", None, dict(outer.values), bound)
        self._block(node.body)
        # Functions of a script read what its __main__ block sets: constants are passed on.
        for name in bound - outer.values.keys():
            value = self.scope.values.get(name)
            if value is not None:
                outer.values[name] = value
        self.scope = outer

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Tuple | ast.List):
            if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
                values = [self._value(item) for item in value.elts]
                for item, known, node in zip(target.elts, values, value.elts, strict=True):
                    self._bind(item, known, node)
            else:
                self._forget(target)
            return
        self._bind(target, self._value(value), value)

    def _bind(self, target: ast.expr, value: Value, node: ast.expr) -> None:
        name = written_name(target)
        if name is None:
            if isinstance(target, ast.Subscript):
                self._changed(target.value)
            return
        self.scope.values[name] = value
        if value.callee is None:
            return
        value.variable = name
        call = id(_innermost_call(node, self._is_model))
        built = self.constructions.get(call)
        if built is not None and built.variable is None:
            self.constructions[call] = replace(built, variable=name)

    def _changed(self, holder: ast.expr) -> None:
        """Forget what a list or dictionary held; a model stays the model it was."""
        name = written_name(holder)
        known = self.scope.values.get(name or "")
        if name is not None and known is not None and known.callee is None:
            del self.scope.values[name]

    def _forget(self, target: ast.expr) -> None:
        for node in ast.walk(target):
            name = written_name(node)
            if name is not None:
                self.scope.values.pop(name, None)

    # Expressions -----------------------------------------------------------------------------

    def _calls(self, expression: ast.expr) -> None:
        for node in ast.walk(expression):
            if not isinstance(node, ast.Call):
                continue
            callee = self._built(node)
            if callee is not None:
                self._construct(callee, node)
            called = self._model(node.func)
            if called is not None:
                self._show(called, self._arguments(node), node, "call")
            else:
                self._shower(node)

    def _construct(self, callee: str, node: ast.Call) -> None:
        scope = self.scope
        call = self._repeated(node)
        self.constructions.setdefault(
            id(node), Construction(callee, call, node.lineno, None, scope.where, scope.owner)
        )

    def _repeated(self, node: ast.Call) -> ast.Call | None:
        """The call as the module's namespace can evaluate it, if it can."""
        try:
            repeated = self._inline(node)
        except NotConstant:
            return None
        return repeated if isinstance(repeated, ast.Call) else None

    def _built(self, node: ast.Call) -> str | None:
        """The class or factory that a call builds a model with, if it does."""
        if isinstance(node.func, ast.Name):
            name = node.func.id
            if name in self.models and name not in self.scope.local:
                return name
        dotted = self.names.dotted(node.func)
        if dotted is not None and is_library_model(dotted):
            return dotted
        return None

    def _is_model(self, node: ast.Call) -> bool:
        return self._built(node) is not None

    def _model(self, node: ast.expr) -> _Model | None:
        """The model that an expression stands for, and what built it."""
        if isinstance(node, ast.IfExp):
            return self._model(node.body) or self._model(node.orelse)
        if isinstance(node, ast.Name | ast.Attribute):
            value = self.scope.values.get(written_name(node) or "")
            if value is None or value.callee is None:
                return None
            return _Model(value.callee, value.variable, value.built)
        if not isinstance(node, ast.Call):
            return None
        callee = self._built(node)
        if callee is not None:
            repeated = self._repeated(node)
            return _Model(callee, None, ast.unparse(repeated) if repeated is not None else "")
        if isinstance(node.func, ast.Attribute) and node.func.attr in FLUENT:
            return self._model(node.func.value)
        if self.names.dotted(node.func) in MODEL_WRAPPERS and node.args:
            return self._model(node.args[0])
        return None

    def _called(self, node: ast.expr) -> str | None:
        """The callee that built the model which an expression stands for."""
        model = self._model(node)
        return model[0] if model is not None else None

    def _value(self, node: ast.expr) -> Value:
        value = Value()
        node = with_sizes(node, self.tensors)
        try:
            value.constant = constant(node, self._constant_of)
        except NotConstant:
            value.example = self.tensors.read(node)
        model = self._model(node)
        if model is not None:
            value.callee, value.variable, value.built = model
        # An expression that cannot be repeated still has its other readings.
        with suppress(NotConstant):
            value.expression = self._inline(node)
        if parses_options(node):
            value.constant = self.options
        return value

    def _constant_of(self, name: str) -> Any:
        value = self.scope.values.get(name)
        if value is not None and value.constant is not NotConstant:
            return value.constant
        head, _, attribute = name.partition(".")
        options = self.scope.values.get(head)
        if options is not None and options.constant is self.options and attribute in self.options:
            return self.options[attribute]
        raise NotConstant

    def _example_of(self, name: str) -> Example | None:
        value = self.scope.values.get(name)
        return value.example if value is not None else None

    def _inline(self, node: ast.expr) -> ast.expr:
        """The expression with local names replaced, fit for the module's namespace."""
        inliner = Inliner(
            self.names, self.scope, self.module_names, self._constant_of, self._is_a_model
        )
        return inliner.inlined(with_sizes(node, self.tensors))

    def _is_a_model(self, node: ast.expr) -> bool:
        return self._model(node) is not None

    # Inputs ----------------------------------------------------------------------------------

    def _arguments(self, node: ast.Call) -> tuple[InputTensor, ...] | None:
        tensors: list[InputTensor] = []
        for argument in node.args:
            example = self.tensors.read(argument)
            if example is None:
                # Trailing literals (`net(x, None)`) are options, not inputs.
                if tensors and isinstance(argument, ast.Constant):
                    break
                return None
            tensors.append(InputTensor(None, example.shape, example.dtype, example.of))
        for keyword in node.keywords:
            example = self.tensors.read(keyword.value)
            if example is not None and keyword.arg is not None:
                tensors.append(InputTensor(keyword.arg, example.shape, example.dtype, example.of))
            elif not isinstance(keyword.value, ast.Constant):
                return None
        return tuple(tensors)

    def _shower(self, node: ast.Call) -> None:
        last = (written_name(node.func) or "").rpartition(".")[2]
        if isinstance(node.func, ast.Attribute):
            last = node.func.attr
        if last not in _SHOWERS or not node.args:
            return
        model = self._model(node.args[0])
        if model is None:
            return
        source = "summary" if last in ("summary", "get_model_complexity_info") else "call"
        named = {keyword.arg: keyword.value for keyword in node.keywords}
        candidates = [
            *node.args[1:2],
            *(named[key] for key in ("input_size", "input_data", "inputs", "args") if key in named),
        ]
        for given in candidates:
            tensors = self._tensors(given) or (
                self._summary_sizes(given, node, named) if source == "summary" else None
            )
            if tensors:
                self._show(model, tensors, node, source)
                return

    def _tensors(self, node: ast.expr) -> tuple[InputTensor, ...] | None:
        items = node.elts if isinstance(node, ast.Tuple | ast.List) else [node]
        examples = [self.tensors.read(item) for item in items]
        found = [
            InputTensor(None, one.shape, one.dtype, one.of) for one in examples if one is not None
        ]
        return tuple(found) if found and len(found) == len(items) else None

    def _summary_sizes(
        self, node: ast.expr, call: ast.Call, named: Mapping[str | None, ast.expr]
    ) -> tuple[InputTensor, ...] | None:
        try:
            sizes = constant(node, self._constant_of)
        except NotConstant:
            return None
        if not isinstance(sizes, tuple | list) or not sizes:
            return None
        origin = self.names.dotted(call.func) or ""
        batch: tuple[int | None, ...] = (None,)
        if origin.startswith(_WITH_BATCH) and "batch_dim" not in named:
            batch = ()
        every = sizes if isinstance(sizes[0], tuple | list) else [sizes]
        if not all(isinstance(size, int) for one in every for size in one):
            return None
        return tuple(InputTensor(None, (*batch, *one), "float32") for one in every)

    def _show(
        self,
        model: _Model,
        tensors: tuple[InputTensor, ...] | None,
        node: ast.Call,
        word: str,
    ) -> None:
        if not tensors:
            return
        callee, variable, built = model
        of = next((tensor.of for tensor in tensors if tensor.of is not None), None)
        source = (
            f"{word} at line {node.lineno}"
            if of is None
            else f"what {of} gives at line {node.lineno}"
        )
        hint = InputHint(tensors, node.lineno, source, built=built)
        known = self.hints.setdefault(callee, [])
        if hint not in known:
            known.append(hint)
        if variable is not None:
            self.variable_hints.setdefault(variable, []).append(hint)


def is_library_model(dotted: str) -> bool:
    """Whether a dotted name builds a whole model: `torch.nn.Sequential`, torchvision's, timm's."""
    head, _, last = dotted.rpartition(".")
    if dotted == "torch.nn.Sequential" or dotted in (
        "timm.create_model",
        "timm.models.create_model",
    ):
        return True
    return head.startswith("torchvision.models") and not last.endswith(("Weights", "Builder"))


def _innermost_call(node: ast.expr, wanted: Callable[[ast.Call], bool]) -> ast.Call | None:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call) and wanted(inner):
            return inner
    return None
