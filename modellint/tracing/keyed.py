"""What each operation of a run is called, which module it belongs to, and what sizes it makes.

That much of a run says whether it did as another one: an `Outline` is in a third of the time what
the graph says of sizes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from torch import nn

from modellint.graph import LAYERS, LEAVES, STEPS, Site, Tensor
from modellint.modules.replayed import Replayed
from modellint.shapes.core import plain
from modellint.source.classes import module_of
from modellint.source.executed import mark
from modellint.symbolic.constraints import Constraint
from modellint.tracing.final_sizes import Final, demanded
from modellint.tracing.forward_run import Traced
from modellint.tracing.layouts import Laid
from modellint.tracing.tape import Handle, Record

_PRINCIPAL = {
    "Upsample": ("interpolate",),
    "UpsamplingNearest2d": ("interpolate",),
    "UpsamplingBilinear2d": ("interpolate",),
    "MultiheadAttention": ("linear", "scaled_dot_product_attention"),
    "RNN": ("rnn_tanh", "rnn_relu"),
    "RNNCell": ("rnn_tanh_cell", "rnn_relu_cell"),
    "SyncBatchNorm": ("batch_norm",),
    "LPPool2d": ("lp_pool2d",),
    "ReLU6": ("relu6", "hardtanh"),
    "ChannelShuffle": ("channel_shuffle",),
}


#: An operation: its key in the graph, its module with path and kind, and if it is its purpose. The
#: kind is the layer of `torch.nn` that the module is or derives from, if any.
Named = tuple[str, nn.Module, str, str | None, bool]


class Keyed:
    """The operations of one run, which are to be asked for in their order."""

    def __init__(self, traced: Traced, example: Mapping[str, int]) -> None:
        self.traced = traced
        self.exported = isinstance(traced.model, Replayed)
        self.final = Final(traced.tape.pins, example)
        self.keys: dict[str, int] = {}
        #: What names the line of a call in keys, by the `id` of its place.
        self.marks: dict[int, str] = {}
        self.tensors: dict[tuple[int, str], tuple[Tensor]] = {}
        self.paths = traced.members.paths
        self.kinds = {id(module): _kind(module) for _, module in traced.members}

    @cached_property
    def owners(self) -> Mapping[int, nn.Module]:
        """The first module that has a parameter, by the parameter's `id`."""
        found: dict[int, nn.Module] = {}
        for _, module in self.traced.members.registered:
            for tensor in module._parameters.values():
                found.setdefault(id(tensor), module)
        return found

    def named(self, record: Record) -> Named:
        """What an operation is called."""
        op, owner = record.op, record.module
        holder = self._of_weight(record) if op == "linear" else None
        if holder is not None:
            owner = holder
        held = id(owner)
        path, kind = self.paths[held], self.kinds[held]
        principal = holder is not None or (kind is not None and _is_principal(kind, op))
        # The line of an exported program's call is gone with its code.
        call = None if self.exported else record.call
        return self.unique(self._key(op, path, kind, principal, call)), owner, path, kind, principal

    def outputs(self, record: Record) -> tuple[Tensor, ...]:
        """What an operation puts out; one object for equal sizes, so that each is asked once."""
        known, shapes, dtypes = self.tensors, record.shapes, record.dtypes
        if len(shapes) == 1:
            return known.get((id(shapes[0]), dtypes[0])) or self._single(shapes[0], dtypes[0])
        each = zip(shapes, dtypes, strict=True)
        made = [known.get((id(shape), of)) or self._single(shape, of) for shape, of in each]
        return tuple([tensor for (tensor,) in made])

    def _single(self, shape: tuple[int, ...], dtype: str) -> tuple[Tensor]:
        final = self.final.size
        layout = (tuple(map(plain, shape)), shape.strides) if type(shape) is Laid else None
        made = (Tensor(tuple([final(size) for size in shape]), dtype, layout),)
        self.tensors[id(shape), dtype] = made
        return made

    def _key(self, op: str, path: str, kind: str | None, principal: bool, call: Site | None) -> str:
        if op in LAYERS:
            if principal:
                return path
            if kind is not None or (path and self.exported):
                return f"{path}:{op}"
        elif principal and op in STEPS:
            return path
        if call is None:
            return f"{op}@0"
        # By identity: the calls of one line share their place, and a model repeats its blocks.
        place = id(call)
        marked = self.marks.get(place)
        if marked is None:
            marked = self.marks[place] = mark(call.path, call.line)
        return f"{op}@{marked}"

    def _of_weight(self, record: Record) -> nn.Linear | None:
        """The layer whose weight a linear operation takes."""
        # Of `linear(input, weight, bias)`, without a look at all that it was called with.
        args = record.args
        weight = args[1] if len(args) > 1 else record.kwargs.get("weight")
        if isinstance(weight, Handle) and weight.record.leaf is not None:
            owner = self.owners.get(id(weight.record.leaf))
            if isinstance(owner, nn.Linear):
                return owner
        return None

    def unique(self, key: str) -> str:
        """A key that no operation before had."""
        count = self.keys[key] = self.keys.get(key, 0) + 1
        return key if count == 1 else f"{key}#{count}"


class Outlined(NamedTuple):
    """What a run says of an operation."""

    op: str
    outputs: tuple[Tensor, ...]

    @property
    def is_layer(self) -> bool:
        """Whether the table of layers lists it."""
        return self.op in LAYERS


@dataclass(frozen=True)
class Outline:
    """What a run says of its operations, by their keys, and of its results.

    `symbols` and `constraints` are as in a `Graph`.
    """

    operations: Mapping[str, Outlined]
    results: tuple[tuple[Tensor, ...], ...]
    symbols: Mapping[str, int]
    constraints: tuple[Constraint, ...]

    @property
    def layers(self) -> Mapping[str, tuple[Tensor, ...]]:
        """The sizes of the layers' results, but for pads."""
        return {
            key: of.outputs for key, of in self.operations.items() if of.is_layer and of.op != "pad"
        }


def outline(traced: Traced, example: Mapping[str, int]) -> Outline:
    """The outline of a run; `example` gives the sizes of the symbols to show."""
    keyed = Keyed(traced, example)
    operations: dict[str, Outlined] = {}
    made: dict[Record, tuple[Tensor, ...]] = {}
    for record in traced.tape.records:
        made[record] = outputs = keyed.outputs(record)
        if record.op not in LEAVES:
            operations[keyed.named(record)[0]] = Outlined(record.op, outputs)
    return Outline(
        operations,
        tuple([made[record] for record in traced.outputs]),
        keyed.final.shown,
        tuple(demanded(traced.tape)),
    )


@lru_cache(maxsize=4096)
def layer_kind(of: type) -> str | None:
    """The `torch.nn` layer that a class is or derives from; `None` for containers and others."""
    for base in of.__mro__:
        if base is nn.Module:
            return None
        module = module_of(base)
        inside = module.startswith(("torch.nn.modules", "torch.ao", "torch.nn.quant"))
        if inside and not module.endswith((".container", ".transformer")):
            return base.__name__
    return None


def _kind(module: nn.Module) -> str | None:
    cls: Any = type(module)  # Any, since mypy takes the class of a Module for unhashable.
    return layer_kind(cls)


@lru_cache(maxsize=4096)
def _is_principal(kind: str, op: str) -> bool:
    if kind in _PRINCIPAL:
        return op in _PRINCIPAL[kind]
    plain = kind.lower()
    if op == "pad":
        return "pad" in plain
    if plain.startswith("lazy"):
        plain = plain[4:]
    return plain.startswith(op.replace("_", "")) or plain.rstrip("123d") == op.replace("_", "")
