"""What an expression stands for where it is read: a value, a tensor, a model, parts of these."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple

from modellint.discovery.class_methods import building_methods
from modellint.discovery.constants import Array, NotConstant, as_expression, constant
from modellint.discovery.displays import kind_of, nest, plain_value
from modellint.discovery.example_tensors import Example, Nest, Reader
from modellint.discovery.inlining import FLUENT, Inliner
from modellint.discovery.libraries import MODEL_WRAPPERS, is_library_model
from modellint.discovery.loaders import LOADER, TENSORS, batches
from modellint.discovery.names import Names, last_name, written_name
from modellint.discovery.namespaces import Namespace, NamespaceClass
from modellint.discovery.plain_functions import NAMESPACES
from modellint.discovery.scopes import (
    Function,
    Scope,
    Value,
    functions,
    module_bindings,
    parser_defaults,
    parses_options,
)
from modellint.discovery.tensor_sizes import with_sizes
from modellint.source.file import SourceFile

#: How many rounds of a loop over a display are read, and how many parts of one are known.
MOST_ROUNDS = 8


class Model(NamedTuple):
    """A model that an expression stands for: what built it, its variable, and the whole call.

    `built` is the call as text with local names replaced, empty where that cannot be done.
    """

    callee: str
    variable: str | None
    built: str


class ExpressionReader:
    """Tells what an expression is where it stands."""

    def __init__(self, source: SourceFile, names: Names, models: frozenset[str]) -> None:
        self.source = source
        self.names = names
        self.models = models
        self.options = Namespace(parser_defaults(source.tree))
        self.module_names = module_bindings(source.tree) | names.local | frozenset(names.origins)
        self.methods = building_methods(source.tree, models)
        self.scope = Scope("module", None)
        self.tensors = Reader(
            names, self.constant_of, self._example_of, self._called, self._part_of
        )
        self.functions: dict[str, Function] = {
            function.name: function
            for function, owner in functions(source.tree)
            if owner is None and function.name in names.local
        }

    # Values ----------------------------------------------------------------------------------

    def value(self, node: ast.expr) -> Value:
        """All that is known of an expression."""
        if isinstance(node, ast.Constant):
            return Value(constant=node.value, expression=node)
        known = self._known(node)
        if known is not None:
            # A name of the module's stands for itself there, and a local one for its value.
            if not (isinstance(node, ast.Name) and node.id in self.scope.local):
                with suppress(NotConstant):
                    known.expression = self.inline(node)
            return known
        node = with_sizes(node, self.tensors)
        value = Value(parts=self._display(node), kind=kind_of(node))
        with suppress(NotConstant):
            value.constant = constant(node, self.constant_of)
        if value.constant is NotConstant or isinstance(value.constant, Array):
            value.held = self.tensors.read(node) or nest(value.kind, value.parts)
        model = self.model(node)
        if model is not None:
            value.callee, value.variable, value.built = model
        # An expression that cannot be repeated still has its other readings.
        with suppress(NotConstant):
            value.expression = self._repeatable(node, value.constant)
        if isinstance(node, ast.Name) and node.id in self.models:
            value.stands_for = node.id if node.id not in self.scope.local else None
        if parses_options(node):
            value.constant = self.options
        return value

    def _repeatable(self, node: ast.expr, known: Any) -> ast.expr:
        """The expression for the module's namespace: as it stands there, else by its value."""
        try:
            return self.inline(node)
        except NotConstant:
            if known is NotConstant:
                raise
        return as_expression(known, node)

    def _known(self, node: ast.expr) -> Value | None:
        """What a name, a part of what is written out, or the call of a function stands for."""
        match node:
            case ast.Call(func=ast.Name(id="next"), args=[ast.Call(args=[loader]), *_]):
                parts = self.value(loader).parts
                return replace(parts[0]) if parts and 0 in parts else None
            case ast.Call():
                return self.result(node)
        found = self.scope.values.get(written_name(node) or "")
        found = found if found is not None else self._part(node)
        return None if found is None else replace(found)

    def _part(self, node: ast.expr) -> Value | None:
        """The part of a display that an index or an attribute reads."""
        match node:
            case ast.Subscript(value=owner, slice=index):
                try:
                    key = constant(index, self.constant_of)
                except NotConstant:
                    return None
            case ast.Attribute(value=owner, attr=key):
                pass
            case _:
                return None
        parts = self.value(owner).parts if isinstance(owner, ast.Name | ast.Subscript) else None
        if parts is None or not isinstance(key, int | str):
            return None
        return parts.get(key % len(parts) if isinstance(key, int) and parts else key)

    def _part_of(self, node: ast.expr) -> Example | None:
        """The tensor that is a part of a display, or that a function gives."""
        found = self.result(node) if isinstance(node, ast.Call) else self._part(node)
        held = found.held if found is not None else None
        return held if isinstance(held, Example) else None

    def _display(self, node: ast.expr) -> Mapping[Any, Value] | None:
        """The values of a list, tuple or dictionary that is written out, by index or key."""
        match node:
            case ast.List(elts=items) | ast.Tuple(elts=items):
                if len(items) <= MOST_ROUNDS and not any(isinstance(i, ast.Starred) for i in items):
                    return dict(enumerate(map(self.value, items)))
            case ast.Dict(keys=keys, values=values) if len(values) <= MOST_ROUNDS:
                names = [key.value if isinstance(key, ast.Constant) else None for key in keys]
                if None not in names:
                    return dict(zip(names, map(self.value, values), strict=True))
            case ast.Call(func=func, args=given) if last_name(func) == TENSORS:
                return dict(enumerate(map(self.value, given)))
            case ast.Call(func=func) if last_name(func) == LOADER:
                return batches(node, self.value, self.sample)
            case ast.Call(func=func, args=given, keywords=words):
                return self._fields(func, given, words)
            case ast.BinOp(left=ast.List() as one, op=ast.Mult(), right=times):
                parts = self._display(one)
                count = self.value(times).constant if parts else 0
                if parts and isinstance(count, int) and len(parts) * count <= MOST_ROUNDS:
                    return dict(enumerate([*parts.values()] * count))
            case ast.ListComp(elt=inner, generators=[ast.comprehension(ifs=[], is_async=0) as one]):
                rounds = self.rounds(one.target, one.iter)
                if rounds is not None:
                    return dict(enumerate([self.value(inner) for _ in rounds]))
        return None

    def _fields(
        self, func: ast.expr, given: list[ast.expr], words: list[ast.keyword]
    ) -> Mapping[Any, Value] | None:
        """What a call of a dataclass of the file, of `dict` or of a namespace keeps, by name."""
        named = {word.arg: self.value(word.value) for word in words if word.arg is not None}
        name = written_name(func) or ""
        if len(named) < len(words) or len(words) + len(given) > MOST_ROUNDS:
            return None
        if not given and name.rpartition(".")[2] in {"dict", *NAMESPACES}:
            return named or None
        try:
            known = constant(func, self.constant_of)
        except NotConstant:
            return None
        if not isinstance(known, NamespaceClass) or len(given) > len(known.fields):
            return None
        bound = dict(zip(known.fields, map(self.value, given), strict=False)) | named
        return bound if bound and bound.keys() <= set(known.fields) else None

    def parts(self, value: Value, node: ast.expr) -> list[Value] | None:
        """The parts of a value that is unpacked or looped over, if they are known."""
        if value.parts is not None:
            keys = isinstance(node, ast.Dict) or any(not isinstance(k, int) for k in value.parts)
            return None if keys else list(value.parts.values())
        if isinstance(value.constant, tuple | list) and len(value.constant) <= MOST_ROUNDS:
            return [plain_value(part, node) for part in value.constant]
        if isinstance(value.held, Nest) and value.held.kind in ("list", "tuple"):
            return [Value(held=held) for _, held in value.held.items]
        return None

    def constant_of(self, name: str) -> Any:
        """The value of a dotted name; raises `NotConstant` for what is not known."""
        value = self.scope.values.get(name)
        if value is not None and value.constant is not NotConstant:
            return value.constant
        raise NotConstant

    def _example_of(self, name: str) -> Example | None:
        value = self.scope.values.get(name)
        held = value.held if value is not None else None
        return held if isinstance(held, Example) else None

    def inline(self, node: ast.expr) -> ast.expr:
        """The expression with local names replaced, fit for the module's namespace."""
        inliner = Inliner(
            self.names,
            self.scope,
            self.module_names,
            self.constant_of,
            self._is_a_model,
            lambda call: self.built(call) is not None,
        )
        return inliner.inlined(with_sizes(node, self.tensors))

    # Models ----------------------------------------------------------------------------------

    def built(self, node: ast.Call) -> str | None:
        """The class or factory that a call builds a model with, if it does."""
        if isinstance(node.func, ast.Name):
            name = node.func.id
            if name in self.models and name not in self.scope.local:
                return name
            held = self.scope.values.get(name)
            if held is not None and held.stands_for is not None:
                return held.stands_for
        match node.func:
            case ast.Attribute(value=ast.Name(id=name), attr=method) if name in self.methods:
                if method in self.methods[name] and name not in self.scope.local:
                    return name
        dotted = self.names.dotted(node.func)
        if dotted is not None and is_library_model(dotted):
            return dotted
        return None

    def repeated(self, node: ast.Call) -> ast.Call | None:
        """The call as the module's namespace can evaluate it, if it can."""
        try:
            repeated = self.inline(node)
        except NotConstant:
            return None
        return repeated if isinstance(repeated, ast.Call) else None

    def model(self, node: ast.expr) -> Model | None:
        """The model that an expression stands for, and what built it."""
        if isinstance(node, ast.IfExp):
            return self.model(node.body) or self.model(node.orelse)
        if isinstance(node, ast.Name | ast.Attribute):
            return _model_of(self.scope.values.get(written_name(node) or ""))
        if isinstance(node, ast.Subscript):
            return _model_of(self._part(node))
        if not isinstance(node, ast.Call):
            return None
        callee = self.built(node)
        if callee is not None:
            repeated = self.repeated(node)
            return Model(callee, None, ast.unparse(repeated) if repeated is not None else "")
        if isinstance(node.func, ast.Attribute) and node.func.attr in FLUENT:
            return self.model(node.func.value)
        if self.names.dotted(node.func) in MODEL_WRAPPERS and node.args:
            return self.model(node.args[0])
        return None

    def _called(self, node: ast.expr) -> str | None:
        """The callee that built the model which an expression stands for."""
        model = self.model(node)
        return model[0] if model is not None else None

    def _is_a_model(self, node: ast.expr) -> bool:
        return self.model(node) is not None

    # What whoever reads statements knows ------------------------------------------------------

    def rounds(self, target: ast.expr, over: ast.expr) -> Iterator[None] | None:
        """The rounds of a loop over what is written out, its names bound; `None` for others."""

    def sample(self, name: str) -> Value | None:
        """What a class of data of the file gives for one index."""

    def result(self, node: ast.Call) -> Value | None:
        """What a function of the file that only computes something gives."""


def _model_of(value: Value | None) -> Model | None:
    if value is None or value.callee is None:
        return None
    return Model(value.callee, value.variable, value.built)
