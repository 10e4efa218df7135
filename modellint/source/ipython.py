"""A notebook's cell as Python: what only IPython understands gives way, and nothing else moves.

Lines and columns of all that is Python stay. IPython's own rules are those of its
`IPython.core.inputtransformer2`, which needs IPython and moves what follows.
"""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass, field

#: Cell magics that run the rest of their cell as Python in the notebook's own names. Others hand
#: it to another program, as `%%bash` and `%%python` do, or write it into a file.
_PYTHON = frozenset("capture debug ipytest memit modellint prun time timeit wandb".split())
#: What may be said without its `%`, alone in a cell.
_BARE = frozenset("cd conda config env ls matplotlib mamba pip pwd uv who whos".split())
#: Without any of these a cell is Python, or no better for a closer look.
_MARKS = re.compile(rf"[%!?]|^\s*[,;/]|\A\s*(?:{'|'.join(sorted(_BARE))})\b", re.MULTILINE)
_CELL_MAGIC = re.compile(r"%%(\w+)(?!.*\?\s*$)")
_CAPTURE = re.compile(r"(\s*[^\s=!<>%#?][^=!<>%#?]*=\s*)(?:!(?!=)|%\s*(?=[A-Za-z_]))(.*)")
_TIME = "%time"
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")


def indent_of(cell: str) -> str:
    """The spaces that all lines of a cell begin with: IPython reads it without them."""
    written = [line for line in cell.split("\n") if line.strip()]
    first = written[0] if written else ""
    indent = first[: len(first) - len(first.lstrip())]
    return indent if all(line.startswith(indent) for line in written) else ""


def python_of(cell: str) -> str:
    """The cell, its lines ending in newlines, with what is no Python left out.

    So is the indent of all lines. `x = !ls` becomes the call that IPython makes of it: its value is
    not known here. What is wrong Python stays, to be told where it stands.
    """
    indent = indent_of(cell)
    if indent:
        cell = "\n".join(line.removeprefix(indent) for line in cell.split("\n"))
    if not _MARKS.search(cell) or _is_python(cell):
        return cell
    lines = cell.split("\n")
    if not _without_cell_magics(lines):
        return "\n" * (len(lines) - 1)
    written = [line for line in lines if line.strip()]
    if len(written) == 1 and written[0].split()[0] in _BARE and not _is_python("\n".join(lines)):
        return "\n" * (len(lines) - 1)
    reader = _Reader()
    at = 0
    while at < len(lines):
        at = _without_escape(lines, at, reader)
    return "\n".join(lines)


def _is_python(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return True


def _without_cell_magics(lines: list[str]) -> bool:
    """Blank the magics that a cell begins with; whether the rest of it is Python."""
    for at, line in enumerate(lines):
        if not line.strip():
            continue
        if not line.startswith("%%"):
            return True
        magic = _CELL_MAGIC.match(line)
        if magic is None or magic[1] not in _PYTHON:
            return False
        lines[at] = ""
    return True


def _without_escape(lines: list[str], at: int, reader: _Reader) -> int:
    """Replace what is no Python at a line; the number of the line that follows."""
    line = lines[at]
    starts = reader.between
    text = line.lstrip()
    indent = line[: len(line) - len(text)]
    if starts and text[:1] in ("%", "!", "?", ",", ";", "/"):
        return _replaced(lines, at, indent + _instead_of(text))
    captured = _CAPTURE.match(line) if starts else None
    if captured is not None:
        return _replaced(lines, at, f"{captured[1]}get_ipython().getoutput({captured[2]!r})")
    reader.read(line)
    if starts and reader.between and reader.last == "?":
        lines[at] = f"{indent}pass"
    return at + 1


def _instead_of(escape: str) -> str:
    """What stands for a line that is no Python: `pass`, which a block may be of alone."""
    timed = "pass;" + escape.removeprefix(_TIME)
    if escape.startswith(f"{_TIME} ") and _is_python(timed):
        return timed
    return "pass"


def _replaced(lines: list[str], at: int, text: str) -> int:
    """Put a text in the place of a line and those that a backslash makes part of it."""
    last = at
    while lines[last].endswith("\\") and last + 1 < len(lines):
        last += 1
    lines[at : last + 1] = [text, *[""] * (last - at)]
    return last + 1


@dataclass
class _Reader:
    """What a line of a cell begins in: brackets, a text of several lines, or nothing.

    Python's own tokenizer gives up at a `?`, and at the quotes of a shell line.
    """

    depth: int = 0
    quote: str = ""
    continued: bool = False
    last: str = field(default="")

    @property
    def between(self) -> bool:
        """Whether a statement may begin here."""
        return not (self.depth or self.quote or self.continued)

    def read(self, line: str) -> None:
        """Go to the end of a line; `last` is the last of it that is neither space nor comment."""
        self.continued, self.last = False, ""
        at = 0
        while at < len(line):
            if self.quote:
                at = self._text(line, at)
                continue
            character = line[at]
            if character == "#":
                break
            if character in "'\"":
                self.quote = character * 3 if line.startswith(character * 3, at) else character
                at += len(self.quote)
                continue
            self.depth += (character in _OPENING) - (character in _CLOSING)
            self.depth = max(self.depth, 0)
            self.continued = character == "\\" and at + 1 == len(line)
            self.last = self.last if character.isspace() else character
            at += 1
        if len(self.quote) == 1 and not line.endswith("\\"):
            self.quote = ""  # Never closed, which the compiler will say.

    def _text(self, line: str, at: int) -> int:
        """The place behind a text, or behind the line where the text goes on."""
        while at < len(line):
            if line[at] == "\\":
                at += 2
            elif line.startswith(self.quote, at):
                at += len(self.quote)
                self.quote, self.last = "", "'"
                break
            else:
                at += 1
        return at
