"""Notebooks for tests: cells as the file that Jupyter, or another program, makes of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

PYTHON = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}


class Style(NamedTuple):
    """How a program writes JSON, and the text of a cell."""

    indent: int | str | None = 1
    ascii: bool = False
    listed: bool = True
    end: str = "\n"
    last: str = "\n"
    bom: bool = False

    def source(self, text: str) -> str | list[str]:
        """The text of a cell as this style has it."""
        return text.splitlines(keepends=True) if self.listed else text

    def bytes(self, notebook: Mapping[str, Any]) -> bytes:
        """A notebook as this style writes it."""
        text = json.dumps(notebook, indent=self.indent, ensure_ascii=self.ascii)
        text = text.replace("\n", self.end) + self.last
        return text.encode("utf-8-sig" if self.bom else "utf-8")


#: As Jupyter writes it.
JUPYTER = Style()


def cell(text: str, style: Style = JUPYTER, kind: str = "code") -> dict[str, Any]:
    """One cell, with an output if it has code."""
    made: dict[str, Any] = {"cell_type": kind, "id": "0a1b", "metadata": {"tags": ["é", 1.0]}}
    if kind == "code":
        said = [{"name": "stdout", "output_type": "stream", "text": ["torch \\ü\n"]}]
        made |= {"execution_count": 3, "outputs": said}
    return {**made, "source": style.source(text)}


def notebook(
    code: Iterable[str], style: Style = JUPYTER, metadata: Mapping[str, Any] = PYTHON
) -> dict[str, Any]:
    """A notebook of code cells, with a text cell before each, which does not count."""
    cells = [
        made
        for text in code
        for made in (cell("# Text\n\nnn.Conv2d(1, 2, 4)", style, "markdown"), cell(text, style))
    ]
    return {"cells": cells, "metadata": dict(metadata), "nbformat": 4, "nbformat_minor": 5}


def written(
    code: Iterable[str], style: Style = JUPYTER, metadata: Mapping[str, Any] = PYTHON
) -> bytes:
    """The file of such a notebook."""
    return style.bytes(notebook(code, style, metadata))
