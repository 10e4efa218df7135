"""What training a model takes of memory, as a frozen value of the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class OptimizerMemory:
    """What one optimizer adds, in bytes: its states, and the whole peak with it."""

    name: str
    states: int
    peak: int


@dataclass(frozen=True, slots=True)
class TrainingMemory:
    """The parts of what training takes and its peak, in bytes, for a batch of `samples`.

    `batch` says where the batch comes from, `None` where one sample is assumed; `source` the same
    of the optimizer. `optimizers` is the one that the project builds for the model, else the two
    ends of what is usual: SGD without momentum, and Adam. `kept` is what is left of the forward
    for the backward pass, `precision` the dtype of autocast, if the code has it, `checkpointed`
    the modules whose insides are computed again. `unknown` are operations that may keep what is
    not counted: then all of it is "at least".
    """

    samples: int
    batch: str | None
    source: str | None
    parameters: int
    buffers: int
    gradients: int
    kept: int
    optimizers: tuple[OptimizerMemory, ...]
    precision: str | None = None
    checkpointed: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def least(self) -> int:
        """The peak with the optimizer that needs least."""
        return min(one.peak for one in self.optimizers)

    @property
    def peak(self) -> int:
        """The peak with the optimizer that needs most."""
        return max(one.peak for one in self.optimizers)

    def to_dict(self) -> dict[str, Any]:
        """The entry `training_memory` of a model in JSON."""
        return {
            **asdict(self),
            "optimizers": [asdict(one) for one in self.optimizers],
            "checkpointed": list(self.checkpointed),
            "unknown": list(self.unknown),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TrainingMemory:
        """Read an entry `training_memory`."""
        lists = {name: tuple(data[name]) for name in ("checkpointed", "unknown")}
        optimizers = tuple(OptimizerMemory(**one) for one in data["optimizers"])
        return cls(**{**data, **lists, "optimizers": optimizers})
