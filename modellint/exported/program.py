"""What an exported program holds, as plain values: tensors, inputs with their sizes, and steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Ref:
    """A value of the program, by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class OfTorch:
    """A dtype, a layout or a memory format, by its name in torch: `float32`."""

    name: str


@dataclass(frozen=True, slots=True)
class Axis:
    """A size of an input: `factor * symbol + offset`, or `example` alone where `symbol` is `None`.

    `example` is the size that it was exported with. What is `dynamic` without a symbol is a size
    whose expression is none of these.
    """

    example: int
    symbol: str | None = None
    factor: int = 1
    offset: int = 0
    dynamic: bool = False


@dataclass(frozen=True, slots=True)
class Given:
    """A tensor that the program is called with, by the name of its value."""

    name: str
    axes: tuple[Axis, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class Held:
    """A parameter, or a buffer or constant, at its path in the model.

    `values` gives the bytes of what is small enough to be read, row by row; `storage` is the same
    text for tied ones.
    """

    path: str
    kind: Literal["parameter", "buffer"]
    shape: tuple[int, ...]
    dtype: str
    trained: bool = False
    values: Callable[[], bytes] | None = None
    storage: str = ""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a step; whether it is given by keyword, `None` where the schema tells."""

    name: str
    value: Any
    keyword: bool | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One call: of what, with what, and the names of its results.

    `target` is a function, or its name such as `torch.ops.aten.relu.default`. `results` is a name,
    a tuple of results, or `None` for what nobody reads. `module` is the path of the module that
    made the call, `None` where that is not known.
    """

    target: Any
    arguments: tuple[Argument, ...]
    results: Any
    module: str | None = None


@dataclass(frozen=True, slots=True)
class Inner:
    """A graph inside a graph, as those of blocks without gradients."""

    inputs: tuple[str, ...]
    steps: tuple[Step, ...]
    outputs: Any


@dataclass(frozen=True, slots=True)
class Program:
    """An exported program.

    `held` and `constants` are what is neither given nor computed, by the names of their values.
    `modules` are the classes of the modules that ran, by path, as `torch.nn.modules.conv.Conv2d`.
    `ranges` are the least and the greatest value of symbols. `outputs` is a value or a tuple of
    values.
    """

    name: str
    inputs: tuple[Given, ...]
    held: Mapping[str, Held]
    constants: Mapping[str, Any]
    steps: tuple[Step, ...]
    outputs: Any
    modules: Mapping[str, str] = field(default_factory=dict)
    ranges: Mapping[str, tuple[int | None, int | None]] = field(default_factory=dict)


def class_name(modules: Mapping[str, str], otherwise: str) -> str:
    """What the class of the exported model is called, as an identifier."""
    name = modules.get("", "").rpartition(".")[2] or otherwise
    letters = "".join(one if one.isalnum() or one == "_" else "_" for one in name)
    return letters if letters.isidentifier() else f"Model_{letters}"
