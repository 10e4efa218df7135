"""What a caller in Python gives as inputs, as specs: tensors, arrays, shapes, containers of these.

Only shapes and dtypes are read, of anything that has them, so that no torch is needed here.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
import operator
from collections import UserDict
from collections.abc import Callable, Iterator, Mapping, Sequence, ValuesView
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from modellint.errors import ModellintError, UsageError, shown
from modellint.symbolic.specs import DTYPES, InputSpec, is_size_name, parse_input, spec_text

if TYPE_CHECKING:
    from torch import nn

#: What to give, for messages.
FORMS = (
    'a shape such as "N,3,H,W" or (1, 3, 32, 32), a tensor or an array, '
    "or a list, tuple or dict of these"
)
#: Containers in each other, and axes of a shape: more of them are something else, or a mistake.
_DEEPEST, _MOST_AXES = 20, 12


@dataclass(frozen=True, slots=True)
class GivenInputs:
    """The inputs that a call of `lint` or `trace` gives, `whole` if they are those of a call."""

    specs: tuple[InputSpec, ...]
    whole: bool = False


def given_inputs(
    inputs: Any = (), args: Any = (), kwargs: Mapping[str, Any] | None = None
) -> GivenInputs:
    """The inputs as specs: shapes in `inputs`, or the very arguments of a call of the model.

    In `inputs` a text or a tuple of whole numbers is a shape, a list or tuple holds inputs in the
    order of the forward's parameters, and a dict holds them by name. In `args` and `kwargs` what
    is no tensor, and holds none, is handed on as it is. Raises `UsageError` for anything else, and
    where both are given.
    """
    if isinstance(args, str | bytes) or not isinstance(args, list | tuple):
        raise UsageError(f"args: {shown(args)} is no list of arguments; write args=(x,)")
    if kwargs is not None and not isinstance(kwargs, Mapping):
        raise UsageError(f'kwargs: {shown(kwargs)} is no dict; write kwargs={{"x": x}}')
    called = bool(args) or kwargs is not None
    if called and not _is_nothing(inputs):
        raise UsageError("inputs and args or kwargs: give the shapes, or the arguments of a call")
    read = _Reader("args" if called else "inputs", values=called)
    try:
        if not called:
            return GivenInputs(tuple(read.several(inputs)))
        positional = [read.one(one, f"args[{at}]") for at, one in enumerate(args)]
        named = [*read.by_name(kwargs or {}, "kwargs")]
        return GivenInputs((*positional, *named), whole=True)
    except ModellintError:
        raise
    except Exception as error:  # Whatever code of the user's does when it is asked for a shape.
        name = "args or kwargs" if called else "inputs"
        told = f"reading them raises {type(error).__name__}: {error}"
        raise UsageError(f"{name}: {told}; give {FORMS}") from error


def input_texts(inputs: Any) -> tuple[str, ...]:
    """The inputs as the command line takes them, for files that run in another process.

    Raises `UsageError` for what cannot be said there: values, and objects of classes.
    """
    given = given_inputs(inputs).specs
    try:
        return tuple(spec_text(spec) for spec in given)
    except UsageError as error:
        raise UsageError(f"inputs: {error}; files are linted in another process") from error


def check_call(model: nn.Module, given: GivenInputs) -> None:
    """Raise `UsageError` for inputs that no call of the model's forward could have."""
    names = [spec.name for spec in given.specs if spec.name is not None]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"inputs: {name} is given twice")
    try:
        signature = inspect.signature(model.forward)
    except (TypeError, ValueError):
        return
    positional = [spec for spec in given.specs if spec.name is None]
    named = {spec.name: spec for spec in given.specs if spec.name is not None}
    bind = signature.bind if given.whole else signature.bind_partial
    try:
        bind(*positional, **named)
    except TypeError as error:
        takes = ", ".join(signature.parameters) or "nothing"
        which = "args and kwargs" if given.whole else "inputs"
        hint = ""
        if not given.whole and named:
            hint = "; a dict that is one input stands in a list: inputs=[{...}]"
        elif not given.whole and len(positional) > 1:
            hint = (
                "; a list that is one input stands in a list: inputs=[[...]]; "
                "of a loader's batch give what the model takes, such as batch[0]"
            )
        raise UsageError(
            f"{which}: {error}; {type(model).__name__}.forward takes {takes}{hint}"
        ) from error


class _Reader:
    """Reads inputs into specs; with `values`, what is no tensor and holds none is a value."""

    def __init__(self, source: str, *, values: bool) -> None:
        self._source = source
        self._values = values

    def several(self, inputs: Any) -> Iterator[InputSpec]:
        """All that stands for inputs: one, several in order, or several by name."""
        if inputs is None:
            return
        if isinstance(inputs, ValuesView):
            inputs = [*inputs]
        if isinstance(inputs, list | tuple) and _is_nearly_shape(inputs):
            raise UsageError(f"inputs: {inputs!r} is no shape; write its sizes as whole numbers")
        if isinstance(inputs, Mapping):
            yield from self.by_name(inputs, "inputs")
        elif isinstance(inputs, list | tuple) and not (_is_shape(inputs) or _holds_fields(inputs)):
            for at, one in enumerate(inputs):
                yield self.one(one, f"inputs[{at}]")
        else:
            yield self.one(inputs, "inputs")

    def by_name(self, inputs: Mapping[Any, Any], where: str) -> Iterator[InputSpec]:
        """Inputs by the names of the forward's parameters."""
        for name in inputs:
            if not isinstance(name, str) or not name.isidentifier():
                raise UsageError(
                    f"{where}: {shown(name)} is no parameter name; a dict that is one input stands "
                    "in a list: inputs=[{...}]"
                )
            spec = self.one(inputs[name], f"{where}[{name!r}]")
            yield replace(spec, name=str(name))

    def one(self, value: Any, where: str) -> InputSpec:
        """One input, whatever it holds."""
        spec = self._spec(value, where, 0)
        return replace(spec, source=self._source)

    def _spec(self, value: Any, where: str, depth: int) -> InputSpec:
        if depth > _DEEPEST:
            raise UsageError(f"{where[:40]}…: containers lie in each other too deeply")
        if value is None or isinstance(value, bool | int | float | complex):
            if depth == 0 and not self._values and where == "inputs":
                raise UsageError(f"inputs: {shown(value)} is no input; give {FORMS}")
            return _value(value)
        if isinstance(value, str) and not self._values:
            try:
                return parse_input(value)
            except UsageError as error:
                raise UsageError(f"{where}: {error}") from error
        if not self._values and isinstance(value, list | tuple) and _is_shape(value):
            return InputSpec(None, _sizes(value, where))
        if _is_tensor(value):
            return _tensor(value, where)
        if _is_packed(value):
            return _value(value)
        held = _held(value)
        if held is None:
            if self._values:
                return _value(value)
            hint = f"give {FORMS}"
            if hasattr(type(value), "__iter__") and not isinstance(value, str | bytes):
                hint = f"{hint}; a part of what it yields may be one: next(iter(...))"
            raise UsageError(f"{where}: {shown(value)} is no input; {hint}")
        kind, items, make = held
        parts = [
            (key, self._spec(part, f"{where}{_step(kind, key)}", depth + 1)) for key, part in items
        ]
        if not any(True for _, part in parts for _ in part.leaves()):
            return _value(value)
        return InputSpec(None, (), kind=kind, parts=tuple(parts), live=make)


def _is_nothing(inputs: Any) -> bool:
    return inputs is None or (isinstance(inputs, list | tuple | Mapping) and len(inputs) == 0)


def _value(value: Any) -> InputSpec:
    return InputSpec(None, (), kind="value", live=value)


def _is_shape(value: Sequence[Any]) -> bool:
    """Whether a list or tuple is one shape: whole numbers, names and `None`, a number at least."""
    numbers = [_is_size(one) for one in value]
    return any(numbers) and all(
        number or one is None or (isinstance(one, str) and is_size_name(one))
        for one, number in zip(value, numbers, strict=True)
    )


def _is_nearly_shape(value: Sequence[Any]) -> bool:
    """Whether a list or tuple holds numbers alone, whole ones and others."""
    return {int, float} == {type(one) for one in value}


def _is_size(value: Any) -> bool:
    """Whether a value is a whole number; one of numpy's is, a tensor of one element is not."""
    return (
        hasattr(type(value), "__index__")
        and not isinstance(value, bool)
        and not hasattr(value, "requires_grad")
        and not getattr(value, "shape", ())
    )


def _sizes(value: Sequence[Any], where: str) -> tuple[int | str | None, ...]:
    """The sizes of a shape."""
    if len(value) > _MOST_AXES:
        raise UsageError(
            f"{where}: {len(value)} numbers are no shape; give a tensor of them, or their shape"
        )
    sizes = [one if one is None or isinstance(one, str) else operator.index(one) for one in value]
    for size in sizes:
        if isinstance(size, int) and size < 1:
            raise UsageError(f"{where}: {size} is no size; write a number from 1 on, or a name")
    return tuple(sizes)


def _is_tensor(value: Any) -> bool:
    """Whether a value is a tensor or an array, of torch or of another library."""
    if isinstance(value, type | Mapping) or callable(value):
        return False
    return hasattr(value, "shape") and hasattr(value, "dtype")


def _is_packed(value: Any) -> bool:
    """Whether a value is a sequence that torch has packed: its values tell how long each is."""
    kind = type(value)
    return (kind.__module__, kind.__name__) == ("torch.nn.utils.rnn", "PackedSequence")


def _tensor(value: Any, where: str) -> InputSpec:
    """The shape and the dtype of a tensor or an array."""
    sizes = tuple(operator.index(size) for size in value.shape)
    if 0 in sizes:
        raise UsageError(f"{where}: a tensor of shape {sizes} holds nothing")
    dtype = str(getattr(value.dtype, "name", value.dtype))
    of_torch = dtype.startswith("torch.")
    dtype = dtype.removeprefix("torch.")
    if dtype not in DTYPES:
        known = ", ".join(sorted(DTYPES))
        raise UsageError(f"{where}: a tensor of {dtype} is no input; known are {known}")
    if not of_torch and dtype in ("float32", "float64"):
        # Numbers of an array get the model's own type on their way into a tensor.
        return InputSpec(None, sizes)
    return InputSpec(None, sizes, dtype)


Make = Callable[[dict[Any, Any]], Any]


def _held(value: Any) -> tuple[str, list[tuple[Any, Any]], Make | None] | None:
    """What a container holds by key, its kind, and what makes one like it; `None` for no container.

    The keys of lists and tuples are places, those of objects the names of their fields.
    """
    if isinstance(value, type):
        return None
    if isinstance(value, Mapping):
        items = [(key, value[key]) for key in value]
        # Only of these is it known that a copy shares nothing with them.
        alike = isinstance(value, dict | UserDict) and type(value) is not dict
        return "dict", items, _with_items(value) if alike else None
    if isinstance(value, tuple) and _holds_fields(value):
        names = type(value)._fields  # type: ignore[attr-defined]
        fields = [*zip(names, value, strict=True)]
        return _kind_name(value), fields, lambda held: value._replace(**held)  # type: ignore[attr-defined]
    if isinstance(value, list | tuple):
        return "list" if isinstance(value, list) else "tuple", [*enumerate(value)], None
    if _holds_fields(value):
        return _kind_name(value), _fields(value), _with_fields(value)
    return None


def _holds_fields(value: Any) -> bool:
    """Whether a value is a named tuple or an object that is made to hold data."""
    if isinstance(value, tuple):
        return hasattr(type(value), "_fields")
    return (
        dataclasses.is_dataclass(value)
        or isinstance(value, SimpleNamespace)
        or hasattr(type(value), "__attrs_attrs__")
    )


def _fields(value: Any) -> list[tuple[str, Any]]:
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
    elif isinstance(value, SimpleNamespace):
        names = [*vars(value)]
    else:
        names = [attribute.name for attribute in type(value).__attrs_attrs__]
    return [(name, getattr(value, name)) for name in names if hasattr(value, name)]


def _with_items(value: Any) -> Make:
    """Makes a mapping like one, with other values."""

    def make(held: dict[Any, Any]) -> Any:
        made = copy.copy(value)
        for key, item in held.items():
            made[key] = item
        return made

    return make


def _with_fields(value: Any) -> Make:
    """Makes an object like one, with other fields; it may be frozen, and is not initialised."""

    def make(held: dict[Any, Any]) -> Any:
        made = copy.copy(value)
        for name, item in held.items():
            object.__setattr__(made, name, item)
        return made

    return make


def _kind_name(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _step(kind: str, key: Any) -> str:
    return f"[{key!r}]" if kind in ("list", "tuple", "dict") else f".{key}"
