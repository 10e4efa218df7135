"""What a baseline did in a run, and what it knows a finding by, as data."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from modellint.results.findings import Diagnostic


class Key(NamedTuple):
    """What a finding is known by; `path` is relative to a folder."""

    path: str
    within: str
    rule: str
    source: str

    def __str__(self) -> str:
        where = f"{self.path} ({self.within})" if self.within else self.path
        return f"{self.rule} in {where}: {self.source}"


@dataclass(frozen=True)
class Baselined:
    """What a baseline did in a run: how many findings it held back, which entries found none.

    `gone` has an entry for each place of its kind that is no longer flagged; `held` are the
    findings that were held back.
    """

    path: str
    known: int
    gone: tuple[Key, ...] = ()
    held: tuple[Diagnostic, ...] = field(default=(), compare=False)

    def to_dict(self) -> dict[str, Any]:
        """The entry `baseline` in JSON."""
        gone = [baseline_entry(key, count) for key, count in sorted(Counter(self.gone).items())]
        return {"path": self.path, "known": self.known, "gone": gone}


def baseline_entry(key: Key, count: int) -> dict[str, Any]:
    """An entry of a baseline in JSON: a finding of this key, at so many places."""
    return {
        "rule": key.rule,
        "class": key.within,
        "path": key.path,
        "source": key.source,
        "count": count,
    }
