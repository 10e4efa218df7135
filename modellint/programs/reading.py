"""What each reading has: how far it is, under what conditions the code stands, and what it asks."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from modellint.programs.modules import Module
from modellint.programs.values import (
    ClassValue,
    Function,
    FunctionValue,
    Instance,
    Lazy,
    Library,
    Record,
    Scope,
    Spread,
    Tensor,
    Value,
    is_plain,
)

#: How many expressions and statements a reading may take.
MOST_STEPS = 60_000
#: How many items of what is looped over are read one by one.
MOST_ITEMS = 1_000


class OutOfSteps(Exception):
    """A reading takes longer than it is worth."""


class Reading:
    """The state of a reading; whoever derives from it says what code gives."""

    def __init__(self) -> None:
        self.steps = 0
        #: Whether comparisons of texts count as unknown, so that all that they choose from is read.
        self.exploring = False
        #: The file that is asked about.
        self.asking = ""
        #: How many conditions that are not known the code stands under.
        self.doubt = 0
        #: What was made under the innermost of them, by its `id`.
        self.fresh: dict[int, object] = {}
        self.yields: list[list[Value]] = []
        #: The settings file that stands for another, or for one whose name is not known.
        self.settings: str | None = None
        #: The settings files that were read, and whether one was asked for by an unknown name.
        self.settings_read: list[str] = []
        self.asked_for_settings = False

    def step(self) -> None:
        """Count a step; raises `OutOfSteps` where there were too many."""
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise OutOfSteps

    def made(self, value: Value) -> Value:
        """A container that code makes here."""
        if self.doubt:
            self.fresh[id(value)] = value
        return value

    def resolved(self, value: Value) -> Value:
        """The value itself, where it is what an import binds."""
        return self.imported(value) if isinstance(value, Lazy) else value

    def listed(self, value: Value) -> list[Value] | None:
        """All items of a container, in order; `None` where they are not known."""
        if isinstance(value, list | tuple | set | str):
            items = list(value)
            return None if any(isinstance(one, Spread) for one in items) else items
        known = mapping_of(value)
        if known is not None:
            return None if Spread() in known else list(known)
        if isinstance(value, Tensor) and value.shape and value.shape[0] is not None:
            inner = Tensor(value.shape[1:], value.dtype)
            return [inner] * value.shape[0] if value.shape[0] <= MOST_ITEMS else None
        return None

    def value(self, node: ast.expr, scope: Scope) -> Value:
        """What an expression stands for in a scope."""
        raise NotImplementedError

    # What whoever derives from this knows -------------------------------------------------------

    def imported(self, lazy: Lazy) -> Value:
        """What an import gives."""
        raise NotImplementedError

    def import_rest(self) -> bool:
        """Read what imports lead to that nobody asked for, once; whether there was something."""
        raise NotImplementedError

    def from_stars(self, name: str, module: Module) -> Value:
        """A name that a library is imported with a star for."""
        raise NotImplementedError

    def attribute(self, owner: Value, name: str) -> Value:
        """What an attribute gives."""
        raise NotImplementedError

    def item(self, owner: Value, index: Value) -> Value:
        """What an index or a key gives."""
        raise NotImplementedError

    def iterated(self, owner: Instance) -> Value:
        """The item that stands for all that an object gives."""
        raise NotImplementedError

    def above(self, node: ast.Call, scope: Scope) -> Value:
        """What `super(...)` gives."""
        raise NotImplementedError

    def call(
        self,
        function: Value,
        given: Sequence[Value],
        named: Mapping[str, Value],
        node: ast.AST,
        scope: Scope,
    ) -> Value:
        """What a call gives."""
        raise NotImplementedError

    def by_name(
        self,
        owner: Value,
        name: str,
        given: Sequence[Value],
        named: Mapping[str, Value],
        node: ast.AST,
        scope: Scope,
    ) -> Value:
        """What a method of an unknown object gives."""
        raise NotImplementedError

    def function(self, node: Function, scope: Scope) -> FunctionValue:
        """The function that a definition makes."""
        raise NotImplementedError

    def bind(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Bind a target of an assignment."""
        raise NotImplementedError


def is_key(value: Value) -> bool:
    """Whether a value can be the key of a dictionary here."""
    if isinstance(value, tuple):
        return all(map(is_key, value))
    return is_plain(value) or isinstance(value, Library | ClassValue)


def mapping_of(value: Value) -> dict[Any, Value] | None:
    """The entries of what is a mapping."""
    if isinstance(value, dict):
        return value
    if isinstance(value, Record) and value.table:
        return value.values
    return value.held if isinstance(value, Instance) else None
