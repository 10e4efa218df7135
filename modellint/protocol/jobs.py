"""A file to lint, as the front end tells it to a worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from modellint.protocol.limits import MEMORY
from modellint.results.models import ModelReport, Status
from modellint.rules import Severity

if TYPE_CHECKING:
    from modellint.discovery.candidates import Candidate


@dataclass(frozen=True)
class ModelSettings:
    """What is said of one model: how to build it, what to feed it, options of rules for it alone.

    `arguments` are keyword arguments, `None` where nothing is said; `origin` is who says so, and
    `folder` where files that they name are.
    """

    origin: str
    arguments: Mapping[str, Any] | None = None
    inputs: tuple[str, ...] = ()
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    folder: str = ""


@dataclass(frozen=True)
class Job:
    """One file to lint: where it is, how it is called in reports, and what to do with it.

    `names` are the models asked for, none for all; `done` those that an earlier process finished.
    `rules` are names of rules, `options` theirs, `severities` where not those of their categories,
    `plugins` the files and folders that bring rules besides the installed ones. `models` are the
    settings of single models, by name; `inputs` count before theirs. `data` is the text of what is
    not on disk. `folder` is the directory that printed paths are relative to. `timeout` is in
    seconds, `memory` in bytes. `verbose` keeps what the user's code prints. `confirmed` tries each
    model's contract by running it, `pictured` keeps what a page draws of it, `training` adds the
    memory that training takes, `annotated` keeps what its lines make. `observed` notes what is read
    on the way; `preload` are libraries that are imported beforehand. `programs` are other files of
    the project that may build its models, the likeliest first, and `project` its folder. `trials`
    is how many runs the fixes of the file's findings may take. `moved` is the folder that stands
    for a work tree, and that work tree, for a file of an earlier revision.
    """

    path: str
    shown: str
    folder: str
    names: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    severities: Mapping[str, Severity] = field(default_factory=dict)
    plugins: tuple[str, ...] = ()
    models: Mapping[str, ModelSettings] = field(default_factory=dict)
    timeout: float = 60.0
    memory: int = MEMORY
    done: tuple[str, ...] = ()
    verbose: bool = False
    confirmed: bool = False
    pictured: bool = False
    training: bool = False
    annotated: bool = False
    data: bytes | None = None
    observed: bool = False
    preload: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    project: str = ""
    trials: int = 0
    moved: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The job as JSON has it; bytes as Latin-1 text, which keeps each of them."""
        return asdict(self) | {"data": None if self.data is None else self.data.decode("latin-1")}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Job:
        """Read a job that `to_dict` wrote."""
        names = ("names", "inputs", "rules", "done", "plugins", "preload", "programs", "moved")
        read: dict[str, Any] = {name: tuple(values[name]) for name in names}
        read["models"] = {
            name: ModelSettings(**{**said, "inputs": tuple(said["inputs"])})
            for name, said in values["models"].items()
        }
        data = values["data"]
        read["data"] = None if data is None else data.encode("latin-1")
        return cls(**{**values, **read})


def incomplete_model(job: Job, candidate: Candidate, status: Status, reason: str) -> ModelReport:
    """The report of a model of which nothing but its place is known."""
    return ModelReport(
        path=job.shown,
        name=candidate.name,
        class_name=candidate.class_name,
        line=candidate.line,
        status=status,
        reason=reason,
    )
