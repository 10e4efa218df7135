"""A file's bytes with edits made: nothing else of it changes."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from modellint.errors import FileError
from modellint.fixes.edits import Edit, edited
from modellint.source.file import parse_source
from modellint.source.paths import is_notebook

if TYPE_CHECKING:
    from modellint.source.notebooks import Notebook

_END = re.compile(r"(\r\n|\r|\n)")
_BOM = "\ufeff"


def rewritten(path: str, data: bytes, edits: Iterable[Edit]) -> bytes:
    """A file's bytes after edits that do not touch each other, valid Python as before.

    Encoding, BOM and line ends stay, mixed ones too; a line that is new ends as the one before it.
    Raises `FileError` where the file is not what the edits are of, where its encoding lacks a
    character of theirs, and where what comes out is no Python.
    """
    if is_notebook(path):
        return _rewritten_notebook(path, data, edits)
    parse_source(path, data)
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    text = data.decode(encoding)
    if text.encode(encoding) != data:
        message = f"{encoding} would write other bytes for what stays"
        raise FileError("encoding-error", path, None, message)
    bom = _BOM if text.startswith(_BOM) else ""
    changed = bom + _with(path, text.removeprefix(bom), sorted({*edits}))
    try:
        made = changed.encode(encoding)
    except UnicodeEncodeError as error:
        message = f"{encoding} has no {error.object[error.start]!r}"
        raise FileError("encoding-error", path, None, message) from error
    parse_source(path, made)
    return made


def _rewritten_notebook(path: str, data: bytes, edits: Iterable[Edit]) -> bytes:
    from modellint.source.notebooks import read_notebook

    notebook = read_notebook(path, data)
    made = notebook.with_cells(notebook_edited(notebook, edits))
    before, after = parse_source(path, data).faults, parse_source(path, made).faults
    if len(after) > len(before):
        raise after[-1]
    return made


def notebook_edited(notebook: Notebook, edits: Iterable[Edit]) -> dict[int, str]:
    """The cells that edits change, each with its text afterwards, its lines ending in newlines.

    Raises `FileError` where the cells are not what the edits are of.
    """
    found: dict[int, list[Edit]] = {}
    for edit in edits:
        found.setdefault(edit.cell or 0, []).append(edit._replace(cell=None))
    made: dict[int, str] = {}
    for cell, inside in sorted(found.items()):
        lines = notebook.lines_of(cell)
        check_edits(notebook.path, lines, inside)
        made[cell] = edited("\n".join(lines), inside)
    return made


def texts_of(path: str, data: bytes) -> dict[str, str]:
    """The texts of a file that `rewritten` can change, by their names: those of a notebook's cells.

    That of another file is one, BOM and line ends included.
    """
    if is_notebook(path):
        from modellint.source.notebooks import read_notebook

        notebook = read_notebook(path, data)
        cells = range(1, len(notebook.code) + 1)
        return {f"{path}:cell {cell}": notebook.typed(cell) for cell in cells}
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return {path: data.decode(encoding.removesuffix("-sig"))}


def _with(path: str, text: str, edits: Sequence[Edit]) -> str:
    parts = _END.split(text)
    lines, ends = parts[::2], parts[1::2]
    check_edits(path, lines, edits)
    for edit in reversed(edits):
        first, last = edit.line - 1, edit.end_line - 1
        head, tail = lines[first][: edit.column - 1], lines[last][edit.end_column - 1 :]
        written = (head + edit.text + tail).split("\n")
        usual = ends[min(first, len(ends) - 1)] if ends else "\n"
        added = len(written) - 1
        ends[first:last] = [*ends[first:last], *[usual] * added][:added]
        lines[first : last + 1] = written
    return "".join(line + end for line, end in zip(lines, [*ends, ""], strict=True))


def check_edits(path: str, lines: Sequence[str], edits: Iterable[Edit]) -> None:
    """Raise `FileError` unless edits are places of a text, of which none reaches into another."""
    reached = (1, 1)
    for edit in sorted({*edits}):
        inside = edit.end_line <= len(lines) and all(
            1 <= column <= len(lines[line - 1]) + 1 for line, column in (edit.start, edit.end)
        )
        if not (inside and reached <= edit.start <= edit.end):
            raise FileError("unreadable", path, edit.line, "a fix is of another text")
        reached = edit.end
