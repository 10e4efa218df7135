"""What was seen of a model, as the calls and the inputs that candidates have."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from modellint.discovery.arguments import COMMON_ARGUMENTS, ConstructorCall
from modellint.discovery.declarations import Declarations
from modellint.discovery.example_tensors import Example, Held, InputHint, Nest, Plain
from modellint.discovery.names import Names
from modellint.discovery.shown_inputs import arranged
from modellint.discovery.signatures import Parameters, parameters_of
from modellint.discovery.used_values import constructor_of, used_values
from modellint.programs.observed import Construction, Feeding
from modellint.programs.values import UNKNOWN, Spread, Tensor, Value, is_plain
from modellint.programs.written_values import NotTold, Writer

#: Dtypes that arrays have before somebody casts them, who may not have been seen.
_UNSURE = frozenset({"float64", "float16", "bfloat16"})


@dataclass(frozen=True)
class Way:
    """One way to build a model: a call of its class, or of a factory that led to it, and where."""

    callee: str
    given: tuple[Value, ...]
    named: Mapping[str, Value]
    path: str
    line: int
    built: Construction


class Written(NamedTuple):
    """A call as a file can repeat it; `whole` tells that nothing of it was assumed."""

    call: ConstructorCall
    whole: bool


@dataclass(frozen=True)
class CallWriter:
    """Writes what was seen for one file; `at` turns a path and a line into what reports print."""

    path: str
    names: Names
    declared: Declarations
    at: Callable[[str, int], str]

    def parameters(self, name: str) -> Parameters:
        """What a class or a function of the file takes."""
        if name in self.declared.classes:
            return self.declared.classes[name].parameters
        return parameters_of(self.declared.functions[name], method=False)

    def call(self, way: Way) -> Written:
        """The call as the file can repeat it.

        What is not told is assumed, by its use or its name, or left as it is by default. Raises
        `NotTold` where that gives nothing either.
        """
        parameters = self.parameters(way.callee)
        writer = Writer(self.path, lambda place: self._assumption(way.callee, place))
        given = _until_spread(way.given)
        named = {key: value for key, value in way.named.items() if key != "**"}
        positional = [*given[len(parameters.names) :]] and [*given]
        bound = {} if positional else dict(zip(parameters.names, given, strict=False))
        bound |= named
        # A spread may hold them; and a function that nobody calls is read without any.
        rest = [name for name in parameters.required if name not in bound]
        bound |= dict.fromkeys(rest[len(positional) :], UNKNOWN)
        texts = [writer.text(value, f"argument {at}") for at, value in enumerate(positional)]
        words: dict[str, str] = {}
        for name, value in bound.items():
            try:
                words[name] = writer.text(value, name)
            except NotTold:
                if name not in parameters.defaults:
                    raise
                writer.assumed[name] = ast.unparse(parameters.defaults[name])
        where = self.at(way.path, way.line)
        origin = f"{where} builds it"
        if writer.assumed:
            listed = ", ".join(f"{place}={text}" for place, text in writer.assumed.items())
            origin = f"assumed: {listed}, which {where} does not tell"
        elif way.built.explored:
            # What other options go with that one is not known.
            listed = ", ".join(f"{name}={text}" for name, text in words.items())
            origin = f"assumed: {listed or 'no arguments'}, as {where} builds it by an option"
        call = ConstructorCall(
            way.callee,
            tuple(texts),
            tuple(words.items()),
            True,
            parameters.line,
            origin,
            elsewhere=True,
            guessed=tuple(name for name in words if name in writer.assumed),
        )
        return Written(call, not writer.assumed)

    def _assumption(self, name: str, place: str) -> str | None:
        """A text for what is not known, by its use in the constructor, or by its name."""
        if "()." in place:
            # Of a model that is an argument.
            name, _, place = place.rpartition("().")
            name = name.rpartition(".")[2]
        last = place.rpartition(".")[2]
        if name not in self.declared.classes and name not in self.declared.functions:
            return COMMON_ARGUMENTS.get(last)
        if place in self.parameters(name).defaults:
            return None
        init = constructor_of(name, self.declared)
        if init is not None:
            method = name in self.declared.classes
            used = used_values(init, self.names, self.declared, method=method, settings=(place,))
            if place in used:
                return COMMON_ARGUMENTS.get(last, used[place])
        return COMMON_ARGUMENTS.get(last)

    def hint(self, fed: Feeding, call: ConstructorCall) -> InputHint | None:
        """What a model is fed that a call built, where all of it is known."""
        offered = [(None, self._held(value)) for value in fed.given]
        named = [(name, self._held(value)) for name, value in fed.named.items()]
        given = arranged([*offered, *named])
        if given is None:
            return None
        source = f"call at {self.at(fed.path, fed.line)}"
        return InputHint(
            given.tensors,
            fed.line,
            source,
            built=str(call),
            arguments=given.arguments,
            loose=True,
        )

    def _held(self, value: Value) -> Held | None:
        if isinstance(value, Tensor):
            if value.of is not None:
                cls = value.of.cls
                own = os.path.normpath(cls.module.path) == self.path
                return Example((), of=cls.name) if own else None
            return Example(value.shape, "" if value.dtype in _UNSURE else value.dtype)
        if is_plain(value):
            return Plain(repr(value))
        if isinstance(value, list | tuple):
            items: list[tuple[object, Held | None]] = [
                (at, self._held(one)) for at, one in enumerate(value)
            ]
            return _nest("list" if isinstance(value, list) else "tuple", items)
        if isinstance(value, dict):
            return _nest("dict", [(key, self._held(one)) for key, one in value.items()])
        return None


def ways(built: Sequence[Construction], callee: str, path: str) -> Iterator[Way]:
    """The ways in which a class of a file was built, or in which a function of it led to models."""
    for one in built:
        made = one.instance
        if made.cls.name == callee:
            yield Way(callee, made.given, made.named, one.path, one.line, one)
        for call in one.within:
            module = call.function.scope.module
            own = call.function.owner is None and call.function.scope.names is module.names
            if own and call.function.name == callee and module.path == path:
                yield Way(callee, call.given, call.named, call.path, call.line, one)
                break


def _until_spread(given: Sequence[Value]) -> tuple[Value, ...]:
    """Arguments up to those of which not even the number is known."""
    for at, value in enumerate(given):
        if isinstance(value, Spread):
            return tuple(given[:at])
    return tuple(given)


def _nest(kind: str, items: Sequence[tuple[object, Held | None]]) -> Held | None:
    """A container of what is known; `None` where a part of it is not."""
    known = [(key, one) for key, one in items if one is not None]
    if len(known) < len(items):
        return None
    texts = [(key, one.text) for key, one in known if isinstance(one, Plain)]
    if len(texts) < len(known):
        return Nest(kind, tuple(known))
    if kind == "dict":
        return Plain(f"{{{', '.join(f'{key!r}: {text}' for key, text in texts)}}}")
    inside = ", ".join(text for _, text in texts)
    return Plain(f"[{inside}]" if kind == "list" else f"({inside}{',' * (len(texts) == 1)})")
