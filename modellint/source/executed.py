"""What a process runs of notebooks: their lines for whoever shows code, and words for its places.

Python, torch and modellint look up the line of some code in `linecache`. There a notebook's file
would be lines of JSON.
"""

from __future__ import annotations

import linecache
import os

from modellint.source.cells import Cells
from modellint.source.file import SourceFile

_NOTEBOOKS: dict[str, Cells] = {}


def execute(source: SourceFile) -> None:
    """Have the lines of a notebook's module found as those of its file from now on."""
    if source.cells is None:
        return
    _NOTEBOOKS[source.path] = source.cells
    lines = [f"{line}\n" for line in source.lines]
    # Without a date `linecache` never asks the file whether it has changed.
    linecache.cache[source.path] = (len(source.text), None, lines, source.path)


def words(path: str, line: int) -> str:
    """A line of what runs as a text names it: `line 17`; of a notebook, `cell 3, line 7`."""
    cells = _NOTEBOOKS.get(path)
    return f"line {line}" if cells is None else cells.words(line)


def short_place(path: str, line: int) -> str:
    """A line of what runs by the name of its file: `net.py:17`, `net.ipynb:cell 3:7`."""
    cells = _NOTEBOOKS.get(path)
    name = os.path.basename(path)  # noqa: PTH119 - bound when it is imported
    return f"{name}:{line}" if cells is None else "{}:cell {}:{}".format(name, *cells.place(line))


def mark(path: str, line: int) -> str:
    """A line as part of a name: `17`; of a notebook, `3:7`."""
    cells = _NOTEBOOKS.get(path)
    return str(line) if cells is None else "{}:{}".format(*cells.place(line))
