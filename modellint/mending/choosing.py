"""Which of the fixes that findings have are made, and which of them at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from modellint.fixes.edits import Edit
from modellint.results.findings import Diagnostic, TriedFix
from modellint.rules import SEVERITIES


def offered(findings: Iterable[Diagnostic], *, unsafe: bool) -> list[tuple[Diagnostic, TriedFix]]:
    """The fixes to be made, the gravest findings' first; one that several findings share once.

    Models of a file share layers, and then what mends these.
    """
    found: dict[frozenset[Edit], tuple[Diagnostic, TriedFix]] = {}
    for one in sorted(findings, key=lambda one: (SEVERITIES.index(one.severity), one.order)):
        if one.fix is not None and (unsafe or one.fix.safe):
            found.setdefault(frozenset(one.fix.edits), (one, one.fix))
    return [*found.values()]


def count_unsafe(findings: Sequence[Diagnostic]) -> int:
    """How many fixes change what the model computes."""
    return len(offered(findings, unsafe=True)) - len(offered(findings, unsafe=False))
