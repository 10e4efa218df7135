"""The ways to feed a model: as stated, as its file shows, or as its first layer suggests."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from modellint.discovery.example_tensors import Argument
from modellint.errors import NotAnalysed, UsageError
from modellint.graph import Origin
from modellint.inputs.containers import annotated_container, container_of, places
from modellint.inputs.hidden_states import hidden_states
from modellint.symbolic.specs import InputSpec

if TYPE_CHECKING:
    from torch import nn

    from modellint.inputs.axis_roles import First


@dataclass(frozen=True)
class Feed:
    """One way to feed a model: its inputs' symbols and sizes, and where they came from.

    `searched` are the symbols whose sizes a search may choose, `unsaid` all whose sizes nobody
    said, batches among them, and `solved` those that the model's own demands have led to. `apart`
    tells that the file shows it with a model of the class that was built in another way, `origin`
    where what is not assumed came from, and `conv` that the first layer takes so many axes alone.
    `arguments` hold the tensors where these are not the arguments of the call, one after another.
    """

    names: tuple[str, ...]
    shapes: tuple[tuple[int | str, ...], ...]
    dtypes: tuple[str, ...]
    sources: tuple[str, ...]
    keywords: tuple[bool, ...]
    example: Mapping[str, int]
    searched: frozenset[str]
    batches: tuple[str, ...] = ()
    typed: frozenset[int] = frozenset()
    solved: frozenset[str] = frozenset()
    unsaid: frozenset[str] = frozenset()
    apart: bool = False
    origin: Origin = "stated"
    conv: bool = False
    arguments: tuple[Argument, ...] = ()

    @property
    def doubtful(self) -> bool:
        """Whether something of it was assumed, so that another feed may fit where it does not."""
        return bool(self.unsaid) or "assumed" in self.sources


class Feeds:
    """Makes the feeds of one model; `first` is its first layer, `wanted` what its forward takes."""

    def __init__(self, model: nn.Module, name: str, first: First, wanted: tuple[str, ...]) -> None:
        self.model = model
        self.name = name
        self.first = first
        self.wanted = wanted

    def stated(self, specs: list[InputSpec], whole: bool = False) -> Feed:
        """The feed of stated shapes; parameters that none is stated for are fed like the first.

        There are no such parameters where the specs are the `whole` of a call.
        """
        parameters = self._parameters()
        known = {spec.name for spec in specs}
        for name in known - {None}:
            if sum(spec.name == name for spec in specs) > 1:
                raise UsageError(f"{name} is given twice")
        rest = [name for name in self.wanted if name not in known and not whole]
        named: list[tuple[str, InputSpec, bool]] = []
        for spec in specs:
            if spec.name is not None:
                if parameters is not None and spec.name not in parameters:
                    has = ", ".join(parameters) or "none"
                    raise UsageError(
                        f"{self.name}.forward has no parameter {spec.name!r}; it has {has}"
                    )
                named.append((spec.name, spec, True))
            else:
                name = rest.pop(0) if rest else self._next(parameters, named)
                # Behind one that was stated by name, what is next in order is no longer that.
                place = sum(not keyword for _, _, keyword in named)
                apart = name in (parameters or ())[place + 1 :]
                named.append((name, spec, apart))
        for name in rest:
            first = next((one for _, spec, _ in named for one in spec.leaves()), None)
            dims = () if first is None else self._like(name, first.dims)
            named.append((name, InputSpec(name, dims, None, "assumed"), True))
        return self._contained(named) if any(one.kind for one in specs) else self._feed(named)

    def _contained(self, named: Sequence[tuple[str, InputSpec, bool]]) -> Feed:
        """The feed of stated containers, whose tensors are its inputs."""
        arguments: list[Argument] = []
        leaves: list[tuple[str, InputSpec, bool]] = []
        # Tensors are counted in the order of the call.
        for name, spec, keyword in sorted(named, key=lambda one: one[2]):
            held = container_of(spec, len(leaves))
            arguments.append(Argument(name if keyword else None, held))
            tensors = (replace(one, source=spec.source) for one in spec.leaves())
            leaves += [
                (place, tensor, False)
                for place, tensor in zip(places(held, name), tensors, strict=True)
            ]
        return replace(self._feed(leaves), arguments=tuple(arguments))

    def hinted(self, hint: Any) -> Feed:
        """The feed that the file shows."""
        if hint.arguments:
            return self._arranged(hint)
        specs = [
            InputSpec(tensor.name, tuple(tensor.shape), tensor.dtype or None, hint.source)
            for tensor in hint.tensors
        ]
        apart = hint.apart or hint.loose
        return replace(self.stated(specs), apart=apart, origin=_origin(hint))

    def shown(self, hint: Any) -> list[Feed]:
        """The feeds that the file shows: several where it tells a part, the likeliest first."""
        if not hint.partial:
            return [self.hinted(hint)]
        known = [
            InputSpec(tensor.name, tuple(tensor.shape), tensor.dtype or None, hint.source)
            for tensor in hint.tensors
        ]
        named = {spec.name for spec in known}
        unnamed = [name for name in self.wanted if name not in named]
        rest = unnamed[sum(spec.name is None for spec in known) :]
        if not rest:
            return []
        states = hidden_states(self.model, rest)
        made: list[Feed] = []
        for told in [states, {}] if states else [{}]:
            for rank in dict.fromkeys([len(known[0].dims), 2, 3, 1, 4]):
                shapes = {name: self._like(name, (None,) * rank) for name in rest}
                others = [
                    replace(told.get(name, InputSpec(None, shapes[name])), name=name)
                    for name in rest
                ]
                specs = [*known, *(replace(spec, source="assumed") for spec in others)]
                made.append(replace(self.stated(specs), apart=True, origin=_origin(hint)))
        return made

    def _arranged(self, hint: Any) -> Feed:
        """The feed of a call that gives tensors in containers, or other values besides."""
        parameters = self._parameters() or []
        shown: list[str] = []
        for at, argument in enumerate(hint.arguments):
            default = parameters[at] if at < len(parameters) else f"input{at}"
            shown += places(argument.held, argument.name or default)
        named = [
            (name, InputSpec(None, tuple(tensor.shape), tensor.dtype or None, hint.source), False)
            for name, tensor in zip(shown, hint.tensors, strict=True)
        ]
        feed = self._feed(named)
        origin = _origin(hint)
        apart = hint.apart or hint.loose
        return replace(feed, apart=apart, origin=origin, arguments=hint.arguments)

    def reads(self, hint: Any) -> bool:
        """Whether the model may read the images that the file loads, as their channels tell."""
        channels = hint.tensors[0].shape[1]
        if len(self.wanted) != 1:
            return False
        if self.first.kind == "Conv":
            return self.first.space == 2 and channels in (None, self.first.channels)
        return self.first.kind in ("Linear", "Recurrent")

    def guesses(self) -> list[Feed]:
        """Feeds by the first layer, the likeliest number of axes first."""
        if not self.wanted:
            return [self._feed([])]
        states = hidden_states(self.model, self.wanted[1:])
        made = [self._guess(rank, None, states) for rank in self.first.ranks if states]
        others = [None] if len(self.wanted) == 1 else [None, 2, 3, 1, 4]
        made += [self._guess(rank, other) for rank in self.first.ranks for other in others]
        if any(self._like(name, (None, None)) == (None,) for name in self.wanted[1:]):
            made += [
                self._guess(rank, other, alike=True)
                for rank in self.first.ranks
                for other in dict.fromkeys([rank, 2])
            ]
        return made

    def _guess(
        self,
        rank: int,
        other: int | None,
        states: Mapping[str, InputSpec] = MappingProxyType({}),
        alike: bool = False,
    ) -> Feed:
        """A feed whose first input has so many axes, further ones as their names say or `other`.

        Where they are `alike`, names say nothing: `y` may be a second image, `labels` one-hot.
        """
        dims: tuple[str | None, ...] = (None,) * rank
        specs = []
        for at, name in enumerate(self.wanted):
            shape = dims if at == 0 or alike else self._like(name, dims)
            if at and other is not None and len(shape) > 1:
                shape = (None,) * other
            dtype = "int64" if at and is_lengths(name.lower()) else None
            if dtype is not None:
                # As many as there are samples, whatever the ranks of others.
                shape = ("N",) if "N" in self.first.roles(rank) else (None,)
            spec = states.get(name, InputSpec(None, shape, dtype, "assumed"))
            specs.append((name, spec, at > 0))
        return (
            self._contained(specs) if any(spec.kind for _, spec, _ in specs) else self._feed(specs)
        )

    def refuse_containers(self) -> None:
        """Raise `NotAnalysed` where the forward says that it takes something else than a tensor."""
        try:
            parameters = inspect.signature(self.model.forward).parameters
        except (TypeError, ValueError):
            return
        for name in self.wanted:
            kind = annotated_container(parameters[name]) if name in parameters else None
            if kind is not None:
                raise NotAnalysed(
                    f"{self.name}.forward takes {kind} for {name}, and its file calls it with none "
                    "whose tensors can be told: call it in the file on torch.rand(...)"
                )

    def further_guesses(self) -> list[Feed]:
        """Feeds of other numbers of axes, for a model whose first layer does not get its input.

        A forward may add the axis that its convolutions need, or fold one of time into the batch.
        """
        if len(self.wanted) != 1:
            return []
        return [
            self._feed(
                [(self.wanted[0], InputSpec(None, (None,) * len(roles), source="assumed"), False)],
                roles,
            )
            for roles in self.first.further_roles
        ]

    def _like(self, name: str, dims: Sequence[Any]) -> tuple[Any, ...]:
        """The axes of a further input: one a sample for times and labels, else as the first."""
        words = name.lower()
        if is_lengths(words):
            return (None,)
        if words in ("t", "y", "c") or any(w in words for w in ("time", "step", "label", "sigma")):
            return (None,)
        return (None,) * len(dims)

    def _next(self, parameters: list[str] | None, named: list[tuple[str, InputSpec, bool]]) -> str:
        """The name of the parameter that takes one more positional input."""
        at = len(named)
        stated = all(
            name == known for (name, _, _), known in zip(named, parameters or (), strict=False)
        )
        return parameters[at] if parameters and stated and at < len(parameters) else f"input{at}"

    def _parameters(self) -> list[str] | None:
        try:
            signature = inspect.signature(self.model.forward)
        except (TypeError, ValueError):
            return None
        if any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values()):
            return None
        return list(signature.parameters)

    def _feed(
        self, named: list[tuple[str, InputSpec, bool]], axes: tuple[str, ...] | None = None
    ) -> Feed:
        """The feed of inputs, whose axes stand for what their number says, or for `axes`."""
        example: dict[str, int] = {}
        shapes: list[tuple[int | str, ...]] = []
        searched: set[str] = set()
        unsaid: set[str] = set()
        batches: list[str] = []
        for at, (_, spec, _) in enumerate(named):
            roles = axes or self.first.roles(len(spec.dims))
            sizes = self.first.sizes(roles)
            shape: list[int | str] = []
            for role, stated in zip(roles, spec.dims, strict=True):
                symbol = stated if isinstance(stated, str) else self._symbol(role, at, example)
                shape.append(symbol)
                if role == "N" and symbol not in batches:
                    batches.append(symbol)
                if isinstance(stated, int):
                    example.setdefault(symbol, stated)
                elif symbol not in example:
                    example[symbol] = sizes[role]
                    unsaid.add(symbol)
                    if role != "N":
                        searched.add(symbol)
            shapes.append(tuple(shape))
        return Feed(
            names=tuple(name for name, _, _ in named),
            shapes=tuple(shapes),
            dtypes=tuple(self._dtype(spec, at) for at, (_, spec, _) in enumerate(named)),
            sources=tuple(spec.source for _, spec, _ in named),
            keywords=tuple(keyword for _, _, keyword in named),
            example=example,
            searched=frozenset(searched),
            batches=tuple(batches),
            typed=frozenset(at for at, (_, spec, _) in enumerate(named) if spec.dtype),
            unsaid=frozenset(unsaid),
            conv=bool(self.first.space) and len(named[0][1].dims) == self.first.space + 2
            if named
            else False,
        )

    def _symbol(self, role: str, at: int, known: Mapping[str, int]) -> str:
        """A symbol of its own for each axis; those that turn out equal become one."""
        if at == 0 and role not in known:
            return role
        number = 2
        while f"{role}{number}" in known:
            number += 1
        return f"{role}{number}"

    def _dtype(self, spec: InputSpec, at: int) -> str:
        if spec.dtype is not None:
            return spec.dtype
        # A map of four axes is no list of tokens, although an embedding of labels comes first.
        tokens = self.first.kind == "Embedding" and at == 0 and len(spec.dims) < 3
        return "int64" if tokens else "float32"


def is_lengths(name: str) -> bool:
    """Whether an input is called after the lengths of sequences, one a sample."""
    return name in ("lens", "seq_lens", "seqlens") or name.endswith(("lengths", "length", "_lens"))


def _origin(hint: Any) -> Origin:
    return "stated" if hint.source.startswith("input=") else "shown"
