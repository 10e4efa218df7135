"""What a model is fed and accepts, as the page says it: nothing twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from modellint.report.lines import shape
from modellint.results.models import ModelInput, ModelReport

#: Axes of maps, whose sizes are written in one: 28×28.
_MAP = re.compile(r"[DHW]\d*")
#: What a clause says that the shapes of the inputs say as well: `C and C2 = 3`.
_SAID = re.compile(r"[\w, ]+ = \d+")
_OPENING, _CLOSING = "([", ")]"


def contract(model: ModelReport) -> dict[str, Any]:
    """The inputs in rows, the clauses of the contract one by one, and whether it was tried.

    A clause is [text, whether it is a formula].
    """
    return {
        "inputs": [_input(given) for given in model.inputs],
        "clauses": [[clause, _is_formula(clause)] for clause in _clauses(model)],
        "confirmed": model.confirmed,
    }


def measured_at(model: ModelReport) -> str:
    """The sizes that costs are of: `28×28`, `L = 64`; empty where a model has no such choice."""
    sizes: dict[str, int] = {}
    for given in model.inputs:
        for at, (name, size) in enumerate(zip(given.shape, given.example, strict=False)):
            # Others than names are computed from these; samples are counted one by one.
            if isinstance(name, str) and name.isidentifier() and at != given.origins.batch:
                sizes.setdefault(name, size)
    sizes = {name: size for name, size in sizes.items() if not re.fullmatch(r"N\d*", name)}
    maps: dict[str, list[str]] = {}
    for name, size in sizes.items():
        if _MAP.fullmatch(name):
            maps.setdefault(name[1:], []).append(str(size))
    parts = dict.fromkeys("×".join(one) for one in maps.values())
    others = [f"{name} = {size}" for name, size in sizes.items() if not _MAP.fullmatch(name)]
    return ", ".join([*parts, *others])


def _input(given: ModelInput) -> dict[str, Any]:
    return {
        "name": given.name,
        "shape": shape(given.shape),
        "example": "×".join(map(str, given.example)),
        "dtype": given.dtype,
        "source": given.source,
        "guessed": given.guessed,
    }


def _clauses(model: ModelReport) -> Iterator[str]:
    """What the contract says of each symbol, without sizes that the shapes have as numbers."""
    depth, begin, text = 0, 0, model.accepts or ""
    for at, character in enumerate(text + ";"):
        depth += (character in _OPENING) - (character in _CLOSING)
        if depth == 0 and character == ";":
            clause = text[begin:at].strip()
            begin = at + 1
            if clause and not _SAID.fullmatch(clause):
                yield clause


def _is_formula(clause: str) -> bool:
    return re.match(r"[\w, ]+ (any|at|one|multiple|\d|=)", clause) is None
