"""Runs a model's forward on meta tensors and records it: nn.Module and inputs → Graph.

Under a `TorchFunctionMode` every torch call of the forward arrives here, in modules, subclasses
and free functions alike. Each is entered on the tape, its symbolic shape comes from the table
(`modellint.shapes`), and its result is a meta tensor, so nothing is computed and no memory is
needed. Parameters, buffers and constants are replaced by meta stand-ins at the moment they enter
an operation, so a live model is never touched, wherever its tensors are.

All use of torch's internals is in this module and in `modellint.tracing.torch_internals`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, NoReturn

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from modellint.graph import Site
from modellint.modules.lazy import ask_for_parameters, materialize
from modellint.modules.members import Members, Named, is_owned, is_stock, members, name_tensors
from modellint.modules.restoring import untouched
from modellint.modules.user_files import users_files
from modellint.shapes import OPS, Op, Out, Refused
from modellint.shapes import Tensor as Sized
from modellint.shapes.core import broadcast
from modellint.shapes.selections import normal_index
from modellint.shapes.views import unknown_like
from modellint.symbolic.dims import Dim, demand, recording
from modellint.symbolic.expressions import constant, subtract
from modellint.tracing import torch_internals
from modellint.tracing.builtins_shim import original, sizes_kept
from modellint.tracing.garbage import uncollected
from modellint.tracing.index_demands import judge_indices
from modellint.tracing.module_calls import direct_functionals, observed_calls
from modellint.tracing.special_calls import SPECIAL, attribute
from modellint.tracing.stock_checks import judged_states, unread_masks
from modellint.tracing.tape import (
    ATOMS,
    Handle,
    Leaf,
    NeedsValues,
    Record,
    Tape,
    dims_behind,
    dims_in,
    site,
)
from modellint.tracing.tensor_answers import ANSWERS


class _Resolved(NamedTuple):
    """What a torch function is to the tracer: looked up once for each."""

    name: str
    in_place: bool
    entry: Op | None
    special: Callable[[Tracer, Any, Any, Any], Any] | None
    inside: Callable[..., Any] | None


@lru_cache(maxsize=4096)
def _resolved(func: Any) -> _Resolved:
    name, in_place = torch_internals.name_of(func)
    entry = OPS.get(name)
    special = SPECIAL.get(name)
    if func.__name__ == "__get__" and entry is None:
        special = attribute
    if name == "unfold" and torch_internals.is_method(func):
        entry = OPS["unfold_axis"]
    inside = None
    if special is None and (entry is None or name in torch_internals.OPENED):
        inside = torch_internals.opened(func)
    if entry is None and torch_internals.is_pointwise(name):
        entry = Op(name, _pointwise, ("input",), (None,), None, True, None)
    return _Resolved(name, in_place, entry, special, inside)


class Value:
    """What is known of one tensor that the forward holds."""

    __slots__ = ("base", "handle", "held", "record", "shape", "tensor")

    def __init__(self, held: Any, tensor: torch.Tensor, shape: tuple[int, ...], record: Record):
        self.held = held
        self.tensor = tensor
        self.base: Value | None = None
        self.record = record
        self.shape = shape
        self.handle = Handle(shape, tensor.dtype, record)

    def made_by(self, record: Record, shape: tuple[int, ...]) -> None:
        """Take what a record made for the value from here on."""
        self.record = record
        self.shape = shape
        self.handle = Handle(shape, self.tensor.dtype, record)


class _Outcome(NamedTuple):
    """What an operation makes of arguments of these sizes and dtypes, whenever it gets them.

    `sizes` are those of the single result that is made without running the operation, else `None`.
    """

    shape: Any
    sizes: tuple[int, ...] | None
    dtype: torch.dtype | None
    in_place: bool


#: What a tensor is that is none of the model's.
UNNAMED: Named = ("constant", ())
#: Stands before a size, which would compare (and so demand something) as an int.
_SIZE = object()
_WHOLE = frozenset([int, str, type(None)])
_KEYS = frozenset([torch.dtype, torch.device, torch.layout, torch.memory_format, type(Ellipsis)])
_META = torch.device("meta")


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


class Tracer(TorchFunctionMode):
    """The mode that records; one instance a forward."""

    def __init__(
        self,
        model: nn.Module,
        tape: Tape,
        modules: Members,
        real: bool = False,
        distrusted: frozenset[int] = frozenset(),
    ) -> None:
        super().__init__()
        #: Whether operations run with values on the CPU; else on meta tensors, without.
        self.real = real
        self.device = torch.device("cpu" if real else "meta")
        self.tape = tape
        #: The places on the tape of operations that torch is left to judge.
        self.distrusted = distrusted
        self.values: dict[int, Value] = {}
        #: Outcomes by the operation, its arguments, and the identity of its tensors' shapes.
        self.outcomes: dict[tuple[Any, ...], _Outcome] = {}
        #: One object for equal shapes, so that their identity tells them.
        self.shapes: dict[tuple[Any, ...], tuple[int, ...]] = {}
        self.stack: list[nn.Module] = [model]
        self.refused: tuple[Record, Refused] | None = None
        self.partial: str | None = (
            "values decide what runs, so it was traced with real ones" if real else None
        )
        self.members = modules
        self.leaves = dict(modules.tensors)
        self.called: set[int] = set()

    def infer(self, module: nn.Module, args: Any, kwargs: Any = None) -> None:
        """Give a lazy module its parameters before its first forward."""
        materialize(module, *self.stand_ins((args, kwargs or {})))
        name_tensors(self.members.paths[id(module)], module, self.leaves)

    # -- what arrives ---------------------------------------------------------------------------

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        answer = ANSWERS.get(func)
        if answer is not None:
            return answer(self, *args, **(kwargs or {}))
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
        sized_args = tuple([self.sized(arg, values, key) for arg in args])
        sized_kwargs = {}
        for name, value in kwargs.items():
            key.append(name)
            sized_kwargs[name] = self.sized(value, values, key)
        whole = None if entry is None or self.real or key[0] is None else tuple(key)
        found = None if whole is None else self.outcomes.get(whole)
        if found is not None and entry is not None:
            record = self.enter(known.name, func, sized_args, sized_kwargs, None, values)
            return self._again(entry, found, args, kwargs, record, values)
        if self.distrusted and len(self.tape.records) in self.distrusted:
            entry = None
        bound = bind(func, entry, sized_args, sized_kwargs)
        record = self.enter(known.name, func, sized_args, sized_kwargs, bound, values)
        unknowns = len(self.tape.unknowns)
        outcome = None if entry is None else self.judge(entry, bound, record)
        in_place = known.in_place or bound.get("inplace") is True
        keeps = whole is not None and outcome is not None and unknowns == len(self.tape.unknowns)
        if not in_place and torch_internals.decides_dtype(known.name, values):
            return self._results(
                self.perform(func, args, kwargs, record), outcome, record, values, False
            )
        if entry is None or entry.runs or outcome is None or self.real:
            sizes = None
            if isinstance(outcome, tuple) and not isinstance(outcome, Out):
                outcome = self._one(outcome)
                sizes = None if in_place else _plain(outcome)
            if keeps and whole is not None:
                self.outcomes[whole] = _Outcome(outcome, sizes, None, in_place)
            result = self.perform(func, args, kwargs, record)
            return self._results(result, outcome, record, values, in_place)
        if in_place:
            if isinstance(outcome, tuple) and _plain(outcome) != _plain(values[0].shape):
                self._refuse(record, Refused(f"{known.name} in place changes the size"))
            if keeps and whole is not None:
                self.outcomes[whole] = _Outcome(outcome, None, None, True)
            return self.written(values[0], record)
        if isinstance(outcome, list):
            return self._several(outcome, values, record)
        if isinstance(outcome, Out):
            shape, dtype = outcome.shape, torch_internals.dtype_of(outcome.dtype)
        else:
            shape = outcome
            dtype = torch_internals.result_dtype(entry.dtype, entry.name, bound, values)
        shape, sizes = self._one(shape), _plain(shape)
        if keeps and whole is not None:
            self.outcomes[whole] = _Outcome(shape, sizes, dtype, False)
        return self._empty(shape, sizes, dtype, record)

    def _one(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The one object that stands for a shape in this run."""
        # An expression has one value in a run, and hashes by identity, which asks nothing of sizes.
        whole = tuple([size.expr if type(size) is Dim else size for size in shape])
        return self.shapes.setdefault(whole, shape)

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
        if outcome.sizes is not None and outcome.dtype is not None:
            return self._empty(outcome.shape, outcome.sizes, outcome.dtype, record)
        if entry.runs:
            result = self.perform(record.func, args, kwargs, record)
            if outcome.sizes is None or type(result) is not torch.Tensor:
                return self._results(result, outcome.shape, record, values, outcome.in_place)
            return self._single(result, outcome.shape, outcome.sizes, record, values)
        return self.written(values[0], record)

    def judge(self, entry: Op, bound: dict[str, Any], record: Record) -> Any:
        """What the table says of the result's sizes; what it refuses ends the run."""
        try:
            outcome = entry.outcome(bound)
            if self.real and isinstance(outcome, tuple) and Handle in map(type, outcome):
                return None  # A tensor's value is a size here, which has no expression.
            return outcome
        except Refused as refusal:
            self._refuse(record, refusal)
        except (ValueError, IndexError) as error:
            self._refuse(record, Refused(f"{entry.name}: {error}"))

    def enter(
        self,
        name: str,
        func: Any,
        args: Any,
        kwargs: Any,
        bound: dict[str, Any] | None,
        values: list[Value],
    ) -> Record:
        """Put one operation on the tape, with the module and the line that it belongs to."""
        records = self.tape.records
        record = Record(
            len(records),
            name,
            func,
            args,
            kwargs,
            bound,
            tuple([value.record for value in values]),
            self.stack[-1],
            self._site(),
        )
        records.append(record)
        return record

    def _refuse(self, record: Record, refusal: Refused) -> NoReturn:
        self.refused = (record, refusal)
        raise refusal

    # -- values ---------------------------------------------------------------------------------

    def value_of(self, tensor: torch.Tensor) -> Value:
        """What is known of a tensor; a new one is a parameter, a buffer or a constant."""
        found = self.values.get(id(tensor))
        if found is not None:
            return found
        kind, path = self.leaves.get(id(tensor), UNNAMED)
        if kind == "constant" and isinstance(tensor, nn.Parameter):
            kind = "parameter"
        stand_in, shape = torch_internals.stand_in(tensor)
        shape = self.shapes.setdefault(shape, shape)
        records = self.tape.records
        dtypes = torch_internals.dtype_names(tensor.dtype)
        record = Leaf(len(records), kind, tensor, path, self.stack[-1], shape, dtypes)
        if kind == "parameter" and not path:
            record.owned = is_owned(tensor, self.members.registered, sys._getframe())
        if self.real:
            stand_in = torch_internals.real_stand_in(tensor)
        elif kind == "constant" and tensor.is_meta:
            # Something made it out of sight of the mode; what it depends on is not known.
            self.partial = self.partial or "a tensor comes from where no operation was seen"
            record.varying = True
        records.append(record)
        return self.keep(tensor, stand_in, shape, record)

    def keep(
        self, held: Any, tensor: torch.Tensor, shape: tuple[int, ...], record: Record
    ) -> Value:
        """Remember what is known of a tensor that the forward now holds."""
        value = Value(held, tensor, shape, record)
        self.values[id(held)] = value
        return value

    def sized(self, arg: Any, values: list[Value], key: list[Any]) -> Any:
        """An argument with tensors as the table sees them.

        Collects the tensors' values, and what of the argument decides on sizes: the key, whose
        first entry becomes `None` where an argument has none.
        """
        kind = type(arg)
        if kind in ATOMS:
            if kind is float or kind is bool:
                key.append(kind)  # 1, 1.0 and True are equal, but make different dtypes.
            key.append(arg)
            return arg
        value = self.values.get(id(arg))
        if value is None and isinstance(arg, torch.Tensor):
            value = self.value_of(arg)
        if value is not None:
            values.append(value)
            handle = value.handle
            key.append(id(handle.shape))
            key.append(handle.dtype)
            return handle
        if kind is tuple and ATOMS.issuperset(map(type, arg)):
            if _WHOLE.issuperset(map(type, arg)):
                key.append(arg)
            else:
                key[0] = None
            return arg
        if kind is Dim:
            key.append(_SIZE)
            key.append(arg.value)
            key.append(arg.expr)
            return arg
        if isinstance(arg, (tuple, list)):
            key.append(len(arg))
            made = [self.sized(item, values, key) for item in arg]
            return made if kind is list else tuple(made)
        if isinstance(arg, dict):
            key[0] = None
            return {name: self.sized(item, values, key) for name, item in arg.items()}
        if isinstance(arg, slice):
            bounds = [self._index(bound) for bound in (arg.start, arg.stop, arg.step)]
            key.append(slice)
            return slice(*[self.sized(bound, values, key) for bound in bounds])
        if kind in _KEYS:
            key.append(arg)
        else:
            key[0] = None
        return arg

    def _index(self, bound: Any) -> Any:
        return int(self.read(bound)) if isinstance(bound, torch.Tensor) else bound

    # -- results --------------------------------------------------------------------------------

    def _empty(
        self, shape: tuple[int, ...], sizes: tuple[int, ...], dtype: torch.dtype, record: Record
    ) -> torch.Tensor:
        """An empty meta tensor of the computed shape: nothing runs."""
        tensor = _blank(sizes, dtype).data  # A tensor of its own, made in a fourth of the time.
        record.shapes, record.dtypes = (shape,), torch_internals.dtype_names(dtype)
        self.values[id(tensor)] = Value(tensor, tensor, shape, record)
        return tensor

    def _several(self, outcome: list[Any], values: list[Value], record: Record) -> Any:
        """Empty meta tensors for an operation with several results."""
        made = tuple(
            torch.empty(
                _plain(one.shape if isinstance(one, Out) else one),
                dtype=torch_internals.dtype_of(one.dtype)
                if isinstance(one, Out)
                else (values[0].tensor.dtype),
                device="meta",
            )
            for one in outcome
        )
        return self._results(made, outcome, record, values, False)

    def perform(self, func: Any, args: Any, kwargs: Any, record: Record) -> Any:
        """The operation itself, on the stand-ins; what it refuses is a refusal of sizes."""
        args = tuple([arg if type(arg) in ATOMS else self.stand_ins(arg) for arg in args])
        kwargs = {name: self.stand_ins(arg) for name, arg in kwargs.items()} if kwargs else {}
        if self.real and record.op == "_pack_padded_sequence" and record.inputs[1].varying:
            args = torch_internals.with_lengths(*args)
        makes = not record.inputs and torch_internals.makes_tensors(record.op)
        if kwargs.get("device") is not None or (makes and "device" not in kwargs):
            kwargs["device"] = self.device
        try:
            return func(*args, **kwargs)
        except NotImplementedError as error:
            raise NeedsValues(f"{record.op} depends on values") from error
        except (RuntimeError, ValueError, IndexError) as error:
            if torch_internals.asks_for_values(error):
                raise NeedsValues(f"{record.op} depends on values") from error
            self._refuse(record, Refused(f"{record.op}: {str(error).splitlines()[0]}"))

    def stand_ins(self, arg: Any) -> Any:
        """An argument as the operation itself takes it: meta tensors and plain numbers."""
        if type(arg) in ATOMS:
            return arg
        if type(arg) is Dim:
            return arg.value
        found = self.values.get(id(arg))
        if found is not None:
            return found.tensor
        if isinstance(arg, torch.Tensor):
            return self.value_of(arg).tensor
        if isinstance(arg, type):
            return original(arg)
        if isinstance(arg, tuple) and hasattr(arg, "_fields"):
            return type(arg)(*(self.stand_ins(item) for item in arg))
        if isinstance(arg, (tuple, list)):
            kind = list if isinstance(arg, list) else tuple
            return kind(self.stand_ins(item) for item in arg)
        if isinstance(arg, dict):
            return {key: self.stand_ins(item) for key, item in arg.items()}
        if isinstance(arg, slice):
            return slice(
                plain_or_none(self._index(arg.start)),
                plain_or_none(self._index(arg.stop)),
                plain_or_none(self._index(arg.step)),
            )
        return arg

    def _results(
        self, result: Any, outcome: Any, record: Record, values: list[Value], in_place: bool
    ) -> Any:
        """Register a result's tensors with their symbolic shapes, checked against the example."""
        if isinstance(result, torch.Tensor):
            if in_place and values:
                if torch_internals.sizes(values[0].tensor) != _plain(values[0].shape):
                    # unsqueeze_, transpose_ and their kin leave the tensor with another shape.
                    shape = self._checked(outcome, values[0].tensor, record, values)
                    values[0].made_by(values[0].record, shape)
                return self.written(values[0], record)
            shape = self._checked(outcome, result, record, values)
            return self._single(result, shape, None, record, values)
        leaves = torch_internals.tensors_in(result)
        if not leaves:
            # A question (is_floating_point, data_ptr, …), not an operation.
            if self.tape.records[-1] is record:
                self.tape.records.pop()
            return result
        outcomes = outcome if isinstance(outcome, list) else [None] * len(leaves)
        if len(outcomes) != len(leaves):
            outcomes = [None] * len(leaves)
        shapes = [
            self._checked(one, tensor, record, values)
            for one, (_, tensor) in zip(outcomes, leaves, strict=True)
        ]
        record.shapes = tuple(shapes)
        record.dtypes = tuple(torch_internals.dtype_name(tensor.dtype) for _, tensor in leaves)
        for number, ((path, tensor), shape) in enumerate(zip(leaves, shapes, strict=True)):
            part = Record(
                len(self.tape.records),
                "unpack",
                None,
                (record,),
                {},
                {"input": record, "index": number},
                (record,),
                record.module,
                record.call,
            )
            part.path = path
            part.shapes, part.dtypes = (shape,), (torch_internals.dtype_name(tensor.dtype),)
            self.tape.records.append(part)
            made = self.keep(tensor, tensor, shape, part)
            if values and torch_internals.is_view(record.op):
                made.base = values[0]
        return result

    def _single(
        self,
        result: torch.Tensor,
        shape: tuple[int, ...],
        sizes: tuple[int, ...] | None,
        record: Record,
        values: list[Value],
    ) -> torch.Tensor:
        """Register the one tensor that an operation made; `sizes`, if any, are to be checked."""
        if sizes is not None and torch_internals.sizes(result) != sizes:
            self._differs(record, shape, torch_internals.sizes(result))
        record.shapes, record.dtypes = (shape,), torch_internals.dtype_names(result.dtype)
        for value in values:
            if value.tensor is result:
                # contiguous(), to() and their kin may return their argument.
                result = result.view(result.shape)
                break
        made = self.keep(result, result, shape, record)
        if values and torch_internals.is_view(record.op):
            made.base = values[0]
        return result

    def _checked(
        self, outcome: Any, result: torch.Tensor, record: Record, values: list[Value]
    ) -> tuple[int, ...]:
        example = torch_internals.sizes(result)
        shape = outcome.shape if isinstance(outcome, Out) else outcome
        if shape is None:
            inputs = [value.shape for value in values]
            inputs.append(tuple(dims_in((record.args, record.kwargs))))
            return unknown_like(example, inputs)
        shape = self._one(tuple(shape))
        if _plain(shape) != example:
            self._differs(record, shape, example)
        return shape

    def _differs(
        self, record: Record, shape: tuple[int, ...], example: tuple[int, ...]
    ) -> NoReturn:
        # A fault of the table: what it says is worth no more than a refusal that torch gainsays.
        told = f"{record.op}: the table says {shape}, PyTorch makes {example}"
        self._refuse(record, Refused(told))

    def written(self, value: Value, record: Record) -> Any:
        """An in-place operation: the tensor, and what it is a view of, are new values."""
        dtype = torch_internals.dtype_name(value.tensor.dtype)
        record.shapes, record.dtypes = (value.shape,), (dtype,)
        value.made_by(record, value.shape)
        base = value.base
        while base is not None:
            update = Record(
                len(self.tape.records),
                "update",
                None,
                (base.record, record),
                {},
                {"input": base.record, "source": record},
                (base.record, record),
                record.module,
                record.call,
            )
            update.shapes, update.dtypes = (base.shape,), record.dtypes
            self.tape.records.append(update)
            base.made_by(update, base.shape)
            base = base.base
        return value.held

    # -- reading values -------------------------------------------------------------------------

    def read(self, tensor: torch.Tensor) -> torch.Tensor:
        """A tensor's real value, if it does not depend on an input; else `NeedsValues`."""
        value = self.value_of(tensor)
        if self.real:
            return value.tensor
        record = value.record
        if record.varying:
            raise NeedsValues("the value of a tensor that depends on the input")
        real = torch_internals.replay(record)
        if real is None:
            raise NeedsValues("the value of a parameter")
        for size in dims_behind(record):
            demand(subtract(size.expr, constant(size.value)), "==", "tool")
        return real

    # -- places ---------------------------------------------------------------------------------

    def _site(self) -> Site | None:
        frame: Any = sys._getframe(2)
        users = users_files
        while frame is not None:
            code = frame.f_code
            if users[code.co_filename]:
                return site(code, frame.f_lasti)
            frame = frame.f_back
        return None


@lru_cache(maxsize=4096)
def _blank(sizes: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """An empty meta tensor to take others from, whoever's forward asks for it first."""
    with torch.inference_mode(False):
        return torch.empty(sizes, dtype=dtype, device=_META)


def bind(
    func: Any, entry: Op | None, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """The arguments of a call by name, by the table's entry; by position where there is none."""
    if entry is None:
        return {**{str(index): arg for index, arg in enumerate(args)}, **kwargs}
    order = torch_internals.REORDERED.get(func)
    if order is not None:
        kwargs = {**dict(zip(order, args, strict=False)), **kwargs}
        args = ()
    bound = entry.bind(args, kwargs)
    if entry.name == "getitem":
        bound["index"] = normal_index(bound["index"], len(bound["input"].shape))
    return bound


def arguments_of(record: Record) -> dict[str, Any]:
    """The arguments of a record by name; bound now, where its outcome was known already."""
    if record.arguments is None:
        record.arguments = bind(
            record.func, _resolved(record.func).entry, record.args, record.kwargs
        )
    return record.arguments


def plain_or_none(number: Any) -> Any:
    """A slice's bound as torch takes it."""
    return number.value if isinstance(number, Dim) else number


def _plain(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple([size.value if type(size) is Dim else size for size in shape])


def _pointwise(**arguments: Any) -> tuple[int, ...]:
    return broadcast(*(a.shape for a in arguments.values() if isinstance(a, Sized)))


# -- the run ------------------------------------------------------------------------------------


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
) -> Traced:
    """Run one forward on sized stand-ins and return what was recorded.

    `args` and `kwargs` hold `Sized` tensors (shape and dtype) where the model takes tensors, and
    any other value as it is. With `real`, operations run on the CPU with values: for forwards in
    which values decide. `modules` are the model's, where somebody found them already. The model is
    left as it was. Raises `NeedsValues` where the forward depends on values, and whatever the
    forward raises by itself; sizes that do not fit are not an error but the `refused` of the
    result. A `tape` that is given has what was recorded until then.
    """
    tape = Tape() if tape is None else tape
    with ExitStack() as stack:
        stack.enter_context(uncollected())
        modules = modules or members(model)
        tracer = Tracer(model, tape, modules, real, distrusted)
        inputs: list[Record] = []

        def entered(name: str, given: Any) -> Any:
            if not isinstance(given, Sized):
                return given
            record = Record(len(tape.records), "input", None, (), {}, {}, (), model, None)
            record.path = (name,)
            dtype = torch_internals.dtype_of(given.dtype)
            record.shapes, record.dtypes = (given.shape,), (torch_internals.dtype_name(dtype),)
            tape.records.append(record)
            inputs.append(record)
            tensor = torch_internals.example_input(_plain(given.shape), dtype, tracer.device)
            tracer.keep(tensor, tensor, given.shape, record)
            return tensor

        positional = [entered(str(index), given) for index, given in enumerate(args)]
        named = {name: entered(name, given) for name, given in kwargs.items()}
        tape.describe = lambda: _reason(tracer)
        stack.enter_context(torch_internals.quiet())
        stack.enter_context(untouched(modules, training))
        stack.enter_context(torch_internals.eager())
        stack.enter_context(judged_states())
        stack.enter_context(unread_masks())
        stack.enter_context(sizes_kept({type(module) for _, module in modules}))
        ask_for_parameters(modules.registered, tracer.infer)
        stack.enter_context(direct_functionals(tracer.call))
        stack.enter_context(observed_calls(modules, tracer.stack, tracer.called, tracer.call))
        stack.enter_context(recording(tape.demand, tape.unknowns))
        stack.enter_context(torch.no_grad())
        stack.enter_context(tracer)
        try:
            output = model(*positional, **named)
            kept = tuple(_kept(tracer, modules))
            beyond = None if real else judge_indices(tape, arguments_of)
            if beyond is not None:
                tracer.refused = beyond
                del tape.records[beyond[0].index + 1 :]
                raise beyond[1]
        except Exception as error:
            if tracer.refused is None or not _comes_from(error, tracer.refused[1]):
                raise
            return Traced(
                model,
                tape,
                tuple(inputs),
                (),
                None,
                tracer.refused,
                None,
                modules,
                frozenset(tracer.called),
            )
        finally:
            tape.describe = str
    leaves, structure = pytree.tree_flatten(torch_internals.plain_structure(output))
    outputs = tuple(
        tracer.values[id(leaf)].record
        if id(leaf) in tracer.values
        else tracer.value_of(leaf).record
        for leaf in leaves
        if isinstance(leaf, torch.Tensor)
    )
    places = [
        tracer.value_of(leaf).record if isinstance(leaf, torch.Tensor) else leaf for leaf in leaves
    ]
    return Traced(
        model,
        tape,
        tuple(inputs),
        outputs,
        (places, structure),
        None,
        tracer.partial,
        modules,
        frozenset(tracer.called),
        kept,
    )


def _kept(tracer: Tracer, modules: Members) -> Iterator[Record]:
    """What the forward computed and put into attributes, such as a loss that is read later."""
    for _, module in modules:
        if is_stock(type(module)):
            continue
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


def _reason(tracer: Tracer) -> str:
    place = tracer._site()
    if place is None:
        return ""
    records = tracer.tape.records
    name = records[-1].op if records and records[-1].call == place else "code"
    return f"{name} at {place.path}:{place.line}"
