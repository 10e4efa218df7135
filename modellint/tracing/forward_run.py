"""Runs a model's forward on tensors without values and keeps what was recorded: a `Traced`.

What is put around the forward is taken off after it, also when it raises, and the model is left as
it was.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree as pytree

from modellint.modules.lazy import ask_for_parameters, settle
from modellint.modules.members import Members, members
from modellint.modules.restoring import untouched
from modellint.shapes import Refused
from modellint.shapes import Tensor as Sized
from modellint.symbolic.constraints import recording
from modellint.tracing.asking import note_handed
from modellint.tracing.builtins_shim import sizes_kept
from modellint.tracing.dtypes import dtype_names, dtype_of
from modellint.tracing.garbage import uncollected
from modellint.tracing.index_demands import judge_indices
from modellint.tracing.literals import literals_followed
from modellint.tracing.module_calls import direct_functionals, observed_calls
from modellint.tracing.nested import mapped, plain_structure
from modellint.tracing.stand_ins import example_input, plain_sizes
from modellint.tracing.stock_checks import judged_states, unread_masks
from modellint.tracing.tape import ATOMS, Record, Tape, running_site
from modellint.tracing.tracer import Tracer
from modellint.tracing.unprinted import unprinted
from modellint.tracing.watched_lines import Watch, Watched, WatchedTracer
from modellint.tracing.wrappers import eager


@dataclass(frozen=True)
class Traced:
    """One forward as it was recorded: what `modellint.tracing.freezing` makes the Graph of."""

    model: nn.Module
    tape: Tape
    inputs: tuple[Record, ...]
    outputs: tuple[Record, ...]
    structure: Any
    refused: tuple[Record, Refused] | None
    partial: str | None
    members: Members
    #: The `id` of each module whose forward ran.
    called: frozenset[int] = frozenset()
    #: What the forward left in attributes of the model's modules.
    kept: tuple[Record, ...] = ()
    #: What the lines of the model's files did, where they were watched.
    lines: Watch | None = None


def run(
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    tape: Tape | None = None,
    *,
    training: bool = False,
    real: bool = False,
    modules: Members | None = None,
    distrusted: frozenset[int] = frozenset(),
    files: Watched | None = None,
) -> Traced:
    """Run one forward on sized stand-ins and return what was recorded.

    `args` and `kwargs` hold `Sized` tensors (shape and dtype) where the model takes tensors, also
    inside lists, tuples, dictionaries and `Made` objects, and any other value as it is. With
    `real`, operations run on the CPU with values: for forwards in which values decide. `modules`
    are the model's, where somebody found them already. What stands at the places of `distrusted` is
    left to torch, whatever the table says. The lines of `files` are watched. The model is left as
    it was. Raises `NeedsValues` where the forward depends on values, and whatever the forward
    raises by itself; sizes that do not fit are not an error but the `refused` of the result. A
    `tape` that is given has what was recorded until then.
    """
    tape = Tape() if tape is None else tape
    with ExitStack() as stack:
        stack.enter_context(uncollected())
        modules = modules or members(model)
        tracer: Tracer
        watch = None
        if files is None:
            tracer = Tracer(model, tape, modules, real, distrusted)
        else:
            tracer = WatchedTracer(model, tape, modules, real, distrusted)
            watch = Watch(files, tracer, modules)
        positional = [_entered(tracer, str(index), given) for index, given in enumerate(args)]
        named = {name: _entered(tracer, name, given) for name, given in kwargs.items()}
        inputs = tuple(tape.records)
        called: set[int] = set()
        tape.describe = lambda: _reason(tape)
        _surround(stack, tracer, called, training, watch)
        try:
            output = model(*positional, **named)
            kept = tuple(_kept(tracer))
            if not real:
                _judge_indices(tracer)
        except Exception as error:
            if tracer.refused is None or not _comes_from(error, tracer.refused[1]):
                raise
            return Traced(
                model,
                tape,
                inputs,
                outputs=(),
                structure=None,
                refused=tracer.refused,
                partial=None,
                members=modules,
                called=frozenset(called),
                lines=watch,
            )
        finally:
            tape.describe = str
    leaves, structure = pytree.tree_flatten(plain_structure(output))
    places = [
        tracer.value_of(leaf).record if isinstance(leaf, torch.Tensor) else leaf for leaf in leaves
    ]
    return Traced(
        model,
        tape,
        inputs,
        outputs=tuple(place for place in places if isinstance(place, Record)),
        structure=(places, structure),
        refused=None,
        partial=tracer.partial,
        members=modules,
        called=frozenset(called),
        kept=kept,
        lines=watch,
    )


def _entered(tracer: Tracer, name: str, given: Any) -> Any:
    """An argument of the forward as it gets it; the tensors in it are inputs from here on."""
    return mapped(given, lambda one: _input(tracer, name, one) if isinstance(one, Sized) else one)


def _input(tracer: Tracer, name: str, given: Sized) -> Any:
    records = tracer.tape.records
    record = Record(len(records), "input", None, (), {}, {}, (), tracer.stack[0], None)
    record.path = (name,)
    dtype = dtype_of(given.dtype)
    record.shapes, record.dtypes = (given.shape,), dtype_names(dtype)
    records.append(record)
    tensor = example_input(plain_sizes(given.shape), dtype, tracer.device)
    tracer.keep(tensor, tensor, given.shape, record)
    return tensor


def _surround(
    stack: ExitStack, tracer: Tracer, called: set[int], training: bool, watch: Watch | None
) -> None:
    """Enter all that a forward runs in, the tracer's mode and what watches its lines last."""
    modules, tape = tracer.members, tracer.tape
    stack.enter_context(warnings.catch_warnings(action="ignore"))
    stack.enter_context(unprinted())
    stack.enter_context(untouched(modules, training))
    stack.enter_context(eager())
    stack.enter_context(judged_states())
    stack.enter_context(unread_masks())
    stack.enter_context(sizes_kept({type(module) for _, module in modules}))
    stack.enter_context(literals_followed(modules))
    settle(modules)
    ask_for_parameters(modules, tracer.infer)
    stack.enter_context(direct_functionals(tracer.call))
    raised, returned = tracer.refuse_layer, None if watch is None else watch.returned
    handed = partial(note_handed, tape.handings)
    stack.enter_context(
        observed_calls(modules, tracer.stack, called, tracer.call, raised, handed, returned)
    )
    stack.enter_context(recording(tape.demand, tape.unknowns))
    stack.enter_context(torch.no_grad())
    stack.enter_context(tracer)
    if watch is not None:
        stack.enter_context(watch.running())


def _judge_indices(tracer: Tracer) -> None:
    """Refuse what ranges ask of tables; the tape ends with what is refused."""
    beyond = judge_indices(tracer.tape)
    if beyond is not None:
        record, refusal = beyond
        del tracer.tape.records[record.index + 1 :]
        tracer.refuse(record, refusal)


def _kept(tracer: Tracer) -> Iterator[Record]:
    """What the forward computed and put into attributes, such as a loss that is read later."""
    for module in tracer.members.own:
        for value in [v for name, v in vars(module).items() if name not in _REGISTERS]:
            kind = type(value)
            if kind in ATOMS:
                continue
            inside: Any = value if kind in (list, tuple) else (value,)
            for item in value.values() if kind is dict else inside:
                found = tracer.values.get(id(item))
                if found is not None and found.record.varying:
                    yield found.record


#: Where every module keeps parameters, modules and hooks.
_REGISTERS = frozenset(vars(nn.Module()))


def _comes_from(error: BaseException | None, refusal: Refused) -> bool:
    """Whether an exception is a refusal, or was raised because of it.

    A forward may catch one refusal, try something else, and fail for another reason.
    """
    while error is not None:
        if error is refusal:
            return True
        error = error.__cause__ or error.__context__
    return False


def _reason(tape: Tape) -> str:
    place = running_site()
    if place is None:
        return ""
    records = tape.records
    name = records[-1].op if records and records[-1].call == place else "code"
    return f"{name} at {place.path}:{place.line}"
