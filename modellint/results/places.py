"""A place as reports write it: a file, in a notebook one of its cells, a line, a column."""

from __future__ import annotations

#: The path of what a kernel ran: it knows the numbers of its cells, and of no file.
KERNEL = "<notebook>"


def place_of(path: str, line: int, column: int | None = None, *, cell: int | None = None) -> str:
    """`net.py:7:22`, in a notebook `net.ipynb:cell 3:7:22`, in a kernel `cell 3:7:22`.

    Without a column where it has none.
    """
    numbers = [line] if column is None else [line, column]
    return ":".join([file_of(path, cell=cell), *map(str, numbers)])


def file_of(path: str, *, cell: int | None = None) -> str:
    """A file, or the cell of one, as reports name it."""
    if cell is None:
        return path
    return cell_name(cell) if path == KERNEL else f"{path}:{cell_name(cell)}"


def cell_name(cell: int) -> str:
    """A cell as reports name it."""
    return f"cell {cell}"


def in_json(path: str, cell: int | None) -> dict[str, str | int]:
    """A file as JSON has it, with the cell beside it where it is a notebook."""
    return {"path": path} if cell is None else {"path": path, "cell": cell}
