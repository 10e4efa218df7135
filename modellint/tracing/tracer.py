"""Every torch call of a forward arrives here, in modules, subclasses and free functions alike.

A `TorchFunctionMode` hands them over. What asks a tensor something is answered, what is more than
a shape goes its own way, and the rest is recorded as the table says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from modellint.modules.members import Members
from modellint.shapes import OPS, Op, Out, Refused
from modellint.tracing.aten import is_operator, torch_call
from modellint.tracing.binding import bind, entry_of
from modellint.tracing.dtypes import decides_dtype, dtype_of, result_dtype
from modellint.tracing.held_tensors import Value
from modellint.tracing.layouts import laid_out
from modellint.tracing.recorder import Recorder
from modellint.tracing.special_calls import SPECIAL, attribute
from modellint.tracing.stand_ins import is_as_made, plain_sizes, with_numbers
from modellint.tracing.tape import Record, Tape
from modellint.tracing.tensor_answers import ANSWERS, item
from modellint.tracing.torch_functions import OPENED, is_view, name_of, opened


class _Resolved(NamedTuple):
    """What a torch function is to the tracer: looked up once for each."""

    name: str
    in_place: bool
    entry: Op | None
    special: Callable[[Recorder, Any, Any, Any], Any] | None
    inside: Callable[..., Any] | None


@lru_cache(maxsize=4096)
def _resolved(func: Any) -> _Resolved:
    name, in_place = name_of(func)
    special = SPECIAL.get(name)
    if func.__name__ == "__get__" and name not in OPS:
        special = attribute
    inside = torch_call(func) if is_operator(func) else None
    if special is None and (name not in OPS or name in OPENED) and not is_operator(func):
        inside = opened(func)
    return _Resolved(name, in_place, entry_of(func), special, inside)


class _Outcome(NamedTuple):
    """What an operation makes of arguments of these sizes and dtypes, whenever it gets them.

    `sizes` are those of the single result that is made without running the operation, else `None`.
    `first` is the index of the record that it was found out for.
    """

    shape: Any
    sizes: tuple[int, ...] | None
    dtype: torch.dtype | None
    in_place: bool
    first: int


class Tracer(Recorder, TorchFunctionMode):
    """The mode that records; one instance a forward."""

    def __init__(
        self,
        model: nn.Module,
        tape: Tape,
        modules: Members,
        real: bool = False,
        distrusted: frozenset[int] = frozenset(),
    ) -> None:
        super().__init__(model, tape, modules, real)
        #: The places on the tape of operations that torch is left to judge.
        self.distrusted = distrusted
        #: Outcomes by the operation, its arguments, and the identity of its tensors' shapes.
        self.outcomes: dict[tuple[Any, ...], _Outcome] = {}

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        answer = ANSWERS.get(func)
        if answer is not None:
            try:
                return answer(self, *args, **(kwargs or {}))
            except (TypeError, IndexError):
                return self.asked(func, args, dict(kwargs or {}))
        return self.call(func, args, dict(kwargs) if kwargs else {})

    def call(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Record one operation and answer with its result on meta."""
        known = _resolved(func)
        if known.inside is not None:
            with self:
                return known.inside(*args, **kwargs)
        if known.special is not None:
            return known.special(self, func, args, kwargs)
        entry = known.entry
        if kwargs:
            if kwargs.get("out", self) is None:
                del kwargs["out"]
            if kwargs.get("device") is not None:
                kwargs["device"] = torch.device("cpu")
        values: list[Value] = []
        # By identity: what is known of a function is kept for good, and hashes all of itself.
        key: list[Any] = [id(known)]
        sized_args = tuple(self.sized_each(args, values, key))
        sized_kwargs = {}
        for name, value in kwargs.items():
            key.append(name)
            sized_kwargs[name] = self.sized(value, values, key)
        whole = None if entry is None or self.real or key[0] is None else tuple(key)
        found = None if whole is None else self.outcomes.get(whole)
        if found is not None and entry is not None:
            record = self.enter(known.name, func, sized_args, sized_kwargs, None, values)
            return self._again(entry, found, args, kwargs, record, values)
        # What the table says of it is not trusted; what its arguments are called is.
        bound = bind(func, entry, sized_args, sized_kwargs)
        if self.distrusted and len(self.tape.records) in self.distrusted:
            entry = None
        record = self.enter(known.name, func, sized_args, sized_kwargs, bound, values)
        unknowns = len(self.tape.unknowns)
        outcome = None
        if entry is not None:
            unusual = entry.forms.unusual(bound)
            entry.forms.read(bound, usual=not unusual)
            if unusual and not self.real:
                standing = self.standing_for(entry.forms.as_numbers(bound), values)
                numbers = {key: self.replayed(value.held) for key, value in standing.items()}
                answer = self.tried(func, args, kwargs, record, standing, numbers)
                if answer is NotImplemented:
                    self.tape.records.remove(record)
                    return answer
                if numbers:
                    self.tape.records.remove(record)
                    held = {key: item(self, value.held) for key, value in standing.items()}
                    return self.call(func, *with_numbers((args, kwargs), held))
            outcome = self.judge(entry, bound, record, func, args, kwargs)
        in_place = known.in_place or bound.get("inplace") is True
        keeps = whole is not None and outcome is not None and unknowns == len(self.tape.unknowns)
        if entry is None or entry.runs or outcome is None or self.real:
            made = self.perform(func, args, kwargs, record)
            result = made if in_place else self.laid_by_rule(made, values, bound, record)
            sizes = dtype = None
            if isinstance(outcome, tuple) and not isinstance(outcome, Out):
                single = type(result) is torch.Tensor and not in_place
                outcome = self.shared(outcome, laid_out(result) if single else None)
                sizes = None if in_place else plain_sizes(outcome)
                if single and is_as_made(result, sizes):
                    dtype = result.dtype  # It need not run again to be made again.
            if keeps and whole is not None and result is made:
                self.outcomes[whole] = _Outcome(outcome, sizes, dtype, in_place, record.index)
            return self.register(result, outcome, record, values, in_place)
        decided = None
        if decides_dtype(known.name, bound, values):
            decided = self.dtype_of_one(func, sized_args, sized_kwargs, record)
        if in_place:
            if isinstance(outcome, tuple) and plain_sizes(outcome) != plain_sizes(values[0].shape):
                self.refuse(record, Refused(f"{known.name} in place changes the size"))
            if keeps and whole is not None:
                self.outcomes[whole] = _Outcome(outcome, None, None, True, record.index)
            return self.written(values[0], record)
        several = isinstance(outcome, list)
        strides = self.strides(
            outcome if several else [outcome],
            values,
            bound,
            record,
            lambda: func(*self.stand_ins(args), **self.stand_ins(kwargs)),
        )
        if several:
            return self.register_several(outcome, values, record, strides)
        if isinstance(outcome, Out):
            shape, dtype = outcome.shape, dtype_of(outcome.dtype)
        else:
            shape = outcome
            dtype = decided or result_dtype(entry.dtype, entry.name, bound, values)
        shape, sizes = self.shared(shape, strides[0]), plain_sizes(shape)
        if keeps and whole is not None:
            self.outcomes[whole] = _Outcome(shape, sizes, dtype, False, record.index)
        return self.register_empty(shape, sizes, dtype, record)

    def _again(
        self,
        entry: Op,
        outcome: _Outcome,
        args: Any,
        kwargs: dict[str, Any],
        record: Record,
        values: list[Value],
    ) -> Any:
        """The result of an operation that came before with arguments of the same sizes.

        What it demands of the sizes is on the tape already.
        """
        record.like = outcome.first
        if outcome.sizes is not None and outcome.dtype is not None:
            made = self.register_empty(outcome.shape, outcome.sizes, outcome.dtype, record)
            if entry.runs and values and is_view(record.op):
                self.values[id(made)].base = values[0]
            return made
        if entry.runs:
            result = self.perform(record.func, args, kwargs, record)
            if outcome.sizes is None or type(result) is not torch.Tensor:
                return self.register(result, outcome.shape, record, values, outcome.in_place)
            return self.register_one(result, outcome.shape, outcome.sizes, record, values)
        return self.written(values[0], record)
