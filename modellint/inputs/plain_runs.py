"""A forward as torch alone runs it, at given sizes: the judge of whatever a trace refuses.

On the CPU with values where the model is small; on meta tensors, which have none, where it is large
or has tensors that nobody knows the values of.
"""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any

from modellint.graph import Node
from modellint.symbolic.dims import Dim

if TYPE_CHECKING:
    from torch import nn

    from modellint.modules.members import Members
    from modellint.tracing.tape import Record

#: How many numbers a model, and all that its forward makes, may hold for it to be run with values.
_WEIGHTS = 1 << 25
_RESULTS = 1 << 27


@dataclass(frozen=True)
class Verdict:
    """What torch made of a forward on a device: it ran, or raised `error` at a line of the user's.

    `place` is the path and line of the last frame that is neither torch's nor the standard
    library's; `None` where there is none.
    """

    device: str
    error: Exception | None = None

    @property
    def ran(self) -> bool:
        """Whether the forward came to its end."""
        return self.error is None

    @property
    def place(self) -> tuple[str, int] | None:
        """Where it raised, in code of the user's."""
        from modellint.modules.user_files import is_users_file

        frames = traceback.extract_tb(self.error.__traceback__) if self.error else ()
        for frame in reversed(frames):
            if is_users_file(frame.filename):
                return frame.filename, frame.lineno or 0
        return None


def judged(
    model: nn.Module, modules: Members, args: Sequence[Any], kwargs: Mapping[str, Any], made: int
) -> tuple[Verdict, ...]:
    """What torch says of a forward with these inputs, the surer verdict first.

    `args` and `kwargs` hold a shape and a dtype where the model takes a tensor, in containers too.
    `made` is how many numbers a trace of it has made. Empty where torch cannot tell without data.
    The model is left as it was.
    """
    from torch import nn

    held = sum(
        tensor.numel()
        for _, module in modules
        for table in (module._parameters, module._buffers)
        for tensor in table.values()
        if tensor is not None and not nn.parameter.is_lazy(tensor)
    )
    devices = ["meta"]
    if held <= _WEIGHTS and made <= _RESULTS:
        devices.insert(0, "cpu")
    verdicts = (_judged_on(device, model, modules, args, kwargs) for device in devices)
    return tuple(verdict for verdict in verdicts if verdict is not None)


class Judge:
    """Tells whether torch refuses the operations of one forward; runs it when it is first asked."""

    def __init__(
        self,
        model: nn.Module,
        modules: Members,
        arguments: Callable[[], tuple[list[Any], dict[str, Any]]],
        records: Sequence[Record],
    ) -> None:
        self._model = model
        self._modules = modules
        self._arguments = arguments
        self._records = records

    def __call__(self, node: Node) -> bool | None:
        """Whether an operation raises with values; `None` where that cannot be told."""
        record = self._records[node.index]
        verdict = self._verdict
        if verdict is not None:
            if verdict.ran:
                return False
            if record.call is not None and verdict.place == (record.call.path, record.call.line):
                return True
        return _refused_alone(record)

    @cached_property
    def _verdict(self) -> Verdict | None:
        """What torch says of the whole forward with values, if it can be run with any."""
        args, kwargs = self._arguments()
        made = numbers_in([shape for record in self._records for shape in record.shapes])
        verdicts = judged(self._model, self._modules, args, kwargs, made)
        return next((one for one in verdicts if one.device == "cpu"), None)


def _judged_on(
    device: str, model: nn.Module, modules: Members, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Verdict | None:
    """What torch says on one device; `None` where only the device is in its way."""
    import torch

    from modellint.building.devices import redirected
    from modellint.modules.lazy import settle
    from modellint.modules.restoring import untouched
    from modellint.shapes import Tensor as Sized
    from modellint.tracing.known_values import asks_for_values, refuses_dtype
    from modellint.tracing.nested import mapped
    from modellint.tracing.unprinted import unprinted
    from modellint.tracing.wrappers import eager

    def given(argument: Any) -> Any:
        return mapped(argument, lambda one: _tensor(one, device) if isinstance(one, Sized) else one)

    try:
        with ExitStack() as stack:
            stack.enter_context(warnings.catch_warnings(action="ignore"))
            stack.enter_context(unprinted())
            stack.enter_context(untouched(modules, False))
            stack.enter_context(eager())
            stack.enter_context(redirected(device))
            stack.enter_context(torch.no_grad())
            _move(modules, device)
            settle(modules)
            model(*[given(one) for one in args], **{key: given(one) for key, one in kwargs.items()})
    except Exception as error:
        unable = isinstance(error, NotImplementedError) and not refuses_dtype(error)
        unable = unable or asks_for_values(error)
        return None if unable or _speaks_of_devices(error) else Verdict(device, error)
    return Verdict(device)


def _refused_alone(record: Record) -> bool | None:
    """Whether an operation raises on tensors of its sizes with values, run by itself."""
    import torch

    from modellint.tracing.known_values import asks_for_values

    read = [shape for source in record.inputs for shape in source.shapes]
    if record.func is None or numbers_in(read) > _RESULTS:
        return None
    try:
        with warnings.catch_warnings(action="ignore"), torch.no_grad():
            record.func(*_with_values(record.args), **_with_values(record.kwargs))
    except NotImplementedError:
        return None
    except Exception as error:
        return None if asks_for_values(error) else True
    return False


def _with_values(argument: Any) -> Any:
    """An argument of a recorded operation as torch takes it: tensors with values, plain numbers."""
    if isinstance(argument, Dim):
        return argument.value
    if hasattr(argument, "record"):
        return _tensor(argument, "cpu")
    if isinstance(argument, (tuple, list)):
        return type(argument)([_with_values(item) for item in argument])
    if isinstance(argument, dict):
        return {key: _with_values(item) for key, item in argument.items()}
    if isinstance(argument, slice):
        return slice(*map(_with_values, (argument.start, argument.stop, argument.step)))
    return argument


def _tensor(sized: Any, device: str) -> Any:
    """A tensor of a size for the model to run on."""
    import torch

    from modellint.tracing.dtypes import dtype_of
    from modellint.tracing.stand_ins import example_input

    shape = tuple(int.__add__(size, 0) for size in sized.shape)
    return example_input(shape, dtype_of(sized.dtype), torch.device(device))


def _move(modules: Members, device: str) -> None:
    """Give all modules of a model tensors on a device, the same where they share one.

    Whoever calls puts back what was there.
    """
    import torch
    from torch import nn

    from modellint.tracing.stand_ins import real_stand_in, stand_in

    moved: dict[int, Any] = {}

    def there(tensor: Any) -> Any:
        if nn.parameter.is_lazy(tensor) or (tensor.is_meta and device == "meta"):
            return tensor
        if id(tensor) not in moved:
            # A copy of what has values: a forward may write into it.
            made = stand_in(tensor)[0] if device == "meta" else real_stand_in(tensor).clone()
            is_parameter = isinstance(tensor, nn.Parameter)
            moved[id(tensor)] = nn.Parameter(made, requires_grad=False) if is_parameter else made
        return moved[id(tensor)]

    for _, module in modules:
        for table in (module._parameters, module._buffers, vars(module)):
            for name, held in [*table.items()]:
                if isinstance(held, torch.Tensor):
                    table[name] = there(held)
        if isinstance(module, nn.RNNBase):
            # It keeps its weights in a list as well, and reads them there.
            module._flat_weights = [module._parameters.get(n) for n in module._flat_weights_names]


def _speaks_of_devices(error: Exception) -> bool:
    """Whether an exception says that tensors are on different devices, which they only are here."""
    text = str(error)
    return "device" in text and ("meta" in text or "cuda" in text.lower())


def numbers_in(shapes: Sequence[Sequence[int]]) -> int:
    """How many numbers tensors of these shapes hold together."""
    return sum(prod(int.__add__(size, 0) for size in shape) for shape in shapes)
