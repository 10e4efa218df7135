"""Enters operations on the tape, and keeps what each makes of the tensors that it gets.

The symbolic shape of a result comes from the table (`modellint.shapes`), and the result is a meta
tensor, so nothing is computed and no memory is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, NoReturn

import torch
from torch import nn

from modellint.modules.members import Members
from modellint.shapes import NotTensor, Op, Out, Refused, Unsure
from modellint.shapes import Tensor as Sized
from modellint.shapes.core import show
from modellint.shapes.views import unknown_like
from modellint.source.executed import words
from modellint.tracing import layer_checks
from modellint.tracing.dtypes import dtype_name, dtype_names, dtype_of, dtype_of_one
from modellint.tracing.held_tensors import HeldTensors, Value
from modellint.tracing.known_values import asks_for_values, lacks_kernel
from modellint.tracing.layouts import (
    TURNED,
    Laid,
    by_rows,
    is_laid,
    laid_out,
    lies_as,
    result_strides,
)
from modellint.tracing.nested import tensors_in
from modellint.tracing.stand_ins import (
    blank,
    holds_huge,
    plain_sizes,
    sizes_of,
    with_lengths,
    with_values,
)
from modellint.tracing.tape import ATOMS, Handle, NeedsValues, Record, Tape, dims_in, running_site
from modellint.tracing.torch_functions import is_view, makes_tensors

#: How many values are computed with, where nothing else tells what torch takes.
_SMALL = 1 << 20


class Recorder(HeldTensors):
    """The operations of one forward, each entered, judged and performed."""

    def __init__(self, model: nn.Module, tape: Tape, modules: Members, real: bool) -> None:
        super().__init__(model, tape, modules, real)
        self.device = torch.device("cpu" if real else "meta")
        self.refused: tuple[Record, Refused] | None = None

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
            running_site(),
        )
        records.append(record)
        return record

    def judge(
        self,
        entry: Op,
        bound: dict[str, Any],
        record: Record,
        func: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        """What the table says of the result's sizes; what it refuses ends the run.

        Where an entry of the table raises something else, torch's own operation has its say; if
        that runs, the sizes are those that it makes.
        """
        try:
            outcome = entry.outcome(bound)
            if self.real and isinstance(outcome, tuple) and Handle in map(type, outcome):
                return None  # A tensor's value is a size here, which has no expression.
            return outcome
        except Refused as refusal:
            self.refuse(record, refusal)
        except (NotTensor, NeedsValues):
            raise
        except Exception as error:  # Whatever it is, the user's code is not to pay for it.
            fault = error
        if not self.real:
            self.tried(func, args, kwargs, record)
        if not isinstance(fault, Unsure):
            self.at_fault(record, f"{type(fault).__name__}: {fault}")
        return None

    def at_fault(self, record: Record, fault: str) -> None:
        """Make the model partial for what an entry of the table does wrong."""
        call = record.call
        line = "" if call is None else f" ({words(call.path, call.line)})"
        self.partial = self.partial or (
            f"modellint does not know the sizes of {record.op}{line}, which PyTorch runs: "
            f"{fault}; please report it"
        )

    def asked(self, func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """What torch itself answers, or raises, where a tensor was asked for no operation."""
        return func(*self.stand_ins(args), **self.stand_ins(kwargs))

    def standing_for(self, handles: Iterable[Sized], values: list[Value]) -> dict[int, Value]:
        """The tensors that stand where numbers are wanted, by the identity of what is held."""
        wanted = {id(handle) for handle in handles}
        return {id(value.held): value for value in values if id(value.handle) in wanted}

    def tried(
        self,
        func: Any,
        args: Any,
        kwargs: dict[str, Any],
        record: Record,
        standing: Mapping[int, Value] = MappingProxyType({}),
        numbers: Mapping[int, torch.Tensor] = MappingProxyType({}),
    ) -> Any:
        """What torch makes of an unusual form of arguments.

        Tensors that are `standing` for numbers have their values. What meta tensors accept is tried
        on the CPU, too, where it is small: kernels refuse what only they look at.
        """
        held = {key: value.tensor for key, value in standing.items()}
        try:
            for key, value in standing.items():
                value.tensor = numbers[key]
            try:
                made, unknown = self.perform(func, args, kwargs, record), None
            except NeedsValues as needed:
                made, unknown = None, needed
            given = self.stand_ins((args, kwargs))
            tensors = [tensor for _, tensor in tensors_in((made, given))]
            if all(tensor.numel() <= _SMALL for tensor in tensors) and not holds_huge(given):
                self._run_with_values(func, given, record)
            if unknown is not None:
                raise unknown
            return made
        finally:
            for key, value in standing.items():
                value.tensor = held[key]

    def _run_with_values(self, func: Any, given: Any, record: Record) -> None:
        """Run an operation on zeros: it ends the run where torch's kernel refuses it.

        Zeros are indices of anything, but no integer can be divided by them: then on ones.
        """
        for value in (0, 1):
            args, kwargs = with_values(given, value)
            try:
                func(*args, **kwargs)
            except (RuntimeError, ValueError, IndexError) as error:
                if lacks_kernel(error):
                    return
                if value == 1 or "ZeroDivision" not in str(error):
                    self.refuse(record, _refusal_of(record, error))
            else:
                return

    def perform(self, func: Any, args: Any, kwargs: Any, record: Record) -> Any:
        """The operation itself, on the stand-ins; what it refuses is a refusal of sizes."""
        args = tuple([arg if type(arg) in ATOMS else self.stand_ins(arg) for arg in args])
        kwargs = {name: self.stand_ins(arg) for name, arg in kwargs.items()} if kwargs else {}
        if self.real and record.op == "_pack_padded_sequence" and record.inputs[1].varying:
            args = with_lengths(*args)
        if kwargs.get("device") is not None or (not record.inputs and makes_tensors(record.op)):
            kwargs["device"] = self.device
        try:
            return func(*args, **kwargs)
        except NotImplementedError as error:
            if self.real and not lacks_kernel(error):
                self.refuse(record, _refusal_of(record, error))
            raise NeedsValues(f"{record.op} depends on values") from error
        except (RuntimeError, ValueError, IndexError) as error:
            if asks_for_values(error):
                raise NeedsValues(f"{record.op} depends on values") from error
            self.refuse(record, _refusal_of(record, error))

    def dtype_of_one(self, func: Any, args: Any, kwargs: Any, record: Record) -> torch.dtype | None:
        """The dtype that an operation gives its result; the dtypes that it refuses end the run."""
        try:
            return dtype_of_one(func, args, kwargs)
        except (RuntimeError, ValueError, IndexError) as error:
            self.refuse(record, _refusal_of(record, error))

    def refuse(self, record: Record, refusal: Refused) -> NoReturn:
        """End the run: an operation does not accept its sizes."""
        self.refused = (record, refusal)
        raise refusal

    def refuse_layer(self, layer: nn.Module, args: Any, kwargs: Any, error: Exception) -> None:
        """End the run where one of torch's layers raised because of the sizes that it gets."""
        checked = layer_checks.of(layer)
        if checked is None or not layer_checks.is_own(error):
            return
        tensors = [tensor for _, tensor in tensors_in((args, kwargs))]
        known = [self.values[id(tensor)] for tensor in tensors if id(tensor) in self.values]
        given = known[: checked.tensors]
        if not given:
            return
        refusal = layer_checks.refusal(layer, checked, [one.shape for one in given])
        if refusal is None:
            return
        handles = {str(at): value.handle for at, value in enumerate(given)}
        self.refused = (self.enter(checked.op, None, (), {}, handles, given), refusal)
        raise refusal from error

    # -- results --------------------------------------------------------------------------------

    def register_empty(
        self, shape: tuple[int, ...], sizes: tuple[int, ...], dtype: torch.dtype, record: Record
    ) -> torch.Tensor:
        """An empty meta tensor of the computed shape: nothing runs."""
        strides = shape.strides if type(shape) is Laid else None
        try:
            tensor = blank(sizes, dtype, strides).data  # Its own, made in a fourth of the time.
        except (RuntimeError, TypeError):  # More than 64 bits count.
            self.refuse(record, Refused(f"{record.op} makes {show(shape)}, which no memory holds"))
        record.shapes, record.dtypes = (shape,), dtype_names(dtype)
        self.values[id(tensor)] = Value(tensor, tensor, shape, record)
        return tensor

    def register_several(
        self, outcome: list[Any], values: list[Value], record: Record, strides: list[Any]
    ) -> Any:
        """Empty meta tensors for an operation with several results."""
        made = []
        for one, of in zip(outcome, strides, strict=True):
            shape, dtype = one if isinstance(one, Out) else (one, values[0].tensor.dtype)
            made.append(blank(plain_sizes(shape), dtype_of(dtype), of).data)
        return self.register(tuple(made), outcome, record, values, False)

    def strides(
        self,
        outcomes: list[Any],
        values: list[Value],
        bound: dict[str, Any],
        record: Record,
        perform: Callable[[], Any],
    ) -> list[tuple[int, ...] | None]:
        """The strides of results that are not computed; `None` for what lies row by row."""
        if not is_laid(values) and record.op not in TURNED:
            return [None] * len(outcomes)
        operands = [value.handle for value in values]
        sizes = [plain_sizes(one.shape if isinstance(one, Out) else one) for one in outcomes]
        told: list[Any] = [
            result_strides(record.op, bound, operands, one, index)
            for index, one in enumerate(sizes)
        ]
        if None in told:
            told = self._strides_on_meta(perform, sizes)
        each = zip(told, sizes, strict=True)
        return [None if strides == by_rows(one) else strides for strides, one in each]

    def laid_by_rule(
        self, result: Any, values: list[Value], bound: dict[str, Any], record: Record
    ) -> Any:
        """A result of meta in the layout of the CPU, for what meta lays out in another way."""
        if self.real or type(result) is not torch.Tensor:
            return result
        if not is_laid(values) and record.op not in TURNED:
            return result
        sizes = sizes_of(result)
        strides = result_strides(record.op, bound, [value.handle for value in values], sizes)
        if strides is None or lies_as(sizes, strides, result.stride()):
            return result
        return blank(sizes, result.dtype, strides).data

    def _strides_on_meta(
        self, perform: Callable[[], Any], sizes: list[tuple[int, ...]]
    ) -> list[tuple[int, ...]]:
        """The strides that an operation gives its results where nothing is computed."""
        try:
            results = [tensor for _, tensor in tensors_in(perform())]
        except Exception:  # Not on meta, for whatever reason: the table takes these sizes.
            results = []
        if [sizes_of(result) for result in results] != sizes:
            return [by_rows(one) for one in sizes]
        return [result.stride() for result in results]

    def register(
        self, result: Any, outcome: Any, record: Record, values: list[Value], in_place: bool
    ) -> Any:
        """Register a result's tensors with their symbolic shapes, checked against the example."""
        if isinstance(result, torch.Tensor):
            if in_place and values:
                if sizes_of(values[0].tensor) != plain_sizes(values[0].shape):
                    # unsqueeze_, transpose_ and their kin leave the tensor with another shape.
                    shape = self._checked(outcome, values[0].tensor, record, values)
                    values[0].made_by(values[0].record, shape)
                return self.written(values[0], record)
            shape = self._checked(outcome, result, record, values)
            return self.register_one(result, shape, None, record, values)
        leaves = tensors_in(result)
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
        record.dtypes = tuple(dtype_name(tensor.dtype) for _, tensor in leaves)
        for number, ((path, tensor), shape) in enumerate(zip(leaves, shapes, strict=True)):
            arguments = {"input": record, "index": number}
            part = self._follow("unpack", (record,), arguments, record)
            part.path = path
            part.shapes, part.dtypes = (shape,), dtype_names(tensor.dtype)
            made = self.keep(tensor, tensor, shape, part)
            if values and is_view(record.op):
                made.base = values[0]
        return result

    def register_one(
        self,
        result: torch.Tensor,
        shape: tuple[int, ...],
        sizes: tuple[int, ...] | None,
        record: Record,
        values: list[Value],
    ) -> torch.Tensor:
        """Register the one tensor that an operation made; `sizes`, if any, are to be checked."""
        if sizes is not None and sizes_of(result) != sizes:
            shape = self._differs(record, shape, result, values)
        record.shapes, record.dtypes = (shape,), dtype_names(result.dtype)
        for value in values:
            if value.tensor is result:
                # contiguous(), to() and their kin may return their argument.
                result = result.view(result.shape)
                break
        made = self.keep(result, result, shape, record)
        if values and is_view(record.op):
            made.base = values[0]
        return result

    def _checked(
        self, outcome: Any, result: torch.Tensor, record: Record, values: list[Value]
    ) -> tuple[int, ...]:
        example = sizes_of(result)
        shape = outcome.shape if isinstance(outcome, Out) else outcome
        if shape is None:
            return self._unknown(result, record, values)
        shape = self.shared(shape, None if self.real else laid_out(result))
        if plain_sizes(shape) == example:
            return shape
        return self._differs(record, shape, result, values)

    def _differs(
        self, record: Record, shape: tuple[int, ...], result: torch.Tensor, values: list[Value]
    ) -> tuple[int, ...]:
        """The sizes that torch makes, known for the example only, where the table says others."""
        self.at_fault(record, f"{shape} is not {sizes_of(result)}")
        return self._unknown(result, record, values)

    def _unknown(
        self, result: torch.Tensor, record: Record, values: list[Value]
    ) -> tuple[int, ...]:
        inputs = [value.shape for value in values]
        inputs.append(tuple(dims_in((record.args, record.kwargs))))
        sizes = unknown_like(sizes_of(result), inputs)
        return self.shared(sizes, None if self.real else laid_out(result))

    def written(self, value: Value, record: Record) -> Any:
        """An in-place operation: the tensor, and what it is a view of, are new values."""
        record.shapes, record.dtypes = (value.shape,), dtype_names(value.tensor.dtype)
        value.made_by(record, value.shape)
        base = value.base
        while base is not None:
            arguments = {"input": base.record, "source": record}
            update = self._follow("update", (base.record, record), arguments, record)
            update.shapes, update.dtypes = (base.shape,), record.dtypes
            base.made_by(update, base.shape)
            base = base.base
        return value.held

    def _follow(
        self, op: str, inputs: tuple[Record, ...], arguments: dict[str, Any], after: Record
    ) -> Record:
        """Put on the tape what an operation brings with it, and nobody called."""
        records = self.tape.records
        record = Record(
            len(records), op, None, inputs, {}, arguments, inputs, after.module, after.call
        )
        records.append(record)
        return record


def _refusal_of(record: Record, error: Exception) -> Refused:
    """What torch says against an operation, in its first line."""
    return Refused(f"{record.op}: {[*str(error).splitlines(), type(error).__name__][0]}")
