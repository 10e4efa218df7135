"""Edits of a text: places, and what stands there afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")


class Edit(NamedTuple):
    """What stands from one place to another, exclusive, becomes `text`.

    Lines and columns count from 1, columns in code points; with a `cell` of a notebook they are
    those of the cell. Where both places are one, `text` is inserted there.
    """

    line: int
    column: int
    end_line: int
    end_column: int
    text: str
    path: str = ""
    cell: int | None = None

    @property
    def start(self) -> tuple[int, int]:
        """Where it begins."""
        return self.line, self.column

    @property
    def end(self) -> tuple[int, int]:
        """Where it ends, exclusive."""
        return self.end_line, self.end_column

    def to_dict(self) -> dict[str, Any]:
        """The entry of `edits` in JSON."""
        return {
            "path": self.path,
            **({} if self.cell is None else {"cell": self.cell}),
            "line": self.line,
            "column": self.column,
            "end_line": self.end_line,
            "end_column": self.end_column,
            "text": self.text,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Edit:
        """Read an entry of `edits`."""
        return cls(**data)


def touch(first: Iterable[Edit], second: Iterable[Edit]) -> bool:
    """Whether two changes of a text are about the same characters, or insert at one place."""
    others = list(second)
    return any(
        (one.start < other.end and other.start < one.end) or one.start == other.start
        for one in first
        for other in others
        if (one.path, one.cell) == (other.path, other.cell)
    )


def apart(items: Iterable[T], edits: Callable[[T], Sequence[Edit]]) -> list[T]:
    """Those of which no two are about the same characters; the first have their way."""
    chosen: list[T] = []
    for item in items:
        if not any(touch(edits(item), edits(other)) for other in chosen):
            chosen.append(item)
    return chosen


def edited(text: str, edits: Iterable[Edit]) -> str:
    """A text, its lines ending in a newline, with edits that do not touch each other made."""
    lines = text.split("\n")
    for edit in sorted({*edits}, reverse=True):
        head = lines[edit.line - 1][: edit.column - 1]
        tail = lines[edit.end_line - 1][edit.end_column - 1 :]
        lines[edit.line - 1 : edit.end_line] = (head + edit.text + tail).split("\n")
    return "\n".join(lines)


def before_them(edits: Sequence[Edit], earlier: Sequence[Edit]) -> tuple[Edit, ...] | None:
    """Edits of a text that `earlier` ones have changed, as edits of the text before that.

    `None` where the two are about the same characters.
    """
    moved = tuple(_before(edit, earlier) for edit in edits)
    found = tuple(edit for edit in moved if edit is not None)
    if len(found) < len(edits) or touch(found, earlier):
        return None
    # What was inserted may be in the midst of what goes, or at its edge: it touches neither.
    around = any(
        one.start != one.end and one.start <= other.start and other.end <= one.end
        for one in found
        for other in earlier
    )
    return None if around else found


def _before(edit: Edit, earlier: Sequence[Edit]) -> Edit | None:
    start = _place_before(edit.start, earlier)
    end = start if edit.start == edit.end else _place_before(edit.end, earlier)
    if start is None or end is None:
        return None
    return edit._replace(line=start[0], column=start[1], end_line=end[0], end_column=end[1])


def _place_before(place: tuple[int, int], earlier: Sequence[Edit]) -> tuple[int, int] | None:
    """Where a place was before edits were made; `None` for one within what they wrote."""
    line, column = place
    # How far what stands behind an edit has moved: lines in all, columns on the edit's last line.
    lines, columns, row = 0, 0, 0
    for edit in sorted({*earlier}):
        first_line = edit.line + lines
        first_column = edit.column + (columns if edit.line == row else 0)
        if (line, column) <= (first_line, first_column):
            break
        written = edit.text.split("\n")
        last_line = first_line + len(written) - 1
        last_column = len(written[-1]) + (first_column if len(written) == 1 else 1)
        if (line, column) < (last_line, last_column):
            return None
        lines = last_line - edit.end_line
        columns, row = last_column - edit.end_column, edit.end_line
    original = line - lines
    return original, column - (columns if original == row else 0)
