"""Example tensors as source files write them: `torch.rand(1, 3, 32, 32)` to a shape and a dtype."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from modellint.discovery.constants import NotConstant, constant
from modellint.discovery.names import Names
from modellint.discovery.tensor_methods import broadcast, joined, reshaped


@dataclass(frozen=True, slots=True)
class Example:
    """A tensor's shape and dtype; None is a size that the file does not tell.

    `of` names the model whose output it is, if it is one; then the shape is not known at all.
    """

    shape: tuple[int | None, ...]
    dtype: str = "float32"
    of: str | None = None


class InputTensor(NamedTuple):
    """One input of a model; `name` is None when it is passed by position.

    A size may have a name, and is the same wherever that stands; `dtype` is empty where nobody says
    it. `of` names the model whose output it is, where only that one's trace will tell the shape.
    """

    name: str | None
    shape: tuple[int | str | None, ...]
    dtype: str
    of: str | None = None


@dataclass(frozen=True, slots=True)
class Plain:
    """A value that is no tensor, as it is written: a number, a text, a list of these, `None`."""

    text: str


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of a tensor of an `InputHint`, by its number there."""

    at: int


@dataclass(frozen=True, slots=True)
class Live:
    """A value that is no tensor, as a caller gave it."""

    value: Any


@dataclass(frozen=True, slots=True)
class Nest:
    """A container with tensors: a `list`, `tuple` or `dict`, else an object of the class `kind`.

    `make` makes one of its parts by key, where a caller gave one to make others like.
    """

    kind: str
    items: tuple[tuple[Any, Held], ...]
    make: Callable[[dict[Any, Any]], Any] | None = None


#: What an argument may be: a tensor, by itself or in a container, or another value.
Held = Example | Live | Nest | Plain | Slot


class Argument(NamedTuple):
    """What a forward is called with for one parameter; `name` is None where it is by position."""

    name: str | None
    held: Held


@dataclass(frozen=True, slots=True)
class InputHint:
    """The inputs that a file shows for a model, where, and how: `call at line 17`.

    `images` tells that the file loads such images, and counts for models that read images alone.
    `built` is the call that built the very model it is shown for, as text; empty where that call
    cannot be repeated, `None` where the hint is about the class. `apart` tells that another model
    of the class was built. `arguments` are those of the call where they are not the tensors alone,
    one after another: where some are in containers, or are other values. `loose` tells that it may
    be about something else: it is tried, and what does not fit it is no fault. `partial` tells that
    the model is given more than is known.
    """

    tensors: tuple[InputTensor, ...]
    line: int
    source: str
    images: bool = False
    built: str | None = None
    apart: bool = False
    arguments: tuple[Argument, ...] = ()
    loose: bool = False
    partial: bool = False


def is_stated(hints: Iterable[InputHint]) -> bool:
    """Whether one of a model's hints says its sizes, and is about that model alone."""
    return any(
        not hint.images
        and not hint.loose
        and all(tensor.of is None for tensor in hint.tensors)
        and says_sizes(hint)
        for hint in hints
    )


def says_sizes(hint: InputHint) -> bool:
    """Whether a hint tells more of its tensors than how many axes they have."""
    shapes = [tensor.shape for tensor in hint.tensors]
    return any(tensor.of is not None for tensor in hint.tensors) or any(
        not shape or any(size is not None for size in shape) for shape in shapes
    )


#: Creators whose sizes stand in the call, and the dtype they give unless told.
SIZED = {
    **dict.fromkeys(["rand", "randn", "zeros", "ones", "empty"], "float32"),
    **dict.fromkeys(["Tensor", "FloatTensor", "cuda.FloatTensor"], "float32"),
    **dict.fromkeys(["LongTensor", "cuda.LongTensor"], "int64"),
    "IntTensor": "int32",
    "HalfTensor": "float16",
    "DoubleTensor": "float64",
}
NUMPY_SIZED = {
    **dict.fromkeys(["random.rand", "random.randn"], "float64"),
    **dict.fromkeys(["zeros", "ones", "empty", "random.random"], "float64"),
}
#: Names of dtypes that are abbreviations of another.
DTYPES = {
    "float": "float32",
    "half": "float16",
    "double": "float64",
    "long": "int64",
    "int": "int32",
    "short": "int16",
    "cfloat": "complex64",
}
CASTS = {**DTYPES, "bool": "bool", "bfloat16": "bfloat16"}
UNCHANGED = frozenset(
    """to cuda cpu type requires_grad_ detach contiguous clone uniform_ normal_ random_ pin_memory
    fill_ zero_ abs sigmoid tanh softmax log_softmax clamp relu exp sqrt round triu tril
    requires_grad share_memory_""".split()
)
_WRAPPERS = frozenset(
    """torch.autograd.Variable Variable Tensor FloatTensor LongTensor torch.from_numpy
    torch.as_tensor torch.tensor torch.Tensor torch.FloatTensor torch.LongTensor
    torch.rand_like torch.randn_like torch.zeros_like torch.ones_like torch.empty_like
    torch.nn.Parameter torch.sigmoid torch.tanh torch.abs torch.exp torch.softmax torch.triu
    torch.tril torch.relu torch.clamp torch.nn.functional.softmax torch.nn.functional.normalize
    torch.nn.functional.relu torch.log_softmax torch.nn.functional.log_softmax""".split()
)


class Reader:
    """Reads tensor expressions; `lookup` and `tensor` answer for names, the first for constants.

    `model` names the model that is called by an expression, if one is; `part` tells the tensor that
    an index takes out of a container.
    """

    def __init__(
        self,
        names: Names,
        lookup: Callable[[str], Any],
        tensor: Callable[[str], Example | None],
        model: Callable[[ast.expr], str | None] = lambda node: None,
        part: Callable[[ast.expr], Example | None] = lambda node: None,
    ) -> None:
        self._names = names
        self._lookup = lookup
        self._tensor = tensor
        self._model = model
        self._part = part

    def read(self, node: ast.expr) -> Example | None:
        """The tensor that an expression makes, or None if the tree does not tell."""
        match node:
            case ast.Name(id=name):
                return self._tensor(name)
            case ast.Attribute(value=ast.Name(id=owner), attr=name):
                return self._tensor(f"{owner}.{name}") or self._part(node)
            case ast.Call():
                return self._call(node)
            case ast.Subscript(value=value, slice=ast.Constant(value=None)):
                inner = self.read(value)
                known = inner is not None and inner.of is None
                return replace(inner, shape=(1, *inner.shape)) if inner and known else None
            case ast.Subscript(value=value, slice=index):
                inner = self.read(value)
                if inner is None:
                    return self._part(node)
                return self._indexed(inner, index) if inner.of is None else None
            case ast.Attribute(value=owner, attr="T" | "mT"):
                inner = self.read(owner)
                known = inner is not None and inner.of is None and len(inner.shape) > 1
                return replace(inner, shape=_turned(inner.shape)) if inner and known else None
            case ast.BinOp(left=left, op=op, right=right) if not isinstance(op, ast.MatMult):
                return _together(self._operand(left, right), self._operand(right, left))
            case ast.UnaryOp(operand=operand):
                return self.read(operand)
            case ast.Compare(left=left, comparators=[right]):
                inner = _together(self._operand(left, right), self._operand(right, left))
                return replace(inner, dtype="bool") if inner and inner.of is None else None
        return None

    def _operand(self, node: ast.expr, other: ast.expr) -> Example | None:
        """A tensor as it works together with another, which may spread its axes of size 1."""
        found = self.read(node)
        if found is None or found.of is not None or self.read(other) is not None:
            return found
        if isinstance(self._value(other), int | float):
            return found
        return replace(found, shape=tuple(None if size == 1 else size for size in found.shape))

    def _indexed(self, owner: Example, index: ast.expr) -> Example | None:
        """What slices and numbers pick of a tensor, as `tokens[:, :-1]`; else `None`."""
        entries = index.elts if isinstance(index, ast.Tuple) else [index]
        if len(entries) > len(owner.shape):
            return None
        sizes: list[int | None] = []
        for entry, size in zip(entries, owner.shape, strict=False):
            if isinstance(entry, ast.Slice):
                sizes.append(self._sliced(entry, size))
            elif type(self._value(entry)) is not int:
                return None
        return replace(owner, shape=(*sizes, *owner.shape[len(entries) :]))

    def _sliced(self, by: ast.Slice, size: int | None) -> int | None:
        """How many elements of an axis a slice takes, where the file tells."""
        bounds = [by.lower, by.upper, by.step]
        if all(bound is None for bound in bounds):
            return size
        numbers = [None if bound is None else self._value(bound) for bound in bounds]
        known = all(
            bound is None or type(number) is int
            for bound, number in zip(bounds, numbers, strict=True)
        )
        if size is None or not known or numbers[2] == 0:
            return None
        return len(range(*slice(*numbers).indices(size)))

    def _call(self, node: ast.Call) -> Example | None:
        model = self._model(node.func)
        if model is not None:
            return Example((), of=model)
        part = self._part(node)
        if part is not None:
            return part
        name = self._names.dotted(node.func) or ""
        if name in _WRAPPERS and node.args:
            inner = self.read(node.args[0])
            if inner is not None:
                return self._with_dtype(self._cast(name, inner), node)
        if name.startswith("torch."):
            made = self._made(name.removeprefix("torch."), SIZED, node)
            if made is not None:
                return made
        elif name.startswith("numpy."):
            return self._made(name.removeprefix("numpy."), NUMPY_SIZED, node)
        if isinstance(node.func, ast.Attribute):
            owner = self.read(node.func.value)
            return owner and self._method(owner, node.func.attr, node)
        return None

    def _cast(self, name: str, example: Example) -> Example:
        """The example as a constructor of its own dtype takes it: `FloatTensor(array)`."""
        dtype = SIZED.get(name.rpartition(".")[2])
        return replace(example, dtype=dtype) if dtype is not None else example

    def _made(self, name: str, sized: dict[str, str], node: ast.Call) -> Example | None:
        keywords = {keyword.arg: keyword.value for keyword in node.keywords}
        size = keywords.get("size") or keywords.get("shape")
        listed = len(node.args) == 1 and isinstance(node.args[0], ast.List | ast.Tuple)
        if listed and name.endswith("Tensor"):
            # Values, where `torch.LongTensor(12, 13)` has sizes.
            return self._nested(node.args[0], node, sized.get(name))
        if name in sized:
            shape = self._shape([size] if size is not None else node.args)
            return self._typed(shape, sized[name], node)
        if name in ("randint", "random.randint", "random.normal", "random.uniform"):
            where = size or next((arg for arg in reversed(node.args) if self._is_shape(arg)), None)
            dtype = "int64" if name.endswith("randint") else "float64"
            return self._typed(self._shape([where] if where else []), dtype, node)
        if name == "full":
            where = size or (node.args[0] if node.args else None)
            return self._typed(self._shape([where] if where else []), "float32", node)
        if name in ("arange", "randperm") and node.args:
            return self._typed(self._counted(node.args), "int64", node)
        if name == "eye":
            sides = self._shape(node.args[:2])
            return self._typed(sides and (sides * 2)[:2], "float32", node)
        if name in ("linspace", "logspace"):
            steps = keywords.get("steps") or (node.args[2] if len(node.args) > 2 else None)
            return self._typed(self._shape([steps]) if steps else None, "float32", node)
        if name in ("cat", "concat", "stack") and node.args:
            return self._joined(name, node, keywords.get("dim"))
        if name in ("tensor", "Tensor", "FloatTensor", "LongTensor") and len(node.args) == 1:
            return self._nested(node.args[0], node, sized.get(name))
        return None

    def _counted(self, nodes: list[ast.expr]) -> tuple[int | None, ...] | None:
        """The length of a range."""
        bounds = [self._value(node) for node in nodes[:3]]
        if not all(type(bound) is int for bound in bounds) or 0 in bounds[2:]:
            return None
        return (len(range(*bounds)),)

    def _joined(self, name: str, node: ast.Call, dim: ast.expr | None) -> Example | None:
        """Tensors that are put together along an axis."""
        listed = node.args[0]
        if not isinstance(listed, ast.List | ast.Tuple) or not listed.elts:
            return None
        parts = [self.read(one) for one in listed.elts]
        known = [part for part in parts if part is not None and part.of is None]
        given = dim or (node.args[1] if len(node.args) > 1 else ast.Constant(0))
        if len(known) < len(parts):
            return None
        shape = joined([part.shape for part in known], self._value(given), name == "stack")
        return None if shape is None else replace(known[0], shape=shape)

    def _is_shape(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Tuple | ast.List):
            return True
        try:
            return isinstance(constant(node, self._lookup), tuple | list)
        except NotConstant:
            return False

    def _shape(self, nodes: list[ast.expr]) -> tuple[int | None, ...] | None:
        """The sizes that arguments spell; None if even their number is unknown."""
        if len(nodes) == 1 and not isinstance(nodes[0], ast.Tuple | ast.List):
            value = self._value(nodes[0])
            if isinstance(value, tuple | list):
                return _sizes(value)
            if isinstance(nodes[0], ast.Starred) or not isinstance(value, int):
                spread = nodes[0].value if isinstance(nodes[0], ast.Starred) else None
                value = self._value(spread) if spread is not None else None
                return _sizes(value) if isinstance(value, tuple | list) else None
        if len(nodes) == 1 and isinstance(nodes[0], ast.Tuple | ast.List):
            nodes = nodes[0].elts
        values: list[Any] = []
        for node in nodes:
            if not isinstance(node, ast.Starred):
                values.append(self._value(node))
                continue
            spread = self._value(node.value)
            if not isinstance(spread, tuple | list):
                return None
            values.extend(spread)
        return _sizes(values)

    def _value(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Starred):
            return None
        try:
            return constant(node, self._lookup)
        except NotConstant:
            return None

    def _typed(
        self, shape: tuple[int | None, ...] | None, dtype: str, node: ast.Call
    ) -> Example | None:
        # A shape of which no size is known says nothing that a model's layers do not.
        if not shape or all(size is None for size in shape):
            return None
        return self._with_dtype(Example(shape, dtype), node)

    def _with_dtype(self, example: Example, node: ast.Call) -> Example:
        moved = isinstance(node.func, ast.Attribute) and node.func.attr in ("to", "type")
        places = [keyword.value for keyword in node.keywords if keyword.arg == "dtype"]
        for place in [*places, *(node.args if moved else ())]:
            name = self._names.dotted(place)
            if name is not None and name.startswith(("torch.", "numpy.")):
                short = name.rpartition(".")[2]
                return replace(example, dtype=DTYPES.get(short, short))
        return example

    def _nested(self, node: ast.expr, call: ast.Call, dtype: str | None) -> Example | None:
        value = self._value(node)
        if not isinstance(value, tuple | list):
            return None
        shape: list[int | None] = []
        while isinstance(value, tuple | list) and value:
            shape.append(len(value))
            value = value[0]
        kind = {bool: "bool", int: "int64", float: "float32"}.get(type(value))
        if kind is None:
            return None
        return self._with_dtype(Example(tuple(shape), dtype or kind), call)

    def _method(self, owner: Example, method: str, node: ast.Call) -> Example | None:
        if method in UNCHANGED:
            return self._with_dtype(owner, node)
        if method in CASTS:
            return replace(owner, dtype=CASTS[method])
        if owner.of is not None:
            return None
        shape = reshaped(owner.shape, method, self._given(node.args))
        return None if shape is None else replace(owner, shape=shape)

    def _given(self, nodes: list[ast.expr]) -> list[Any]:
        """The values of arguments, those that are spread out among them."""
        values: list[Any] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                spread = self._value(node.value)
                values += spread if isinstance(spread, tuple | list) else [None]
            else:
                values.append(self._value(node))
        return values


def _turned(shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
    return (*shape[:-2], shape[-1], shape[-2])


def _together(left: Example | None, right: Example | None) -> Example | None:
    """What works value by value on two tensors gives, or on one and something else."""
    if left is None or right is None or left.of or right.of:
        return left or right
    floats = left if "float" in left.dtype else right
    return replace(floats, shape=broadcast(left.shape, right.shape))


def _sizes(values: tuple[Any, ...] | list[Any]) -> tuple[int | None, ...]:
    return tuple(
        int(value) if isinstance(value, int) or _is_whole(value) else None for value in values
    )


def _is_whole(value: object) -> bool:
    """Whether something is a float that stands for an integer, as neither infinity nor NaN does."""
    return isinstance(value, float) and value.is_integer()
