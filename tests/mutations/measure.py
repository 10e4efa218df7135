"""Plants faults in clean models and compares what modellint says before and after."""

from __future__ import annotations

import copy
import random
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn

import modellint
from modellint import Report
from modellint.symbolic.specs import parse_input
from tests.zoo.models import Exhibit, build

from .faults import FAULTS, RULES, Fault, Plan, Subject

#: How many places of a model are tried until it runs with the fault.
TRIES = 12
#: Rules that speak once a model, at the first or worst layer: what they said may move.
ONCE = {"bias-before-norm", "edge-losing-padding", "input-divisor", "unproductive-layer"}

Said = Mapping[tuple[str, str], str]
"""The severity of each finding by rule and layer; further calls of one layer are that layer."""


@dataclass(frozen=True, order=True)
class Row:
    """One planted fault and what came of it, in the columns of the table.

    `outcome` is `caught`, or `missed` and what was said instead. `implied` and `elsewhere` are the
    other new findings, `rule@layer`: those that the fault brings with it, and false alarms.
    """

    rule: str
    fault: str
    model: str
    at: str
    change: str
    outcome: str
    implied: str
    elsewhere: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What the row is about."""
        return self.rule, self.fault, self.model

    @property
    def caught(self) -> bool:
        """Whether the fault was found where it is, as severe as it is."""
        return self.outcome == "caught"


class Named(Protocol):
    """What a fault is called, in a model or in a text, and the rule that must find it."""

    @property
    def name(self) -> str:
        """What is planted, in words."""

    @property
    def rule(self) -> str:
        """The rule's name."""


def subject_of(exhibit: Exhibit) -> Subject:
    """A model with its graph, to find places for faults in."""
    model = build(exhibit)
    specs = exhibit.inputs(model)
    return Subject(model, specs, modellint.trace(model, specs))


def plant_all(exhibit: Exhibit, faults: Iterable[Fault] = FAULTS) -> Iterator[Row]:
    """Plant each fault that has a place in a model, one at a time.

    Raises `ValueError` for a model that is not clean.
    """
    model = build(exhibit)
    specs = exhibit.inputs(model)
    found = said(lint(model, specs))
    if {*found.values()} - {"info"}:
        raise ValueError(f"{exhibit} is not clean: {', '.join(map('@'.join, found))}")
    subject = Subject(model, specs, modellint.trace(model, specs))
    for fault in faults:
        plans = list(fault.places(subject))
        random.Random(f"{fault.name} {exhibit}").shuffle(plans)
        for plan in plans[:TRIES]:
            mutant = copy.deepcopy(model)
            plan.plant(mutant)
            after = lint(mutant, specs, fault, plan)
            if not plan.stops and _stopped(after) and not runs(mutant, specs):
                continue
            before = found if RULES[fault.rule].default and not plan.options else said(
                lint(model, specs, fault, plan)
            )  # fmt: skip
            known = [layer for layer in plan.layers if (fault.rule, layer) in before]
            if known or fault.rule in _remarked(before):
                continue
            yield judge(fault, plan, str(exhibit), before, after)
            break


def lint(
    model: nn.Module, specs: tuple[str, ...], fault: Fault | None = None, plan: Plan | None = None
) -> Report:
    """What modellint says of a model by the default rules and that of the fault."""
    select = [fault.rule] if fault is not None else []
    options = plan.options if plan is not None else {}
    return modellint.lint(model, specs, extend_select=select, options=options)


def said(report: Report) -> Said:
    """The findings of a report, and its errors, by rule and layer."""
    found = {(error.kind, str(error.line)): "error" for error in report.errors}
    for finding in report.findings:
        for layer in finding.layers:
            found.setdefault((finding.rule, layer.partition("#")[0]), finding.severity)
    return found


def _stopped(report: Report) -> bool:
    return bool(report.errors) or any(
        finding.rule == "shape-mismatch" for finding in report.findings
    )


def runs(model: nn.Module, specs: tuple[str, ...]) -> bool:
    """Whether torch itself runs a model on meta tensors."""
    try:
        result_of(model, specs)
    except (RuntimeError, ValueError, TypeError, IndexError, AssertionError, AttributeError):
        return False
    return True


def result_of(model: nn.Module, specs: tuple[str, ...]) -> object:
    """What a model gives in torch itself, on meta tensors."""
    given, named = [], {}
    for spec in map(parse_input, specs):
        dtype = getattr(torch, spec.dtype or "float32")
        sizes = [size for size in spec.dims if isinstance(size, int)]
        tensor = torch.empty(sizes, dtype=dtype, device="meta")
        if spec.name:
            named[spec.name] = tensor
        else:
            given.append(tensor)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model(*given, **named)


def judge(fault: Named, plan: Plan, model: str, before: Said, after: Report) -> Row:
    """Compare what was said with what had to be."""
    remarked = _remarked(before)
    new = {
        where: severity
        for where, severity in said(after).items()
        if where not in before and not (severity == "info" and where[0] in remarked)
    }
    found = next((layer for layer in plan.layers if (fault.rule, layer) in new), None)
    got = new.pop((fault.rule, found)) if found is not None else None
    outcome = (
        "caught"
        if got == (plan.severity or RULES[fault.rule].category.severity)
        else _missed(fault, got, after)
    )
    implied = _told(where for where in new if where[0] in plan.implied)
    elsewhere = _told(where for where in new if where[0] not in plan.implied)
    return Row(fault.rule, fault.name, model, plan.at, plan.change, outcome, implied, elsewhere)


def _missed(fault: Named, got: str | None, after: Report) -> str:
    checks = [check for model in after.models for check in model.skipped]
    skipped = [check.reason for check in checks if check.rule == fault.rule]
    return f"missed: {got or (f'skipped, {skipped[0]}' if skipped else 'silent')}"


def _remarked(found: Said) -> set[str]:
    """The rules that made their one remark on a model already, wherever it stands."""
    return {rule for (rule, _), severity in found.items() if severity == "info" and rule in ONCE}


def _told(places: Iterable[tuple[str, str]]) -> str:
    return " ".join(sorted(f"{rule}@{layer}" for rule, layer in places))
