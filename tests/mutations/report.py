"""Plants all faults in all clean models and writes the table and its summary.

python -m tests.mutations                              # all; rewrites the table and the page
python -m tests.mutations --models resnet18 --rules even-kernel        # these rows only
python -m tests.mutations --fixes --sample 300         # which findings of them have a fix
"""

from __future__ import annotations

import argparse
import csv
import gc
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from . import axes, borders, kernels, shapes, silent, wiring  # noqa: F401 - each adds its faults
from .faults import FAULTS
from .libraries import LOSSES, plant_losses
from .measure import Row, plant_all
from .models import clean_models
from .sources import SOURCE_FAULTS, plant_in_texts

TABLE = Path(__file__).with_name("table.tsv")
PAGE = Path(__file__).parent.parent.parent / "docs" / "mutations.md"
BEGIN = "<!-- table: made by python -m tests.mutations -->\n"
END = "<!-- end -->"


@dataclass(frozen=True)
class Score:
    """How a rule did: its planted and caught faults, and its own false alarms in all mutants."""

    planted: int
    caught: int
    implied: int
    elsewhere: int

    @property
    def recall(self) -> float:
        """The part of the planted faults that was caught."""
        return self.caught / self.planted

    @property
    def precision(self) -> float:
        """The part of the rule's new findings that are planted faults."""
        return self.caught / (self.caught + self.elsewhere) if self.caught else 0.0


def scores(rows: Iterable[Row]) -> Mapping[str, Score]:
    """The score of each rule that has planted faults, by name."""
    planted, caught = Counter[str](), Counter[str]()
    implied, elsewhere = Counter[str](), Counter[str]()
    for row in rows:
        planted[row.rule] += 1
        caught[row.rule] += row.caught
        implied.update(where.partition("@")[0] for where in row.implied.split())
        elsewhere.update(where.partition("@")[0] for where in row.elsewhere.split())
    return {
        rule: Score(planted[rule], caught[rule], implied[rule], elsewhere[rule])
        for rule in sorted(planted | elsewhere)
        if planted[rule]
    }


def summary(rows: Sequence[Row]) -> str:
    """The scores as a Markdown table, all rules together in its last line."""
    found = scores(rows)
    lines = [
        "| rule | planted | caught | recall | implied | elsewhere | precision |",
        "|---|---|---|---|---|---|---|",
        *(_line(rule, score) for rule, score in found.items()),
    ]
    columns = zip(*((s.planted, s.caught, s.implied, s.elsewhere) for s in found.values()))  # noqa: B905
    lines.append(_line(f"**all**, in {model_count(rows)} models", Score(*map(sum, columns))))
    return "\n".join(lines)


def model_count(rows: Iterable[Row]) -> int:
    """In how many models something was planted; a file and its text are one model."""
    return len({row.model.replace("text:", "files:") for row in rows})


def _line(name: str, score: Score) -> str:
    recall, precision = f"{100 * score.recall:.1f} %", f"{100 * score.precision:.1f} %"
    counts = f"{score.planted} | {score.caught} | {recall} | {score.implied} | {score.elsewhere}"
    return f"| {name} | {counts} | {precision} |"


def read_table(path: Path = TABLE) -> dict[tuple[str, str, str], Row]:
    """The committed rows, by rule, fault and model."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(rows)
        made = [Row(*cells) for cells in rows]
    return {row.key: row for row in made}


def write_table(rows: Iterable[Row], path: Path = TABLE) -> None:
    """Write the rows, sorted, with a head line."""
    lines = ["\t".join(field.name for field in fields(Row))]
    lines += ["\t".join(astuple(row)) for row in sorted(rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def page_with(rows: Sequence[Row], text: str) -> str:
    """The page with the summary of these rows between its marks."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{summary(rows)}\n\n{END}{rest.partition(END)[2]}"


def planted(models: Sequence[str], rules: Sequence[str]) -> Iterator[Row]:
    """What came of the faults of these rules in these models; of all where none are named."""
    faults = [fault for fault in FAULTS if not rules or fault.rule in rules]
    chosen = [one for one in clean_models() if not models or one.name in models]
    losses = not rules or any(fault.rule in rules for fault in LOSSES)
    for exhibit in chosen:
        if faults:
            yield from plant_all(exhibit, faults)
        if losses:
            yield from plant_losses(exhibit)
        gc.collect()
    if not models and (not rules or any(fault.rule in rules for fault in SOURCE_FAULTS)):
        yield from (row for row in plant_in_texts() if not rules or row.rule in rules)


def main(arguments: Sequence[str] | None = None) -> int:
    """Plant the faults that are asked for and rewrite their rows of the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    parser.add_argument("--models", nargs="+", default=(), help="only these models, by name")
    parser.add_argument("--rules", nargs="+", default=(), help="only faults of these rules")
    parser.add_argument("--fixes", action="store_true", help="which findings have a fix that runs")
    parser.add_argument("--sample", type=int, help="of --fixes: so many faults, drawn of all")
    parser.add_argument("--output", type=Path, default=TABLE, help="the table to rewrite")
    given = parser.parse_args(arguments)
    started = time.perf_counter()
    if given.fixes:
        _report_fixes(given.models, given.rules, given.sample)
        return 0
    table = read_table(given.output) if given.models or given.rules else {}
    for row in planted(given.models, given.rules):
        table[row.key] = row
        if not row.caught or row.elsewhere:
            print("\t".join(astuple(row)), file=sys.stderr)
    rows = sorted(table.values())
    write_table(rows, given.output)
    if given.output == TABLE:
        PAGE.write_text(page_with(rows, PAGE.read_text("utf-8")), encoding="utf-8")
    print(summary(rows))
    print(f"{time.perf_counter() - started:.0f} s", file=sys.stderr)
    return 0


def _report_fixes(models: Sequence[str], rules: Sequence[str], sample: int | None) -> None:
    """Print which findings of planted faults have a fix; where all rules are asked, rewrite it."""
    from .fixes_report import fixes_summary, measure_fixes, page_with_fixes, write_fixes

    rows = [
        row
        for row in read_table().values()
        if (not models or row.model.partition(":")[2] in models)
        if (not rules or row.rule in rules)
    ]
    found = measure_fixes(rows, sample)
    if not models and not rules:
        write_fixes(found)
        PAGE.write_text(page_with_fixes(found, PAGE.read_text("utf-8")), encoding="utf-8")
    print(fixes_summary(found))
