"""Where the lines of a notebook's module stand: in which cell, and which line of it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import NamedTuple, Protocol


class Change(Protocol):
    """What stands from one line to another becomes `text`."""

    @property
    def line(self) -> int:
        """Its first line."""

    @property
    def end_line(self) -> int:
        """Its last line."""

    @property
    def text(self) -> str:
        """What stands there afterwards."""


class Cells(NamedTuple):
    """The code cells of a notebook by the line of the module that each begins at, all from 1.

    `indents` are the spaces that all lines of a cell begin with and the module leaves out.
    """

    starts: tuple[int, ...]
    indents: tuple[str, ...]

    @classmethod
    def of(cls, texts: Sequence[str], indents: Sequence[str] = ()) -> Cells:
        """Those of a module that some texts make, one below the other."""
        begins = accumulate((text.count("\n") + 1 for text in texts), initial=1)
        starts = tuple(begins)[: len(texts)] or (1,)
        return cls(starts, tuple(indents) or ("",) * len(starts))

    def place(self, line: int) -> tuple[int, int]:
        """The cell that a line of the module is in, and which of its lines that is."""
        cell = max(bisect_right(self.starts, line), 1)
        return cell, line - self.starts[cell - 1] + 1

    def line(self, cell: int, line: int) -> int:
        """The line of the module that a cell's line is."""
        return self.starts[cell - 1] + line - 1

    def indent(self, cell: int) -> str:
        """What a cell's lines begin with that the module's do not."""
        return self.indents[cell - 1]

    def words(self, line: int) -> str:
        """A line of the module as people find it: `cell 3, line 7`."""
        return "cell {}, line {}".format(*self.place(line))

    def after(self, changes: Iterable[Change]) -> Cells:
        """Where the cells begin once some lines are more or fewer."""
        moved = [(one.line, one.text.count("\n") - one.end_line + one.line) for one in changes]
        starts = tuple(start + sum(by for at, by in moved if at < start) for start in self.starts)
        return self._replace(starts=starts)
