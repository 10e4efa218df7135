"""What a checkpoint of a model holds, as far as a run without weights can tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Saved:
    """The keys of a model's `state_dict` with the sizes of their tensors, in its order.

    A size is `None` for what is no tensor, or has no size yet. `custom` are the paths of modules
    whose class or hooks decide what is saved and how it is loaded: of these the keys may be others.
    """

    shapes: Mapping[str, tuple[int, ...] | None] = field(default_factory=dict)
    custom: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The entry `state_dict` of a model in JSON."""
        shapes = {key: None if shape is None else list(shape) for key, shape in self.shapes.items()}
        return {"shapes": shapes, "custom": list(self.custom)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Saved:
        """Read an entry `state_dict`."""
        shapes = {
            key: None if shape is None else tuple(shape) for key, shape in data["shapes"].items()
        }
        return cls(shapes, tuple(data["custom"]))
