"""The environment of the worker, which notes what is read of it, whoever reads.

It watches from before torch is imported: what libraries read then counts for every file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from os import fsdecode
from typing import Any

from modellint.protocol.states import digest
from modellint.worker.askers import is_import
from modellint.worker.leftovers import NAMES


@dataclass
class Variables:
    """The variables that code has asked for with their values, and those that it has set itself.

    `all_asked` is whether some code went through all of them, of which some are new in every run.
    """

    asked: dict[str, str | None] = field(default_factory=dict)
    own: set[str] = field(default_factory=lambda: {*NAMES})
    all_asked: bool = False

    def ask(self, name: str, value: str | None) -> None:
        """Note the value of a variable that code reads; not of one that code has set."""
        if name not in self.own:
            self.asked.setdefault(name, value)

    def set(self, name: str) -> None:
        """Note that code sets a variable: what it reads then is no premise."""
        if name not in self.asked:
            self.own.add(name)

    def go_through(self) -> None:
        """Note that code asks for all variables."""
        self.all_asked = self.all_asked or not is_import()

    def states(self) -> dict[str, str | None]:
        """What is kept of the variables."""
        return {name: variable_state(value) for name, value in self.asked.items()}


VARIABLES = Variables()
"""Those of this process."""


def variable_state(value: str | None) -> str | None:
    """What is kept of a variable's value: too little to tell a secret from."""
    return None if value is None else digest(value.encode("utf-8", "surrogateescape"))[:8]


def watch_environment() -> None:
    """Have the environment tell which variables are asked for, as text and as bytes."""
    VARIABLES.all_asked = False
    for environment in (os.environ, getattr(os, "environb", None)):
        if environment is not None and type(environment).__module__ != __name__:
            environment.__class__ = _watched(type(environment))


def _watched(base: Any) -> Any:
    class Environment(base):  # type: ignore[misc]
        """The environment, which notes what is read of it."""

        def __getitem__(self, key: Any) -> Any:
            try:
                value = super().__getitem__(key)
            except KeyError:
                VARIABLES.ask(fsdecode(key), None)
                raise
            VARIABLES.ask(fsdecode(key), fsdecode(value))
            return value

        def __setitem__(self, key: Any, value: Any) -> None:
            super().__setitem__(key, value)
            VARIABLES.set(fsdecode(key))

        def __delitem__(self, key: Any) -> None:
            # Whether it is there decides what comes of it.
            _ = self[key]
            super().__delitem__(key)

        def __iter__(self) -> Iterator[Any]:
            VARIABLES.go_through()
            return super().__iter__()  # type: ignore[no-any-return]

        def __len__(self) -> int:
            VARIABLES.go_through()
            return super().__len__()  # type: ignore[no-any-return]

        def __repr__(self) -> str:
            VARIABLES.go_through()
            return super().__repr__()  # type: ignore[no-any-return]

    Environment.__name__ = Environment.__qualname__ = base.__name__
    return Environment
