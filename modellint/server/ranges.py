"""Places of a report as an editor counts them: from 0, in the units that it has agreed on."""

from __future__ import annotations

from dataclasses import dataclass

from lsprotocol import types
from pygls.workspace import PositionCodec

from modellint.server.buffers import Part


@dataclass(frozen=True)
class Ranges:
    """Turns lines and columns, from 1 in code points, into positions and back."""

    codec: PositionCodec

    def position(self, part: Part, line: int, column: int) -> types.Position:
        """A place in a text; one behind the end of it is its end."""
        if line > len(part.lines):
            line, column = len(part.lines), len(part.lines[-1]) + 1
        before = part.lines[max(line, 1) - 1][: max(column, 1) - 1]
        return types.Position(max(line, 1) - 1, self.codec.client_num_units(before))

    def range(
        self, part: Part, line: int, column: int, end_line: int, end_column: int
    ) -> types.Range:
        """From one place to another, exclusive."""
        start = self.position(part, line, column)
        return types.Range(start, self.position(part, end_line, end_column))

    def line(self, part: Part, line: int) -> types.Range:
        """A line without what it is indented by, or the end of a text that has no such line."""
        text = part.lines[line - 1] if 0 < line <= len(part.lines) else ""
        first = len(text) - len(text.lstrip()) + 1
        return self.range(part, line, first, line, len(text.rstrip()) + 1)

    def place(self, part: Part, position: types.Position) -> tuple[int, int]:
        """The line and the column that a position stands for."""
        # A mutable list is what pygls asks for.
        found = self.codec.position_from_client_units([*part.lines], position)
        return found.line + 1, found.character + 1
