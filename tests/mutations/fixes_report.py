"""The table of fixes of planted faults, and its summary a rule."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import astuple, fields
from pathlib import Path

from .measure import Row
from .mended import Outcome, drawn, outcomes

FIXES = Path(__file__).with_name("fixes.tsv")
BEGIN = "<!-- fixes: made by python -m tests.mutations --fixes -->\n"
END = "<!-- end of fixes -->"


def fixes_summary(found: Sequence[Outcome]) -> str:
    """How many findings of each rule have a fix, as a Markdown table, all rules in its last line.

    The last column has the reasons of those that have none, the commonest first.
    """
    lines = ["| rule | findings | with a fix | share | none, because |", "|---|---|---|---|---|"]
    found = sorted(found)
    rules = sorted({one.rule for one in found})
    lines += [_line(rule, [one for one in found if one.rule == rule]) for rule in rules]
    lines.append(_line(f"**all**, of {len({one.planted_at for one in found})} faults", found, ""))
    return "\n".join(lines)


def _line(name: str, found: Sequence[Outcome], why: str | None = None) -> str:
    fixed = sum(one.is_fixed and not one.is_broken for one in found)
    if why is None:
        reasons = Counter(one.outcome for one in found if not one.is_fixed or one.is_broken)
        why = "; ".join(f"{reason} ({count})" for reason, count in reasons.most_common(2))
    return f"| {name} | {len(found)} | {fixed} | {100 * fixed / len(found):.1f} % | {why} |"


def page_with_fixes(found: Sequence[Outcome], text: str) -> str:
    """The page with the summary of these outcomes between its marks."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{fixes_summary(found)}\n\n{END}{rest.partition(END)[2]}"


def read_fixes(path: Path = FIXES) -> list[Outcome]:
    """The committed outcomes."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(rows)
        return [Outcome(*cells) for cells in rows]


def write_fixes(found: Iterable[Outcome], path: Path = FIXES) -> None:
    """Write outcomes, sorted, with a head line."""
    lines = ["\t".join(field.name for field in fields(Outcome))]
    lines += ["\t".join(astuple(one)) for one in sorted(found)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def measure_fixes(rows: Iterable[Row], sample: int | None) -> list[Outcome]:
    """What comes of the findings of planted faults, or of so many of them; broken ones are told."""
    found: list[Outcome] = []
    for one in outcomes(rows if sample is None else drawn(rows, sample)):
        found.append(one)
        if one.is_broken:
            print("\t".join(astuple(one)), file=sys.stderr)
    return found
