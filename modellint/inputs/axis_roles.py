"""What the axes of a model's inputs stand for, and sizes to begin with, by its first layers."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from types import CodeType
from typing import Any

from torch import nn

from modellint.graph import Graph
from modellint.graph.operations import CONVOLUTIONS, TRANSPOSED
from modellint.inputs.size_operands import function_tree
from modellint.modules.members import Members
from modellint.symbolic import expressions as ex
from modellint.symbolic.dims import expr_of
from modellint.tracing.keyed import layer_kind

_SPACE = {1: ("L",), 2: ("H", "W"), 3: ("D", "H", "W")}
#: Sizes to begin with, by symbol; a symbol that a layer fixes is solved from it.
DEFAULTS = {"N": 2, "C": 3, "D": 16, "H": 224, "W": 224, "L": 64, "T": 64}


@dataclass(frozen=True)
class First:
    """The first layer with weights: what it reads, on how many spatial axes, how many channels.

    An input with one axis less than its batches is one sample `alone`, until a run shows otherwise.
    One that `projects` makes a map of a latent vector, as generators begin.
    """

    kind: str
    space: int = 0
    channels: int | None = None
    batch_first: bool = True
    alone: bool = True
    projects: bool = False

    @property
    def ranks(self) -> tuple[int, ...]:
        """Numbers of axes to try for an input, the likeliest first."""
        if self.space:
            return (self.space + 2,)
        if self.kind == "Linear":
            return (2, 4, 3)
        if self.kind == "Embedding":
            return (2, 1)
        if self.kind in ("Recurrent", "Attention"):
            return (3, 2)
        return (4, 3, 2, 5)

    @property
    def further_roles(self) -> tuple[tuple[str, ...], ...]:
        """What axes of inputs may stand for of which the first layer gets something else."""
        if self.space:
            space = _SPACE[self.space]
            return (("N", *space), ("C", *space), ("N", "T", "C", *space), ("N", "C"), ("L", "C"))
        if self.kind == "Linear":
            return (("N", "H", "W"), ("N", "L"), ("N",), ("C",), ("N", "T", "C", "H", "W"))
        if self.kind == "Recurrent":
            return (("N", "C", "H", "W"), ("N", "H", "W"), ("N", "L"), ("N",))
        if self.kind == "Embedding":
            return (("N", "L", "T"), ("N", "C"))
        return (("N",), ("N", "L", "C"))

    def roles(self, rank: int) -> tuple[str, ...]:
        """Symbols for the axes of an input with so many."""
        if self.space and (rank == self.space + 2 or (self.alone and rank == self.space + 1)):
            leading = ("N", "C") if rank == self.space + 2 else ("C",)
            return (*leading, *_SPACE[self.space])
        if self.kind == "Embedding" and rank <= 2:
            return ("N", "L")[2 - rank :]
        if rank == 3:
            return ("N", "L", "C") if self.batch_first else ("L", "N", "C")
        if rank == 2:
            return ("N", "C")
        if rank == 1:
            return ("N",)
        if rank == 4:
            return ("N", "C", "H", "W")
        if rank == 5:
            return ("N", "C", "D", "H", "W")
        return tuple(f"S{index}" for index in range(rank))

    def sizes(self, roles: tuple[str, ...]) -> dict[str, int]:
        """The sizes to begin with."""
        made = {role: DEFAULTS.get(role, 16) for role in roles}
        if "C" in made and self.channels:
            made["C"] = self.channels
        if "D" in made:
            made |= {"H": 112, "W": 112}
        if self.space == 1 and "L" in made:
            made["L"] = 1024
        if self.projects:
            made |= dict.fromkeys([role for role in made if role in "DHWL"], 1)
        return made


def first_layer(modules: Members) -> First:
    """The first layer with weights in the order of registration."""
    return next(_layers(modules), First(""))


def other_first(modules: Members, first: First) -> First | None:
    """The first convolution, where what is registered before it may read a further input.

    An embedding of labels or of time steps often comes first, and the image is the first input.
    """
    if first.kind not in ("Embedding", "Linear"):
        return None
    return next((one for one in _layers(modules) if one.space), None)


def _layers(modules: Members) -> Iterator[First]:
    """The layers with weights in the order of registration."""
    for _, module in modules.registered:
        cls: Any = type(module)  # Any, since mypy takes the class of a Module for unhashable.
        kind = layer_kind(cls) or ""
        if kind.startswith("Lazy"):
            kind = kind.removeprefix("Lazy")
        if kind[:4] == "Conv" and kind[-2:] in ("1d", "2d", "3d"):
            channels = _number(module, "in_channels")
            yield First("Conv", int(kind[-2]), channels, projects=_projects(kind, module))
        elif kind.startswith(("BatchNorm", "InstanceNorm")) and kind[-2:] in ("2d", "3d"):
            yield First("Conv", int(kind[-2]), _number(module, "num_features"))
        elif kind == "Linear":
            yield First("Linear", 0, _number(module, "in_features"))
        elif kind in ("Embedding", "EmbeddingBag"):
            yield First("Embedding")
        elif kind in ("LSTM", "GRU", "RNN"):
            batch_first = bool(getattr(module, "batch_first", False))
            yield First("Recurrent", 0, _number(module, "input_size"), batch_first)
        elif kind == "MultiheadAttention":
            batch_first = bool(getattr(module, "batch_first", False))
            yield First("Attention", 0, _number(module, "embed_dim"), batch_first)


def as_run(first: First, graph: Graph) -> First:
    """The first layer as a run shows it: what came to it as its batch was one from the start.

    `x.unsqueeze(1)` makes images of three axes a batch of maps, and tokens become maps, too.
    """
    given = graph.inputs[0] if graph.inputs else None
    if not first.space or given is None or len(given.axes) != first.space + 1:
        return first
    leading = ex.symbol(given.axes[0])
    for node in graph.calls(*CONVOLUTIONS, *TRANSPOSED, "batch_norm", "instance_norm"):
        # Where it refused what it got, it was given that all the same.
        shape = node.input.output.shape
        if len(shape) == first.space + 2:
            batch = shape[0]
            return replace(first, alone=leading not in expr_of(batch).symbols)
    return first


def keys_read(function: Any, mapping: str) -> tuple[str, ...]:
    """The keys that a function reads of what it is given by name: `kwargs["labels"]`.

    Not those that it asks for first, and does without.
    """
    code = getattr(inspect.unwrap(function), "__code__", None)
    return () if code is None else _keys_read(code, mapping)


@lru_cache(maxsize=256)
def _keys_read(code: CodeType, mapping: str) -> tuple[str, ...]:
    tree = function_tree(code)
    found: dict[str, None] = {}
    asked: set[object] = set()
    for node in ast.walk(tree) if tree is not None else ():
        match node:
            case ast.Subscript(
                value=ast.Name(id=name), slice=ast.Constant(value=str(key)), ctx=ast.Load()
            ) if name == mapping:
                found[key] = None
            case ast.Compare(left=ast.Constant(value=key), ops=[ast.In() | ast.NotIn()]):
                asked.add(key)
    return tuple(key for key in found if key not in asked)


def _projects(kind: str, module: Any) -> bool:
    """Whether a layer makes a map of one position, which it would add a frame to if it had more."""
    if not kind.startswith("ConvTranspose"):
        return False
    window, stride, padding = (
        getattr(module, name, ()) for name in ("kernel_size", "stride", "padding")
    )
    return set(stride) == {1} and set(padding) == {0} and min(window, default=1) > 1


def _number(module: nn.Module, name: str) -> int | None:
    value = getattr(module, name, None)
    return value if isinstance(value, int) and value > 0 else None


def wanted_inputs(model: nn.Module) -> tuple[str, ...]:
    """The parameters of the forward that a call must give."""
    try:
        parameters = list(inspect.signature(model.forward).parameters.values())
    except (TypeError, ValueError):
        return ("input",)
    names: list[str] = []
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL:
            return tuple(names) or (parameter.name,)
        if parameter.kind is parameter.VAR_KEYWORD:
            names += keys_read(model.forward, parameter.name)
        elif parameter.default is parameter.empty:
            names.append(parameter.name)
    if not names and parameters:
        # Every parameter has a default, as in many models that take one of several inputs.
        names.append(parameters[0].name)
    return tuple(names)
