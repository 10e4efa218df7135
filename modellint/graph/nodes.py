"""What a graph is made of: tensors with their sizes, places, modules, parameters and nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any, Generic, TypeVar, overload

from modellint.graph.frozen import Made
from modellint.symbolic.dims import Dim, symbolic

T = TypeVar("T")


class cached_property(Generic[T]):  # noqa: N801 - it stands for functools' own
    """As that of functools, without the lock that it takes up to Python 3.11.

    A graph belongs to one thread, and a rule asks a node so often that the lock was a tenth of all
    that the rules took.
    """

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self.compute = compute
        self.name = compute.__name__
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> cached_property[T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> T | cached_property[T]:
        """Compute it on the first access; it is an attribute of the instance from then on."""
        if instance is None:
            return self
        value = instance.__dict__[self.name] = self.compute(instance)
        return value


#: Operations that own parameters or move pixels: what the table of layers lists.
LAYERS = frozenset(
    """conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d linear bilinear
    max_pool1d max_pool2d max_pool3d avg_pool1d avg_pool2d avg_pool3d lp_pool1d lp_pool2d
    adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d fractional_max_pool2d
    adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d max_unpool2d
    batch_norm layer_norm group_norm instance_norm rms_norm local_response_norm
    scaled_dot_product_attention lstm gru rnn_tanh rnn_relu lstm_cell gru_cell
    rnn_tanh_cell rnn_relu_cell
    embedding embedding_bag interpolate grid_sample pad prelu
    pixel_shuffle pixel_unshuffle unfold fold""".split()
)

#: What is made by no operation.
LEAVES = frozenset(["input", "parameter", "buffer", "constant"])

#: What else a module may be made for. It is no line of the table of layers, but is named by the
#: module's path as they are.
STEPS = frozenset(
    """relu relu6 hardtanh leaky_relu elu selu celu gelu silu mish hardswish hardsigmoid sigmoid
    logsigmoid tanh softplus softsign glu threshold softmax log_softmax softmin dropout dropout1d
    dropout2d dropout3d alpha_dropout feature_alpha_dropout channel_shuffle""".split()
)


@dataclass(frozen=True, slots=True)
class Site:
    """A place in a source file; lines and columns count from 1, `end_column` is exclusive."""

    path: str
    line: int
    column: int = 1
    end_line: int = 0
    end_column: int = 0


@dataclass(frozen=True)
class Tensor:
    """A tensor's shape and dtype; each size is an int that may carry its expression.

    `shape` holds `Dim`s and plain ints. A `Dim` is an int whose value is the size in the traced
    example, so `shape` compares and computes as the example does. `layout` is `None` for a tensor
    that lies row by row in memory, else its sizes and its strides in the run that was traced.
    """

    shape: tuple[int, ...]
    dtype: str = "float32"
    layout: tuple[tuple[int, ...], tuple[int, ...]] | None = field(
        default=None, compare=False, repr=False
    )

    @cached_property
    def example(self) -> tuple[int, ...]:
        """The sizes in the traced example, as plain ints."""
        return tuple(size.value if isinstance(size, Dim) else size for size in self.shape)

    @cached_property
    def symbolic(self) -> tuple[int | str, ...]:
        """The sizes as the report prints them: ints, and expressions as strings."""
        return tuple(symbolic(size) for size in self.shape)

    @cached_property
    def known(self) -> bool:
        """Whether every size is known for every input size, not only for the example."""
        return not any(isinstance(size, Dim) and size.unknown for size in self.shape)

    def __str__(self) -> str:
        inside = ", ".join(map(str, self.symbolic))
        return f"({inside},)" if len(self.shape) == 1 else f"({inside})"


@dataclass(frozen=True, eq=False)
class Parameter(Made):
    """One trainable tensor; tied parameters are one `Parameter` with several names."""

    names: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str = "float32"

    @property
    def name(self) -> str:
        """The first of its names, such as `features.0.weight`."""
        return self.names[0]

    @cached_property
    def numel(self) -> int:
        """How many numbers it holds."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True)
class Module:
    """One `nn.Module` of the model: where it sits, what it is, where it was constructed.

    `type` is the name of its class, `kind` the name of the `torch.nn` class it is or derives from
    (`None` for containers and for classes derived from `nn.Module` itself). `parameters` are the
    names of the parameters it registers itself. `registered` is false for what only a plain list
    or dict holds. `called` tells that its forward ran.
    """

    path: str
    type: str
    kind: str | None = None
    construction: Site | None = None
    related: Site | None = None
    parameters: tuple[str, ...] = ()
    registered: bool = True
    called: bool = False

    @property
    def key(self) -> str:
        """What a finding about the module itself names: its path."""
        return self.path

    @property
    def call(self) -> Site | None:
        """Nowhere: a finding about a module is not about one of its calls."""
        return None


@dataclass(frozen=True, eq=False)
class Node(Made):
    """One operation of the forward, at the functional level.

    `op` is the functional name (`conv2d`, `linear`, `view`, `add`), or `input`, `parameter`,
    `buffer` or `constant` for what is not computed, or `unpack` for one element of an operation
    with several outputs. `arguments` are by name, in the functional's own terms, sizes of windows
    as tuples (`stride`, `padding`, `dilation`); a tensor among them is its `Node`. `inputs` are
    all those nodes in order of the arguments.

    `key` is unique in the graph and stable (`conv1`, `conv1#2`, `conv2d@17`). `module` is the path
    of the module that owns the operation, `type` its class name (the functional's name where no
    layer owns it). `construction` is where that module was built, `call` the line of `forward`.

    `like` is the index of the first operation of the same function with the same sizes and equal
    arguments but for the values of tensors, as in the blocks of a model; its own, or `None`, where
    none is known. What depends on sizes and arguments alone is the same for both. `writes` tells
    that it puts its result where its first input is, as `add_` and `x[0] = y` do.
    """

    index: int
    op: str
    inputs: tuple[Node, ...]
    outputs: tuple[Tensor, ...]
    arguments: Mapping[str, Any]
    key: str
    module: str
    type: str
    construction: Site | None = None
    call: Site | None = None
    parameter: Parameter | None = None
    like: int | None = None
    writes: bool = False

    def __repr__(self) -> str:
        return f"<{self.key}: {self.op} → {', '.join(map(str, self.outputs))}>"

    @property
    def output(self) -> Tensor:
        """Its first output."""
        return self.outputs[0]

    @property
    def input(self) -> Node:
        """Its first input."""
        return self.inputs[0]

    @property
    def is_layer(self) -> bool:
        """Whether the table of layers lists it."""
        return self.op in LAYERS

    @cached_property
    def rank(self) -> int:
        """How many spatial axes its window has: 1 for `conv1d`, 0 where it has no window."""
        last = self.op.removesuffix("d")[-1:]
        return int(last) if self.op.endswith("d") and last in ("1", "2", "3") else 0

    @cached_property
    def kernel(self) -> tuple[int, ...] | None:
        """The window's size an axis: from the weight of a convolution, `kernel_size` of a pool."""
        if "kernel_size" in self.arguments:
            return self.per_axis("kernel_size", 0) if self._readable("kernel_size") else None
        weight = self.arguments.get("weight")
        if self.rank and isinstance(weight, Node) and weight.output.known:
            kernel = weight.output.example[2:]
            return kernel if len(kernel) == self.rank else None
        return None

    def per_axis(self, name: str, default: int) -> tuple[int, ...]:
        """An integer argument of the window, one number a spatial axis."""
        value = self.arguments.get(name, default) if self._readable(name) else default
        if isinstance(value, int):
            return (int(value),) * max(self.rank, 1)
        return tuple(map(int, value))

    def _readable(self, name: str) -> bool:
        """Whether an argument, if there is one, is what a window can have: torch refuses others."""
        value = self.arguments.get(name, 0)
        if not isinstance(value, tuple):
            return isinstance(value, int)
        if len(value) != (self.rank or len(value)):
            return False
        for number in value:  # noqa: SIM110 - each window comes here, and all() takes twice as long
            if not isinstance(number, int):
                return False
        return True

    @cached_property
    def stride(self) -> tuple[int, ...]:
        """The window's step an axis; that of a pool is its kernel where nothing else is said."""
        if self.arguments.get("stride", 1) is None:
            return self.kernel or (1,) * self.rank
        return self.per_axis("stride", 1)

    @cached_property
    def dilation(self) -> tuple[int, ...]:
        """The distance of the window's taps an axis."""
        return self.per_axis("dilation", 1)

    @cached_property
    def padding(self) -> tuple[tuple[int, int], ...]:
        """The zeros (begin, end) that the operation itself adds, an axis.

        `padding="same"` is resolved as PyTorch does: the odd one goes to the end.
        """
        value = self.arguments.get("padding", 0)
        if value == "valid":
            return ((0, 0),) * self.rank
        if value == "same":
            totals = [d * (k - 1) for d, k in zip(self.dilation, self.kernel or (), strict=True)]
            return tuple((total // 2, total - total // 2) for total in totals)
        return tuple((p, p) for p in self.per_axis("padding", 0))

    @cached_property
    def effective_kernel(self) -> tuple[int, ...] | None:
        """d(k - 1) + 1 an axis: what the dilated window spans."""
        if self.kernel is None:
            return None
        return tuple(d * (k - 1) + 1 for d, k in zip(self.dilation, self.kernel, strict=True))


class _Arguments:
    """The arguments of a node that was made with what translates them once they are asked for.

    Of most nodes nobody asks. This is no `__getattr__`, which would slow down all other attributes.
    """

    def __get__(self, node: Node | None, owner: type) -> Any:
        if node is None:
            return self
        if "bound" not in node.__dict__:
            raise AttributeError("arguments")
        final, record = node.__dict__.pop("bound")
        found = node.__dict__["arguments"] = final.arguments(record, node)
        return found


# An attribute of the node hides it.
Node.arguments = _Arguments()  # type: ignore[assignment]
