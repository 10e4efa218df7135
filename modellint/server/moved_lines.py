"""Where the lines of a text are after it was edited, as far as they are still there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

#: Of so many lines that differ in a row, none is looked for: typing changes fewer.
_MOST = 2000


@dataclass(frozen=True)
class MovedLines:
    """The lines of a text by where they were before and are after, all from 1."""

    after: Mapping[int, int]
    before: Mapping[int, int]

    @classmethod
    def between(cls, old: Sequence[str], new: Sequence[str]) -> MovedLines:
        """Those that two texts have in common, in one order."""
        after = dict(_pairs(tuple(old), tuple(new)))
        return cls(after, {there: here for here, there in after.items()})


@lru_cache(maxsize=32)
def _pairs(old: tuple[str, ...], new: tuple[str, ...]) -> list[tuple[int, int]]:
    shorter = min(len(old), len(new))
    head = next((at for at in range(shorter) if old[at] != new[at]), shorter)
    rest = shorter - head
    tail = next((at for at in range(rest) if old[-1 - at] != new[-1 - at]), rest)
    pairs = [(at + 1, at + 1) for at in range(head)]
    middle_old, middle_new = old[head : len(old) - tail], new[head : len(new) - tail]
    if max(len(middle_old), len(middle_new)) <= _MOST:
        # Without what stands in many places, such as empty lines, it takes no time to speak of.
        matcher = SequenceMatcher(None, middle_old, middle_new)
        for first, second, size in matcher.get_matching_blocks():
            pairs += [(head + first + at + 1, head + second + at + 1) for at in range(size)]
    pairs += [(len(old) - at, len(new) - at) for at in reversed(range(tail))]
    return pairs
