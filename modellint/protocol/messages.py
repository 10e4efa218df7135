"""Every message of a worker, as a type: what a process may say, and to whom.

The process of a file runs user code, so what arrives from it may be anything
(`modellint.protocol.reading`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypedDict

from modellint.results.json_types import Filled, FindingJson, Line, NoteJson, ReportJson


class StageMessage(TypedDict):
    """What is about to run."""

    type: Literal["stage"]
    name: Literal["load", "build", "trace", "rules", "fixes"]
    model: str | None
    line: Line
    assumed: bool


class LackingMessage(TypedDict):
    """A model lacks what may be there elsewhere, or later."""

    type: Literal["lacking"]
    model: str


class ReportMessage(TypedDict):
    """What is known of a file or of one of its models, and what `-v` tells besides."""

    type: Literal["report"]
    report: ReportJson
    remarks: NotRequired[list[NoteJson]]


class FixedMessage(TypedDict):
    """Findings that were told of before, with what a trial of their fixes came to."""

    type: Literal["fixed"]
    findings: Filled[FindingJson]


class LookedJson(TypedDict):
    """What imports looked for in a folder: the files that names stand for, and names of none."""

    held: dict[str, list[str]]
    missed: list[str]


ReadJson = TypedDict(
    "ReadJson",
    {
        "files": dict[str, str],
        "folders": NotRequired[dict[str, str]],
        "dated folders": NotRequired[dict[str, str]],
        "distributions": NotRequired[dict[str, str]],
        "sources": NotRequired[dict[str, str]],
        "kinds": NotRequired[dict[str, str]],
        "dates": NotRequired[dict[str, str]],
        "imports": NotRequired[dict[str, LookedJson]],
        "variables": NotRequired[dict[str, str | None]],
        "reasons": list[str],
    },
)
"""What a file's process read: states of paths by what was asked of them, and why it is not all."""


class DoneMessage(TypedDict):
    """The last word of a file's process.

    `leaving` is whether there is something that user code wants to be done when the process ends.
    """

    type: Literal["done"]
    changed: list[str]
    late: list[str]
    read: ReadJson | None
    leaving: bool


class Ended(TypedDict):
    """The end of a process that was done, by whoever ran it."""

    type: Literal["end"]
    kind: None
    changed: list[str]
    late: list[str]
    read: ReadJson | None
    leaving: bool
    printed: str
    strays: bool


class Died(TypedDict):
    """The end of a process that was not done."""

    type: Literal["end"]
    kind: Literal["crash", "timeout"]
    message: str
    line: Line | None
    printed: str
    strays: bool


class ReadyMessage(TypedDict):
    """A worker has imported all that files need, of what was asked for."""

    type: Literal["ready"]
    message: NotRequired[None]


class MissingMessage(TypedDict):
    """What a worker cannot import."""

    type: Literal["no-torch", "no-plugin", "no-preload"]
    message: str


class ReportAndRemarks(TypedDict):
    """A report with what `-v` tells besides."""

    report: ReportJson
    remarks: list[NoteJson]


class OutcomeJson(TypedDict):
    """What came of a file, as a cache keeps it and an executor carries it."""

    reports: list[ReportAndRemarks]
    read: ReadJson | None


Kinds = Mapping[str, Any]
"""The types of the messages that may arrive, by what they have as `type`."""

_OF_FILE: Kinds = {
    "stage": StageMessage,
    "lacking": LackingMessage,
    "report": ReportMessage,
    "fixed": FixedMessage,
}
#: What the process of a file may say.
FROM_FILE: Kinds = {**_OF_FILE, "done": DoneMessage}
#: What a supervisor may say: it passes on what the process of a file says, but for its last word.
FROM_SUPERVISOR: Kinds = {**_OF_FILE, "end": Ended | Died}
#: What a worker may say when it starts.
FROM_START: Kinds = {"ready": ReadyMessage} | dict.fromkeys(
    ("no-torch", "no-plugin", "no-preload"), MissingMessage
)
