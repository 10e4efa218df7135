"""What a process runs of notebooks: the lines of its cells, and words for places in them.

A file of cells that a worker loads, or cells that a kernel has run. Python, torch and modellint
look up the line of some code in `linecache`. There a notebook's file would be lines of JSON; of a
kernel's cells it holds what IPython has put there.
"""

from __future__ import annotations

import linecache
import os
import re
import sys
from typing import Any

from modellint.source.cells import Cells
from modellint.source.file import SourceFile

_NOTEBOOKS: dict[str, Cells] = {}
_NUMBER = re.compile(r"In\s?\[(\d+)\]")


def execute(source: SourceFile, *, unsaved: bool = False) -> None:
    """Have the lines of a notebook's module found as those of its file from now on.

    So are those of a text that is `unsaved`, of which its file holds another, or that has none.
    """
    if source.cells is not None:
        _NOTEBOOKS[source.path] = source.cells
    elif not unsaved:
        return
    lines = [f"{line}\n" for line in source.lines]
    # Without a date `linecache` never asks the file whether it has changed.
    linecache.cache[source.path] = (len(source.text), None, lines, source.path)


def words(path: str, line: int) -> str:
    """A line of what runs as a text names it: `line 17`; in a cell, `cell 3, line 7`."""
    place = cell_place(path, line)
    return f"line {line}" if place is None else "cell {}, line {}".format(*place)


def short_place(path: str, line: int) -> str:
    """A line of what runs by the name of its file: `net.py:17`, `net.ipynb:cell 3:7`."""
    place = cell_place(path, line)
    name = os.path.basename(path)  # noqa: PTH119 - bound when it is imported
    if place is None:
        return f"{name}:{line}"
    return ":".join([name] * (path in _NOTEBOOKS) + ["cell {}:{}".format(*place)])


def mark(path: str, line: int) -> str:
    """A line as part of a name: `17`; in a cell, `3:7`."""
    place = cell_place(path, line)
    return str(line) if place is None else "{}:{}".format(*place)


def cell_place(path: str, line: int) -> tuple[int, int] | None:
    """The cell that a line of what runs is in, and which of its lines; `None` for no cell."""
    cells = _NOTEBOOKS.get(path)
    return kernel_place(path, line) if cells is None else cells.place(line)


def text_of(path: str) -> str | None:
    """The code that was run under a name that no file has; `None` where nobody kept it."""
    entry = linecache.cache.get(path)
    # What was read from a file may have changed since.
    if entry is None or len(entry) != 4 or (entry[1] is not None and os.path.exists(path)):  # noqa: PTH110
        return None
    return "".join(entry[2])


def kernel_place(path: str, line: int) -> tuple[int, int] | None:
    """The number of the cell that a kernel ran some code of, and the line as it was typed there.

    `None` where this is no kernel, and for code of files. A cell that ran several times has the
    number of the last.
    """
    shell = _shell()
    text = None if shell is None else text_of(path)
    if text is None:
        return None
    number = _number(shell, path)
    ran = text.rstrip().split("\n")
    # What a magic runs of its cell is counted as the next one.
    likely = [number, number - 1] if number is not None else range(len(_history(shell)), 0, -1)
    for one in likely:
        above = _above((typed(one) or "").rstrip().split("\n"), ran)
        if above is not None:
            return one, line + above
    return None if number is None else (number, line)


def typed(number: int) -> str | None:
    """What was typed into the cell of a number; `None` where no kernel knows."""
    shell = _shell()
    cells = [] if shell is None else _history(shell)
    return cells[number] if 0 < number < len(cells) else None


def _history(shell: Any) -> list[str]:
    """What was typed, by the numbers of cells."""
    history: list[str] = shell.history_manager.input_hist_raw
    return history


def is_kernel() -> bool:
    """Whether cells are run in this process."""
    return _shell() is not None


def _shell() -> Any:
    """The shell of IPython, or of a kernel, that this process is; never imports it."""
    module = sys.modules.get("IPython.core.getipython")
    return None if module is None else module.get_ipython()


def _number(shell: Any, path: str) -> int | None:
    """The number that IPython shows for the file name of a cell; before IPython 8 it shows none."""
    named = getattr(shell.compile, "format_code_name", lambda name: None)(path)
    found = _NUMBER.search(named[1]) if named else None
    return int(found[1]) if found else None


def _above(typed_in: list[str], ran: list[str]) -> int | None:
    """How many lines stand in a cell above what ran of it: empty ones, and magics.

    `None` for what is no part of the cell.
    """
    above = len(typed_in) - len(ran)
    pairs = zip(typed_in[max(above, 0) :], ran, strict=False)
    # What only IPython reads ran as a call of it.
    alike = all(one.strip() == other.strip() or "get_ipython()" in other for one, other in pairs)
    return above if above >= 0 and alike else None
