"""What stands in an editor: a file as one text, a notebook as one text a code cell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import Path
from tokenize import detect_encoding

from lsprotocol import types
from pygls.uris import to_fs_path
from pygls.workspace import Workspace

from modellint.source.file import split_lines
from modellint.source.paths import is_notebook


@dataclass(frozen=True)
class Part:
    """A text that an editor shows by itself: a file, or a code cell of a notebook, from 1."""

    uri: str
    version: int | None
    text: str = field(repr=False)
    cell: int | None = None

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """Its lines without their ends."""
        return split_lines(self.text)


@dataclass(frozen=True)
class Buffer:
    """A file as it stands in an editor, saved or not; `path` is absolute."""

    path: str
    parts: tuple[Part, ...]

    @cached_property
    def data(self) -> bytes:
        """What the file would hold, were it saved."""
        if is_notebook(self.path):
            return _notebook(self.parts)
        return _encoded(self.parts[0].text)

    def part(self, cell: int | None) -> Part | None:
        """The text of a cell; of a file, its only one."""
        return next((one for one in self.parts if one.cell == cell), None)

    def part_at(self, uri: str) -> Part | None:
        """The text that an editor knows by a URI."""
        return next((one for one in self.parts if one.uri == uri), None)


def path_of(uri: str) -> str | None:
    """The file that a URI stands for; `None` for what is on no disk, such as a new text."""
    path = to_fs_path(uri) if uri.startswith("file:") else None
    return None if path is None else str(Path(path))


def read_buffer(workspace: Workspace, uri: str) -> Buffer | None:
    """What stands in an editor under the URI of a file, of a notebook or of one of its cells."""
    notebook = workspace.get_notebook_document(notebook_uri=uri)
    notebook = notebook or workspace.get_notebook_document(cell_uri=uri)
    path = path_of(uri if notebook is None else notebook.uri)
    if path is None:
        return None
    if notebook is not None:
        return Buffer(path, tuple(_cells(workspace, notebook)))
    document = workspace.get_text_document(uri)
    return Buffer(path, (Part(uri, document.version, document.source),))


def _cells(workspace: Workspace, notebook: types.NotebookDocument) -> Iterator[Part]:
    code = [one for one in notebook.cells if one.kind == types.NotebookCellKind.Code]
    for number, cell in enumerate(code, start=1):
        document = workspace.get_text_document(cell.document)
        yield Part(cell.document, document.version, document.source, number)


def _notebook(parts: tuple[Part, ...]) -> bytes:
    """A notebook file of these cells."""
    cells = [{"cell_type": "code", "source": part.text} for part in parts]
    return json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}).encode()


def _encoded(text: str) -> bytes:
    """A text as a file of it is read: in the encoding that it names, if it does."""
    data = text.encode("utf-8", "surrogatepass")
    try:
        encoding, _ = detect_encoding(BytesIO(data).readline)
        return text.encode(encoding)
    except (SyntaxError, LookupError, UnicodeError):  # Told of when it is read.
        return data
