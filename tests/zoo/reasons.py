"""Why the zoo's warnings and errors are right, a line each: a rule, the models, the reason."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

REASONS = Path(__file__).with_name("reasons.tsv")


@dataclass(frozen=True)
class Reason:
    """Why one rule's findings in some models are true and worth a maintainer's time.

    `models` are patterns as in a shell, `torchvision:vgg*`, with spaces between.
    """

    rule: str
    models: str
    text: str

    def covers(self, rule: str, model: str) -> bool:
        """Whether it speaks of a rule's findings in a model, named with its family."""
        return rule == self.rule and any(fnmatchcase(model, one) for one in self.models.split())


@cache
def read_reasons(path: Path = REASONS) -> tuple[Reason, ...]:
    """The committed reasons, in file order."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(rows)
        return tuple(Reason(*cells) for cells in rows)


def reason_for(reasons: Iterable[Reason], rule: str, model: str) -> Reason | None:
    """The first reason that speaks of a rule's findings in a model."""
    return next((reason for reason in reasons if reason.covers(rule, model)), None)
