"""What a report draws of a model: its steps and what each reads, and how much borders count.

Nothing here imports torch: the values travel from the worker to the page (`--format html`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: What a step that is no operation does: it is a parameter that a module owns directly.
PARAMETER = "parameter"


@dataclass(frozen=True, slots=True)
class Step:
    """One operation as it is drawn: a layer, or what joins, reduces or ends a path.

    `key` is that of its layer where it is one, and the name of a `PARAMETER`. `module` is the path
    of the module that owns it, `shape` and `example` are its first output's sizes, symbolic and in
    the example. `sources` are the steps that it reads, by their places in the picture, earlier
    ones only.
    """

    key: str
    op: str
    type: str
    module: str
    shape: tuple[int | str, ...]
    example: tuple[int, ...]
    sources: tuple[int, ...]

    def to_list(self) -> list[Any]:
        """The step as JSON has it, in the order of its fields: there may be thousands."""
        shape, example, sources = list(self.shape), list(self.example), list(self.sources)
        return [self.key, self.op, self.type, self.module, shape, example, sources]

    @classmethod
    def from_list(cls, data: list[Any]) -> Step:
        """Read a step that `to_list` wrote."""
        key, op, type_, module, shape, example, sources = data
        return cls(key, op, type_, module, tuple(shape), tuple(example), tuple(sources))


@dataclass(frozen=True, slots=True)
class Border:
    """How much the positions of one axis of an input count, against their mean.

    `axis` is the dimension of the input. `weights` are of equal parts of the axis, at most
    `drawing.FINEST` of them; `edge` is the outermost position's own, the smaller of both ends.
    """

    input: str
    axis: int
    name: int | str
    size: int
    weights: tuple[float, ...]
    edge: float

    def to_dict(self) -> dict[str, Any]:
        """The entry of `borders` in JSON."""
        return {
            "input": self.input,
            "axis": self.axis,
            "name": self.name,
            "size": self.size,
            "weights": list(self.weights),
            "edge": self.edge,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Border:
        """Read an entry of `borders`."""
        return cls(**{**data, "weights": tuple(data["weights"])})


@dataclass(frozen=True)
class Picture:
    """The steps of one forward in execution order, the last of them its output.

    `types` are the class names of the modules that own steps, and of those around them, by path.
    """

    steps: tuple[Step, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)
    borders: tuple[Border, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The picture as JSON has it."""
        return {
            "steps": [step.to_list() for step in self.steps],
            "types": dict(self.types),
            "borders": [border.to_dict() for border in self.borders],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Picture:
        """Read a picture that `to_dict` wrote; raise `ValueError` where it cannot be drawn."""
        steps = tuple(map(Step.from_list, data["steps"]))
        for at, step in enumerate(steps):
            if len(step.shape) != len(step.example) or any(one >= at for one in step.sources):
                raise ValueError(f"step {at} of a picture reads what is not before it")
        return cls(
            steps=steps,
            types=data["types"],
            borders=tuple(map(Border.from_dict, data["borders"])),
        )
