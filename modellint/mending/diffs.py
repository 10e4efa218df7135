"""What changes of a text, as a unified diff."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import unified_diff


def diff(path: str, before: str, after: str, around: int = 3) -> Iterator[str]:
    """The lines of a diff that `patch -p0` and `git apply -p0` understand, none where all is alike.

    `around` lines are shown on both sides of each change. Lines end at newlines alone: a carriage
    return is a part of them.
    """
    made = unified_diff(_lines(before), _lines(after), path, path, n=around, lineterm="")
    for at, line in enumerate(made):
        yield line.removesuffix("\n")
        if at > 1 and line[0] in "+- " and not line.endswith("\n"):
            yield "\\ No newline at end of file"


def _lines(text: str) -> list[str]:
    *whole, rest = text.split("\n")
    return [f"{line}\n" for line in whole] + [rest] * bool(rest)
