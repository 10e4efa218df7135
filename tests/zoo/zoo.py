"""Lints the zoo in this process and writes what it finds as a table.

    python -m tests.zoo                                  # everything; rewrites tests/zoo/table.tsv
    python -m tests.zoo --families timm torchvision      # these families' rows only
    python -m tests.zoo --sample                         # the sample that the tests compare
    python -m tests.zoo --reasons                        # lints nothing, joins the reasons anew

One row a model; rows of other families stay as they are. The diff of the table is what a change
of the tracer or of a rule is reviewed by. Why a finding is true and worth a maintainer's time is
said in reasons.tsv, and joined into the table's last column.
"""

from __future__ import annotations

import argparse
import csv
import gc
import logging
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path

import modellint

from .models import FAMILIES, Exhibit, build, exhibits
from .reasons import Reason, read_reasons, reason_for

TABLE = Path(__file__).with_name("table.tsv")

#: Every so many models of a family belong to the sample.
SAMPLE = {"timm": 9, "torchvision": 9, "pytorchcv": 12, "smp": 10, "transformers": 6}


@dataclass(frozen=True, order=True)
class Row:
    """What modellint says of one model, in the columns of the table.

    `findings` are those at warning or above, `even-kernel×2`; `info` counts the others. `macs` is 0
    where values decide what runs: how many boxes pass a threshold is not the same in every run.
    `reasons` say of each rule in `findings`, in the same order, why it is right.
    """

    family: str
    model: str
    inputs: str
    status: str
    reason: str
    parameters: int
    macs: int
    findings: str
    info: int
    reasons: str = ""

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules in `findings`."""
        return tuple(finding.partition("×")[0] for finding in self.findings.split())

    def explained(self, reasons: Sequence[Reason]) -> Row:
        """The row with what is said of its findings; nothing where there is no reason."""
        found = (reason_for(reasons, rule, f"{self.family}:{self.model}") for rule in self.rules)
        return replace(self, reasons="; ".join(one.text if one else "" for one in found))

    @property
    def key(self) -> tuple[str, str]:
        """What the row is about."""
        return self.family, self.model


def lint_exhibit(exhibit: Exhibit) -> Row:
    """Build one model and lint it; what goes wrong is the row's status."""
    logging.disable(logging.WARNING)
    try:
        model = build(exhibit)
        specs = exhibit.inputs(model)
    except Exception as error:  # A library that does not build its own model is a row, too.
        return Row(exhibit.family, exhibit.name, "", "not-built", _reason(repr(error)), 0, 0, "", 0)
    shown = " ".join(specs)
    try:
        report = modellint.lint(model, specs)
    except Exception as error:  # A fault of modellint must not hide the other rows.
        reason = _reason(repr(error))
        return Row(exhibit.family, exhibit.name, shown, "internal-error", reason, 0, 0, "", 0)
    linted = report.models[0]
    serious = Counter[str]()
    info = 0
    for finding in report.findings:
        if finding.severity == "info":
            info += 1
        else:
            serious[finding.rule] += finding.count
    broken = [error.message for error in report.errors if error.kind == "plugin-error"]
    status, reason = str(linted.status), linted.reason or ""
    if "shape-mismatch" in serious:
        status = "mismatch"
    if broken:
        status, reason = "plugin-error", broken[0]
    row = Row(
        exhibit.family,
        exhibit.name,
        shown,
        status,
        _reason(reason),
        linted.parameters or 0,
        0 if reason.startswith("values decide") else linted.macs or 0,
        " ".join(f"{rule}×{count}" for rule, count in sorted(serious.items())),
        info,
    )
    return row.explained(read_reasons())


def _reason(text: str) -> str:
    """A reason without this machine's paths and addresses, short enough for a column."""
    words = (
        word.rsplit("/", 1)[-1] if "/" in word and ".py" in word else word for word in text.split()
    )
    return " ".join(words)[:160]


def sample(family: str) -> Iterator[Exhibit]:
    """The models of a family that the tests lint."""
    for number, exhibit in enumerate(exhibits(family)):
        if number % SAMPLE[family] == 0:
            yield exhibit


def read_table(path: Path = TABLE) -> dict[tuple[str, str], Row]:
    """The committed rows, by family and model."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(rows)
        made = [_row(cells) for cells in rows]
    return {row.key: row for row in made}


def _row(cells: Sequence[str]) -> Row:
    family, model, inputs, status, reason, parameters, macs, findings, info, reasons = cells
    numbers = int(parameters), int(macs)
    return Row(family, model, inputs, status, reason, *numbers, findings, int(info), reasons)


def write_table(rows: Iterable[Row], path: Path = TABLE) -> None:
    """Write the rows, sorted, with a head line."""
    lines = ["\t".join(field.name for field in fields(Row))]
    lines += ["\t".join(map(str, astuple(row))) for row in sorted(rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def summary(rows: Iterable[Row]) -> str:
    """How many models of each family have which status, as a Markdown table."""
    counts: dict[str, Counter[str]] = {}
    for row in rows:
        counts.setdefault(row.family, Counter())[row.status] += 1
    lines = [
        "| family | models | analysed | partial | other | analysed or partial |",
        "|---|---|---|---|---|---|",
    ]
    for family in sorted(counts, key=list(FAMILIES).index):
        found = counts[family]
        total, analysed, partial = found.total(), found["analysed"], found["partial"]
        share = 100 * (analysed + partial) / total
        lines.append(
            f"| {family} | {total} | {analysed} | {partial} | {total - analysed - partial} "
            f"| {share:.1f} % |"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Lint the families that are asked for and rewrite their rows of the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.zoo", description=__doc__)
    parser.add_argument("--families", nargs="+", choices=list(FAMILIES), default=list(FAMILIES))
    parser.add_argument("--sample", action="store_true", help="only the sample the tests lint")
    parser.add_argument("--only", nargs="+", default=(), help="only these models, by name")
    parser.add_argument("--output", type=Path, default=TABLE, help="the table to rewrite")
    parser.add_argument("--reasons", action="store_true", help="only join the reasons anew")
    given = parser.parse_args(arguments)
    table = read_table(given.output)
    if given.reasons:
        reasons = read_reasons()
        write_table((row.explained(reasons) for row in table.values()), given.output)
        return 0
    if not given.sample and not given.only:
        table = {key: row for key, row in table.items() if key[0] not in given.families}
    started = time.perf_counter()
    for family in given.families:
        for exhibit in sample(family) if given.sample else exhibits(family):
            if given.only and exhibit.name not in given.only:
                continue
            row = lint_exhibit(exhibit)
            table[row.key] = row
            if row.status != "analysed":
                print(f"{exhibit}: {row.status}: {row.reason}", file=sys.stderr)
            gc.collect()
    write_table(table.values(), given.output)
    print(summary(table.values()))
    print(f"{time.perf_counter() - started:.0f} s", file=sys.stderr)
    return 0
