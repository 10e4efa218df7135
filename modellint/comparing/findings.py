"""Which findings of a report were there on another side: by what each is known by, as in baselines.

That is the rule, the class and the file that it stands in, and the text of its line; a line counts
once, however many models share it. A finding is known as well where its class is in another file by
now, and where its line was edited but the rule says it of the same layer of the same model: to
rename an attribute makes no new fault.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from modellint.results.baselined import Key
from modellint.results.compared import ModelChange, plain_key
from modellint.results.findings import Diagnostic
from modellint.results.report import Problem, Report
from modellint.suppression.identity import keyed


class Sorted(NamedTuple):
    """Findings that are new, that were there, and that are gone."""

    new: tuple[Diagnostic, ...]
    known: tuple[Diagnostic, ...]
    gone: tuple[Diagnostic, ...]


@dataclass(frozen=True, eq=False)
class _Spot:
    """A place that a rule finds fault with, and what it says there of each model."""

    key: Key
    findings: tuple[Diagnostic, ...]


def sorted_findings(
    before: Report, after: Report, models: Sequence[ModelChange], folder: str
) -> Sorted:
    """Sort the findings of two reports, by keys whose paths are relative to a folder."""
    old, new = _spots(before, folder), _spots(after, folder)
    layers = _Layers(models)
    known: set[_Spot] = set()
    found: set[_Spot] = set()
    # From what is surest to what is least sure.
    for then, now in (
        (_itself, _itself),
        (_elsewhere, _elsewhere),
        (layers.before, layers.after),
    ):
        left: dict[Hashable, list[_Spot]] = {}
        for spot in old:
            if spot not in found:
                for name in then(spot):
                    left.setdefault(name, []).append(spot)
        for spot in new:
            if spot in known:
                continue
            meets = (one for name in now(spot) for one in left.get(name, ()) if one not in found)
            met = next(meets, None)
            if met is not None:
                found.add(met)
                known.add(spot)
    was = {id(one) for spot in known for one in spot.findings}
    still = {id(one) for spot in found for one in spot.findings}
    return Sorted(
        tuple(one for one in after.findings if id(one) not in was),
        tuple(one for one in after.findings if id(one) in was),
        tuple(one for one in before.findings if id(one) not in still),
    )


def sorted_errors(before: Report, after: Report) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
    """The errors that are new, and those that were there, at whatever line."""
    there = {(one.path, one.kind, one.message) for one in before.errors}
    known = tuple(one for one in after.errors if (one.path, one.kind, one.message) in there)
    return tuple(one for one in after.errors if one not in known), known


def _spots(report: Report, folder: str) -> list[_Spot]:
    groups: dict[tuple[Key, Hashable], list[Diagnostic]] = {}
    for key, one in keyed(report, folder):
        groups.setdefault((key, (one.cell or 0, one.line, one.column)), []).append(one)
    return [_Spot(key, tuple(findings)) for (key, _), findings in groups.items()]


def _itself(spot: _Spot) -> Iterator[Hashable]:
    yield spot.key


def _elsewhere(spot: _Spot) -> Iterator[Hashable]:
    if spot.key.source:
        yield spot.key._replace(path="")


class _Layers:
    """What a finding is about on both sides: the same layer of the same model has the same name."""

    def __init__(self, models: Sequence[ModelChange]) -> None:
        self._now: dict[tuple[str, str], ModelChange] = {}
        self._then: dict[tuple[str, str], ModelChange] = {}
        for change in models:
            if change.before is not None and change.after is not None:
                self._then[change.before.path, change.before.name] = change
                self._now[change.after.path, change.after.name] = change
        self._moved = {id(change): dict(_moved(change)) for change in models}

    def before(self, spot: _Spot) -> Iterator[Hashable]:
        """What the findings of a spot of before are about, in terms of now."""
        for one in spot.findings:
            change = self._then.get((one.path, one.model))
            if change is not None:
                moved = self._moved[id(change)]
                for key in one.layers:
                    yield one.rule, id(change), moved.get(plain_key(key), plain_key(key))

    def after(self, spot: _Spot) -> Iterator[Hashable]:
        """What the findings of a spot of now are about."""
        for one in spot.findings:
            change = self._now.get((one.path, one.model))
            if change is not None:
                for key in one.layers:
                    yield one.rule, id(change), plain_key(key)


def _moved(change: ModelChange) -> Iterator[tuple[str, str]]:
    """The keys and paths that layers had, with those that they have."""
    for layer in change.layers:
        if layer.before is not None and layer.after is not None and layer.moved:
            yield layer.before.path, layer.after.path
            yield plain_key(layer.before.key), plain_key(layer.after.key)
