"""Running text in columns of a terminal: wrapped between words, behind a label, as a link."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from modellint.report.lines import columns, printable
from modellint.report.view import View

#: Where a line may end: not before a unit or an arrow, nor within a formula.
_GAP = re.compile(r" +(?!%|px\b|→|(?:[-+=]|//|==) )(?<! [-+=] )(?<! // )(?<! == )")
#: Code is kept together where it is short, and so are sizes.
_CODE = re.compile(r"`[^`]{1,60}`|\([^()]{1,30}\)")


def wrapped(text: str, width: int, first: int | None = None) -> list[str]:
    """The lines of a text, none wider than `width` columns; a longer word is cut.

    The first has room for `first` columns where something stands before it; it may stay empty.
    """
    lines, taken, room = [""], 0, width if first is None else first
    whole = _CODE.sub(lambda code: code[0].replace(" ", "\0"), text)
    for word in (word.replace("\0", " ") for word in _GAP.split(whole)):
        wide = columns(word)
        if taken + bool(taken) + wide > room and (taken or room < width):
            lines.append("")
            taken, room = 0, width
        while wide > room:
            head = _fitting(word, room)
            lines[-1] = head
            lines.append("")
            word, wide = word[len(head) :], wide - columns(head)
        lines[-1] += f" {word}" if taken else word
        taken += bool(taken) + wide
    return lines


def labelled(label: str, text: str, indent: int, view: View) -> Iterator[str]:
    """A text behind its label, on a terminal wrapped: its further lines stand below its first.

    Without a label it goes on with the one above.
    """
    begin = indent + 1 + 6 + 2
    text = printable(text)
    first, *others = wrapped(text, max(view.width - begin, 20)) if view.width else [text]
    named = view.paint(f"{label:>6}:", bold=True) if label else " " * 7
    yield f"{'':{indent}} {named} {first}".rstrip()
    yield from (f"{'':{begin}}{line}" for line in others)


def headed(head: str, length: int, text: str, view: View) -> Iterator[str]:
    """A text behind a head of `length` columns: wrapped on a terminal, one line elsewhere."""
    text = printable(text)
    if not view.terminal:
        yield f"{head} {text}"
        return
    first, *others = wrapped(text, view.room - 2, view.room - length - 1)
    yield f"{head} {first}".rstrip()
    yield from (f"  {line}" for line in others)


def file_address(path: str) -> str | None:
    """The address of a file on this machine, as links have it."""
    return Path(path).as_uri() if path and Path(path).is_absolute() else None


def _fitting(word: str, width: int) -> str:
    """As much of a word as has room, a character at least."""
    taken = 0
    for at, character in enumerate(word):
        taken += columns(character)
        if taken > width:
            return word[: max(at, 1)]
    return word
