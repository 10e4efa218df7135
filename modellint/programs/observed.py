"""What was seen of models while code was read: where they are built, and what they are fed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from modellint.programs.values import ClassValue, FunctionValue, Instance, Value, same


@dataclass(frozen=True, eq=False, slots=True)
class FunctionCall:
    """A call of a function of the project, and by which line of which file."""

    function: FunctionValue
    given: tuple[Value, ...]
    named: Mapping[str, Value]
    path: str
    line: int


@dataclass(frozen=True, eq=False, slots=True)
class Construction:
    """A model that is built: by which line of which file, within the constructors of which models.

    `explored` tells that an option has to be another than it is by default, `uncalled` that nothing
    was seen to call the function that it is in. `within` are the calls of functions that led to it.
    """

    instance: Instance
    path: str
    line: int
    inside: tuple[ClassValue, ...]
    explored: bool
    uncalled: bool
    within: tuple[FunctionCall, ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class Feeding:
    """What a model is called with, and by which line of which file."""

    instance: Instance
    given: tuple[Value, ...]
    named: Mapping[str, Value]
    path: str
    line: int

    def is_like(
        self, instance: Instance, given: Sequence[Value], named: Mapping[str, Value]
    ) -> bool:
        """Whether a call gives the same to the same model."""
        if instance is not self.instance or named.keys() != self.named.keys():
            return False
        return same(tuple(given), self.given) and same(dict(named), dict(self.named))
