"""What was typed into a kernel so far, as one module, and the models that its last cell makes."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from inspect import CO_COROUTINE
from typing import Any

from modellint.discovery.candidates import Candidate, discover, entries
from modellint.results.places import KERNEL
from modellint.source.file import SourceFile, parse_cells, split_lines
from modellint.source.ipython import python_of


def session(shell: Any) -> SourceFile:
    """The cells that a shell ran, by their numbers; what of them is no Python is left out."""
    typed = ["\n".join(split_lines(one)) for one in shell.history_manager.input_hist_raw[1:]]
    return parse_cells(KERNEL, [python_of(one) for one in typed])


def awaits(cell: str) -> bool:
    """Whether a cell awaits outside of functions."""
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        code = compile(python_of(cell), "<cell>", "exec", flags, dont_inherit=True)
    except (SyntaxError, ValueError):  # The shell will say so.
        return False
    return bool(code.co_flags & CO_COROUTINE)


def made_by_last(source: SourceFile, new: Mapping[str, Any]) -> Iterator[tuple[Candidate, Any]]:
    """The models that the last cell of a session makes, each with its instance if it has one.

    `new` are the names that the cell has bound, with their values.
    """
    assert source.cells is not None
    last = len(source.cells.starts)
    for one in entries(discover(source)):
        here = source.place(one.line)[0] == last
        if one.kind == "class":
            # Another cell may have given its variable to another model.
            instances = [value for value in new.values() if type(value).__name__ == one.class_name]
        else:
            instances = [new[name] for name in (one.name, *one.aliases) if here and name in new]
        if instances:
            yield one, instances[0]
        elif here:
            yield one, None
