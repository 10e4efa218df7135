"""What a tensor is to a run: its sizes, where it came from, and what stands for it.

Parameters, buffers and constants get meta stand-ins at the moment they enter an operation, so a
live model is never touched, wherever its tensors are. What has entered is known by its identity.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from modellint.modules.lazy import materialize
from modellint.modules.members import Members, Named, is_owned, name_tensors
from modellint.shapes.core import numel
from modellint.symbolic.dims import Dim
from modellint.symbolic.literals import Literal
from modellint.tracing.builtins_shim import original
from modellint.tracing.dtypes import dtype_names
from modellint.tracing.followed_numbers import followed, plain_numbers
from modellint.tracing.known_values import replay
from modellint.tracing.layouts import Laid, laid_out
from modellint.tracing.stand_ins import real_stand_in, stand_in
from modellint.tracing.tape import ATOMS, Handle, Leaf, NeedsValues, Record, Tape, dims_behind


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


class Sizes(tuple[int, ...]):
    """A shape whose sizes carry expressions; `torch.Size` would make them plain ints."""

    def numel(self) -> int:
        """The product of the sizes."""
        return numel(self)


#: What a tensor is that is none of the model's.
UNNAMED: Named = ("constant", ())
#: Stands before a size, which would compare (and so demand something) as an int.
_SIZE = object()
#: What is equal only where it is the same, so that a tuple of them can be a key whole.
_WHOLE = frozenset([int, str, type(None)])
#: What is a tensor, and needs no search among the classes that derive from it.
_PLAIN_TENSORS = frozenset([torch.Tensor, nn.Parameter])
#: Torch's own objects that decide on sizes or dtypes.
_KEYS = frozenset([torch.dtype, torch.device, torch.layout, torch.memory_format, type(Ellipsis)])


class HeldTensors:
    """The tensors that one forward holds, and what is known of each."""

    def __init__(self, model: nn.Module, tape: Tape, modules: Members, real: bool) -> None:
        super().__init__()
        #: Whether operations run with values on the CPU; else on meta tensors, without.
        self.real = real
        self.tape = tape
        self.values: dict[int, Value] = {}
        #: One object for equal shapes, so that their identity tells them.
        self.shapes: dict[tuple[Any, ...], tuple[int, ...]] = {}
        #: The modules that run, the innermost last.
        self.stack: list[nn.Module] = [model]
        #: Why not all sizes are those of any input, if so.
        self.partial: str | None = (
            "values decide what runs, so it was traced with real ones" if real else None
        )
        self.members = modules
        self.leaves = dict(modules.tensors)

    def value_of(self, tensor: torch.Tensor) -> Value:
        """What is known of a tensor; a new one is a parameter, a buffer or a constant."""
        key = id(tensor)
        found = self.values.get(key)
        return self._leaf(tensor, key) if found is None else found

    def _leaf(self, tensor: torch.Tensor, key: int) -> Value:
        """Note a tensor, known by its `id` from here on, that no operation of the forward made."""
        kind, path = self.leaves.get(key, UNNAMED)
        if kind == "constant" and isinstance(tensor, nn.Parameter):
            kind = "parameter"
        made, shape = stand_in(tensor)
        # Nearly every leaf lies row by row, and half of all values are leaves.
        if 1 not in shape and made.is_contiguous():
            shape = self.shapes.setdefault(shape, shape)
        else:
            shape = self.shared(shape, laid_out(made))
        records = self.tape.records
        dtypes = dtype_names(tensor.dtype)
        record = Leaf(len(records), kind, tensor, path, self.stack[-1], shape, dtypes)
        if kind == "parameter" and not path:
            record.owned = is_owned(tensor, self.members.registered, sys._getframe())
        if self.real:
            made = real_stand_in(tensor)
        elif kind == "constant" and tensor.is_meta:
            # Something made it out of sight of the mode; what it depends on is not known.
            self.partial = self.partial or "a tensor comes from where no operation was seen"
            record.varying = True
        records.append(record)
        value = self.values[key] = Value(tensor, made, shape, record)
        return value

    def keep(
        self, held: Any, tensor: torch.Tensor, shape: tuple[int, ...], record: Record
    ) -> Value:
        """Remember what is known of a tensor that the forward now holds."""
        value = Value(held, tensor, shape, record)
        self.values[id(held)] = value
        return value

    def shared(
        self, shape: tuple[int, ...], strides: tuple[int, ...] | None = None
    ) -> tuple[int, ...]:
        """The one object that stands for a shape in this run; another for other strides."""
        # An expression has one value in a run, and hashes by identity, which asks nothing of sizes.
        whole = tuple([size.expr if type(size) is Dim else size for size in shape])
        if strides is None:
            if type(shape) is Laid:
                shape = tuple(shape)
            return self.shapes.setdefault(whole, shape)
        found = self.shapes.get((strides, whole))
        if found is None:
            found = self.shapes[strides, whole] = Laid(shape)
            found.strides = strides
        return found

    # -- arguments ------------------------------------------------------------------------------

    def sized_each(self, args: Iterable[Any], values: list[Value], key: list[Any]) -> list[Any]:
        """Arguments as `sized` makes them; what most of them are is told without a call."""
        known, made = self.values, []
        for arg in args:
            value, kind = known.get(id(arg)), type(arg)
            if value is None and kind in _PLAIN_TENSORS:
                value = self._leaf(arg, id(arg))
            if value is not None:
                values.append(value)
                handle = value.handle
                key += (id(handle.shape), handle.dtype)
                made.append(handle)
            elif kind in _WHOLE:
                key.append(arg)
                made.append(arg)
            elif kind is float or kind is bool:
                key += (kind, arg)  # 1, 1.0 and True are equal, but make different dtypes.
                made.append(arg)
            else:
                made.append(self.sized(arg, values, key))
        return made

    def sized(self, arg: Any, values: list[Value], key: list[Any]) -> Any:
        """An argument with tensors as the table sees them.

        Collects the tensors' values, and what of the argument decides on sizes: the key, whose
        first entry becomes `None` where an argument has none.
        """
        kind = type(arg)
        if kind is Literal:
            kind, arg = float, float.__add__(arg, 0.0)
        if kind in ATOMS:
            # 1, 1.0 and True are equal, but make different dtypes.
            key += (kind, arg) if kind is float or kind is bool else (arg,)
            return arg
        held = id(arg)
        value = self.values.get(held)
        if value is None and isinstance(arg, torch.Tensor):
            value = self._leaf(arg, held)
        if value is not None:
            values.append(value)
            handle = value.handle
            key += (id(handle.shape), handle.dtype)
            return handle
        if kind is tuple and _WHOLE.issuperset(map(type, arg)):
            key.append(arg)
            return arg
        if kind is tuple and ATOMS.issuperset(map(type, arg)):
            key[0] = None
            return arg
        if kind is Dim:
            key.append(_SIZE)
            key.append(arg.value)
            key.append(arg.expr)
            return arg
        if isinstance(arg, (tuple, list)):
            key.append(len(arg))
            made = self.sized_each(arg, values, key)
            return made if kind is list else tuple(made)
        if isinstance(arg, dict):
            key[0] = None
            return {name: self.sized(item, values, key) for name, item in arg.items()}
        if isinstance(arg, slice):
            bounds = [self._index(bound) for bound in (arg.start, arg.stop, arg.step)]
            key.append(slice)
            return slice(*self.sized_each(bounds, values, key))
        if kind in _KEYS:
            key.append(arg)
        else:
            key[0] = None
        return arg

    def _index(self, bound: Any) -> Any:
        if not isinstance(bound, torch.Tensor):
            return bound
        size = self.sizes_in(bound)
        return size if isinstance(size, Dim) else int(self.read(bound))

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
            kind: Any = list if isinstance(arg, list) else tuple
            if isinstance(arg, (Sizes, torch.Size)):
                kind = torch.Size  # `x.new` tells a size from values by it.
            return kind(self.stand_ins(item) for item in arg)
        if isinstance(arg, dict):
            return {key: self.stand_ins(item) for key, item in arg.items()}
        if isinstance(arg, slice):
            return slice(self._bound(arg.start), self._bound(arg.stop), self._bound(arg.step))
        return arg

    def _bound(self, bound: Any) -> Any:
        """A slice's bound as torch takes it."""
        number = self._index(bound)
        return number.value if isinstance(number, Dim) else number

    # -- values ---------------------------------------------------------------------------------

    def read(self, tensor: torch.Tensor) -> torch.Tensor:
        """A tensor's real value, if it does not depend on an input; else `NeedsValues`."""
        real = self.replayed(tensor)
        if not self.real:
            for size in dims_behind(self.value_of(tensor).record):
                size.fix()
        return real

    def sizes_in(self, tensor: torch.Tensor) -> Any:
        """The size, or the numbers and sizes, that a tensor was made of, where it is known."""
        found = None if self.real else followed(self.value_of(tensor).record)
        if found is None or self.replayed(tensor).tolist() != plain_numbers(found):
            return None
        return found

    def replayed(self, tensor: torch.Tensor) -> torch.Tensor:
        """The real value at the sizes of this run, which are not fixed by it."""
        value = self.value_of(tensor)
        if self.real:
            return value.tensor
        record = value.record
        if record.varying:
            raise NeedsValues("the value of a tensor that depends on the input")
        real = replay(record)
        if real is None:
            raise NeedsValues("the value of a parameter")
        return real

    def infer(self, module: nn.Module, args: Any, kwargs: Any = None) -> None:
        """Give a lazy module its parameters before its first forward."""
        materialize(module, *self.stand_ins((args, kwargs or {})))
        name_tensors(self.members.paths[id(module)], module, self.leaves)
