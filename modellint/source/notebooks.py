"""A notebook's file: its code cells, and where in its JSON each piece of their text stands.

Reading nbformat's files takes no more than JSON, and its package would write a whole file anew:
its own indentation, its own order. Here the text of a cell is all that changes.
https://nbformat.readthedocs.io/en/latest/format_description.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from modellint.errors import FileError, NotPython
from modellint.source.cells import Cells
from modellint.source.ipython import indent_of, python_of

_SPACE = re.compile(r"[ \t\n\r]*")
_END = re.compile(r"\r\n|\r|\n")
#: A character of a JSON text; one beyond U+FFFF may be written as two escapes.
_CHARACTER = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|.", re.S
)
_ESCAPED = re.compile(r"(?<!\\)(?:\\\\)*\\u(?!00[0-7])[0-9a-fA-F]{4}")
_DECODER = json.JSONDecoder()
_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class Piece:
    """A JSON text within a file: what it says, and where what is between its quotes stands."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Cell:
    """A code cell. Its text is that of its pieces, which mostly are its lines."""

    pieces: tuple[Piece, ...]
    #: Whether the pieces stand in a list.
    listed: bool

    @cached_property
    def text(self) -> str:
        """What was typed into it, with its own line ends."""
        return "".join(piece.text for piece in self.pieces)

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """Its lines without their ends, as Python counts them."""
        return tuple(_END.split(self.text))

    @cached_property
    def indent(self) -> str:
        """What all of its lines begin with, which IPython leaves out."""
        return indent_of("\n".join(self.lines))

    @cached_property
    def python(self) -> str:
        """What of it is Python, by lines that end in newlines, without the indent of all.

        Of none a line moves.
        """
        return python_of("\n".join(self.lines))


@dataclass(frozen=True)
class Notebook:
    """A notebook as its file has it: `raw` is the whole text, without the mark of its encoding."""

    path: str
    raw: str
    marked: bool
    code: tuple[Cell, ...]

    @cached_property
    def cells(self) -> Cells:
        """Where in the module each cell begins."""
        return Cells.of([cell.python for cell in self.code], [cell.indent for cell in self.code])

    def lines_of(self, cell: int) -> tuple[str, ...]:
        """The lines of a code cell, counted from 1, as they were typed; none of one that is not."""
        return self.code[cell - 1].lines if 0 < cell <= len(self.code) else ()

    def typed(self, cell: int) -> str:
        """The text of a code cell as text of its own: each of its lines ends in a newline."""
        return "".join(f"{line}\n" for line in self.lines_of(cell))

    def in_file(self, cell: int, line: int, column: int) -> tuple[int, int]:
        """The line and the column of the file at which a place in a cell stands."""
        return self.position(self._offset(cell, line, column))

    def position(self, offset: int) -> tuple[int, int]:
        """The line and the column of the file at which a character of `raw` stands."""
        before = self.raw[:offset]
        ends = [match.end() for match in _END.finditer(before)]
        return len(ends) + 1, offset - (ends[-1] if ends else 0) + 1

    def with_cells(self, texts: Mapping[int, str]) -> bytes:
        """The bytes of the file with other texts in some cells, whose line ends are newlines.

        What is not changed keeps its bytes. New lines end as the others of their cell.
        """
        raw = self.raw
        for start, stop, written in reversed(self.parts(texts)):
            raw = raw[:start] + written + raw[stop:]
        return ((_BOM if self.marked else "") + raw).encode()

    def parts(self, texts: Mapping[int, str]) -> list[tuple[int, int, str]]:
        """What of `raw` becomes something else by that: from where, to where, and what."""
        return [
            self._rewritten(self.code[number - 1], _with_ends(self.code[number - 1], text))
            for number, text in sorted(texts.items())
        ]

    def _rewritten(self, cell: Cell, text: str) -> tuple[int, int, str]:
        """What of the file is something else when a cell has another text: from, to, and what."""
        old = cell.pieces
        first = _alike(old, text)
        begin = sum(len(piece.text) for piece in old[:first])
        last = len(old) - _alike_at_end(old[first:], text, begin)
        middle = text[begin : len(text) - sum(len(piece.text) for piece in old[last:])]
        # Lines that are new stand behind a piece, those that go leave no empty one, and one that
        # loses its end takes in the next.
        if first and (first == last or not middle):
            first -= 1
            middle = old[first].text + middle
        if last < len(old) and (first == last or _is_open(middle)):
            middle += old[last].text
            last += 1
        changed = old[first:last]
        by_line = cell.listed and all(len(piece.text.splitlines()) < 2 for piece in changed)
        new = middle.splitlines(keepends=True) if by_line else [middle]
        olds = [*changed, *changed[-1:] * len(new)]
        written = [self._written(piece, one) for piece, one in zip(olds, new, strict=False)]
        return changed[0].start, changed[-1].end, self._separator(cell).join(written)

    def _separator(self, cell: Cell) -> str:
        """What stands between two pieces of a cell, their quotes included."""
        if len(cell.pieces) > 1:
            return self.raw[cell.pieces[0].end : cell.pieces[1].start]
        start = cell.pieces[0].start - 1
        before = self.raw[:start]
        space = before[len(before.rstrip(" \t\r\n")) :]
        return f'",{space or " "}"'

    def _written(self, old: Piece, text: str) -> str:
        """A text as JSON has it; what the old one begins and ends with too stays as it was."""
        known = self.raw[old.start : old.end]
        if text == old.text:
            return known
        shorter = min(len(text), len(old.text))
        head = next((at for at in range(shorter) if text[at] != old.text[at]), shorter)
        rest = shorter - head
        tail = next((at for at in range(rest) if text[-1 - at] != old.text[-1 - at]), rest)
        units = _CHARACTER.findall(known)
        new = json.dumps(text[head : len(text) - tail], ensure_ascii=self._escapes)[1:-1]
        return "".join(units[:head]) + new + "".join(units[len(units) - tail :])

    @cached_property
    def _escapes(self) -> bool:
        """Whether the file writes what is not ASCII in escapes."""
        return self.raw.isascii() and _ESCAPED.search(self.raw) is not None

    def _offset(self, cell: int, line: int, column: int) -> int:
        """Where in the file a place in a cell stands."""
        found = self.code[cell - 1]
        starts = [0, *(match.end() for match in _END.finditer(found.text))]
        rest = starts[line - 1] + column - 1
        for piece in found.pieces:
            if rest < len(piece.text) or piece is found.pieces[-1]:
                units = _CHARACTER.findall(self.raw[piece.start : piece.end])
                return piece.start + sum(map(len, units[:rest]))
            rest -= len(piece.text)
        return 0


def read_notebook(path: str, data: bytes) -> Notebook:
    """Read the bytes of a notebook.

    Raises `FileError` for what is no notebook of format 4 or later, and `NotPython` for one whose
    kernel speaks another language.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"byte {error.start} is not valid utf-8, in which notebooks are saved"
        line = data.count(b"\n", 0, error.start) + 1
        raise FileError("encoding-error", path, line, message) from error
    raw = text.removeprefix(_BOM)
    if not raw.strip():
        raise FileError("unreadable", path, 1, "is empty: a notebook is JSON with a list of cells")
    reader = _Reader(raw)
    try:
        reader.read()
    except _NoNotebook as error:
        raise FileError("unreadable", path, 1, f"is no notebook: {error}") from error
    except json.JSONDecodeError as error:
        message = f"is no notebook: no JSON at column {error.colno} ({error.msg})"
        raise FileError("unreadable", path, error.lineno, message) from error
    except (ValueError, RecursionError) as error:
        raise FileError("unreadable", path, 1, f"is no notebook: {error}") from error
    if reader.language.lower() not in ("python", "ipython"):
        raise NotPython(path, f"a notebook in {reader.language}: only those in Python are read")
    return Notebook(path, raw, raw is not text, tuple(reader.code))


class _NoNotebook(ValueError):
    """JSON that is no notebook; the message says what is amiss."""


class _Reader:
    """Goes through the JSON of a notebook once, and notes where the text of code cells stands."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.code: list[Cell] = []
        self.language = "python"
        self._known: dict[str, Any] = {}

    def read(self) -> None:
        """Read all of it; raise `ValueError` where it is no notebook."""
        if not self._begins(self._skip(0), "{"):
            self._value(self._skip(0))
            raise _NoNotebook("it holds no object with cells")
        end = self._object(self._skip(0), {"cells": self._cells}, self._known)
        if self._skip(end) < len(self.text):
            raise json.JSONDecodeError("Extra data", self.text, end)
        if "cells" not in self._known:
            if "worksheets" in self._known:
                raise _NoNotebook(
                    "it has the format of before 2015; "
                    "jupyter nbconvert --to notebook --inplace renews it"
                )
            raise _NoNotebook("it has no cells")
        self.language = _language(self._known.get("metadata"))

    def _cells(self, at: int) -> tuple[Any, int]:
        if not self._begins(at, "["):
            self._value(at)
            raise _NoNotebook("its cells are no list")
        self.code.clear()
        return None, self._list(at, self._cell)

    def _cell(self, at: int) -> int:
        if not self._begins(at, "{"):
            self._value(at)
            raise _NoNotebook("a cell is no object")
        members: dict[str, Any] = {}
        end = self._object(at, {"source": self._source}, members)
        if members.get("cell_type") == "code":
            if "source" not in members:
                raise _NoNotebook("a code cell has no source")
            self.code.append(members["source"])
        return end

    def _source(self, at: int) -> tuple[Cell, int]:
        pieces: list[Piece] = []

        def piece(at: int) -> int:
            text, end = self._value(at)
            if not isinstance(text, str):
                raise _NoNotebook("the source of a cell is neither a text nor a list of texts")
            pieces.append(Piece(text, at + 1, end - 1))
            return end

        listed = self._begins(at, "[")
        end = self._list(at, piece) if listed else piece(at)
        return Cell(tuple(pieces), listed), end

    def _object(
        self,
        at: int,
        readers: Mapping[str, Callable[[int], tuple[Any, int]]],
        into: dict[str, Any],
    ) -> int:
        """Read the members of an object, some by readers of their own; the place behind it."""

        def member(at: int) -> int:
            key, end = self._value(at)
            if not isinstance(key, str):
                raise json.JSONDecodeError("Expecting property name", self.text, at)
            colon = self._skip(end)
            if not self._begins(colon, ":"):
                raise json.JSONDecodeError("Expecting ':' delimiter", self.text, colon)
            into[key], end = readers.get(key, self._value)(self._skip(colon + 1))
            return end

        return self._items(at, "}", member)

    def _list(self, at: int, item: Callable[[int], int]) -> int:
        return self._items(at, "]", item)

    def _items(self, at: int, closing: str, item: Callable[[int], int]) -> int:
        """Read what stands between a bracket and its closing one; the place behind that."""
        at = self._skip(at + 1)
        if self._begins(at, closing):
            return at + 1
        while True:
            at = self._skip(item(at))
            if self._begins(at, closing):
                return at + 1
            if not self._begins(at, ","):
                raise json.JSONDecodeError("Expecting ',' delimiter", self.text, at)
            at = self._skip(at + 1)

    def _value(self, at: int) -> tuple[Any, int]:
        return _DECODER.raw_decode(self.text, at)

    def _begins(self, at: int, with_: str) -> bool:
        return self.text.startswith(with_, at)

    def _skip(self, at: int) -> int:
        space = _SPACE.match(self.text, at)
        return space.end() if space is not None else at


def _language(metadata: Any) -> str:
    """The language that a notebook says its code is in; Python where it says nothing."""
    for owner, name in (("language_info", "name"), ("kernelspec", "language")):
        told = metadata.get(owner) if isinstance(metadata, dict) else None
        language = told.get(name) if isinstance(told, dict) else None
        if isinstance(language, str) and language:
            return language
    return "python"


def _with_ends(cell: Cell, text: str) -> str:
    """A text with newlines as one of the line ends of a cell: those of lines that stay, stay."""
    if "\r" not in cell.text:
        return text
    old, new = [*cell.lines], text.split("\n")
    ends = [*_END.findall(cell.text)]
    end = ends[0]
    first = next((at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), len(old))
    kept = len(old) - first
    back = [a == b for a, b in zip(old[::-1][:kept], new[::-1], strict=False)]
    last = back.index(False) if False in back else len(back)
    made = ends[:first]
    rest = ends[len(ends) - last :] if last else []
    made += [end] * (len(new) - 1 - len(made) - len(rest))
    made = (made + rest)[: len(new) - 1]
    return "".join(line + stop for line, stop in zip(new, [*made, ""], strict=True))


def _is_open(text: str) -> bool:
    """Whether the last line of a text has no end, or there is none."""
    return text.splitlines()[-1:] == text.splitlines(keepends=True)[-1:]


def _alike(pieces: Sequence[Piece], text: str) -> int:
    """How many pieces a text begins with."""
    at = 0
    for count, piece in enumerate(pieces):
        if not text.startswith(piece.text, at):
            return count
        at += len(piece.text)
    return len(pieces)


def _alike_at_end(pieces: Sequence[Piece], text: str, begin: int) -> int:
    """How many pieces a text ends with, of what stands behind its beginning."""
    at = len(text)
    for count, piece in enumerate(reversed(pieces)):
        if at - len(piece.text) < begin or not text.endswith(piece.text, begin, at):
            return count
        at -= len(piece.text)
    return len(pieces)
