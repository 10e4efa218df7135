"""Splits the targets of a run into parts of one size, for as many machines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from modellint.config.targets import Target
from modellint.errors import UsageError
from modellint.protocol.states import digest

_WRITTEN = re.compile(r"([1-9]\d{0,5})/([1-9]\d{0,5})\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shard:
    """One part of several; `number` counts from 1 to `count`."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number} of {self.count}"

    def of(self, targets: Sequence[Target]) -> tuple[Target, ...]:
        """The targets of this part, in the order that they are given in.

        The parts are consecutive pieces of the targets in the order of their printed paths'
        digests, of equal length but for one. So neighbours, which often cost alike, are spread,
        and a file more or less moves at most one other file over each border between two parts.
        """
        ranked = sorted(targets, key=lambda target: (_rank(target), target.shown))
        ends = (self.number - 1, self.number)
        first, last = (len(ranked) * end // self.count for end in ends)
        part = set(ranked[first:last])
        return tuple(target for target in targets if target in part)


def parse_shard(text: str) -> Shard:
    """Read `I/N`; raise `UsageError` for anything else, and for an I that is not one of 1 to N."""
    match = _WRITTEN.match(text.strip())
    if match is None or int(match[1]) > int(match[2]):
        raise UsageError(
            f"--shard {text}: give the part and how many there are, from 1/N to N/N, such as 2/4"
        )
    return Shard(int(match[1]), int(match[2]))


def _rank(target: Target) -> str:
    return digest(target.shown.encode("utf-8", "surrogateescape"))
