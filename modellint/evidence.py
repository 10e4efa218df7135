"""What a file shows of its models in use: where they are built, and on what they are called.

Every scope (module, `__main__`, functions, docstring examples) is read in order with the values
of its simple assignments, so that `net = Net(hidden); x = torch.rand(n, 3, 32, 32); net(x)` is
understood. Nothing is run, and what is not understood is left out.
"""

from __future__ import annotations

import ast
import builtins
import copy
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from modellint.examples import Example, InputHint, InputTensor, Reader
from modellint.names import Names, NotConstant, constant, is_main_guard, top_level, written_name
from modellint.source import SourceFile

Where = Literal["module", "main", "function", "class", "docstring"]

#: Methods that return the module they are called on.
FLUENT = frozenset(
    "to cuda cpu eval train float half double bfloat16 requires_grad_ apply share_memory".split()
)
MODEL_WRAPPERS = frozenset(
    """torch.compile torch.nn.DataParallel torch.nn.parallel.DataParallel torch.jit.script
    torch.nn.parallel.DistributedDataParallel""".split()
)
#: Functions that are given a model and its inputs, by their last name.
_SHOWERS = frozenset(
    """export trace add_graph profile FlopCountAnalysis flop_count draw_graph summary
    get_model_complexity_info count_ops thop_profile""".split()
)
#: Libraries whose `summary` takes sizes with the batch; the others' take them without.
_WITH_BATCH = ("torchinfo", "torchvision")
_SAFE_BUILTINS = frozenset(
    "dict list tuple set int float str bool len range min max sum abs round".split()
)
_NEVER_INLINED = ("torch.load", "torch.hub", "torch.utils.data", "torch.distributed")


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


@dataclass(slots=True)
class _Value:
    """What a name stands for, as far as known, in each of the ways it can be used."""

    constant: Any = NotConstant
    example: Example | None = None
    callee: str | None = None
    variable: str | None = None
    expression: ast.expr | None = None


@dataclass
class _Scope:
    where: Where
    owner: str | None
    values: dict[str, _Value] = field(default_factory=dict)
    #: Names whose module-level meaning is hidden: parameters, local variables, local imports.
    local: set[str] = field(default_factory=set)


def gather_evidence(source: SourceFile, names: Names, models: Collection[str]) -> Evidence:
    """Read how a file builds and calls `models`, the names of its classes and factories."""
    reader = _EvidenceReader(source, names, frozenset(models))
    reader.read()
    return Evidence(
        tuple(sorted(reader.constructions.values(), key=lambda found: found.line)),
        {name: tuple(hints) for name, hints in reader.hints.items()},
        {name: tuple(hints) for name, hints in reader.variable_hints.items()},
    )


def local_bindings(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """The names that a function binds itself: parameters, assignments, imports."""
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    bound = {argument.arg for argument in every}
    bound |= {extra.arg for extra in (arguments.vararg, arguments.kwarg) if extra is not None}
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    return bound


class _EvidenceReader:
    def __init__(self, source: SourceFile, names: Names, models: frozenset[str]) -> None:
        self.source = source
        self.names = names
        self.models = models
        self.constructions: dict[int, Construction] = {}
        self.hints: dict[str, list[InputHint]] = {}
        self.variable_hints: dict[str, list[InputHint]] = {}
        self.options = _parser_options(source.tree)
        self.module_names = _module_names(source.tree) | names.local | frozenset(names.origins)
        self.scope = _Scope("module", None)
        self.tensors = Reader(names, self._constant_of, self._example_of)

    def read(self) -> None:
        """Read every scope of the file; module-level values are seen by the others."""
        self._block(self.source.tree.body)
        module = self.scope
        for function, owner in _functions(self.source.tree):
            bound = local_bindings(function)
            values = {name: value for name, value in module.values.items() if name not in bound}
            self.scope = _Scope(
                "class" if owner in self.models else "function", owner, values, bound
            )
            self._defaults(function)
            self._block(function.body)
        for owner, body in _docstrings(self.source.tree):
            self.scope = _Scope("docstring", owner, dict(module.values))
            self._block(body)

    def _defaults(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
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
        for expression in _own_expressions(node):
            self._calls(expression)
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._assign(target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._assign(target, value)
            case ast.AugAssign(target=target) | ast.For(target=target):
                self._forget(target)
            case ast.Import() | ast.ImportFrom() if self.scope.where in ("main", "function"):
                self.scope.local |= {alias.asname or alias.name for alias in node.names}
        for inner in ("body", "orelse", "finalbody"):
            self._block(getattr(node, inner, []))
        for handler in getattr(node, "handlers", []):
            self._block(handler.body)

    def _main(self, node: ast.If) -> None:
        outer = self.scope
        bound = {
            name.id
            for statement in node.body
            for name in ast.walk(statement)
            if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
        }
        self.scope = _Scope("main", None, dict(outer.values), bound)
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

    def _bind(self, target: ast.expr, value: _Value, node: ast.expr) -> None:
        name = written_name(target)
        if name is None:
            return
        self.scope.values[name] = value
        if value.callee is None:
            return
        value.variable = name
        built = self.constructions.get(id(_innermost_call(node, self._is_model)))
        if built is not None and built.variable is None:
            self.constructions[id(_innermost_call(node, self._is_model))] = Construction(
                built.callee, built.node, built.line, name, built.where, built.owner
            )

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
        try:
            repeated = self._inline(node)
        except NotConstant:
            repeated = None
        call = repeated if isinstance(repeated, ast.Call) else None
        self.constructions.setdefault(
            id(node), Construction(callee, call, node.lineno, None, scope.where, scope.owner)
        )

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

    def _model(self, node: ast.expr) -> tuple[str, str | None] | None:
        """The callee that built the model an expression stands for, and its variable."""
        if isinstance(node, ast.IfExp):
            return self._model(node.body) or self._model(node.orelse)
        if isinstance(node, ast.Name | ast.Attribute):
            value = self.scope.values.get(written_name(node) or "")
            return (value.callee, value.variable) if value and value.callee else None
        if not isinstance(node, ast.Call):
            return None
        callee = self._built(node)
        if callee is not None:
            return callee, None
        if isinstance(node.func, ast.Attribute) and node.func.attr in FLUENT:
            return self._model(node.func.value)
        if self.names.dotted(node.func) in MODEL_WRAPPERS and node.args:
            return self._model(node.args[0])
        return None

    def _value(self, node: ast.expr) -> _Value:
        value = _Value()
        try:
            value.constant = constant(node, self._constant_of)
        except NotConstant:
            value.example = self.tensors.read(node)
        model = self._model(node)
        if model is not None:
            value.callee, value.variable = model
        try:
            value.expression = self._inline(node)
        except NotConstant:
            pass  # an expression that cannot be repeated still has its other readings
        if _reads_options(node):
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
        inliner = _Inliner(self)
        result = inliner.visit(copy.deepcopy(node))
        assert isinstance(result, ast.expr)
        return result

    # Inputs ----------------------------------------------------------------------------------

    def _arguments(self, node: ast.Call) -> tuple[InputTensor, ...] | None:
        tensors: list[InputTensor] = []
        for argument in node.args:
            example = self._argument(argument)
            if example is None:
                # Trailing literals (`net(x, None)`) are options, not inputs.
                if tensors and isinstance(argument, ast.Constant):
                    break
                return None
            tensors.append(InputTensor(None, example.shape, example.dtype))
        for keyword in node.keywords:
            example = self._argument(keyword.value)
            if example is not None and keyword.arg is not None:
                tensors.append(InputTensor(keyword.arg, example.shape, example.dtype))
            elif not isinstance(keyword.value, ast.Constant):
                return None
        return tuple(tensors)

    def _argument(self, node: ast.expr) -> Example | None:
        return self.tensors.read(node)

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
        found = [InputTensor(None, one.shape, one.dtype) for one in examples if one is not None]
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
        model: tuple[str, str | None],
        tensors: tuple[InputTensor, ...] | None,
        node: ast.Call,
        word: str,
    ) -> None:
        if not tensors:
            return
        callee, variable = model
        hint = InputHint(tensors, node.lineno, f"{word} at line {node.lineno}")
        known = self.hints.setdefault(callee, [])
        if hint not in known:
            known.append(hint)
        if variable is not None:
            self.variable_hints.setdefault(variable, []).append(hint)


class _Inliner(ast.NodeTransformer):
    """Replaces local names by their expressions; raises `NotConstant` for what must not be rerun."""

    def __init__(self, reader: _EvidenceReader) -> None:
        self._reader = reader
        self._inner: set[str] = set()

    def visit_Name(self, node: ast.Name) -> ast.expr:
        scope = self._reader.scope
        if node.id in self._inner:
            return node
        if node.id in scope.local or scope.where == "docstring":
            value = scope.values.get(node.id)
            if value is not None and value.expression is not None:
                return copy.deepcopy(value.expression)
            if node.id in scope.local:
                raise NotConstant
        if node.id in self._reader.module_names or hasattr(builtins, node.id):
            return node
        raise NotConstant

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        name = written_name(node)
        head = (name or "").partition(".")[0]
        if name is not None and head in self._reader.scope.local:
            try:
                value = self._reader._constant_of(name)
            except NotConstant:
                return self.generic_visit(node)
            if isinstance(value, int | float | str | bool | None):
                return ast.copy_location(ast.Constant(value), node)
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Attribute) and node.func.attr in FLUENT:
            if self._reader._model(node.func.value) is not None:
                inner = self.visit(node.func.value)
                assert isinstance(inner, ast.AST)
                return inner
        if not self._may_call(node.func):
            raise NotConstant
        return self.generic_visit(node)

    def _may_call(self, func: ast.expr) -> bool:
        reader = self._reader
        if isinstance(func, ast.Name) and func.id in _SAFE_BUILTINS:
            return True
        if isinstance(func, ast.Name) and func.id in reader.names.local:
            return True
        dotted = reader.names.dotted(func) or ""
        if dotted.startswith(_NEVER_INLINED):
            return False
        if dotted.startswith(("torch.", "torchvision.", "timm.", "functools.", "numpy.")):
            return True
        last = dotted.rpartition(".")[2]
        data = ("Dataset", "Loader", "Tokenizer", "Parser", "Writer")
        return last[:1].isupper() and not last.endswith(data)

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        self._inner |= {argument.arg for argument in node.args.args}
        return self.generic_visit(node)

    def _comprehension(self, node: ast.AST) -> ast.AST:
        self._inner |= {
            name.id
            for name in ast.walk(node)
            if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
        }
        return self.generic_visit(node)

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension

    def visit_Await(self, node: ast.Await) -> ast.AST:
        raise NotConstant

    visit_Yield = visit_YieldFrom = visit_NamedExpr = visit_Await  # type: ignore[assignment]


def is_library_model(dotted: str) -> bool:
    """Whether a dotted name builds a whole model: `torch.nn.Sequential`, torchvision's, timm's."""
    head, _, last = dotted.rpartition(".")
    if dotted == "torch.nn.Sequential" or dotted in (
        "timm.create_model",
        "timm.models.create_model",
    ):
        return True
    return head.startswith("torchvision.models") and not last.endswith(("Weights", "Builder"))


def _innermost_call(node: ast.expr, wanted: Any) -> ast.Call | None:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call) and wanted(inner):
            return inner
    return None


def _own_expressions(node: ast.stmt) -> Iterator[ast.expr]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield child
        elif isinstance(child, ast.withitem):
            yield child.context_expr


def _functions(
    tree: ast.Module,
) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, str | None]]:
    """Every function with the name of the class it is a method of."""
    pending: list[tuple[ast.AST, str | None]] = [(tree, None)]
    while pending:
        node, owner = pending.pop()
        inner = node.name if isinstance(node, ast.ClassDef) else owner
        for child in reversed(list(ast.iter_child_nodes(node))):
            pending.append((child, inner))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node, owner


def _docstrings(tree: ast.Module) -> Iterator[tuple[str | None, list[ast.stmt]]]:
    """The example code of each docstring, line by line, with the true line numbers."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if not ast.get_docstring(node, clean=False):
            continue
        first = node.body[0]
        assert isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
        statements: list[ast.stmt] = []
        for offset, line in enumerate(str(first.value.value).split("\n")):
            code = line.strip().removeprefix(">>> ").removeprefix("... ")
            if "(" not in code and "=" not in code:
                continue
            try:
                parsed = ast.parse(code)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
            ast.increment_lineno(parsed, first.lineno + offset - 1)
            statements += parsed.body
        owner = None if isinstance(node, ast.Module) else node.name
        yield owner, statements


def _module_names(tree: ast.Module) -> frozenset[str]:
    """Names that importing the file binds by statements which modellint runs."""
    bound: set[str] = set()
    for node in top_level(tree.body):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.With):
            bound |= {
                name.id
                for expression in ast.iter_child_nodes(node)
                for name in ast.walk(expression)
                if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
            }
    return frozenset(bound)


def _parser_options(tree: ast.Module) -> dict[str, Any]:
    """The literal defaults of the file's command-line options, by attribute name."""
    options: dict[str, Any] = {}
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        flags = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
        if node.func.attr != "add_argument" or not flags:
            continue
        named = {keyword.arg: keyword.value for keyword in node.keywords}
        long = next((flag for flag in flags if str(flag).startswith("--")), flags[0])
        dest = named.get("dest")
        name = str(dest.value) if isinstance(dest, ast.Constant) else str(long).lstrip("-")
        default = named.get("default")
        if default is None:
            continue
        try:
            options[name.replace("-", "_")] = constant(default, _nothing)
        except NotConstant:
            continue
    return options


def _nothing(name: str) -> Any:
    raise NotConstant(name)


def _reads_options(node: ast.expr) -> bool:
    while isinstance(node, ast.Subscript):
        node = node.value
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("parse_args", "parse_known_args")
    )
