"""A place as reports write it: a file, in a notebook one of its cells, a line, a column."""

from __future__ import annotations

#: The path of what a kernel ran: it knows the numbers of its cells, and of no file.
KERNEL = "<notebook>"


def place_of(path: str, line: int, column: int | None = None, *, cell: int | None = None) -> str:
    """`net.py:7:22`, in a notebook `net.ipynb:cell 3:7:22`, in a kernel `cell 3:7:22`.

    Without a column where it has none.
    """
    parts = [path] if cell is None else [*([] if path == KERNEL else [path]), cell_name(cell)]
    return ":".join([*parts, str(line), *([] if column is None else [str(column)])])


def cell_name(cell: int) -> str:
    """A cell as reports name it."""
    return f"cell {cell}"


def in_json(path: str, cell: int | None) -> dict[str, str | int]:
    """A file as JSON has it, with the cell beside it where it is a notebook."""
    return {"path": path} if cell is None else {"path": path, "cell": cell}
