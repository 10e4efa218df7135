"""What a rule would change of a model, in terms of the model: layers, arguments, steps.

`{}` in the text of a step stands for what the step is applied to. Every run imports this with its
rules: as named tuples these classes are made in a quarter of the time of dataclasses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from modellint.graph import Module, Node


class SetArgument(NamedTuple):
    """An argument of a layer, or of a functional that no layer calls, becomes another value.

    `name` is the argument's in the constructor or the functional (`padding`, `in_features`);
    `text` is how the value is written, where `repr` says less (`32 * 7 * 7` for 1568). `now` is the
    number that the layer has: where it is handed down from the construction of a block, it is
    changed there.
    """

    layer: Node | Module
    name: str
    value: Any
    text: str | None = None
    now: int | None = None

    @property
    def written(self) -> str:
        """The value as it is written into the source."""
        return repr(self.value) if self.text is None else self.text


class SetNumber(NamedTuple):
    """The one number that a module is constructed with, among its arguments, becomes another."""

    module: Module
    now: int
    value: int


class Before(NamedTuple):
    """A step is put in front of a call: `{}.flatten(1)`, or `nn.Flatten()` in a container.

    `module` is the construction that does the same where the layer stands in an `nn.Sequential`,
    `None` where nothing does.
    """

    call: Node
    step: str
    module: str | None = None


class After(NamedTuple):
    """A step is put behind a call: what the call gives goes through `{}.transpose(1, 2)`.

    `module` is the construction that does the same, for a layer of an `nn.Sequential`.
    """

    call: Node
    step: str
    module: str | None = None


class Instead(NamedTuple):
    """A call is written as another: `x.view(-1, 400)` as `{}.flatten(1)`.

    `module` is the construction of a layer that does the same, for a call that a layer makes or
    for a layer; `step` is `None` where nothing but a layer does.
    """

    call: Node | Module
    step: str | None
    module: str | None = None


class Without(NamedTuple):
    """A call is left out: what it was given goes on; a layer leaves the `nn.Sequential`.

    Of a statement that keeps no result the whole line goes.
    """

    call: Node


class Behind(NamedTuple):
    """The first of a chain of calls, each applied to what the one before gives, becomes the last.

    `self.norm(self.drop(x))` becomes `self.drop(self.norm(x))`.
    """

    chain: Sequence[Node]


class Assign(NamedTuple):
    """What a statement throws away is assigned to the name that it was given: `x = F.relu(x)`.

    `call` is an operation, or a module that the statement calls.
    """

    call: Node | Module


class Contain(NamedTuple):
    """The list or dict that a module is constructed in becomes an `nn.ModuleList`, `ModuleDict`."""

    module: Module


Change = SetArgument | SetNumber | Before | After | Instead | Without | Behind | Assign | Contain


class Fix(NamedTuple):
    """Changes that belong together, and what they are in words.

    `safe` tells that the model computes the same as before. `otherwise` is the help of a finding
    whose fix did not pass its trial: nothing in it may be wrong for that. `narrows` tells that the
    model takes fewer sizes with it, which is the point. `instead` is what else mends the finding,
    where this cannot be written or does not pass; `help` is what the finding then says, where that
    is not what it says anyway.
    """

    message: str
    changes: Sequence[Change]
    safe: bool = False
    otherwise: str | None = None
    narrows: bool = False
    instead: Fix | None = None
    help: str | None = None


def set_arguments(layer: Node | Module, **values: Any) -> Fix:
    """The fix that gives arguments of a layer other values: `kernel_size=5, padding=2`."""
    message = ", ".join(f"{name}={value}" for name, value in values.items())
    return Fix(message, [SetArgument(layer, name, value) for name, value in values.items()])


def is_numbered(call: Node) -> bool:
    """Whether a container counts a layer: without it, those behind have other names in a state."""
    return call.type != call.op and call.module.rpartition(".")[2].isdigit()


def one_or_each(values: Sequence[int]) -> int | tuple[int, ...]:
    """What an argument of a window is given for its axes: one number where they are alike."""
    return values[0] if len({*values}) == 1 else tuple(values)
