"""What code does with the sizes that it asks for: whether one may leave where no trace sees it.

A size carries its expression through arithmetic, comparisons and calls of torch. Where the left
operand is a float, where it is an index of a list or goes into a function of the standard library,
Python takes its value and asks nothing. The syntax tree tells which code can do so. What the tree
does not tell is unclear: then two more runs decide, where many do if a size leaves for sure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import CodeType, FunctionType
from typing import Any

from torch import nn

from modellint.inputs.size_operands import (
    Handed,
    Leaves,
    Level,
    Place,
    parameters,
    place,
)
from modellint.inputs.size_reading import SizeReading
from modellint.modules.members import Members, is_stock
from modellint.modules.user_files import is_users_file
from modellint.tracing.asking import Asking, Handings
from modellint.tracing.literals import own_functions


class SizeUses:
    """What the code of one model does with sizes; each function is read once."""

    def __init__(self, members: Members, handings: Handings) -> None:
        self.members = members
        self.handings = handings
        self.known: dict[tuple[Place, Handed], Level] = {}
        self.asking: dict[Place, Asking] = {}
        #: What is known only as far as `any_result` is.
        self.resting: set[tuple[Place, Handed]] = set()
        self._any_result = Level.NONE
        self._rests = False
        self.modules: dict[Place, list[nn.Module]] = {}
        self.own: dict[Place, FunctionType] = {}
        #: Whether a size may have left where the tree does not tell.
        self.unclear = False
        #: What calls of the modules' methods, and of the modules, are written with.
        self.names: set[str] = set()
        for path, module in members:
            self.names.add(path.rpartition(".")[2])
            kind: Any = type(module)
            for function in own_functions(kind) if not is_stock(kind) else ():
                self.modules.setdefault(place(function.__code__), []).append(module)
                self.own[place(function.__code__)] = function
                self.names.add(function.__name__)

    def leave(self, asking: Collection[Asking]) -> Level:
        """Whether a size that one of these codes asked for has left the integers unseen."""
        self.asking = {place(one.code): one for one in asking}
        try:
            for _ in Level:
                for one in asking:
                    self.result(one.code, one.scope, frozenset())
                found = self._most_returned()
                if self._any_result is found:
                    break
                self._any_result = found
                for key in self.resting:
                    self.known.pop(key, None)
                self.resting.clear()
        except (Leaves, RecursionError):
            return Level.SURELY
        return Level.MAYBE if self.unclear else Level.NONE

    def result(self, code: CodeType, scope: Mapping[str, Any], handed: Handed) -> Level:
        """What a function returns that is handed sizes for these parameters.

        Raises `Leaves` where one of them surely leaves.
        """
        key = (place(code), handed)
        if key not in self.known:
            self.known[key] = Level.PERHAPS  # What calls itself returns, for all that is known.
            before, self._rests = self._rests, False
            try:
                self.known[key] = SizeReading(self, code, scope, handed).result()
            except Leaves:
                del self.known[key]
                raise
            finally:
                if self._rests:
                    self.resting.add(key)
                self._rests = self._rests or before
        self._rests = self._rests or key in self.resting
        return self.known[key]

    @property
    def any_result(self) -> Level:
        """What a call of some module of the model returns, where it is not told which."""
        self._rests = True
        return self._any_result

    def _most_returned(self) -> Level:
        return max(
            (
                level
                for (code, _), level in self.known.items()
                if self.own.get(code) is not None and self.own[code].__name__ == "forward"
            ),
            default=Level.NONE,
        )

    def methods(self, name: str, after: int) -> None:
        """Read every method of this name as one that is handed sizes after so many arguments."""
        for function in list(self.own.values()):
            code = function.__code__
            if function.__name__ == name and is_users_file(code.co_filename):
                handed = frozenset((n, Level.PERHAPS, True) for n in parameters(code)[after:])
                self.result(code, function.__globals__, handed)

    def handed_forwards(self) -> None:
        """Read the forwards that were handed sizes, as ones that are."""
        for kind, given in self.handings.items():
            for function in own_functions(kind):
                code = function.__code__
                if function.__name__ == "forward" and is_users_file(code.co_filename):
                    self.result(code, function.__globals__, _handed(code, given))


def _handed(code: CodeType, given: Collection[int | str]) -> Handed:
    """The parameters of a method that were handed sizes, by position behind `self` or by name."""
    names = parameters(code)
    positional = code.co_argcount
    found: set[str] = set()
    for one in given:
        if isinstance(one, int):
            found.update(names[one + 1 : one + 2] if one + 1 < positional else names[positional:])
        else:
            found.update([one] if one in names else names[positional:])
    return frozenset((name, Level.PERHAPS, True) for name in found)
