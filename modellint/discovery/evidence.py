"""What a file shows of its models in use: where they are built, and on what they are called.

Every scope (module, `__main__`, functions, docstring examples) is read in order with the values
of its simple assignments, so that `net = Net(hidden); x = torch.rand(n, 3, 32, 32); net(x)` is
understood. A function that the file calls is read with what it is given there, a loop over a list
that is written out once for each element. Nothing is run, and what is not understood is left out.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from modellint.discovery.conventions import (
    built_by_convention,
    example_hint,
    fed_by_convention,
    is_example,
)
from modellint.discovery.example_tensors import InputHint
from modellint.discovery.expression_reader import MOST_ROUNDS, Model
from modellint.discovery.names import Names, is_main_guard, stored_names
from modellint.discovery.scope_reader import ScopeReader
from modellint.discovery.scopes import (
    Function,
    Scope,
    Value,
    Where,
    docstring_examples,
    functions,
    local_bindings,
    own_expressions,
)
from modellint.discovery.shown_inputs import (
    Given,
    of_call,
    of_shower,
    part_of_call,
    unread_container,
)
from modellint.discovery.stated_sizes import shape_hint
from modellint.source.file import SourceFile
from modellint.source.walking import children, walk

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp)


@dataclass(frozen=True, slots=True)
class Construction:
    """A call that builds a model: `callee` is a class or factory of the file, or a torch name.

    `node` is the call with local names replaced by what they stand for, or None if one of them
    cannot be; then the call cannot be repeated. `origin` says what speaks of it, if no call does.
    """

    callee: str
    node: ast.Call | None
    line: int
    variable: str | None
    where: Where
    owner: str | None
    origin: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """All constructions of a file in order, and the input hints for each callee.

    `unread` says, by callee, what container it is given where the file does not tell its tensors.
    """

    constructions: tuple[Construction, ...]
    hints: Mapping[str, tuple[InputHint, ...]]
    variable_hints: Mapping[str, tuple[InputHint, ...]]
    unread: Mapping[str, str]


def gather_evidence(
    source: SourceFile, names: Names, models: Collection[str], roots: Collection[str] = ()
) -> Evidence:
    """Read how a file builds and calls `models`, the names of its classes and factories.

    `roots` are the classes that are parts of no other.
    """
    reader = _EvidenceReader(source, names, frozenset(models))
    reader.read()
    reader.read_conventions(roots)
    return Evidence(
        tuple(sorted(reader.constructions.values(), key=lambda found: found.line)),
        {name: tuple(hints) for name, hints in reader.hints.items()},
        {name: tuple(hints) for name, hints in reader.variable_hints.items()},
        reader.unread,
    )


class _EvidenceReader(ScopeReader):
    def __init__(self, source: SourceFile, names: Names, models: frozenset[str]) -> None:
        super().__init__(source, names, models)
        #: By the call's `id` and the round of the reading that it was met in.
        self.constructions: dict[tuple[int, int], Construction] = {}
        self.hints: dict[str, list[InputHint]] = {}
        self.variable_hints: dict[str, list[InputHint]] = {}
        self.unread: dict[str, str] = {}
        #: Variables that are called after inputs, with the class that sets them.
        self.examples: list[tuple[str | None, InputHint]] = []
        #: What the parameters of functions stand for where the file calls them.
        self.calls: dict[str, list[dict[str, Value]]] = {}
        #: What methods of classes that are no models have stored in attributes.
        self.held: dict[str, dict[str, Value]] = {}
        self.module = self.scope
        self._round = 0
        self._rounds_read = 0

    @property
    def outer(self) -> Mapping[str, Value]:
        """The values of the module's scope."""
        return self.module.values

    def read(self) -> None:
        """Read every scope of the file; module-level values are seen by the others."""
        self._block(self.source.tree.body)
        for function, owner in _callers_first([*functions(self.source.tree)]):
            own = owner is None and function is self.functions.get(function.name)
            calls = self.calls.get(function.name, []) if own else []
            self._function(function, owner, calls)
        for owner, body in docstring_examples(self.source.tree):
            with self.inside(Scope("docstring", owner, dict(self.module.values))):
                self._block(body)

    def _function(
        self, function: Function, owner: str | None, calls: list[dict[str, Value]]
    ) -> None:
        """Read a function as the file calls it, or for its defaults where it does not."""
        bound = local_bindings(function)
        where: Where = "class" if owner in self.models else "function"
        ways: list[dict[str, Value] | None] = [*calls[:MOST_ROUNDS]]
        for given in ways or [None]:
            with self.inside(Scope(where, owner, self.module_values(bound), bound)):
                self.scope.values |= self.held.get(owner or "", {})
                self.scope.values |= given or self.parameters_bound(function, None)
                if given is None:
                    self._block(function.body)
                else:
                    self._in_round(function.body)
                if owner is not None and where == "function":
                    self.held.setdefault(owner, {}).update(_attributes(self.scope.values))

    def read_conventions(self, roots: Collection[str]) -> None:
        """Read what names say, after all that the file does itself."""
        built = [*built_by_convention(self, roots)]
        for callee, node, line in built:
            found = Construction(
                callee, node, line, None, "module", None, f"get_init_inputs at line {line}"
            )
            self.constructions[id(node), 0] = found
        for callee, hint in fed_by_convention(self, roots, built):
            self._hint(callee, hint)
        only = next(iter(roots)) if len(roots) == 1 else None
        for owner, hint in self.examples:
            for name in roots if hint.images else [owner or only]:
                if name is not None:
                    self._hint(name, hint)

    def _hint(self, callee: str, hint: InputHint) -> None:
        known = self.hints.setdefault(callee, [])
        if hint not in known:
            known.append(hint)

    # Statements ------------------------------------------------------------------------------

    def _block(self, body: list[ast.stmt]) -> None:
        for node in body:
            self._statement(node)

    def _in_round(self, body: list[ast.stmt]) -> None:
        """Read statements that are read more than once, each time for itself."""
        before = self._round
        self._rounds_read += 1
        self._round = self._rounds_read
        self._block(body)
        self._round = before

    def _statement(self, node: ast.stmt) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return
        if isinstance(node, ast.ClassDef):
            self.assigns(node)
            return
        if is_main_guard(node) and isinstance(node, ast.If):
            self._main(node)
            return
        for expression in own_expressions(node):
            self._calls(expression)
        if isinstance(node, ast.For) and self._loop(node):
            return
        self.assigns(node)
        for inner in ("body", "orelse", "finalbody"):
            self._block(getattr(node, inner, []))
        for handler in getattr(node, "handlers", []):
            self._block(handler.body)

    def _loop(self, node: ast.For) -> bool:
        """Read a loop for each element, where these are written out."""
        rounds = self.rounds(node.target, node.iter)
        if rounds is None:
            return False
        for _ in rounds:
            self._in_round(node.body)
        self._block(node.orelse)
        return True

    def _main(self, node: ast.If) -> None:
        outer = self.scope
        bound = stored_names(*node.body)
        with self.inside(Scope("main", None, dict(outer.values), bound)):
            self._block(node.body)
            values = self.scope.values
        # Functions of a script read what its __main__ block sets: constants are passed on.
        for name in bound - outer.values.keys():
            if name in values:
                outer.values[name] = values[name]

    def bound(self, name: str, value: Value, node: ast.expr) -> None:
        """Note the variable of a model that was built here, or an example by its name."""
        if is_example(name) and self.scope.where != "docstring":
            own = self.scope.owner in self.models
            hint = example_hint(name, value, node.lineno, loose=not own)
            if hint is not None:
                self.examples.append((self.scope.owner, hint))
        if self.scope.where in ("module", "main"):
            images = shape_hint(name, value.constant, node.lineno, None)
            if images is not None:
                self.examples.append((None, images))
        if value.callee is not None:
            self._name_construction(node, name, self._round)
        for key, inner, round_ in self._parts_built(value, node):
            self._name_construction(inner, f"{name}[{key!r}]", round_)

    def _name_construction(self, node: ast.expr, name: str, round_: int) -> None:
        call = _innermost_call(node, lambda inner: self.built(inner) is not None)
        built = self.constructions.get((id(call), round_))
        if built is not None and built.variable is None:
            self.constructions[id(call), round_] = replace(built, variable=name)

    def _parts_built(self, value: Value, node: ast.expr) -> Iterator[tuple[Any, ast.expr, int]]:
        """The parts of a display that build models: their keys, code and rounds of reading."""
        parts = value.parts or {}
        if not any(part.callee for part in parts.values()):
            return
        match node:
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Dict(values=items):
                for (key, part), item in zip(parts.items(), items, strict=False):
                    if part.callee:
                        yield key, item, self._round
            case ast.ListComp(elt=inner):
                last = self._rounds_read - len(parts) + 1
                for at, key in enumerate(parts):
                    yield key, inner, last + at

    # Expressions -----------------------------------------------------------------------------

    def _calls(self, expression: ast.expr) -> None:
        pending: list[ast.AST] = [expression]
        while pending:
            node = pending.pop(0)
            if isinstance(node, _COMPREHENSIONS) and self._comprehension(node):
                continue
            pending += children(node)
            if not isinstance(node, ast.Call):
                continue
            callee = self.built(node)
            if callee is not None:
                self._construct(callee, node)
            called = self.model(node.func)
            if called is not None:
                given = of_call(node, self)
                if given is None:
                    self._show(called, part_of_call(node, self), node, "call", partial=True)
                self._show(called, given, node, "call")
                kind = unread_container(node, self) if given is None else None
                if kind is not None:
                    where = self.source.words(node.lineno)
                    self.unread.setdefault(called.callee, f"{where} gives it a {kind}")
                continue
            shower = of_shower(node, self)
            if shower is not None:
                self._show(*shower[:2], node, shower[2])
            self._function_call(node)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> bool:
        """Read a comprehension for each element, where these are written out."""
        (first, *rest) = node.generators
        rounds = None if rest or first.ifs else self.rounds(first.target, first.iter)
        if rounds is None:
            return False
        before = self._round
        for _ in rounds:
            self._rounds_read += 1
            self._round = self._rounds_read
            self._calls(node.elt)
        self._round = before
        return True

    def _function_call(self, node: ast.Call) -> None:
        """Note what a function of the file is given, if that tells something of its parameters."""
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        function = self.functions.get(name)
        if function is None or name in self.scope.local or name in self.models:
            return
        given = self.parameters_bound(function, node)
        known = (one for one in given.values() if one.callee or one.held or one.stands_for)
        if next(known, None) is not None or (given and all(map(_told, given.values()))):
            self.calls.setdefault(name, []).append(given)

    def _construct(self, callee: str, node: ast.Call) -> None:
        scope = self.scope
        call = self.repeated(node)
        self.constructions.setdefault(
            (id(node), self._round),
            Construction(callee, call, node.lineno, None, scope.where, scope.owner),
        )

    def _show(
        self,
        model: Model,
        given: Given | None,
        node: ast.Call,
        word: str,
        *,
        partial: bool = False,
    ) -> None:
        if given is None:
            return
        callee, variable, built = model
        of = next((tensor.of for tensor in given.tensors if tensor.of is not None), None)
        source = (
            f"{word} at line {node.lineno}"
            if of is None
            else f"what {of} gives at line {node.lineno}"
        )
        hint = InputHint(
            given.tensors,
            node.lineno,
            source,
            built=built,
            arguments=given.arguments,
            loose=partial,
            partial=partial,
        )
        self._hint(callee, hint)
        if variable is not None:
            self.variable_hints.setdefault(variable, []).append(hint)


def _attributes(values: Mapping[str, Value]) -> dict[str, Value]:
    return {name: value for name, value in values.items() if name.startswith("self.")}


def _told(value: Value) -> bool:
    return value.expression is not None


def _callers_first(
    every: list[tuple[Function, str | None]],
) -> Iterator[tuple[Function, str | None]]:
    """Functions in file order, but each after those that call it, as far as that can be."""
    names = {function.name for function, owner in every if owner is None}
    called = [
        {
            node.func.id
            for node in walk(function)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        & names - {function.name}
        for function, _ in every
    ]
    waiting = list(range(len(every)))
    while waiting:
        wanted = set().union(*(called[at] for at in waiting))
        free = [at for at in waiting if every[at][1] is not None or every[at][0].name not in wanted]
        for at in free or waiting[:1]:
            waiting.remove(at)
            yield every[at]


def _innermost_call(node: ast.expr, wanted: Callable[[ast.Call], bool]) -> ast.Call | None:
    for inner in walk(node):
        if isinstance(inner, ast.Call) and wanted(inner):
            return inner
    return None
