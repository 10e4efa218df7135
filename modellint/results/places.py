"""A place as reports write it: a file, in a notebook one of its cells, a line, a column."""

from __future__ import annotations


def place_of(path: str, line: int, column: int | None = None, *, cell: int | None = None) -> str:
    """`net.py:7:22`, in a notebook `net.ipynb:cell 3:7:22`; without a column where it has none."""
    parts = [path, *([] if cell is None else [f"cell {cell}"]), str(line)]
    return ":".join(parts if column is None else [*parts, str(column)])


def in_json(path: str, cell: int | None) -> dict[str, str | int]:
    """A file as JSON has it, with the cell beside it where it is a notebook."""
    return {"path": path} if cell is None else {"path": path, "cell": cell}
