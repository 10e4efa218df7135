"""What of a finding's message is its headline: the one fact, apart from the numbers behind it.

A message is one sentence, for formats of one line. Its first clause is the headline: what stands
before the first colon or semicolon that is not within brackets, and of a long one before the first
further thought. What the message says of how a
layer was constructed is told below the source, which shows it, and the sizes of a map go up.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

#: A layer's construction as `modellint.facts.wording.describe` writes it, behind the layer's key.
_VALUE = r'(?:\([^()]*\)|"[^"]*"|[^,()]+)'
_CONSTRUCTED = re.compile(
    rf"(?P<key>\S+) \((?P<what>[A-Za-z]\w+(?: \d+→\d+)?"
    rf"(?:, (?:\d+(?:×\d+)+|kernel \d+)(?:, \w+={_VALUE})*)?)\)"
)
#: A headline of more columns is cut before a further thought, but for its first words.
_LINE, _LEAST = 64, 20
_FURTHER = re.compile(r", (?:which|(?:over|of|in) which|so|nor|and|with|in a|between) ")
#: Shapes before and after a call, with the numbers of the example.
_SHAPES = re.compile(r"(?:(?P<before>[^(].*?),? )?(?P<shapes>\(.*\) → \(.*\)(?:, here \S+ → \S+)?)")
#: Sizes of a map before and after a call, at the end of a clause.
_RESIZED = re.compile(r"\d+(?:×\d+)* → \d+(?:×\d+)*$")


class Told(NamedTuple):
    """A message in parts: the headline, how its layers were constructed, shapes, what is left."""

    headline: str
    layers: tuple[str, ...]
    shapes: str
    facts: tuple[str, ...]


def told(message: str) -> Told:
    """The parts of a message."""
    layers: list[str] = []

    def without(found: re.Match[str]) -> str:
        if "→" not in found["what"] and "," not in found["what"]:
            return found[0]  # The class alone is worth its place.
        layers.append(f"{found['key']} ({found['what']})")
        return found["key"]

    clauses = _clauses(message)
    head = _CONSTRUCTED.sub(without, clauses[0])
    rest = clauses[1:]
    if rest and not any(map(str.isspace, re.sub(r" \(\w+\)$", "", head))):
        # No more than the layer's name.
        head = f"{head}: {_CONSTRUCTED.sub(without, rest.pop(0))}"
    head, *further = _shortened(head)
    shapes, facts = _apart(rest)
    facts = [*further, *facts]
    sizes = next((found for found in map(_RESIZED.search, rest) if found is not None), None)
    if sizes is not None and sizes[0] not in head:
        head = f"{head}: {sizes[0]}"
    return Told(head, tuple(layers), shapes, tuple(facts))


def _shortened(head: str) -> list[str]:
    """A headline that takes more than a line in two, where a further thought begins."""
    depth = 0
    for at, character in enumerate(head if len(head) > _LINE else ""):
        depth += (character in "([{") - (character in ")]}")
        if depth == 0 and at > _LEAST and _FURTHER.match(head, at):
            return [head[:at], head[at + 2 :]]
    return [head]


def _apart(clauses: Sequence[str]) -> tuple[str, list[str]]:
    """The shapes before and after a call that clauses end with, and what is left of them."""
    for at, clause in enumerate(clauses):
        found = _SHAPES.fullmatch(clause)
        if found is not None:
            before = [found["before"]] if found["before"] else []
            return found["shapes"], [*clauses[:at], *before, *clauses[at + 1 :]]
    return "", [*clauses]


def _clauses(message: str) -> list[str]:
    """The clauses of a sentence, apart where a colon or a semicolon stands outside brackets."""
    clauses, begin, depth = [], 0, 0
    for at, character in enumerate(message):
        depth += (character in "([{") - (character in ")]}")
        if depth <= 0 and character in ":;" and message[at + 1 : at + 2] == " ":
            clauses.append(message[begin:at])
            begin = at + 2
    return [*clauses, message[begin:]]
