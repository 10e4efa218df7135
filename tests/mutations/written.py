"""Faults of live models, written into the text of the file that builds them.

Where a planted fault gives a layer of `torch.nn` other arguments, its construction in the file is
written with them. A fault that puts a module of another kind there has no text.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from modellint.fixes import edited
from modellint.fixes.sites import NoEdit, Text
from modellint.source.file import read_source

from . import report as _planted  # noqa: F401 - it imports every program of faults
from .faults import FAULTS, Fault, Plan, Subject
from .measure import subject_of
from .models import FILES, file_models

#: How many places of a model a fault is written at.
PLACES = 2


@dataclass(frozen=True)
class Written:
    """The text of a file with a fault, the shapes that its model is fed, and what was planted."""

    fault: Fault
    plan: Plan
    path: Path
    model: str
    inputs: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        return f"{self.path.stem} {self.fault.name} at {self.plan.at}"


def written_faults() -> Iterator[Written]:
    """Each fault at a few places of each file, in a fixed order."""
    for exhibit, (path, (name, specs)) in zip(file_models(), FILES.items(), strict=True):
        subject = subject_of(exhibit)
        for fault in FAULTS:
            plans = list(fault.places(subject))
            random.Random(f"{fault.name} {exhibit}").shuffle(plans)
            texts = ((plan, _text(subject, plan, path)) for plan in plans)
            found = [(plan, text) for plan, text in texts if text is not None][:PLACES]
            for plan, text in found:
                yield Written(fault, plan, path, name, specs, text)


def _text(subject: Subject, plan: Plan, path: Path) -> str | None:
    """The file in which the layers that a plan exchanges are built as their new arguments say."""
    mutant = copy.deepcopy(subject.model)
    plan.plant(mutant)
    before = dict(subject.model.named_modules())
    changed = {
        name: module
        for name, module in mutant.named_modules()
        if name not in before or repr(module) != repr(before[name])
    }
    layers = {name: module for name, module in changed.items() if not [*module.children()]}
    if not layers or any(name not in before for name in changed):
        return None
    text = Text(read_source(path))
    edits = []
    for name, layer in layers.items():
        if type(layer).__module__.rpartition(".")[0] != "torch.nn.modules":
            return None
        site = subject.graph.modules[name].construction
        if sum(one.construction == site for one in subject.graph.modules.values()) != 1:
            return None
        try:
            # torch shows a padding that has a name without its quotes.
            written = f"nn.{layer!r}".replace("=same", "='same'")
            edits.append(text.replaced(text.call_at(site), written))
        except NoEdit:
            return None
    return edited(text.source.text, edits)
