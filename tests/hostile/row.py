"""What a row of the table is: a file as it is met in the wild, and what must come of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

#: Marks the line of a text that an error, a model or a finding is expected at.
HERE = "# HERE"


@dataclass(frozen=True)
class Row:
    """One input, numbered as in the list that the tests are held to, and the expected outcome.

    `text` is `net.py`; `files` are others, or links and devices that functions make. `exit` is the
    status of the command. `kind` is that of the one entry of `errors`, at `line`; `status` that of
    the models of the files that are not `good.py`, by name. `rules` are the findings' rules. A
    line of `None` is the line that `HERE` marks, if there is one.
    """

    number: int
    title: str
    text: str | bytes | None = None
    files: Mapping[str, str | bytes | Callable[[Path], None]] = field(default_factory=dict)
    arguments: tuple[str, ...] = ("net.py",)
    stdin: str = ""
    exit: int = 0
    kind: str | None = None
    line: int | None = None
    status: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[str, ...] = ()
    notes: int | None = None
    #: Whether no good file is linted besides.
    alone: bool = False
    #: Whether the file is meant to change its folder.
    changes: bool = False
    marks: tuple[Any, ...] = ()
    #: Further checks, of the report and of what the command printed.
    check: Callable[[Any, Any], None] | None = None

    @property
    def id(self) -> str:
        """The row's name among the tests."""
        return f"{self.number:03}-{self.title.replace(' ', '-')}"

    def expected_line(self) -> int | None:
        """The line that is given or marked."""
        if self.line is not None or not isinstance(self.text, str):
            return self.line
        lines = self.text.splitlines()
        return next((at for at, line in enumerate(lines, 1) if HERE in line), None)


def net(
    init: str = "pass",
    forward: str = "return self.conv(x)",
    *,
    before: str = "",
    after: str = "",
    name: str = "Net",
    layer: str = "self.conv = nn.Conv2d(3, 8, 3, padding=1)",
) -> str:
    """A file with one model: statements for its constructor, its forward, and around the class."""
    return (
        "import os, sys, time\nimport torch\nimport torch.nn.functional as F\n"
        "from torch import nn\n"
        f"{dedent(before)}\n\nclass {name}(nn.Module):\n    def __init__(self):\n"
        f"        super().__init__()\n{_block(init)}{_block(layer)}\n"
        f"    def forward(self, x):\n{_block(forward)}\n{dedent(after)}\n"
    )


def layers(construction: str, forward: str = "return self.layer(x)", **more: str) -> str:
    """A file with one model of one layer, whose construction is the marked line."""
    return net(layer=f"self.layer = {construction}  {HERE}", forward=forward, **more)


def _block(code: str) -> str:
    return indent(dedent(code).strip(), " " * 8) + "\n" if code.strip() else ""
