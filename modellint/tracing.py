"""Runs a model's forward on meta tensors and records it: nn.Module and inputs → Graph.

Under a `TorchFunctionMode` every torch call of the forward arrives here, in modules, subclasses
and free functions alike. Each is entered on the tape, its symbolic shape comes from the table
(`modellint.shapes`), and its result is a meta tensor, so nothing is computed and no memory is
needed. Parameters, buffers and constants are replaced by meta stand-ins at the moment they enter
an operation, so a live model is never touched, wherever its tensors are.

All use of torch's internals is in this module and in `modellint.backend`.
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

from modellint import backend
from modellint.builtins_shim import original, sizes_kept
from modellint.collecting import uncollected
from modellint.dims import Dim, demand, recording
from modellint.expressions import constant, subtract
from modellint.graph import Site
from modellint.holding import held, is_stock, walk
from modellint.recording import ATOMS, Handle, Record, Tape, site
from modellint.shapes import OPS, Op, Out, Refused
from modellint.shapes import Tensor as Sized
from modellint.shapes.core import broadcast, numel, plain
from modellint.shapes.views import normal_index, unknown_like


class NeedsValues(Exception):
    """The forward asks for the value of a tensor that depends on the input."""


class Sizes(tuple[int, ...]):
    """A shape whose sizes carry expressions; `torch.Size` would make them plain ints."""

    def numel(self) -> int:
        """The product of the sizes."""
        return numel(self)


class _Resolved(NamedTuple):
    """What a torch function is to the tracer: looked up once for each."""

    name: str
    in_place: bool
    entry: Op | None
    special: Callable[[Tracer, Any, Any, Any], Any] | None
    inside: Callable[..., Any] | None


@lru_cache(maxsize=4096)
def _resolved(func: Any) -> _Resolved:
    name, in_place = backend.name_of(func)
    entry = OPS.get(name)
    special = _SPECIAL.get(name)
    if func.__name__ == "__get__" and entry is None:
        special = _attribute
    if name == "unfold" and backend.is_method(func):
        entry = OPS["unfold_axis"]
    inside = None
    if special is None and (entry is None or name in backend.OPENED):
        inside = backend.opened(func)
    if entry is None and backend.is_pointwise(name):
        entry = Op(name, _pointwise, ("input",), (None,), None, True, None)
    return _Resolved(name, in_place, entry, special, inside)


class _Value:
    """What is known of one tensor that the forward holds."""

    __slots__ = ("base", "handle", "held", "record", "shape", "tensor")

    def __init__(self, held: Any, tensor: torch.Tensor, shape: tuple[int, ...], record: Record):
        self.held = held
        self.tensor = tensor
        self.base: _Value | None = None
        self.made_by(record, shape)

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


#: Stands before a size, which would compare (and so demand something) as an int.
_SIZE = object()
_WHOLE = frozenset([int, str, type(None)])
_KEYS = frozenset([torch.dtype, torch.device, torch.layout, torch.memory_format, type(Ellipsis)])
_META = torch.device("meta")


@dataclass(frozen=True)
class Traced:
    """One forward as it was recorded: what `modellint.freezing` makes the Graph of."""

    model: nn.Module
    tape: Tape
    inputs: tuple[Record, ...]
    outputs: tuple[Record, ...]
    structure: Any
    refused: tuple[Record, Refused] | None
    partial: str | None
    walked: Sequence[tuple[str, nn.Module]]
    #: Modules that plain containers hold, by path, as `walked` has the registered ones.
    held: Sequence[tuple[str, nn.Module]] = ()
    #: The `id` of each module whose forward ran.
    called: frozenset[int] = frozenset()
    #: What the forward left in attributes of the model's modules.
    kept: tuple[Record, ...] = ()


class Tracer(TorchFunctionMode):
    """The mode that records; one instance a forward."""

    def __init__(self, model: nn.Module, tape: Tape, real: bool = False) -> None:
        super().__init__()
        self.model = model
        #: Whether operations run with values on the CPU; else on meta tensors, without.
        self.real = real
        self.device = torch.device("cpu" if real else "meta")
        self.tape = tape
        self.values: dict[int, _Value] = {}
        #: Outcomes by the operation, its arguments, and the identity of its tensors' shapes.
        self.outcomes: dict[tuple[Any, ...], _Outcome] = {}
        #: One object for equal shapes, so that their identity tells them.
        self.shapes: dict[tuple[Any, ...], tuple[int, ...]] = {}
        self.stack: list[nn.Module] = [model]
        self.refused: tuple[Record, Refused] | None = None
        self.partial: str | None = (
            "values decide what runs, so it was traced with real ones" if real else None
        )
        self.leaves: dict[int, tuple[str, str]] = {}
        self.paths: dict[int, str] = {}
        self.walked = walk(model)
        self.held = held(self.walked)
        self.called: set[int] = set()
        for path, module in (*self.walked, *self.held):
            self.paths[id(module)] = path
            self.know(module)

    def know(self, module: nn.Module) -> None:
        """Learn the names of a module's own parameters and buffers; a lazy one has them late."""
        path = self.paths[id(module)]
        prefix = f"{path}." if path else ""
        for kind, tensors in (("parameter", module._parameters), ("buffer", module._buffers)):
            for name, tensor in tensors.items():
                if tensor is not None:
                    self.leaves.setdefault(id(tensor), (kind, prefix + name))

    def infer(self, module: nn.Module, args: Any, kwargs: Any = None) -> None:
        """Give a lazy module its parameters before its first forward."""
        backend.materialize(module, *self._stand_ins((args, kwargs or {})))
        self.know(module)

    # -- what arrives ---------------------------------------------------------------------------

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        answer = _ANSWERS.get(func)
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
        values: list[_Value] = []
        # By identity: what is known of a function is kept for good, and hashes all of itself.
        key: list[Any] = [id(known)]
        sized_args = tuple([self._sized(arg, values, key) for arg in args])
        sized_kwargs = {}
        for name, value in kwargs.items():
            key.append(name)
            sized_kwargs[name] = self._sized(value, values, key)
        whole = None if entry is None or self.real or key[0] is None else tuple(key)
        found = None if whole is None else self.outcomes.get(whole)
        if found is not None and entry is not None:
            record = self._enter(known.name, func, sized_args, sized_kwargs, None, values)
            return self._again(entry, found, args, kwargs, record, values)
        bound = bind(func, entry, sized_args, sized_kwargs)
        record = self._enter(known.name, func, sized_args, sized_kwargs, bound, values)
        unknowns = len(self.tape.unknowns)
        outcome = None if entry is None else self._outcome(entry, bound, record)
        in_place = known.in_place or bound.get("inplace") is True
        keeps = whole is not None and outcome is not None and unknowns == len(self.tape.unknowns)
        if entry is None or entry.runs or outcome is None or self.real:
            if isinstance(outcome, tuple) and not isinstance(outcome, Out):
                outcome = self._one(outcome)
            if keeps and whole is not None:
                self.outcomes[whole] = _Outcome(outcome, None, None, in_place)
            result = self._run(func, args, kwargs, record)
            return self._results(result, outcome, record, values, in_place)
        if in_place:
            if isinstance(outcome, tuple) and _plain(outcome) != _plain(values[0].shape):
                self._refuse(record, Refused(f"{known.name} in place changes the size"))
            if keeps and whole is not None:
                self.outcomes[whole] = _Outcome(outcome, None, None, True)
            return self._written(values[0], record)
        if isinstance(outcome, list):
            return self._several(outcome, values, record)
        if isinstance(outcome, Out):
            shape, dtype = outcome.shape, backend.dtype_of(outcome.dtype)
        else:
            shape = outcome
            dtype = backend.result_dtype(entry.dtype, entry.name, bound, values)
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
        values: list[_Value],
    ) -> Any:
        """The result of an operation that came before with arguments of the same sizes.

        What it demands of the sizes is on the tape already.
        """
        if outcome.sizes is not None and outcome.dtype is not None:
            return self._empty(outcome.shape, outcome.sizes, outcome.dtype, record)
        if entry.runs:
            result = self._run(record.func, args, kwargs, record)
            return self._results(result, outcome.shape, record, values, outcome.in_place)
        return self._written(values[0], record)

    def _outcome(self, entry: Op, bound: dict[str, Any], record: Record) -> Any:
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

    def _enter(
        self,
        name: str,
        func: Any,
        args: Any,
        kwargs: Any,
        bound: dict[str, Any] | None,
        values: list[_Value],
    ) -> Record:
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

    def value_of(self, tensor: torch.Tensor) -> _Value:
        """What is known of a tensor; a new one is a parameter, a buffer or a constant."""
        found = self.values.get(id(tensor))
        if found is not None:
            return found
        kind, path = self.leaves.get(id(tensor), ("constant", ""))
        if kind == "constant" and isinstance(tensor, nn.Parameter):
            kind = "parameter"
        record = Record(len(self.tape.records), kind, None, (), {}, {}, (), self.stack[-1], None)
        record.leaf = tensor
        record.path = (path,) if path else ()
        stand_in, shape = backend.stand_in(tensor)
        shape = self.shapes.setdefault(shape, shape)
        if self.real:
            stand_in = backend.real_stand_in(tensor)
        elif kind == "constant" and tensor.is_meta:
            # Something made it out of sight of the mode; what it depends on is not known.
            self.partial = self.partial or "a tensor comes from where no operation was seen"
            record.varying = True
        record.shapes, record.dtypes = (shape,), (backend.dtype_name(tensor.dtype),)
        self.tape.records.append(record)
        return self._keep(tensor, stand_in, shape, record)

    def _keep(
        self, held: Any, tensor: torch.Tensor, shape: tuple[int, ...], record: Record
    ) -> _Value:
        value = _Value(held, tensor, shape, record)
        self.values[id(held)] = value
        return value

    def _sized(self, arg: Any, values: list[_Value], key: list[Any]) -> Any:
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
            made = [self._sized(item, values, key) for item in arg]
            return made if kind is list else tuple(made)
        if isinstance(arg, dict):
            key[0] = None
            return {name: self._sized(item, values, key) for name, item in arg.items()}
        if isinstance(arg, slice):
            bounds = [self._index(bound) for bound in (arg.start, arg.stop, arg.step)]
            key.append(slice)
            return slice(*[self._sized(bound, values, key) for bound in bounds])
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
        tensor = torch.empty(sizes, dtype=dtype, device=_META)
        record.shapes, record.dtypes = (shape,), (backend.dtype_name(dtype),)
        self.values[id(tensor)] = _Value(tensor, tensor, shape, record)
        return tensor

    def _several(self, outcome: list[Any], values: list[_Value], record: Record) -> Any:
        """Empty meta tensors for an operation with several results."""
        made = tuple(
            torch.empty(
                _plain(one.shape if isinstance(one, Out) else one),
                dtype=backend.dtype_of(one.dtype)
                if isinstance(one, Out)
                else (values[0].tensor.dtype),
                device="meta",
            )
            for one in outcome
        )
        return self._results(made, outcome, record, values, False)

    def _run(self, func: Any, args: Any, kwargs: Any, record: Record) -> Any:
        """The operation itself, on the stand-ins; what it refuses is a refusal of sizes."""
        args, kwargs = self._stand_ins(args), self._stand_ins(kwargs)
        makes = not record.inputs and backend.makes_tensors(record.op)
        if kwargs.get("device") is not None or (makes and "device" not in kwargs):
            kwargs["device"] = self.device
        try:
            return func(*args, **kwargs)
        except NotImplementedError as error:
            raise NeedsValues(f"{record.op} depends on values") from error
        except (RuntimeError, ValueError, IndexError) as error:
            if backend.asks_for_values(error):
                raise NeedsValues(f"{record.op} depends on values") from error
            self._refuse(record, Refused(f"{record.op}: {str(error).splitlines()[0]}"))

    def _stand_ins(self, arg: Any) -> Any:
        if type(arg) in ATOMS:
            return arg
        if isinstance(arg, torch.Tensor):
            return self.value_of(arg).tensor
        if isinstance(arg, Dim):
            return arg.value
        if isinstance(arg, type):
            return original(arg)
        if isinstance(arg, tuple) and hasattr(arg, "_fields"):
            return type(arg)(*(self._stand_ins(item) for item in arg))
        if isinstance(arg, (tuple, list)):
            kind = list if isinstance(arg, list) else tuple
            return kind(self._stand_ins(item) for item in arg)
        if isinstance(arg, dict):
            return {key: self._stand_ins(item) for key, item in arg.items()}
        if isinstance(arg, slice):
            return slice(
                plain_or_none(self._index(arg.start)),
                plain_or_none(self._index(arg.stop)),
                plain_or_none(self._index(arg.step)),
            )
        return arg

    def _results(
        self, result: Any, outcome: Any, record: Record, values: list[_Value], in_place: bool
    ) -> Any:
        """Register a result's tensors with their symbolic shapes, checked against the example."""
        if isinstance(result, torch.Tensor):
            if in_place and values:
                if backend.sizes(values[0].tensor) != _plain(values[0].shape):
                    # unsqueeze_, transpose_ and their kin leave the tensor with another shape.
                    shape = self._checked(outcome, values[0].tensor, record, values)
                    values[0].made_by(values[0].record, shape)
                return self._written(values[0], record)
            shape = self._checked(outcome, result, record, values)
            record.shapes, record.dtypes = (shape,), (backend.dtype_name(result.dtype),)
            if any(value.tensor is result for value in values):
                # contiguous(), to() and their kin may return their argument.
                result = result.view(result.shape)
            made = self._keep(result, result, shape, record)
            if values and backend.is_view(record.op):
                made.base = values[0]
            return result
        leaves = backend.tensors_in(result)
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
        record.dtypes = tuple(backend.dtype_name(tensor.dtype) for _, tensor in leaves)
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
            part.shapes, part.dtypes = (shape,), (backend.dtype_name(tensor.dtype),)
            self.tape.records.append(part)
            made = self._keep(tensor, tensor, shape, part)
            if values and backend.is_view(record.op):
                made.base = values[0]
        return result

    def _checked(
        self, outcome: Any, result: torch.Tensor, record: Record, values: list[_Value]
    ) -> tuple[int, ...]:
        example = backend.sizes(result)
        shape = outcome.shape if isinstance(outcome, Out) else outcome
        if shape is None:
            inputs = [value.shape for value in values]
            inputs.append(tuple(_dims_in((record.args, record.kwargs))))
            return unknown_like(example, inputs)
        shape = self._one(tuple(shape))
        if _plain(shape) != example:
            raise AssertionError(
                f"{record.op}: the table says {shape}, PyTorch makes {example}; "
                "this is a fault of modellint"
            )
        return shape

    def _written(self, value: _Value, record: Record) -> Any:
        """An in-place operation: the tensor, and what it is a view of, are new values."""
        record.shapes, record.dtypes = (value.shape,), (backend.dtype_name(value.tensor.dtype),)
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
        real = backend.replay(record)
        if real is None:
            raise NeedsValues("the value of a parameter")
        for size in _dims_behind(record):
            demand(subtract(size.expr, constant(size.value)), "==", "tool")
        return real

    # -- places ---------------------------------------------------------------------------------

    def _site(self) -> Site | None:
        frame: Any = sys._getframe(2)
        users = backend.users_files
        while frame is not None:
            code = frame.f_code
            if users[code.co_filename]:
                return site(code, frame.f_lasti)
            frame = frame.f_back
        return None


def bind(
    func: Any, entry: Op | None, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """The arguments of a call by name, by the table's entry; by position where there is none."""
    if entry is None:
        return {**{str(index): arg for index, arg in enumerate(args)}, **kwargs}
    order = backend.REORDERED.get(func)
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


def _dims_in(arg: Any) -> Iterator[Dim]:
    if type(arg) in ATOMS or type(arg) is Handle:
        return
    if isinstance(arg, Dim):
        yield arg
    elif isinstance(arg, (tuple, list)):
        for item in arg:
            yield from _dims_in(item)
    elif isinstance(arg, dict):
        yield from _dims_in(tuple(arg.values()))
    elif isinstance(arg, slice):
        yield from _dims_in((arg.start, arg.stop, arg.step))


def _dims_behind(record: Record) -> Iterator[Dim]:
    seen: set[int] = set()
    pending = [record]
    while pending:
        current = pending.pop()
        if current.index in seen:
            continue
        seen.add(current.index)
        yield from _dims_in((current.args, current.kwargs))
        pending.extend(current.inputs)


# -- questions that a tensor answers without an operation ---------------------------------------


def _shape(tracer: Tracer, tensor: torch.Tensor) -> Sizes:
    return Sizes(tracer.value_of(tensor).shape)


def _size(tracer: Tracer, tensor: torch.Tensor, dim: int | None = None) -> Any:
    shape = tracer.value_of(tensor).shape
    return Sizes(shape) if dim is None else shape[dim]


def _numel(tracer: Tracer, tensor: torch.Tensor) -> int:
    return numel(tracer.value_of(tensor).shape)


def _rank(tracer: Tracer, tensor: torch.Tensor) -> int:
    return len(tracer.value_of(tensor).shape)


def _length(tracer: Tracer, tensor: torch.Tensor) -> int:
    # len() makes a plain int of whatever this returns, so the size is fixed here.
    shape = tracer.value_of(tensor).shape
    if not shape:
        raise TypeError("len() of a 0-d tensor")
    if isinstance(shape[0], Dim):
        demand(subtract(shape[0].expr, constant(shape[0].value)), "==", "tool")
    return plain(shape[0])


def _device(tracer: Tracer, tensor: torch.Tensor) -> torch.device:
    return torch.device("cpu")


def _no(tracer: Tracer, tensor: torch.Tensor) -> bool:
    return False


def _trainable(tracer: Tracer, tensor: torch.Tensor) -> bool:
    return isinstance(tensor, nn.Parameter)


def _nothing(tracer: Tracer, tensor: torch.Tensor) -> None:
    return None


def _iterate(tracer: Tracer, tensor: torch.Tensor) -> Any:
    return iter(tracer.call(torch.unbind, (tensor, 0), {}))


def _stride(tracer: Tracer, tensor: torch.Tensor, dim: int | None = None) -> Any:
    value = tracer.value_of(tensor)
    strides: tuple[int, ...]
    if value.tensor.is_contiguous():
        strides = tuple(numel(value.shape[at + 1 :]) for at in range(len(value.shape)))
    else:
        for size in value.shape:
            if isinstance(size, Dim):
                demand(subtract(size.expr, constant(size.value)), "==", "tool")
        strides = value.tensor.stride()
    return strides if dim is None else strides[dim]


def _value(convert: Callable[[torch.Tensor], Any]) -> Callable[..., Any]:
    def answer(tracer: Tracer, tensor: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        return convert(tracer.read(tensor))

    return answer


#: Typed loosely, since the type checker sees the values of attributes where these are descriptors.
_TENSOR: Any = torch.Tensor
_ANSWERS: dict[Any, Callable[..., Any]] = {
    _TENSOR.shape.__get__: _shape,
    _TENSOR.size: _size,
    _TENSOR.numel: _numel,
    _TENSOR.nelement: _numel,
    torch.numel: _numel,
    _TENSOR.dim: _rank,
    _TENSOR.ndimension: _rank,
    _TENSOR.ndim.__get__: _rank,
    _TENSOR.__len__: _length,
    _TENSOR.__iter__: _iterate,
    _TENSOR.stride: _stride,
    _TENSOR.device.__get__: _device,
    _TENSOR.is_meta.__get__: _no,
    _TENSOR.is_cuda.__get__: _no,
    _TENSOR.requires_grad.__get__: _trainable,
    _TENSOR.grad.__get__: _nothing,
    _TENSOR.grad_fn.__get__: _nothing,
    _TENSOR.item: _value(lambda real: real.item()),
    _TENSOR.tolist: _value(lambda real: real.tolist()),
    _TENSOR.__bool__: _value(bool),
    _TENSOR.__int__: _value(int),
    _TENSOR.__float__: _value(float),
    _TENSOR.__index__: _value(lambda real: real.__index__()),
    _TENSOR.numpy: _value(lambda real: real.detach().numpy()),
    _TENSOR.__array__: _value(lambda real: real.detach().numpy()),
}


# -- operations that need more than a shape -----------------------------------------------------


def _attribute(tracer: Tracer, func: Any, args: Any, kwargs: Any) -> Any:
    """A property that is no operation: `dtype`, `layout`, `names`, …."""
    return func(tracer.value_of(args[0]).tensor)


def _convert(tracer: Tracer, func: Any, args: Any, kwargs: Any) -> Any:
    """`to`, `cpu`, `cuda`, `type`, `float`, …: only the dtype can change."""
    tensor = args[0]
    dtype = backend.target_dtype(func, args[1:], kwargs, tensor)
    values: list[_Value] = []
    sized = tracer._sized(tensor, values, [None])
    if dtype is None:
        return tensor
    record = tracer._enter(
        "to", torch.Tensor.to, (sized, dtype), {}, {"input": sized, "dtype": dtype}, values
    )
    made = (
        values[0].tensor.to(dtype)
        if tracer.real
        else torch.empty_like(values[0].tensor, dtype=dtype)
    )
    record.shapes, record.dtypes = (values[0].shape,), (backend.dtype_name(dtype),)
    tracer._keep(made, made, values[0].shape, record)
    return made


def _constant(tracer: Tracer, func: Any, args: Any, kwargs: Any) -> Any:
    """`torch.tensor` and its kin: a constant of the graph, whose values stay known."""
    if args and isinstance(args[0], torch.Tensor):
        return _convert(tracer, torch.Tensor.to, args, kwargs)
    if not tracer.real and any(
        tracer.value_of(t).record.varying for _, t in backend.tensors_in(args)
    ):
        raise NeedsValues(f"{func.__name__} of values that depend on the input")
    kwargs = {key: value for key, value in kwargs.items() if key != "device"}
    for size in _dims_in(args):
        demand(subtract(size.expr, constant(size.value)), "==", "tool")
    made = func(*tracer._stand_ins(args), **kwargs)
    tracer.value_of(made)
    return made


def _setitem(tracer: Tracer, func: Any, args: Any, kwargs: Any) -> Any:
    index = args[1]
    values: list[_Value] = []
    sized = [tracer._sized(arg, values, [None]) for arg in args]
    bound = dict(zip(("input", "index", "value"), sized, strict=True))
    bound["index"] = normal_index(bound["index"], len(values[0].shape))
    record = tracer._enter("setitem", func, tuple(sized), {}, bound, values)
    if tracer.real or not backend.has_mask(index):
        with torch.no_grad():
            tracer._run(torch.Tensor.__setitem__, args, {}, record)
    tracer._written(values[0], record)


def _set_data(tracer: Tracer, func: Any, args: Any, kwargs: Any) -> Any:
    tensor, new = args
    value, source = tracer.value_of(tensor), tracer.value_of(new)
    value.tensor = source.tensor
    value.made_by(source.record, source.shape)


def _gradient_flag(tracer: Tracer, func: Any, args: Any, kwargs: Any) -> Any:
    return args[0]


def _ignored(tracer: Tracer, func: Any, args: Any, kwargs: Any) -> None:
    return None


def _assertion(tracer: Tracer, func: Any, args: Any, kwargs: Any) -> Any:
    if not isinstance(args[0], torch.Tensor):
        return func(*args, **kwargs)
    return None


def _equal(tracer: Tracer, func: Any, args: Any, kwargs: Any) -> Any:
    return func(*(tracer.read(a) if isinstance(a, torch.Tensor) else a for a in args), **kwargs)


_SPECIAL: dict[str, Callable[[Tracer, Any, Any, Any], Any]] = {
    **dict.fromkeys(backend.CONVERSIONS, _convert),
    **dict.fromkeys(("tensor", "as_tensor", "asarray", "from_numpy", "scalar_tensor"), _constant),
    "setitem": _setitem,
    "set_data": _set_data,
    "requires_grad": _gradient_flag,
    "set_requires_grad": _ignored,
    "set_grad": _ignored,
    "retain_grad": _gradient_flag,
    "_assert": _assertion,
    "equal": _equal,
    "allclose": _equal,
    "is_nonzero": _equal,
}


# -- the run ------------------------------------------------------------------------------------


def run(
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    training: bool = False,
    real: bool = False,
) -> Traced:
    """Run one forward on sized stand-ins and return what was recorded.

    `args` and `kwargs` hold `Sized` tensors (shape and dtype) where the model takes tensors, and
    any other value as it is. With `real`, operations run on the CPU with values: for forwards in
    which values decide. The model is left as it was. Raises `NeedsValues` where the forward
    depends on values, and whatever the forward raises by itself; sizes that do not fit are not an
    error but the `refused` of the result.
    """
    tape = Tape()
    with ExitStack() as stack:
        stack.enter_context(uncollected())
        tracer = Tracer(model, tape, real)
        inputs: list[Record] = []

        def entered(name: str, given: Any) -> Any:
            if not isinstance(given, Sized):
                return given
            record = Record(len(tape.records), "input", None, (), {}, {}, (), model, None)
            record.path = (name,)
            dtype = backend.dtype_of(given.dtype)
            record.shapes, record.dtypes = (given.shape,), (backend.dtype_name(dtype),)
            tape.records.append(record)
            inputs.append(record)
            tensor = backend.example_input(_plain(given.shape), dtype, tracer.device)
            tracer._keep(tensor, tensor, given.shape, record)
            return tensor

        positional = [entered(str(index), given) for index, given in enumerate(args)]
        named = {name: entered(name, given) for name, given in kwargs.items()}
        tape.describe = lambda: _reason(tracer)
        stack.enter_context(backend.quiet())
        modules = [*tracer.walked, *tracer.held]
        stack.enter_context(backend.untouched(modules, training))
        stack.enter_context(backend.eager())
        stack.enter_context(sizes_kept({type(module) for _, module in modules}))
        backend.ask_for_parameters(tracer.walked, tracer.infer)
        stack.enter_context(backend.direct_functionals(tracer.call))
        stack.enter_context(
            backend.observed_calls(modules, tracer.stack, tracer.called, tracer.call)
        )
        stack.enter_context(recording(tape.demand, tape.unknowns))
        stack.enter_context(torch.no_grad())
        stack.enter_context(tracer)
        try:
            output = model(*positional, **named)
            kept = tuple(_kept(tracer, modules))
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
                tracer.walked,
                tracer.held,
                frozenset(tracer.called),
            )
        finally:
            tape.describe = str
    leaves, structure = pytree.tree_flatten(backend.plain_structure(output))
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
        tracer.walked,
        tracer.held,
        frozenset(tracer.called),
        kept,
    )


def _kept(tracer: Tracer, modules: Sequence[tuple[str, nn.Module]]) -> Iterator[Record]:
    """What the forward computed and put into attributes, such as a loss that is read later."""
    for _, module in modules:
        if is_stock(type(module)):
            continue
        for name, value in vars(module).items():
            kind = type(value)
            if kind in ATOMS or name in _REGISTERS:
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
