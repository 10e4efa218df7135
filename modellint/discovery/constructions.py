"""How the models of a file are constructed: functions that return one, and calls that show it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from modellint.discovery.admitted_values import module_tables
from modellint.discovery.arguments import (
    ConstructorCall,
    argument_key,
    as_call,
    common_call,
    factory_key,
)
from modellint.discovery.class_methods import building_methods
from modellint.discovery.declarations import Declarations
from modellint.discovery.evidence import Construction, Evidence, gather_evidence
from modellint.discovery.factories import returned_model
from modellint.discovery.names import Names
from modellint.discovery.signatures import parameters_of
from modellint.discovery.stated_builds import build_comments
from modellint.discovery.used_values import constructor_of, used_values
from modellint.source.file import SourceFile


class Constructions:
    """What builds each model of a file.

    `makers` are the functions that return a model, `factories` those of them that can be called as
    they are, both with its class; `roots` are the classes that no other uses; `calls` are the ways
    to build each class, best first, `stated` those that comments say.
    """

    def __init__(self, source: SourceFile, names: Names, declared: Declarations) -> None:
        self._tree = source.tree
        self.names = names
        self.declared = declared
        self.stated = build_comments(source)
        self.tables = module_tables(source.tree.body)
        self.makers = self._returning()
        self.factories = self._factories()
        models = [*declared.classes, *self.makers]
        self.roots = self._roots()
        self.evidence: Evidence = gather_evidence(source, names, models, self.roots)
        self.calls = {name: self._class_calls(name) for name in declared.classes}

    def factories_of(self, name: str) -> list[str]:
        """The factories that return a class, in file order."""
        return [maker for maker, model in self.factories.items() if model == name]

    def shown(self, name: str) -> list[Construction]:
        """The constructions of a class that stand on their own, outside models and factories."""
        return [
            found
            for found in self._of(name)
            if found.node is not None
            and found.where != "class"
            and found.owner not in self.factories
            and not (found.where == "docstring" and found.owner not in (None, name))
        ]

    def factory_key(self, name: str) -> str | None:
        """The constructor arguments that a factory called without any ends in; None if unknown."""
        return factory_key(name, self.declared, self.names)

    def _roots(self) -> list[str]:
        """The models that no other class of the file uses."""
        classes, reaches = self.declared.classes, self.declared.reaches
        return [
            name
            for name, declared in classes.items()
            if declared.skip is None
            and not any(name in reaches[other] for other in classes if other != name)
        ]

    def _returning(self) -> dict[str, str]:
        """Functions that return a model, with its class."""
        found: dict[str, str] = {}
        for name, function in self.declared.functions.items():
            if isinstance(function, ast.AsyncFunctionDef):
                continue
            model = returned_model(function, self.declared, self.names)
            if model is not None:
                found[name] = model
        return found

    def _factories(self) -> dict[str, str]:
        """Public functions that can be called as they are and return a model, with its class."""
        found: dict[str, str] = {}
        for name, model in self.makers.items():
            parameters = parameters_of(self.declared.functions[name], method=False)
            if name.startswith("_"):
                continue
            if (
                common_call(name, parameters, tables=self.tables) is None
                and name not in self.stated
            ):
                continue
            found[name] = model
        return found

    def _of(self, callee: str) -> list[Construction]:
        return [found for found in self.evidence.constructions if found.callee == callee]

    def _class_calls(self, name: str) -> tuple[ConstructorCall, ...]:
        declared = self.declared.classes[name]
        parameters = declared.parameters
        calls: list[ConstructorCall] = []
        rest = [found for found in self._of(name) if found.node is not None]
        own = self.shown(name)
        if parameters.required and name not in self.factories.values():
            # What builds it in a function is best known from how that function is called.
            makers = [maker for maker, model in self.makers.items() if model == name]
            made = [found for maker in makers for found in self.shown(maker)]
            own = [*(one for one in own if one.where != "function"), *made]
        # A call that is fed belongs together with its input; of several that are not, none counts.
        fed = {hint.built for hint in self.evidence.hints.get(name, ())}
        own.sort(key=lambda found: found.node is None or ast.unparse(found.node) not in fed)
        built = [as_call(found) for found in own]
        defaults = ConstructorCall(name, (), (), True, parameters.line, "defaults")
        if not parameters.required:
            built = [defaults if str(call) == str(defaults) else call for call in built]
            alike = {argument_key(parameters, found.node) for found in own}
            sure = built and (str(built[0]) in fed or len(alike) == 1)
            built.insert(len(built) if sure else 0, defaults)
        ways = [*built, *(as_call(other) for other in rest if other not in own)]
        for call in ways:
            if all(str(call) != str(other) for other in calls):
                calls.append(call)
        if parameters.required:
            calls += self._by_methods(name, calls)
            init = constructor_of(name, self.declared)
            used = {} if init is None else used_values(init, self.names, self.declared, method=True)
            common = common_call(name, parameters, self.declared.plain, self.tables, used)
            calls += [common] if common is not None else []
        return tuple(calls)

    def _by_methods(self, name: str, known: list[ConstructorCall]) -> Iterator[ConstructorCall]:
        """The class methods that build a model without arguments."""
        methods = building_methods(self._tree, [name]).get(name, {})
        for method, function in methods.items():
            required = parameters_of(function, method="cls" in _first(function)).required
            call = ConstructorCall(
                f"{name}.{method}",
                (),
                (),
                True,
                function.lineno,
                f"class method at line {function.lineno}",
            )
            if not required and all(str(call) != str(other) for other in known):
                yield call


def _first(function: ast.FunctionDef) -> list[str]:
    return [argument.arg for argument in function.args.args[:1]]
