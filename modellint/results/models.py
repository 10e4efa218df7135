"""What a run knows of a model: its inputs, its layers with their sizes and costs, its contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from modellint.contracts.admitted import Sizes
from modellint.graph.frozen import Made
from modellint.graph.origins import STATED, ConstructorArgument, Origin, Origins
from modellint.graph.saved import Saved
from modellint.results.annotated import AnnotatedSource
from modellint.results.picture import Picture
from modellint.results.places import in_json, place_of
from modellint.results.training_memory import TrainingMemory

Shape = tuple[int | str, ...]
"""The sizes of a tensor: an int, or an expression over the model's symbols such as `H - 2`."""

Status = Literal["analysed", "partial", "not-analysed", "failed"]


@dataclass(frozen=True, slots=True)
class ModelInput:
    """One input of a model: its symbolic shape, the example's, and where the shape came from.

    `origin` is the least sure one of its sizes, `origins` has that of each, of the number of axes
    and of the dtype.
    """

    name: str
    shape: Shape
    example: tuple[int, ...]
    dtype: str
    source: str
    guessed: bool
    origin: Origin = "stated"
    origins: Origins = STATED

    @property
    def told(self) -> str:
        """Where it came from, in words: `call at line 17`, `assumed 224×224`."""
        sizes = [
            str(size)
            for at, (size, origin) in enumerate(zip(self.example, self.origins.sizes, strict=False))
            if origin == "assumed" and at != self.origins.batch
        ]
        if self.source != "assumed" or not sizes:
            return self.source
        return f"assumed {'×'.join(sizes)}"

    def to_dict(self) -> dict[str, Any]:
        """The entry of `inputs` in JSON."""
        return {
            "name": self.name,
            "shape": list(self.shape),
            "example": list(self.example),
            "dtype": self.dtype,
            "source": self.source,
            "guessed": self.guessed,
            "origin": self.origin,
            "origins": self.origins.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ModelInput:
        """Read an entry of `inputs`."""
        fields = {**data, "shape": tuple(data["shape"]), "example": tuple(data["example"])}
        fields["origins"] = Origins.from_dict(data["origins"])
        return cls(**fields)


def input_phrase(told: Iterable[tuple[str, str]]) -> str:
    """Inputs with what is told of each: `input x 1×3×28×28, mask 1×28`.

    The first is not named where its name is `input` already.
    """
    words = [f"{name} {what}" for name, what in told]
    return f"input {', '.join(words)}".replace("input input ", "input ", 1)


@dataclass(frozen=True)
class Layer(Made):
    """One call of a layer: shapes, cost, window and receptive field.

    Shapes are symbolic in `inputs` and `outputs`, the example's in the other two. `parameters`
    counts numbers, `macs` multiply-accumulates of one sample. `kernel`, `stride` and `padding` are
    `None` where the layer has no window. `parameter_memory` and `activation_memory`, that of the
    outputs for one sample, are bytes; so is `kept`, what it keeps for the backward pass of a whole
    batch and no layer before it, where that was asked for.
    """

    key: str
    path: str
    type: str
    op: str
    line: int
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    example_inputs: tuple[tuple[int, ...], ...]
    example_outputs: tuple[tuple[int, ...], ...]
    parameters: int
    macs: int
    receptive_field: tuple[int, ...] | None
    kernel: tuple[int, ...] | None = None
    stride: tuple[int, ...] | None = None
    padding: tuple[tuple[int, int], ...] | None = None
    cell: int | None = None
    parameter_memory: int = 0
    activation_memory: int = 0
    kept: int | None = None

    @property
    def input(self) -> Shape:
        """The shape of its first input."""
        return self.inputs[0]

    @property
    def output(self) -> Shape:
        """The shape of its first output."""
        return self.outputs[0]

    def to_dict(self) -> dict[str, Any]:
        """The entry of `layers` in JSON."""
        return {
            "key": self.key,
            "path": self.path,
            "type": self.type,
            "op": self.op,
            **({} if self.cell is None else {"cell": self.cell}),
            "line": self.line,
            "inputs": _lists(self.inputs),
            "outputs": _lists(self.outputs),
            "example_inputs": _lists(self.example_inputs),
            "example_outputs": _lists(self.example_outputs),
            "parameters": self.parameters,
            "macs": self.macs,
            "receptive_field": _list(self.receptive_field),
            "kernel": _list(self.kernel),
            "stride": _list(self.stride),
            "padding": None if self.padding is None else _lists(self.padding),
            "parameter_memory": self.parameter_memory,
            "activation_memory": self.activation_memory,
            "kept": self.kept,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Layer:
        """Read an entry of `layers`; raise `ValueError` where its sizes do not agree."""
        nested = ("inputs", "outputs", "example_inputs", "example_outputs", "padding")
        flat = ("receptive_field", "kernel", "stride")
        fields = {**data, **{name: _tuples(data[name]) for name in nested}}
        for side in ("inputs", "outputs"):
            if [*map(len, fields[side])] != [*map(len, fields[f"example_{side}"])]:
                raise ValueError(f"the {side} of a layer have other axes in its example")
        return cls(**{**fields, **{name: _tuple(data[name]) for name in flat}})


@dataclass(frozen=True, slots=True)
class SkippedCheck:
    """A layer that a rule could not judge, and why."""

    rule: str
    layer: str
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """The entry of `skipped` in JSON."""
        return {"rule": self.rule, "layer": self.layer, "reason": self.reason}


@dataclass(frozen=True)
class ModelReport:
    """What a run knows of one model; `layers` are by key, in execution order.

    `contract` says which sizes it accepts a symbol, `joint` what ties several, `accepts` both in
    words; `confirmed` whether sizes inside and outside were tried. `stopped` is the key of the call
    that refused its sizes: layers, MACs and shares are of what ran before it. `arguments` are those
    that it was built with. `picture` is there where one was asked for, `annotated` where lines
    were watched: the files of the model, its own first. `parameter_memory` and `activation_memory`,
    the latter of one sample, are in bytes; `saved` is what a checkpoint of it holds.
    `training_memory` is what training takes, where that was asked for.
    """

    path: str
    name: str
    class_name: str
    line: int
    status: Status
    reason: str | None = None
    inputs: tuple[ModelInput, ...] = ()
    parameters: int | None = None
    macs: int | None = None
    activation_memory: int | None = None
    layers: Mapping[str, Layer] = field(default_factory=dict)
    contract: Mapping[str, Sizes] = field(default_factory=dict)
    joint: tuple[str, ...] = ()
    confirmed: bool = False
    skipped: tuple[SkippedCheck, ...] = ()
    accepts: str | None = None
    stopped: str | None = None
    arguments: tuple[ConstructorArgument, ...] = ()
    picture: Picture | None = field(default=None, repr=False)
    annotated: tuple[AnnotatedSource, ...] = field(default=(), repr=False)
    cell: int | None = None
    parameter_memory: int | None = None
    saved: Saved | None = field(default=None, repr=False)
    training_memory: TrainingMemory | None = None

    @property
    def place(self) -> str:
        """Where it is, as reports print it."""
        return place_of(self.path, self.line, cell=self.cell)

    @property
    def training_peak(self) -> int | None:
        """What training takes at its peak, in bytes, with the optimizer that needs most."""
        return None if self.training_memory is None else self.training_memory.peak

    @property
    def receptive_field(self) -> tuple[int, ...] | None:
        """The largest receptive field of its windows, an axis; `None` where none has one.

        What reads all that is left of a map, a linear layer behind it, sees the example's size.
        """
        windows = (one for one in self.layers.values() if one.kernel is not None)
        fields = [one.receptive_field for one in windows if one.receptive_field]
        rank = max(map(len, fields), default=0)
        found = [one for one in fields if len(one) == rank]
        return tuple(map(max, zip(*found, strict=True))) if found else None

    def to_dict(self, *, pictures: bool = False, annotated: bool = False) -> dict[str, Any]:
        """The entry of `models` in JSON, with what is large only if it is asked for."""
        drawn = self.picture if pictures else None
        training = self.training_memory
        return {
            **in_json(self.path, self.cell),
            "name": self.name,
            "class": self.class_name,
            "line": self.line,
            "status": self.status,
            "reason": self.reason,
            "inputs": [given.to_dict() for given in self.inputs],
            "parameters": self.parameters,
            "macs": self.macs,
            "activation_memory": self.activation_memory,
            "layers": [layer.to_dict() for layer in self.layers.values()],
            "contract": {symbol: sizes.to_dict() for symbol, sizes in self.contract.items()},
            "joint": list(self.joint),
            "confirmed": self.confirmed,
            "skipped": [skipped.to_dict() for skipped in self.skipped],
            "accepts": self.accepts,
            "stopped": self.stopped,
            "arguments": [given.to_dict() for given in self.arguments],
            "parameter_memory": self.parameter_memory,
            "state_dict": None if self.saved is None else self.saved.to_dict(),
            "training_memory": None if training is None else training.to_dict(),
            **({} if drawn is None else {"picture": drawn.to_dict()}),
            **({"annotated": [one.to_dict() for one in self.annotated]} if annotated else {}),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ModelReport:
        """Read an entry of `models`."""
        layers = [Layer.from_dict(layer) for layer in data["layers"]]
        contract = data["contract"].items()
        training = data["training_memory"]
        return cls(
            path=data["path"],
            name=data["name"],
            class_name=data["class"],
            line=data["line"],
            status=data["status"],
            reason=data["reason"],
            inputs=tuple(ModelInput.from_dict(given) for given in data["inputs"]),
            parameters=data["parameters"],
            macs=data["macs"],
            activation_memory=data["activation_memory"],
            layers={layer.key: layer for layer in layers},
            contract={symbol: _sizes(sizes) for symbol, sizes in contract},
            joint=tuple(data["joint"]),
            confirmed=data["confirmed"],
            skipped=tuple(SkippedCheck(**skipped) for skipped in data["skipped"]),
            accepts=data["accepts"],
            stopped=data["stopped"],
            arguments=tuple(ConstructorArgument(**given) for given in data["arguments"]),
            picture=Picture.from_dict(data["picture"]) if "picture" in data else None,
            annotated=tuple(map(AnnotatedSource.from_dict, data.get("annotated", ()))),
            cell=data.get("cell"),
            parameter_memory=data["parameter_memory"],
            saved=None if data["state_dict"] is None else Saved.from_dict(data["state_dict"]),
            training_memory=None if training is None else TrainingMemory.from_dict(training),
        )


def _sizes(data: Mapping[str, Any]) -> Sizes:
    return Sizes(**{**data, "values": _tuple(data["values"])})


def _list(values: tuple[int, ...] | None) -> list[int] | None:
    return None if values is None else list(values)


def _lists(values: tuple[tuple[Any, ...], ...]) -> list[list[Any]]:
    return [list(value) for value in values]


def _tuple(values: list[int] | None) -> tuple[int, ...] | None:
    return None if values is None else tuple(values)


def _tuples(values: list[list[Any]] | None) -> tuple[tuple[Any, ...], ...] | None:
    return None if values is None else tuple(tuple(value) for value in values)
