"""What a finding is known by from one run to the next, however its file is edited elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from modellint.results.findings import Diagnostic
from modellint.results.report import Report
from modellint.suppression.identity import keyed


def fingerprints(report: Report, findings: Sequence[Diagnostic]) -> Iterator[str]:
    """A hash for each finding, unique among them, in their order.

    It is made of what baselines know a finding by: the rule, the class and the path, and the text
    of the line, never the line's number or the message, whose numbers change with the model.
    Findings alike in all of these are told apart by their order.
    """
    part = replace(report, findings=tuple(findings))
    yield from distinct(key for key, _ in keyed(part, str(Path.cwd())))


def distinct(keys: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """A hash for each key, those of equal keys made different by counting them."""
    seen: Counter[tuple[str, ...]] = Counter()
    for key in keys:
        text = "\0".join((*key, str(seen[key])))
        seen[key] += 1
        yield sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
