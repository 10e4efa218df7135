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
    LEAVES,
    Graph,
    Input,
    Mismatch,
    Node,
    Origins,
    Parameter,
    Tensor,
)
from modellint.modules.members import Members
from modellint.modules.replayed import fixed_samples
from modellint.modules.saved import saved_state
from modellint.source.classes import definitions
from modellint.source.executed import words
from modellint.source.file import SourceFile
from modellint.symbolic import expressions as ex
from modellint.symbolic.dims import fresh, symbolic
from modellint.tracing.dtypes import dtype_names
from modellint.tracing.final_sizes import demanded
from modellint.tracing.forward_run import Traced
from modellint.tracing.fx_module import graph_module
from modellint.tracing.garbage import uncollected
from modellint.tracing.held_tensors import UNNAMED
from modellint.tracing.keyed import Keyed, Outline
from modellint.tracing.module_table import NOWHERE, Modules, Sites
from modellint.tracing.operation_names import operation_names
from modellint.tracing.tape import Leaf, Record
from modellint.tracing.torch_functions import name_of

#: By the key of a node, results and axes whose sizes are known for the example only.
Lost = Mapping[str, frozenset[tuple[int, int]]]
NOTHING: Lost = MappingProxyType({})

_NONE: Mapping[str, Any] = MappingProxyType({})
_PARAMETER: Mapping[tuple[bool, bool], Mapping[str, Any]] = {
    (trained, owned): MappingProxyType({"requires_grad": trained, "owned": owned})
    for trained in (True, False)
    for owned in (True, False)
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
    general: Outline | None = None,
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
    `general` is the outline of another run whose branches hold for more sizes: where its sizes
    agree at the example they stand for this run's, and so do its constraints. `lost` are sizes that
    other runs gainsaid, by key, result and axis: of them the example's is known, and `partial` says
    why.
    """
    with uncollected():
        maker = _Maker(traced, example, sites, general, lost)
        nodes = maker.nodes()
        if general is not None and not maker.agrees(general):
            # The other run does something else at these sizes; it says nothing of this one.
            general = None
            maker = _Maker(traced, example, sites, None, lost)
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


class _Maker(Keyed):
    """Turns records into nodes, in order."""

    def __init__(
        self,
        traced: Traced,
        example: Mapping[str, int],
        sites: Sites,
        general: Outline | None,
        lost: Lost,
    ) -> None:
        super().__init__(traced, example)
        self.lost = lost
        self.general = general.operations if general else {}
        self.differ = False
        self.likes: dict[tuple[int, ...], int] = {}
        self.by_record: dict[Record, Node] = {}
        self.sites = sites
        self.parameters, self.by_parameter = self._parameters(traced.members)
        self.modules = Modules(traced, self.kinds, sites)

    def _parameters(self, members: Members) -> tuple[tuple[Parameter, ...], dict[int, Parameter]]:
        made: dict[int, Parameter] = {}
        first, owners = members.tensors, dict[int, nn.Module]()
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
        self.owners = owners  # It is found on the way.
        return tuple(made.values()), made

    def nodes(self) -> tuple[Node, ...]:
        """All nodes, in the order of the records."""
        known, leaf, operation = self.by_record, self._leaf, self._operation
        for record in self.traced.tape.records:
            if record.op in LEAVES:
                known[record] = leaf(record)
            else:
                known[record] = operation(record)
                if self.differ:
                    break  # What the other run says is not asked for any further.
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
            outputs=self.outputs(record),
            arguments=arguments,
            key=self.unique(f"{record.op}:{name}"),
            module=self.paths[id(record.module)],
            type=record.op,
            parameter=self.by_parameter.get(id(record.leaf)),
        )

    def _operation(self, record: Record) -> Node:
        key, owner, path, kind, principal = self.named(record)
        known = self.by_record
        outputs = self.outputs(record)
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
        node = Node.made(
            index=record.index,
            op=record.op,
            inputs=inputs,
            outputs=outputs,
            bound=(self.final, record),
            key=key,
            module=path,
            type=type(owner).__name__ if principal else record.op,
            construction=self.sites.get(id(owner), NOWHERE)[0] if layer else None,
            call=None if self.exported else record.call,
            like=record.like if as_before else self._like(record, inputs, outputs),
        )
        if _writes(record.op, record.func):
            vars(node)["writes"] = True
        return node

    def _like(self, record: Record, inputs: tuple[Node, ...], outputs: tuple[Tensor, ...]) -> int:
        """The first operation of the same function, arguments and sizes, where others say sizes.

        Those of results may differ where those of the records agree.
        """
        tensors = (*outputs, *(tensor for node in inputs for tensor in node.outputs))
        return self.likes.setdefault((record.like, *map(id, tensors)), record.index)

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

    def agrees(self, general: Outline) -> bool:
        """Whether the layers and outputs of the other run have the same sizes at the example."""
        if self.differ:
            return False
        outputs = [self.by_record[record].output.example for record in self.traced.outputs]
        return outputs == [out[0].example for out in general.results]

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
