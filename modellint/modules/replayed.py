"""An exported program as an `nn.Module` that runs its steps: parameters and modules at their paths.

What stands for a module has the name of its class, so that a layer is told of by its path and its
kind. Parameters have no values.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from torch import nn

from modellint.exported.program import Axis, Program
from modellint.modules.export_parts import kinds_of, part_at, registered
from modellint.modules.export_sizes import check_sizes
from modellint.modules.export_steps import Run
from modellint.symbolic.specs import InputSpec


class Replayed(nn.Module):
    """An exported program that runs."""

    def __init__(self, program: Program) -> None:
        """Make the modules of a program; raise `NotAnalysed` for operators that are not there."""
        super().__init__()
        kinds = kinds_of(program)
        parts: dict[str, nn.Module] = {"": self}
        self.values = _Values(dict(program.constants), registered(program, parts, kinds))
        for path in program.modules:
            part_at(path, parts, kinds)
        self.run = Run(program, parts)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The outputs for the tensors that the program is given, in their order or by name."""
        program = self.run.program
        given = dict(zip((one.name for one in program.inputs), args, strict=False)) | kwargs
        check_sizes(program, given)
        values = {**self.values.constants, **given}
        for name, (part, attribute) in self.values.registered.items():
            values[name] = getattr(part, attribute)
        return self.run(values)


class _Values:
    """What a program holds: constants by name, and where its tensors are registered."""

    def __init__(
        self, constants: Mapping[str, Any], registered: Mapping[str, tuple[nn.Module, str]]
    ) -> None:
        self.constants = constants
        self.registered = registered


def replayed(program: Program) -> Replayed:
    """A module of a class of its own, called as the model was, that takes what the program takes.

    Raises `NotAnalysed` for operators that are not there.
    """
    return replaying(program)(program)


def replaying(program: Program) -> type[Replayed]:
    """The class of a program's module, whose forward has the program's inputs as parameters."""

    def forward(self: Replayed, *args: Any, **kwargs: Any) -> Any:
        return Replayed.forward(self, *args, **kwargs)

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    names = ["self", *(given.name for given in program.inputs)]
    signature = inspect.Signature([inspect.Parameter(name, kind) for name in names])
    forward.__signature__ = signature  # type: ignore[attr-defined]
    return type(program.name, (Replayed,), {"forward": forward, "__module__": __name__})


def stated_inputs(model: nn.Module) -> tuple[InputSpec, ...]:
    """The inputs that an exported program states, with the sizes of its example; none of others."""
    if not isinstance(model, Replayed):
        return ()
    return tuple(
        InputSpec(None, tuple(axis.example for axis in one.axes), one.dtype, "the export")
        for one in model.run.program.inputs
    )


def fixed_samples(model: nn.Module) -> int:
    """How many samples all inputs of an exported program have for good; 1 where none is fixed."""
    if not isinstance(model, Replayed):
        return 1
    first = {one.axes[0] if one.axes else Axis(1) for one in model.run.program.inputs}
    fixed = [axis.example for axis in first if not axis.dynamic]
    return max(fixed[0], 1) if len(first) == len(fixed) == 1 else 1
