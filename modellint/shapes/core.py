"""How an entry of the table is written, and what entries share."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, NamedTuple, TypeVar

from modellint.shapes.forms import Forms
from modellint.shapes.sized import Shape as Shape
from modellint.shapes.sized import Tensor as Tensor
from modellint.shapes.sized import show as show
from modellint.symbolic import expressions as ex
from modellint.symbolic.constraints import demand
from modellint.symbolic.dims import Dim, dim, expr_of, symbolic

Function = TypeVar("Function", bound=Callable[..., Any])


class Out(NamedTuple):
    """One result whose dtype is not that of the first tensor argument."""

    shape: Shape
    dtype: Any


class Refused(RuntimeError):
    """An operation does not accept the sizes it gets; `help` names what would fit.

    A `RuntimeError` as torch's own, for the forward that tries one shape and catches it.
    `integers` tells that what it does not accept is a tensor of floats where indices must be,
    `mask` is one of floats where booleans must be, `always` tells that no other sizes of the input
    would make these two agree, `lacking` how many channels a convolution gets less than it reads.
    """

    always = False
    lacking = 0

    def __init__(
        self,
        message: str,
        help: str | None = None,
        integers: bool = False,
        mask: Any = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.help = help
        self.integers = integers
        self.mask = mask


class NotTensor(Exception):
    """A tensor is used as something that no tensor is, such as a dictionary."""


class Unsure(Exception):
    """An entry of the table does not say whether arguments are taken: torch's operation tells."""


@dataclass(frozen=True)
class Op:
    """One entry: the functional's name and parameters, and the function that gives the shape.

    `runs` tells that the tracer runs the operation itself on meta tensors and takes only the
    symbolic sizes from here: right for views, whose strides decide what may follow, and for
    operations with several results. Otherwise the result is an empty tensor of the computed
    shape, many times cheaper. `dtype` is that of the result: `None` for the first tensor's,
    `promote` for what PyTorch's promotion of the tensor arguments gives, or a name.
    """

    name: str
    shape: Callable[..., Any]
    parameters: tuple[str, ...]
    defaults: tuple[Any, ...]
    variadic: str | None
    runs: bool
    dtype: str | None
    open: bool = True
    required: frozenset[str] = frozenset(["input"])

    @cached_property
    def forms(self) -> Forms:
        """How its arguments are read, and which of them are unusual."""
        given = zip(self.parameters, self.defaults, strict=True)
        defaults = {name: value for name, value in given if name not in self.required}
        return Forms(self.name, self.parameters, defaults, not self.open)

    def bind(self, args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
        """The arguments by name, defaults filled in. Raises `TypeError` for what is not known."""
        parameters = self.parameters
        given = len(args)
        if self.variadic is not None:
            fixed = parameters.index(self.variadic)
            rest = args[fixed:]
            if len(rest) == 1 and isinstance(rest[0], (tuple, list)):
                rest = rest[0]  # One sequence stands for all.
            bound = dict(zip(parameters, args[:fixed], strict=False))
            bound.update(kwargs)
            name = "size" if self.variadic == "shape" and "size" in kwargs else self.variadic
            if name in kwargs:  # A view takes a size by that name, and calls it a shape.
                rest = bound.pop(name)
                rest = (rest,) if isinstance(rest, int) else rest
            bound[self.variadic] = tuple(rest)
            return bound
        bound = dict(zip(parameters, args, strict=False))
        for index in range(len(parameters), given):
            bound[f"argument{index}"] = args[index]
        bound.update(zip(parameters[given:], self.defaults[given:], strict=True))
        if kwargs:
            for name, value in kwargs.items():
                bound[_ALIASES.get(name, name) if name not in bound else name] = value
        return bound

    def outcome(self, bound: dict[str, Any]) -> Any:
        """What the shape function says of bound arguments; others than its own are left out."""
        if self.variadic is not None:
            fixed = self.parameters[: self.parameters.index(self.variadic)]
            kept = {n: v for n, v in bound.items() if n not in self.parameters} if self.open else {}
            kept |= {n: bound[n] for n in self.parameters[len(fixed) + 1 :] if n in bound}
            return self.shape(*(bound.get(n) for n in fixed), *bound[self.variadic], **kept)
        if self.open:
            return self.shape(**bound)
        return self.shape(**{name: bound[name] for name in self.parameters if name in bound})


#: Keyword names that PyTorch takes for the same thing.
_ALIASES = {"x": "input", "self": "input", "axis": "dim", "keepdims": "keepdim", "tensor": "input"}

OPS: dict[str, Op] = {}


def op(*names: str, runs: bool = False, dtype: str | None = None) -> Callable[[Function], Function]:
    """Enter a shape function into the table under these functional names."""

    def enter(shape: Function) -> Function:
        parameters = inspect.signature(shape).parameters.values()
        variadic = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), None)
        accepts = any(p.kind is p.VAR_KEYWORD for p in parameters)
        positional = tuple(p.name for p in parameters if p.kind is not p.VAR_KEYWORD)
        defaults = tuple(
            None if p.default is p.empty else p.default
            for p in parameters
            if p.kind is not p.VAR_KEYWORD
        )
        required = frozenset(
            p.name for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
        )
        for name in names:
            OPS[name] = Op(
                name, shape, positional, defaults, variadic, runs, dtype, accepts, required
            )
        return shape

    return enter


def fitting(argument: str, needed: int, written: int) -> str:
    """The help that names the argument that fits: in sizes, as a number, and what stands there."""
    text = str(symbolic(needed))
    value = "" if text == str(plain(needed)) else f" = {plain(needed)}"
    return f"{argument} should be {text}{value}, here {symbolic(written)}"


def equal(left: int, right: int, refusal: Callable[[], Refused]) -> None:
    """Demand that two sizes are the same; refuse where they are not."""
    if left is right:
        return
    if type(left) is int and type(right) is int:
        if left != right:
            raise _always(refusal())
        return
    gap = ex.subtract(expr_of(left), expr_of(right))
    if gap.constant == 0:
        return
    if gap.constant is not None:
        raise _always(refusal())
    demand(gap, "==")
    if plain(left) != plain(right):
        raise refusal()


def _always(refusal: Refused) -> Refused:
    refusal.always = True
    return refusal


def at_least(size: int, least: int, refusal: Callable[[], Refused]) -> None:
    """Demand that a size is at least some number; refuse where it is not."""
    if isinstance(size, Dim):
        demand(ex.subtract(size.expr, ex.constant(least)) if least else size.expr, ">=")
    if plain(size) < least:
        raise refusal()


def plain(size: int) -> int:
    """The size in the example, without recording that it was looked at."""
    return size.value if isinstance(size, Dim) else size


def numel(shape: Sequence[int]) -> int:
    """How many elements a shape has, as a size."""
    if not any(isinstance(size, Dim) for size in shape):
        return prod(shape)
    expression = ex.product_of(expr_of(size) for size in shape)
    result: int = dim(prod(map(plain, shape)), expression)
    return result


def axis(index: int, rank: int) -> int:
    """The index of an axis, counted from the front. Refuses one that is not there."""
    index = plain(index)
    if not isinstance(index, int):
        raise Unsure
    if not -max(rank, 1) <= index < max(rank, 1):
        raise Refused(f"there is no axis {index} in a tensor of {rank} axes")
    return index % rank if rank else 0


def axes(dims: Any, rank: int) -> tuple[int, ...]:
    """The axes that an argument `dim` names: one, several, or all for `None`."""
    if dims is None or dims == ():
        return tuple(range(rank))
    if isinstance(dims, int):
        dims = (dims,)
    found = tuple(axis(d, rank) for d in dims)
    if len({*found}) != len(found):
        raise Refused(f"one of the axes {show(dims)} is named twice")
    return found


def per_axis(value: Any, rank: int) -> tuple[int, ...]:
    """A window argument as one number a spatial axis."""
    if isinstance(value, int):
        return (value,) * rank
    values = tuple(value)
    if len(values) not in (1, rank):
        raise Refused(f"{show(values)} has {len(values)} numbers for {rank} spatial axes")
    return values * rank if len(values) == 1 else values


def broadcast(*shapes: Shape) -> Shape:
    """The shape of an elementwise operation; what meets must be equal or a literal 1."""
    result: Shape = ()
    for shape in shapes:
        if not result:
            result = tuple(shape)
            continue
        if shape == () or shape is result:
            continue
        longer, shorter = (result, shape) if len(result) >= len(shape) else (shape, result)
        offset = len(longer) - len(shorter)
        joined = list(longer)
        for index, right in enumerate(shorter, offset):
            left = longer[index]
            if left is right or (type(right) is int and right == 1):
                continue
            if type(left) is Dim and type(right) is Dim and left.expr is right.expr:
                continue
            if type(left) is int and left == 1:
                joined[index] = right
                continue
            joined[index] = _meeting(left, right, result, shape)
        result = tuple(joined)
    return result


def spread(size: int, place: int, refusal: Callable[[], Refused]) -> None:
    """Demand that a size is another, or 1, which is repeated to it: no axis but this may change."""
    if plain(size) == 1 and plain(place) != 1:
        # A size that is 1 only in the example is repeated only there.
        if isinstance(size, Dim):
            demand(ex.subtract(size.expr, ex.ONE), "==", "branch")
        return
    equal(size, place, refusal)


def _meeting(left: int, right: int, first: Shape, second: Shape) -> int:
    for one, other in ((left, right), (right, left)):
        # A size that is 1 only in the example broadcasts only there.
        if plain(one) == 1 and plain(other) != 1:
            demand(ex.subtract(expr_of(one), ex.ONE), "==", "branch")
            return other
    equal(
        left,
        right,
        lambda: Refused(
            f"shapes {show(first)} and {show(second)} do not broadcast: "
            f"{symbolic(left)} against {symbolic(right)}"
        ),
    )
    return left if type(left) is int else right


def same(input: Tensor, **_: Any) -> Shape:
    """The shape of the input."""
    return input.shape
