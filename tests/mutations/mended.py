"""Which findings of planted faults have a fix, and whether each fix does what it says.

A fix is applied to the text; the file is built and run in PyTorch itself, on values, and linted
again: its finding is gone, and there is no error that was not there.
"""

from __future__ import annotations

import gc
import random
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from unittest.mock import patch

import torch

from modellint.linting import linter
from modellint.linting.proposals import Proposal
from modellint.results.findings import Diagnostic
from modellint.symbolic.specs import parse_input
from tests.offers import Failed, offered, remarks_on, with_fix
from tests.zoo.models import Exhibit

from .faults import FAULTS, RULES, Subject
from .libraries import library_source
from .measure import Row, subject_of
from .models import clean_models
from .sources import SOURCE_FAULTS, Source, read_sources
from .surgeries import HOLDER, Unwritten, source_of

NO_CHANGE = "no change is offered"
FAILED = "its trial failed"
_OF_SOURCES = frozenset(fault.name for fault in SOURCE_FAULTS)


@dataclass(frozen=True, order=True)
class Outcome:
    """What came of one finding of a planted fault, in the columns of the table.

    `planted` is the rule that the fault is of, `rule` that of the finding. `outcome` is `fix: ` and
    what it says, or why there is none; `broken: ` and how, where a fix does not do what it says.
    """

    planted: str
    fault: str
    model: str
    rule: str
    severity: str
    layer: str
    outcome: str

    @property
    def planted_at(self) -> tuple[str, str, str]:
        """The fault that it is of: one in each model."""
        return self.planted, self.fault, self.model

    @property
    def is_fixed(self) -> bool:
        """Whether the finding has a fix."""
        return self.outcome.startswith(("fix: ", "broken: "))

    @property
    def is_broken(self) -> bool:
        """Whether the finding has a fix that does not do what it says."""
        return self.outcome.startswith("broken: ")


@dataclass(frozen=True)
class Faulty:
    """A text with a fault, the model in it, the shapes that this is fed, and options of rules."""

    text: str
    model: str
    inputs: tuple[str, ...]
    rule: str
    options: Mapping[str, Mapping[str, object]]


def outcomes(rows: Iterable[Row]) -> Iterator[Outcome]:
    """What came of the grave findings of the planted faults of some rows of the table.

    A fault that cannot be written as a user would is left out, and one that raises so: a live model
    may have got by, as where two samples unpack into what are two results.
    """
    by_model: dict[str, list[Row]] = {}
    for row in rows:
        by_model.setdefault(row.model, []).append(row)
    for exhibit in clean_models():
        planted = by_model.get(str(exhibit), [])
        subject = subject_of(exhibit) if planted else None
        for row in planted:
            assert subject is not None
            with suppress(Unwritten, Failed):
                if row.fault in _OF_SOURCES:
                    source = library_source(exhibit, subject)
                    assert source is not None
                    yield from _of_source(source, row)
                else:
                    yield from of_text(written(exhibit, subject, row), row)
            gc.collect()
    for source in read_sources():
        for row in by_model.get(source.name, ()):
            yield from _of_source(source, row)


def written(exhibit: Exhibit, subject: Subject, row: Row) -> Faulty:
    """The text that plants the fault of a row of the table in a model of the zoo."""
    fault = next(one for one in FAULTS if one.name == row.fault)
    plans = fault.places(subject)
    plan = next(one for one in plans if (one.at, one.change) == (row.at, row.change))
    text = source_of(exhibit, subject, plan)
    return Faulty(text, HOLDER, subject.specs, row.rule, plan.options)


def _of_source(source: Source, row: Row) -> Iterator[Outcome]:
    """What came of the fault of a row in the text of a file."""
    fault = next(one for one in SOURCE_FAULTS if one.name == row.fault)
    edits = fault.places(source)
    edit = next(one for one in edits if (one.at, one.change) == (row.at, row.change))
    if RULES[row.rule].reads != "graph":
        yield from _of_comments(edit.text, row)
        return
    yield from of_text(Faulty(edit.text, source.model.name, source.inputs, row.rule, {}), row)


def _of_comments(text: str, row: Row) -> Iterator[Outcome]:
    """What came of the comments of a text with a fault; a fix of theirs is no change of a model."""
    found = remarks_on(text)
    for one in found:
        outcome = NO_CHANGE
        if one.fix is not None:
            left = remarks_on(with_fix(text, one))
            mended = len(left) < len(found)
            outcome = f"fix: {one.fix.message}" if mended else "broken: the remark is still there"
        yield Outcome(row.rule, row.fault, row.model, one.rule, one.severity, row.at, outcome)


def of_text(faulty: Faulty, row: Row) -> Iterator[Outcome]:
    """What came of the findings at warning and above of a text with a fault."""
    told, hindered = _told(faulty)
    results: dict[object, str] = {}
    for one in told:
        if one.severity == "info":
            continue
        if one.fix is None:
            outcome = hindered.get((one.rule, one.layers), NO_CHANGE)
        else:
            key = (one.rule, frozenset(one.fix.edits))
            if key not in results:
                results[key] = wrong(faulty, told, one)
            outcome = f"broken: {results[key]}" if results[key] else f"fix: {one.fix.message}"
        told_of = (one.rule, one.severity, one.layer)
        yield Outcome(row.rule, row.fault, row.model, *told_of, " ".join(outcome.split()))


def _rules(faulty: Faulty) -> list[str]:
    return [name for name, rule in RULES.items() if rule.default or name == faulty.rule]


def _told(faulty: Faulty) -> tuple[list[Diagnostic], Mapping[tuple[str, tuple[str, ...]], str]]:
    """The findings of a text, and why proposed fixes came to nothing, by rule and layers."""
    hindered: dict[tuple[str, tuple[str, ...]], str] = {}
    propose = linter.proposal

    def recorded(finding: Diagnostic, *given: object) -> Proposal | None:
        made = propose(finding, *given)  # type: ignore[arg-type]
        if made is not None:
            hindered.setdefault((finding.rule, finding.layers), made.hindrance or FAILED)
        return made

    with patch.object(linter, "proposal", recorded):
        told = offered(
            faulty.text, *_rules(faulty), models=(faulty.model,), inputs=faulty.inputs,
            options=faulty.options,
        )  # fmt: skip
    return told, hindered


def wrong(faulty: Faulty, told: list[Diagnostic], one: Diagnostic) -> str:
    """What a text with a fix does not do that it should; empty where nothing is wrong."""
    changed = with_fix(faulty.text, one)
    try:
        run(changed, faulty.model, faulty.inputs)
    except Exception as error:  # Whatever a model raises.
        return f"{type(error).__name__}: {error}"
    left = offered(
        changed, *_rules(faulty), models=(faulty.model,), inputs=faulty.inputs, trials=0,
        options=faulty.options,
    )  # fmt: skip
    before, after = _counts(told), _counts(left)
    if after[one.rule, one.severity] >= before[one.rule, one.severity]:
        return "the finding is still there"
    new = [key for key in after if after[key] > before[key] and key[1] == "error"]
    return f"there is {', '.join(map('@'.join, new))}" if new else ""


def _counts(findings: list[Diagnostic]) -> Counter[tuple[str, str]]:
    counts: Counter[tuple[str, str]] = Counter()
    for one in findings:
        counts[one.rule, one.severity] += one.count
    return counts


def run(text: str, name: str, inputs: Iterable[str]) -> None:
    """Build the model of a file and run it in PyTorch, in evaluation mode."""
    namespace: dict[str, object] = {"__name__": "net"}
    exec(compile(text, "net.py", "exec"), namespace)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = namespace[name]()  # type: ignore[operator]
        given, named = [], {}
        for spec in map(parse_input, inputs):
            sizes = [size for size in spec.dims if isinstance(size, int)]
            floats = spec.dtype in (None, "float32")
            tensor = torch.rand(sizes) if floats else torch.randint(0, 2, sizes)
            if spec.name:
                named[spec.name] = tensor
            else:
                given.append(tensor)
        model.eval()(*given, **named)


def drawn(rows: Iterable[Row], count: int, seed: str = "fixes") -> list[Row]:
    """So many rows of the table, over all rules and models alike."""
    ordered = sorted(rows)
    random.Random(seed).shuffle(ordered)
    return ordered[:count]
