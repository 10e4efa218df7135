"""The JSON of a comparison as types, for the schema: a report that was compared has it.

No worker sends one, so no message is read by these.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from modellint.results.json_types import (
    ArgumentJson,
    Count,
    FindingJson,
    InputJson,
    LayerJson,
    Line,
    NoteJson,
    ProblemJson,
    SizesJson,
)
from modellint.results.models import Status

SideJson = TypedDict(
    "SideJson",
    {
        "path": str,
        "name": str,
        "class": str,
        "cell": NotRequired[Line],
        "line": Line,
        "status": Status,
        "reason": str | None,
        "inputs": list[InputJson],
        "arguments": list[ArgumentJson],
        "parameters": Count | None,
        "macs": Count | None,
        "activation_memory": Count | None,
        "training_peak": Count | None,
        "receptive_field": list[int] | None,
        "contract": dict[str, SizesJson],
        "joint": list[str],
        "accepts": str | None,
    },
)


class LayerChangeJson(TypedDict):
    """A layer that is not as it was."""

    change: Literal["added", "removed", "changed", "resized", "renamed"]
    fields: list[str]
    before: LayerJson | None
    after: LayerJson | None


class ReshapedJson(TypedDict):
    """A tensor of a checkpoint that has another size."""

    before: list[Count]
    after: list[Count]


class StateChangeJson(TypedDict):
    """What keeps a checkpoint of before from the model of now."""

    loads: bool
    missing: dict[str, list[Count] | None]
    unexpected: dict[str, list[Count] | None]
    reshaped: dict[str, ReshapedJson]
    renamed: dict[str, str]
    custom: list[str]


class ModelChangeJson(TypedDict):
    """One model on both sides."""

    path: str
    name: str
    change: Literal["added", "removed", "changed", "same", "unknown"]
    renamed: bool
    reason: str | None
    before: SideJson | None
    after: SideJson | None
    layers: list[LayerChangeJson]
    state_dict: StateChangeJson | None


class ComparisonJson(TypedDict):
    """What became of models, findings and errors since another side."""

    since: str
    commit: str | None
    models: list[ModelChangeJson]
    known: list[FindingJson]
    gone: list[FindingJson]
    known_errors: list[ProblemJson]
    notes: list[NoteJson]
