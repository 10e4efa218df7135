"""A call of the user's that an exception passed through on its way up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modellint.results.places import in_json, place_of


@dataclass(frozen=True, slots=True)
class UserCall:
    """One of the calls that led to an error: the function that makes it, and where.

    Lines and columns count from 1, as those of a finding do.
    """

    path: str
    line: int
    column: int
    function: str
    cell: int | None = None

    @property
    def place(self) -> str:
        """Where it is, as reports print it."""
        return place_of(self.path, self.line, self.column, cell=self.cell)

    def to_dict(self) -> dict[str, Any]:
        """The entry of `calls` of an error in JSON."""
        place = {**in_json(self.path, self.cell), "line": self.line, "column": self.column}
        return {**place, "function": self.function}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> UserCall:
        """Read an entry of `calls`."""
        return cls(**data)
