"""What a function is that a reading knows the result of: of Python, of a library, of a data set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from modellint.programs.values import Scope, Value

if TYPE_CHECKING:
    from modellint.programs.calls import Calls

Given = Sequence[Value]
"""The arguments of a call by place."""
Named = Mapping[str, Value]
"""Those by name."""
Known = Callable[["Calls", Given, Named, Scope], Value]
"""Gives the result of a call, by who reads it, its arguments and where it stands."""
