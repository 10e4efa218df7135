"""What a lint of a file tells on its way: which stage it enters, and what came of its models."""

from __future__ import annotations

from dataclasses import dataclass

from modellint.results.findings import Diagnostic
from modellint.results.report import Report


@dataclass(frozen=True, slots=True)
class Lacking:
    """A model lacks what another machine may have, or this one tomorrow: a package, the network."""

    model: str


@dataclass(frozen=True, slots=True)
class Fixed:
    """Findings that were told of, with what a trial of their fixes came to."""

    findings: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class Stage:
    """What is about to run: `load` for the file; `build`, `trace` or `rules` for a model.

    `fixes` is the trial of what mends the findings of them all. `assumed` tells of a `trace` that
    nobody gave or showed what the model is fed.
    """

    name: str
    model: str | None = None
    line: int = 1
    assumed: bool = False


#: What is told while models are linted, and of a file in all.
Told = Stage | Lacking | Report
ToldOfFile = Told | Fixed
