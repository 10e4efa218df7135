"""Makes the Graph of a recorded forward: names, places, sizes in their final form.

Symbols that the run left no choice become numbers, every size is checked against the traced
example, and each layer gets its key. What comes out is never changed again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from torch import nn

from modellint.graph import (
    LAYERS,
    STEPS,
    Graph,
    Input,
    Mismatch,
    Node,
    Origins,
    Parameter,
    Site,
    Tensor,
)
from modellint.modules.members import Members
from modellint.modules.replayed import Replayed, fixed_samples
from modellint.modules.saved import saved_state
from modellint.shapes.core import plain
from modellint.source.classes import definitions, module_of
from modellint.source.executed import mark, words
from modellint.source.file import SourceFile
from modellint.symbolic import expressions as ex
from modellint.symbolic.dims import fresh, symbolic
from modellint.symbolic.expressions import Expr, Symbol
from modellint.tracing.binding import arguments_of
from modellint.tracing.dtypes import dtype_names
from modellint.tracing.final_sizes import Final, demanded
from modellint.tracing.forward_run import Traced
from modellint.tracing.fx_module import graph_module
from modellint.tracing.garbage import uncollected
from modellint.tracing.held_tensors import UNNAMED
from modellint.tracing.layouts import Laid
from modellint.tracing.module_table import NOWHERE, Modules, Sites
from modellint.tracing.operation_names import operation_names
from modellint.tracing.tape import Handle, Leaf, Record
from modellint.tracing.torch_functions import name_of

#: By the key of a node, results and axes whose sizes are known for the example only.
Lost = Mapping[str, frozenset[tuple[int, int]]]
NOTHING: Lost = MappingProxyType({})

_LEAVES = frozenset(["input", "parameter", "buffer", "constant"])
_NONE: Mapping[str, Any] = MappingProxyType({})
_WRITES: Mapping[str, Any] = MappingProxyType({"writes": True})
_PARAMETER: Mapping[tuple[bool, bool], Mapping[str, Any]] = {
    (trained, owned): MappingProxyType({"requires_grad": trained, "owned": owned})
    for trained in (True, False)
    for owned in (True, False)
}

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


def freeze(
    traced: Traced,
    *,
    name: str,
    names: Sequence[str],
    sources: Sequence[tuple[str, bool, Origins]],
    example: Mapping[str, int],
    sites: Sites,
    batches: tuple[str, ...] = (),
    rerun: Callable[[Mapping[str, int]], Graph | None] | None = None,
    train: Callable[[], Graph] | None = None,
    judge: Callable[[Node], bool | None] | None = None,
    source: SourceFile | None = None,
    general: Graph | None = None,
    lost: Lost = NOTHING,
    partial: str | None = None,
) -> Graph:
    """The graph of a recorded forward.

    `names` and `sources` belong to the inputs in order: the forward's parameter; where the shape
    came from, whether it was guessed, and the origins of all that it is. `example` gives the
    symbols' sizes to show, which may differ from those that were run (one image instead of two);
    `batches` are those that count samples.
    `rerun` traces again at others, `train` in training mode; `judge` asks torch about a node;
    `source` is the file that defines the model.
    `general` is the graph of another run whose branches hold for more sizes: where its sizes agree
    at the example they stand for this run's, and so do its constraints. `lost` are sizes that other
    runs gainsaid, by key, result and axis: of them the example's is known, and `partial` says why.
    """
    pins = traced.tape.pins
    with uncollected():
        maker = _Maker(traced, pins, example, sites, general, lost)
        nodes = maker.nodes()
        if general is not None and not maker.agrees(general):
            # The other run does something else at these sizes; it says nothing of this one.
            general = None
            maker = _Maker(traced, pins, example, sites, None, lost)
            nodes = maker.nodes()
    by_record, classes = maker.by_record, maker.modules.classes
    symbols = maker.final.shown
    inputs = tuple(
        Input(called, by_record[record], source, guessed, _axes(record), origins)
        for called, record, (source, guessed, origins) in zip(
            names, traced.inputs, sources, strict=True
        )
    )
    mismatch = None
    if traced.refused is not None:
        record, refusal = traced.refused
        mismatch = Mismatch(by_record[record], refusal.message, refusal.help)
    return Graph(
        name=name,
        nodes=nodes,
        inputs=inputs,
        outputs=tuple(by_record[record] for record in traced.outputs),
        modules=maker.modules,
        parameters=maker.parameters,
        symbols=symbols,
        constraints=tuple(demanded(traced.tape)) if general is None else general.constraints,
        mismatch=mismatch,
        partial=traced.partial or partial or maker.partial(nodes),
        make_fx=None if mismatch else lambda: graph_module(traced, names, example),
        rerun=rerun,
        kept=tuple(by_record[record] for record in traced.kept),
        exact=traced.partial is None,
        counted=frozenset(
            symbol.name
            for constraint in traced.tape.constraints.values()
            if constraint.origin == "tool"
            for symbol in constraint.expr.symbols
        ),
        source=source,
        definitions=lambda path: definitions(classes(path), source),
        # An export is of one mode, and has none to change to.
        train=None if maker.exported else train,
        judge=judge,
        batches=tuple(name for name in batches if name in symbols),
        spoken=operation_names,
        lines=None if traced.lines is None else traced.lines.values(by_record, sites),
        exported=maker.exported,
        samples=maker.samples(batches),
        saved=lambda: saved_state(traced.members.registered[0][1]),
    )


def _axes(record: Record) -> tuple[str, ...]:
    return tuple(str(symbolic(size)) for size in record.shapes[0])


class _Maker:
    """Turns records into nodes, in order."""

    def __init__(
        self,
        traced: Traced,
        pins: Mapping[Symbol, Expr],
        example: Mapping[str, int],
        sites: Sites,
        general: Graph | None,
        lost: Lost,
    ) -> None:
        self.lost = lost
        self.general = {node.key: node for node in general.nodes} if general else {}
        self.differ = False
        self.likes: dict[tuple[int, ...], int] = {}
        self.traced = traced
        self.exported = isinstance(traced.model, Replayed)
        self.final = Final(pins, example)
        self.by_record: dict[Record, Node] = {}
        self.keys: dict[str, int] = {}
        #: What names the line of a call in keys, by the `id` of its place.
        self.marks: dict[int, str] = {}
        self.tensors: dict[tuple[int, str], tuple[Tensor]] = {}
        self.sites = sites
        self.paths = traced.members.paths
        self.kinds = {id(module): _kind(module) for _, module in traced.members}
        self.owners: dict[int, nn.Module] = {}
        self.parameters, self.by_parameter = self._parameters(traced.members)
        self.modules = Modules(traced, self.kinds, sites)

    def _parameters(self, members: Members) -> tuple[tuple[Parameter, ...], dict[int, Parameter]]:
        made: dict[int, Parameter] = {}
        first, owners = members.tensors, self.owners
        for path, module in members.registered:
            for name, tensor in module._parameters.items():
                if tensor is None:
                    continue
                key = id(tensor)
                known = made.get(key)
                if known is None:
                    owners[key] = module
                    kind, named = first.get(key, UNNAMED)
                    if kind != "parameter":  # Made, or made a parameter, since the search.
                        named = (f"{path}.{name}" if path else name,)
                    made[key] = Parameter.made(
                        names=named, shape=_shape(tensor), dtype=dtype_names(tensor.dtype)[0]
                    )
                else:
                    again = f"{path}.{name}" if path else name
                    made[key] = replace(known, names=(*known.names, again))
        return tuple(made.values()), made

    def nodes(self) -> tuple[Node, ...]:
        """All nodes, in the order of the records."""
        known = self.by_record
        for record in self.traced.tape.records:
            known[record] = self._leaf(record) if record.op in _LEAVES else self._operation(record)
        return tuple(known.values())

    def _leaf(self, record: Record) -> Node:
        """An input, a parameter, a buffer or a constant."""
        name = record.path[0] if record.path else f"constant_{record.index}"
        arguments = _NONE
        if record.op == "parameter" and isinstance(record, Leaf):
            arguments = _PARAMETER[record.leaf.requires_grad, record.owned]
        return Node.made(
            index=record.index,
            op=record.op,
            inputs=(),
            outputs=self._outputs(record),
            arguments=arguments,
            key=self._unique(f"{record.op}:{name}"),
            module=self.paths[id(record.module)],
            type=record.op,
            parameter=self.by_parameter.get(id(record.leaf)),
        )

    def _operation(self, record: Record) -> Node:
        owner, principal = self._owner(record)
        held = id(owner)
        path, kind = self.paths[held], self.kinds[held]
        known = self.by_record
        # The line of an exported program's call is gone with its code.
        call = None if self.exported else record.call
        key = self._unique(self._key(record.op, path, kind, principal, call))
        outputs = self._outputs(record)
        if self.general:
            outputs = self._general_outputs(key, outputs)
        if key in self.lost:
            outputs = tuple(
                _without(tensor, {axis for result, axis in self.lost[key] if result == number})
                for number, tensor in enumerate(outputs)
            )
        inputs = tuple([known[source] for source in record.inputs])
        layer = kind is not None or principal
        as_before = not self.general and not self.lost
        return Node.made(
            index=record.index,
            op=record.op,
            inputs=inputs,
            outputs=outputs,
            bound=(self.final, record),
            key=key,
            module=path,
            type=type(owner).__name__ if principal else record.op,
            construction=self.sites.get(held, NOWHERE)[0] if layer else None,
            call=call,
            like=record.like if as_before else self._like(record, inputs, outputs),
            **(_WRITES if _writes(record.op, record.func) else {}),
        )

    def _like(self, record: Record, inputs: tuple[Node, ...], outputs: tuple[Tensor, ...]) -> int:
        """The first operation of the same function, arguments and sizes, where others say sizes.

        Those of results may differ where those of the records agree.
        """
        tensors = (*outputs, *(tensor for node in inputs for tensor in node.outputs))
        return self.likes.setdefault((record.like, *map(id, tensors)), record.index)

    def _outputs(self, record: Record) -> tuple[Tensor, ...]:
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

    def samples(self, batches: Sequence[str]) -> int:
        """How many samples an export has for good, if all that goes in and out has them first."""
        number = fixed_samples(self.traced.model)
        sizes = [self.by_record[record].output.example[:1] for record in self.traced.outputs]
        open_ones = {symbol.name for symbol in self.final.symbols} & {*batches}
        return number if not open_ones and all(one == (number,) for one in sizes) else 1

    def _general_outputs(self, key: str, outputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The same sizes as the more general run says them, where they agree at the example."""
        general = self.general.get(key)
        if general is None:
            return outputs
        same = [t.example for t in general.outputs] == [t.example for t in outputs]
        self.differ = self.differ or not (same or general.op == "pad" or not general.is_layer)
        return general.outputs if same else outputs

    def agrees(self, general: Graph) -> bool:
        """Whether the layers and outputs of the other run have the same sizes at the example."""
        outputs = [self.by_record[record].output.example for record in self.traced.outputs]
        return not self.differ and outputs == [out.output.example for out in general.outputs]

    def _owner(self, record: Record) -> tuple[nn.Module, bool]:
        """The module that owns an operation, and whether this is what that module is for."""
        module: nn.Module = record.module
        if record.op == "linear":
            weight = arguments_of(record).get("weight")
            if isinstance(weight, Handle) and weight.record.leaf is not None:
                owner = self.owners.get(id(weight.record.leaf))
                if isinstance(owner, nn.Linear):
                    return owner, True
        kind = self.kinds.get(id(module))
        return module, kind is not None and _is_principal(kind, record.op)

    def _unique(self, key: str) -> str:
        count = self.keys[key] = self.keys.get(key, 0) + 1
        return key if count == 1 else f"{key}#{count}"

    def partial(self, nodes: Sequence[Node]) -> str | None:
        """Which sizes are unknown, in a sentence, or `None`."""
        first = None
        if self.traced.tape.unknowns:
            first = next((n for n in nodes if not all(t.known for t in n.outputs)), None)
        if first is not None:
            call = first.call
            place = "" if call is None else f" ({words(call.path, call.line)})"
            return f"sizes are known for the example only from {first.op}{place} on"
        for constraint in self.traced.tape.constraints.values():
            if constraint.origin == "tool":
                expr = ex.substitute(constraint.expr, {})
                held = sorted(s.name for s in expr.symbols if not s.unknown) or ["a size"]
                if expr.symbols:
                    where, _, place = constraint.reason.rpartition(" at ")
                    return (
                        f"{', '.join(held)} stays at the example's size: {where} at "
                        f"{Path(place).name} uses it as a plain number"
                    )
        return None


@lru_cache(maxsize=4096)
def _writes(op: str, func: Any) -> bool:
    """Whether an operation is one that leaves its result in its first argument."""
    return func is not None and (name_of(func)[1] or op == "setitem")


def _without(tensor: Tensor, axes: Collection[int]) -> Tensor:
    """A tensor of which some axes are known for the example only."""
    sizes = zip(tensor.example, tensor.shape, strict=True)
    return Tensor(
        tuple(fresh(plain) if at in axes else size for at, (plain, size) in enumerate(sizes)),
        tensor.dtype,
        tensor.layout,
    )


def _shape(tensor: Any) -> tuple[int, ...]:
    if type(tensor) is not nn.Parameter and nn.parameter.is_lazy(tensor):
        return (0,)
    return tuple(tensor.shape)


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
