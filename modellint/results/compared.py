"""What a change did to models, as data: two reports side by side, one of each side.

`before` is the side that was compared with, `after` the one that was linted. What is not known, or
not there, is `None`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from modellint.results.findings import Diagnostic
from modellint.results.models import Layer, ModelReport
from modellint.results.places import in_json
from modellint.results.report import Note, Problem

#: What a model costs, by the name of the field: each is compared, told and kept in JSON.
#: A further one needs a line here, and nothing else.
FIGURES: Mapping[str, str] = {
    "parameters": "parameters",
    "macs": "MACs",
    "activation_memory": "activation memory",
    "training_peak": "training memory",
}
#: Those of them that are in bytes.
IN_BYTES = frozenset({"activation_memory", "training_peak"})

ModelState = Literal["added", "removed", "changed", "same", "unknown"]
"""What became of a model; `unknown` where one of the two sides could not be analysed."""

LayerState = Literal["added", "removed", "changed", "resized", "renamed"]
"""What became of a layer: `changed` in itself, or only `resized` by what comes before it."""


_LINE = re.compile(r"@\d+")


def plain_key(key: str) -> str:
    """The key of a layer without the line that a function is called in, which any edit moves."""
    return _LINE.sub("@", key)


@dataclass(frozen=True)
class LayerChange:
    """A layer that is not as it was: both sides, and the fields that differ, in their own terms."""

    state: LayerState
    before: Layer | None
    after: Layer | None
    fields: tuple[str, ...] = ()

    @property
    def moved(self) -> bool:
        """Whether it has another name than it had."""
        if self.before is None or self.after is None:
            return False
        return plain_key(self.before.key) != plain_key(self.after.key)

    def to_dict(self) -> dict[str, Any]:
        """The entry of `layers` of a compared model in JSON."""
        return {
            "change": self.state,
            "fields": list(self.fields),
            "before": None if self.before is None else self.before.to_dict(),
            "after": None if self.after is None else self.after.to_dict(),
        }


@dataclass(frozen=True)
class StateChange:
    """What of a checkpoint of the one side the other has not, and the reverse, by key.

    `renamed` are pairs of keys, `reshaped` sizes of before and after. `custom` are modules with a
    way of their own to save or load: they may still accept what does not fit here.
    """

    missing: Mapping[str, tuple[int, ...] | None] = field(default_factory=dict)
    unexpected: Mapping[str, tuple[int, ...] | None] = field(default_factory=dict)
    reshaped: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    custom: tuple[str, ...] = ()

    @property
    def loads(self) -> bool:
        """Whether `load_state_dict` takes a checkpoint of before as it is."""
        return not (self.missing or self.unexpected or self.reshaped or self.renamed)

    def to_dict(self) -> dict[str, Any]:
        """The entry `state_dict` of a compared model in JSON."""
        return {
            "loads": self.loads,
            "missing": {key: _list(shape) for key, shape in self.missing.items()},
            "unexpected": {key: _list(shape) for key, shape in self.unexpected.items()},
            "reshaped": {
                key: {"before": list(before), "after": list(after)}
                for key, (before, after) in self.reshaped.items()
            },
            "renamed": dict(self.renamed),
            "custom": list(self.custom),
        }


@dataclass(frozen=True)
class ModelChange:
    """One model on both sides; `reason` tells why it is not known what became of it."""

    state: ModelState
    before: ModelReport | None
    after: ModelReport | None
    layers: tuple[LayerChange, ...] = ()
    checkpoint: StateChange | None = None
    reason: str | None = None

    @property
    def path(self) -> str:
        """The file that it is in, or was."""
        return self._one.path

    @property
    def name(self) -> str:
        """Its name, or what it was."""
        return self._one.name

    @property
    def renamed(self) -> bool:
        """Whether it has another name, or is in another file, than it had."""
        if self.before is None or self.after is None:
            return False
        return (self.before.path, self.before.name) != (self.after.path, self.after.name)

    @property
    def figures(self) -> Mapping[str, tuple[int | None, int | None]]:
        """What it costs, before and after."""
        return {name: (self._of("before", name), self._of("after", name)) for name in FIGURES}

    @property
    def _one(self) -> ModelReport:
        found = self.after or self.before
        assert found is not None
        return found

    def _of(self, side: str, name: str) -> Any:
        model = getattr(self, side)
        return None if model is None else getattr(model, name)

    def to_dict(self) -> dict[str, Any]:
        """The entry of `models` of a comparison in JSON."""
        return {
            "path": self.path,
            "name": self.name,
            "change": self.state,
            "renamed": self.renamed,
            "reason": self.reason,
            "before": _side(self.before),
            "after": _side(self.after),
            "layers": [layer.to_dict() for layer in self.layers],
            "state_dict": None if self.checkpoint is None else self.checkpoint.to_dict(),
        }


@dataclass(frozen=True)
class Compared:
    """What became of the models, findings and errors of a run since another side.

    `since` is what it was compared with, as it was asked for, `commit` what that stands for. The
    findings and errors of the report itself are the new ones; `known` are those that were there,
    `gone` those that are there no more. `notes` are about what could not be compared.
    """

    since: str
    commit: str | None
    models: tuple[ModelChange, ...] = ()
    known: tuple[Diagnostic, ...] = ()
    gone: tuple[Diagnostic, ...] = ()
    known_errors: tuple[Problem, ...] = ()
    notes: tuple[Note, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The entry `comparison` in JSON."""
        return {
            "since": self.since,
            "commit": self.commit,
            "models": [model.to_dict() for model in self.models],
            "known": [finding.to_dict() for finding in self.known],
            "gone": [finding.to_dict() for finding in self.gone],
            "known_errors": [problem.to_dict() for problem in self.known_errors],
            "notes": [note.to_dict() for note in self.notes],
        }


def _side(model: ModelReport | None) -> dict[str, Any] | None:
    """A model of one side: what it is and costs, without its layers."""
    if model is None:
        return None
    return {
        **in_json(model.path, model.cell),
        "name": model.name,
        "class": model.class_name,
        "line": model.line,
        "status": model.status,
        "reason": model.reason,
        "inputs": [given.to_dict() for given in model.inputs],
        "arguments": [given.to_dict() for given in model.arguments],
        **{name: getattr(model, name) for name in FIGURES},
        "receptive_field": _list(model.receptive_field),
        "contract": {symbol: sizes.to_dict() for symbol, sizes in model.contract.items()},
        "joint": list(model.joint),
        "accepts": model.accepts,
    }


def _list(values: tuple[int, ...] | None) -> list[int] | None:
    return None if values is None else list(values)
