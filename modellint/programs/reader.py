"""Reads programs of a project as if they ran: scripts from their beginning, tests one by one."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator

from modellint.programs.modules import Module, Modules
from modellint.programs.reading import OutOfSteps
from modellint.programs.statements import Statements
from modellint.programs.values import (
    UNKNOWN,
    ClassValue,
    FunctionValue,
    Instance,
    Method,
    Scope,
    Unknown,
    Value,
)

#: How many functions that nothing calls are read in a program.
_MOST_FUNCTIONS = 60
_BEFORE_TESTS = ("setUp", "setup_method", "setup_class", "setUpClass", "setup")


class ProgramReader(Statements):
    """Reads one program; `built` and `fed` then tell of its models.

    `asking` is the file that is asked about, whose own models are told of without a program.
    """

    def __init__(
        self,
        modules: Modules,
        *,
        asking: str = "",
        exploring: bool = False,
        settings: str | None = None,
    ) -> None:
        super().__init__(modules)
        self.asking = asking
        self.exploring = exploring
        self.settings = settings

    def read(self, path: str) -> None:
        """Read a file as the program that Python is started with, then what it does not call.

        Ends early where that takes too many steps.
        """
        module = self.modules.at(path)
        if module is None:
            return
        self.programs.add(path)
        self.modules.start = module.folder
        try:
            self.run_module(module)
            for function, this in self._uncalled(module):
                self.uncalled = not _is_test(function)
                # What a function takes that nobody calls is not known.
                given = self._fixtures(function, module)
                scope = Scope(module, module.names)
                self.call(Method(function, this), [], given, function.node, scope)
            for cls in self._unbuilt(module):
                self.uncalled = True
                self.construct(cls, [], {})
        except (OutOfSteps, RecursionError):
            return

    def _uncalled(self, module: Module) -> Iterator[tuple[FunctionValue, Value]]:
        """The functions of a program that nothing in it calls, and the objects of its tests."""
        count = 0
        for value in [*module.names.values()]:
            value = self.resolved(value) if isinstance(value, FunctionValue | ClassValue) else value
            if isinstance(value, FunctionValue) and value.scope.module is module:
                if value.node not in self.entered and "fixture" not in value.marks:
                    count += 1
                    yield value, None
            elif isinstance(value, ClassValue) and value.module is module and not value.is_model:
                for method, this in self._methods(value):
                    count += 1
                    yield method, this
            if count > _MOST_FUNCTIONS:
                return

    def _unbuilt(self, module: Module) -> Iterator[ClassValue]:
        """The models of a program that nothing in it builds, which may hold others."""
        for value in [*module.names.values()] if module.path != self.asking else ():
            cls = self.resolved(value) if isinstance(value, ClassValue) else None
            if not isinstance(cls, ClassValue) or cls.module is not module or not cls.is_model:
                continue
            if not any(one.instance.cls is cls for one in self.built):
                yield cls

    def _methods(self, cls: ClassValue) -> Iterator[tuple[FunctionValue, Value]]:
        functions = [one for one in cls.names.values() if isinstance(one, FunctionValue)]
        if all(one.node in self.entered for one in functions):
            return
        self.uncalled = True
        made = self.construct(cls, [], {})
        first = [one for one in functions if one.name in _BEFORE_TESTS]
        rest = [one for one in functions if one not in first and not one.name.startswith("__")]
        for one in [*first, *rest]:
            if one.node not in self.entered:
                yield one, None if "staticmethod" in one.marks else made

    def _fixtures(self, function: FunctionValue, module: Module) -> dict[str, Value]:
        """What the fixtures give that a test asks for by the names of its parameters."""
        places = [module, self.modules.at(os.path.join(module.folder, "conftest.py"))]  # noqa: PTH118
        found: dict[str, Value] = {}
        for argument in function.node.args.args:
            for place in places:
                if place is None or (place is not module and not self.ready(place)):
                    continue
                fixture = place.names.get(argument.arg)
                if isinstance(fixture, FunctionValue) and "fixture" in fixture.marks:
                    found[argument.arg] = self._given_by(fixture, place)
                    break
        return found

    def _given_by(self, fixture: FunctionValue, place: Module) -> Value:
        value = self.invoke(fixture, None, [], self._fixtures(fixture, place))
        items, _ = self.looped(value) if not isinstance(value, Instance) else ((value,), True)
        yields = any(isinstance(node, ast.Yield) for node in ast.walk(fixture.node))
        return items[0] if yields and items else value


def _is_test(function: FunctionValue) -> bool:
    """Whether a runner of tests calls a function."""
    return function.name.startswith("test") or function.name in _BEFORE_TESTS


__all__ = ["UNKNOWN", "ProgramReader", "Unknown"]
