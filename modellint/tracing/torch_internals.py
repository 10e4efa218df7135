"""What the tracer asks of torch's internals, each with the trap it avoids."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import sys
import types
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree as pytree

from modellint.modules.members import Members, is_stock
from modellint.modules.user_files import is_torch_file
from modellint.shapes.elementwise import BINARY, SAME
from modellint.symbolic.dims import Dim
from modellint.tracing.tape import Record, translated

_OPERATORS = {
    "__add__": "add",
    "__radd__": "add",
    "__sub__": "sub",
    "__rsub__": "rsub",
    "__mul__": "mul",
    "__rmul__": "mul",
    "__truediv__": "div",
    "__div__": "div",
    "__rtruediv__": "div",
    "__rdiv__": "div",
    "__floordiv__": "floor_divide",
    "__rfloordiv__": "floor_divide",
    "__mod__": "remainder",
    "__rmod__": "remainder",
    "__pow__": "pow",
    "__rpow__": "pow",
    "__matmul__": "matmul",
    "__rmatmul__": "rmatmul",
    "__and__": "bitwise_and",
    "__rand__": "bitwise_and",
    "__or__": "bitwise_or",
    "__ror__": "bitwise_or",
    "__xor__": "bitwise_xor",
    "__lshift__": "bitwise_left_shift",
    "__rshift__": "bitwise_right_shift",
    "__eq__": "eq",
    "__ne__": "ne",
    "__lt__": "lt",
    "__le__": "le",
    "__gt__": "gt",
    "__ge__": "ge",
    "__neg__": "neg",
    "__pos__": "positive",
    "__invert__": "bitwise_not",
    "__abs__": "abs",
    "__getitem__": "getitem",
    "__setitem__": "setitem",
}
_IN_PLACE = {
    "__iadd__": "add",
    "__isub__": "sub",
    "__imul__": "mul",
    "__itruediv__": "div",
    "__idiv__": "div",
    "__ifloordiv__": "floor_divide",
    "__imod__": "remainder",
    "__ipow__": "pow",
    "__iand__": "bitwise_and",
    "__ior__": "bitwise_or",
    "__ixor__": "bitwise_xor",
}


@functools.lru_cache(maxsize=4096)
def name_of(func: Any) -> tuple[str, bool]:
    """The functional name of a torch callable, and whether it writes into its first argument."""
    name = getattr(func, "__name__", type(func).__name__)
    if name in ("__get__", "__set__", "__delete__"):
        attribute = getattr(func.__self__, "__name__", "attribute")
        return (attribute if name == "__get__" else f"set_{attribute}"), False
    if name in _OPERATORS:
        return _OPERATORS[name], False
    if name in _IN_PLACE:
        return _IN_PLACE[name], True
    module = getattr(func, "__module__", "") or ""
    if name.endswith("_") and not name.endswith("__"):
        return name[:-1], True
    if module == "torch._C._fft" or name.startswith("fft_"):
        return name, False
    if isinstance(func, types.BuiltinFunctionType) and "linalg_" in name:
        return name, False
    return name, False


def is_method(func: Any) -> bool:
    """Whether this is `Tensor.name`, not a function of the same name."""
    return isinstance(func, (types.MethodDescriptorType, types.WrapperDescriptorType)) or (
        getattr(func, "__qualname__", "").startswith("Tensor.")
    )


#: Functions whose positional arguments differ from those of the functional of the same name.
REORDERED: Mapping[Any, tuple[str, ...]] = {
    torch.batch_norm: (
        *("input", "weight", "bias", "running_mean", "running_var", "training"),
        *("momentum", "eps", "cudnn_enabled"),
    ),
    torch.instance_norm: (
        *("input", "weight", "bias", "running_mean", "running_var", "use_input_stats"),
        *("momentum", "eps", "cudnn_enabled"),
    ),
    torch.embedding: ("weight", "input", "padding_idx", "scale_grad_by_freq", "sparse"),
}

#: Composite functions whose inside rules must see.
OPENED = frozenset(["multi_head_attention_forward"])


def _no_override(*_: Any, **__: Any) -> bool:
    return False


_CHECKS = ("has_torch_function", "has_torch_function_unary", "has_torch_function_variadic")


@functools.lru_cache(maxsize=1024)
def opened(func: Any) -> Callable[..., Any] | None:
    """A Python function of torch whose body runs under the mode, or `None` for others.

    Under a mode such a function hands itself to the mode at once; this copy looks its checks up
    among globals that say there is none.
    """
    func = getattr(func, "__wrapped__", func)
    code = getattr(func, "__code__", None)
    if not isinstance(code, types.CodeType) or not is_torch_file(code.co_filename):
        return None
    # A function that imports the check inside itself would find the real one, and never end.
    if not any(check in code.co_names and check in func.__globals__ for check in _CHECKS):
        return None
    scope = {**func.__globals__, **dict.fromkeys(_CHECKS, _no_override)}
    inside = types.FunctionType(code, scope, func.__name__, func.__defaults__, func.__closure__)
    inside.__kwdefaults__ = func.__kwdefaults__
    return inside


@functools.lru_cache(maxsize=4096)
def is_pointwise(name: str) -> bool:
    """Whether ATen marks the operation as working value by value."""
    packet = getattr(torch.ops.aten, name, None)
    if packet is None:
        return False
    return any(
        torch.Tag.pointwise in getattr(packet, overload).tags for overload in packet.overloads()
    )


_DTYPES: dict[str, torch.dtype] = {
    name: value for name, value in vars(torch).items() if isinstance(value, torch.dtype)
}


def dtype_of(dtype: Any) -> torch.dtype:
    """The dtype of a name or a dtype; `None` is the default dtype."""
    if dtype is None:
        return torch.get_default_dtype()
    return dtype if isinstance(dtype, torch.dtype) else _DTYPES[dtype]


@functools.lru_cache(maxsize=64)
def dtype_name(dtype: torch.dtype) -> str:
    """`float32` for `torch.float32`."""
    return str(dtype).removeprefix("torch.")


@functools.lru_cache(maxsize=64)
def dtype_names(dtype: torch.dtype) -> tuple[str]:
    """The name of a dtype as the dtypes of an operation with one result."""
    return (dtype_name(dtype),)


#: Operations that make floats of integers.
_FLOATS = frozenset("softmax log_softmax mean".split())


#: Operations that compute in the type of their weights.
_WEIGHTED = frozenset(
    """linear conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d""".split()
)


#: Work value by value, and make of integers, booleans and complex numbers what each has rules for.
_BY_VALUE = frozenset([*SAME, *BINARY, "clamp", "clip", "cumsum", "cumprod"])


def decides_dtype(name: str, values: Sequence[Any]) -> bool:
    """Whether only the operation itself tells its result's dtype, and so must run on meta.

    Such as `abs` of complex numbers, or `div` of integers with a rounding mode.
    """
    return name in _BY_VALUE and not all(value.tensor.is_floating_point() for value in values)


def with_lengths(data: torch.Tensor, lengths: torch.Tensor, batch_first: bool) -> Any:
    """The arguments of packing; lengths that stand for an input's, which are 0, are made whole."""
    if not lengths.numel() or int(lengths.min()) > 0:
        return data, lengths, batch_first
    return data, torch.full_like(lengths, data.shape[1 if batch_first else 0]), batch_first


def result_dtype(rule: str | None, name: str, bound: Mapping[str, Any], values: Any) -> Any:
    """The dtype of an operation that does not run, by the entry's rule."""
    given = bound.get("dtype")
    if isinstance(given, torch.dtype):
        return given
    if rule == "bool":
        return torch.bool
    if rule is None:
        dtype = values[0].tensor.dtype
    elif rule == "promote":
        dtype = values[0].tensor.dtype
        others = values[1:]
        if not others:
            for argument in (bound.get("input"), bound.get("other")):
                if isinstance(argument, (float, complex, int)) and not isinstance(argument, Dim):
                    dtype = torch.result_type(values[0].tensor, argument)
        elif any(value.tensor.dtype is not dtype for value in others):
            promoted = values[0].tensor
            for value in others:
                dtype = torch.result_type(promoted, value.tensor)
                promoted = torch.empty(
                    (1,) if promoted.dim() or value.tensor.dim() else (), dtype=dtype, device="meta"
                )
    else:
        dtype = values[-1].tensor.dtype
        if len(values) == 3:
            dtype = torch.result_type(values[1].tensor, values[2].tensor)
    if not dtype.is_floating_point and not dtype.is_complex:
        if name in _FLOATS:
            return torch.get_default_dtype()
        if name in _WEIGHTED and len(values) > 1:
            # An eager run refuses it: what comes after must not look refused as well.
            return values[1].tensor.dtype
    return dtype


_FACTORIES = frozenset(
    """zeros ones empty rand randn full arange range linspace logspace eye randint randperm normal
    tril_indices triu_indices empty_strided hann_window hamming_window bartlett_window
    blackman_window kaiser_window complex_free""".split()
)


def makes_tensors(name: str) -> bool:
    """Whether it makes a tensor of no tensor, so that its device must be named."""
    return name in _FACTORIES


_VIEWS = frozenset(
    """view reshape permute transpose swapaxes swapdims getitem select narrow squeeze unsqueeze
    expand chunk split split_with_sizes unbind flatten detach data diagonal T t mT mH H unfold_axis
    unfold view_as reshape_as expand_as movedim moveaxis real imag view_as_real view_as_complex
    unflatten contiguous""".split()
)


def is_view(name: str) -> bool:
    """Whether the result may share memory with the first argument."""
    return name in _VIEWS


def asks_for_values(error: BaseException) -> bool:
    """Whether a meta tensor was asked for its values."""
    text = str(error)
    return (
        "meta tensor" in text
        or "local_scalar_dense" in text
        or "data-dependent" in text
        or "Tensor.item" in text
        # Lengths of a packed sequence, whose values say how it is packed.
        or "CPU int64 tensor" in text
        or type(error).__name__.startswith("DataDependent")
    )


def sizes(tensor: torch.Tensor) -> tuple[int, ...]:
    """A tensor's sizes as a plain tuple; called outside the mode."""
    return tuple(tensor.shape)


def unwrapped(model: nn.Module) -> nn.Module:
    """The model inside `torch.compile`, `DataParallel` and its kin."""
    while True:
        inner = model._modules.get("_orig_mod")
        if inner is None and type(model).__name__ in WRAPPERS:
            inner = model._modules.get("module")
        if inner is None:
            return model
        model = inner


WRAPPERS = frozenset(
    ["DataParallel", "DistributedDataParallel", "FullyShardedDataParallel", "OptimizedModule"]
)


@contextmanager
def eager() -> Iterator[None]:
    """No compilation inside the block: what is compiled runs as it was written."""
    stance = getattr(torch.compiler, "set_stance", None)
    frames = sys.modules.get("torch._dynamo.eval_frame")
    # Setting a stance formats the stack: 0.8 ms, only where something was compiled.
    if stance is None or frames is None or not getattr(frames, "cached_backends", True):
        yield
        return
    with stance("force_eager"):
        yield


def example_input(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """An input of a size: without values on meta, else the same random ones every time."""
    if device.type == "meta":
        return torch.empty(shape, dtype=dtype, device=device)
    if dtype.is_floating_point or dtype.is_complex:
        # A generator of its own: the same run gives the same report, and no other is disturbed.
        return torch.rand(shape, dtype=dtype, generator=torch.Generator().manual_seed(0))
    return torch.zeros(shape, dtype=dtype)


def mixes_floats_and_shapes(modules: Members) -> bool:
    """Whether a forward of a model holds a float other than 0 and 1 and looks at a shape."""
    classes: Any = {type(module) for _, module in modules.registered}
    return any(_mixes(of) for of in classes)


@functools.lru_cache(maxsize=4096)
def _mixes(of: Any) -> bool:
    if is_stock(of):
        return False
    code = getattr(inspect.unwrap(of.forward), "__code__", None)
    if not isinstance(code, types.CodeType) or not {"shape", "size"} & set(code.co_names):
        return False
    return any(type(held) is float and held not in (0.0, 1.0) for held in code.co_consts)


def plain_number(argument: Any) -> Any:
    """A number of numpy's as Python's; anything else as it is."""
    if type(argument).__module__ == "numpy" and getattr(argument, "shape", None) == ():
        return argument.item()
    return argument


def real_stand_in(tensor: torch.Tensor) -> torch.Tensor:
    """A real tensor on the CPU for one that may be on meta: small random numbers, or ones."""
    if not tensor.is_meta:
        kept = tensor.detach().cpu()
        return kept if isinstance(tensor, nn.Parameter) else kept.clone()
    if isinstance(tensor, nn.Parameter):
        return torch.randn(tensor.shape, dtype=tensor.dtype) * 0.02
    if tensor.dtype.is_floating_point:
        return torch.ones(tensor.shape, dtype=tensor.dtype)
    return torch.zeros(tensor.shape, dtype=tensor.dtype)


def stand_in(tensor: torch.Tensor) -> tuple[torch.Tensor, tuple[int, ...]]:
    """A meta tensor of a tensor's size, stride and dtype, and its shape."""
    shape = tuple(tensor.shape)
    if tensor.is_meta:
        return tensor, shape
    if tensor.layout is not torch.strided:
        return torch.empty(shape, dtype=tensor.dtype, device="meta"), shape
    made = torch.empty_strided(shape, tensor.stride(), dtype=tensor.dtype, device="meta")
    return made, shape


def tensors_in(result: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    """The tensors of a nested result with the indices that lead to them."""
    if isinstance(result, torch.Tensor):
        return [(path, result)]
    if isinstance(result, (tuple, list)):
        return [leaf for i, item in enumerate(result) for leaf in tensors_in(item, (*path, i))]
    if isinstance(result, dict):
        return [leaf for key, item in result.items() for leaf in tensors_in(item, (*path, key))]
    return []


def has_mask(index: Any) -> bool:
    """Whether an index holds a boolean tensor: how much it selects depends on values."""
    entries = index if isinstance(index, tuple) else (index,)
    return any(isinstance(e, torch.Tensor) and e.dtype is torch.bool for e in entries)


CONVERSIONS = frozenset(
    """to cpu cuda xpu type type_as float half double bfloat16 int long short bool char byte cfloat
    cdouble""".split()
)
_METHODS = {
    "float": torch.float32,
    "half": torch.float16,
    "double": torch.float64,
    "bfloat16": torch.bfloat16,
    "int": torch.int32,
    "long": torch.int64,
    "short": torch.int16,
    "bool": torch.bool,
    "char": torch.int8,
    "byte": torch.uint8,
    "cfloat": torch.complex64,
    "cdouble": torch.complex128,
}


def target_dtype(
    func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], tensor: Any
) -> torch.dtype | None:
    """The dtype that a conversion leads to, or `None` where it changes none."""
    name = name_of(func)[0]
    found: Any = _METHODS.get(name)
    for argument in (*args, *kwargs.values()):
        if isinstance(argument, torch.dtype):
            found = argument
        elif isinstance(argument, torch.Tensor):
            found = argument.dtype
        elif isinstance(argument, str) and argument.startswith("torch."):
            found = torch.empty(0).type(argument).dtype
        elif isinstance(argument, type) and argument in (float, int, bool):
            found = {float: torch.float64, int: torch.int64, bool: torch.bool}[argument]
    if found is None or found == tensor.dtype:
        return None
    result: torch.dtype = found
    return result


def replay(record: Record) -> torch.Tensor | None:
    """The real value of a record that depends on no input; `None` where a leaf has no value."""
    needed: dict[int, Record] = {}
    pending = [record]
    while pending:
        current = pending.pop()
        if current.index not in needed:
            needed[current.index] = current
            pending.extend(current.inputs)
    values: dict[int, Any] = {}
    with torch._C.DisableTorchFunction(), torch.no_grad():
        for index in sorted(needed):
            current = needed[index]
            if current.func is None and current.leaf is None and current.op == "unpack":
                value = values[current.inputs[0].index]
                for step in current.path:
                    value = value[step]
            elif current.op == "update":
                value = values[current.inputs[0].index]
            elif current.leaf is not None:
                if current.leaf.is_meta or isinstance(current.leaf, nn.Parameter):
                    return None
                value = current.leaf.detach().clone()
            else:
                args, kwargs = translated(
                    (current.args, current.kwargs), lambda of: values[of.index]
                )
                value = current.func(*args, **kwargs)
                if current.op == "setitem":
                    value = values[current.inputs[0].index]
            values[index] = value
    final = values[record.index]
    return final if isinstance(final, torch.Tensor) else None


def plain_structure(output: Any) -> Any:
    """An output with dataclasses and plain objects as dicts, so that pytree finds the tensors."""
    if isinstance(output, torch.Tensor):
        return output
    if dataclasses.is_dataclass(output) and not isinstance(output, type):
        fields = dataclasses.fields(output)
        return {f.name: plain_structure(getattr(output, f.name)) for f in fields}
    if isinstance(output, Mapping):
        return {key: plain_structure(value) for key, value in output.items()}
    if isinstance(output, tuple) and hasattr(output, "_fields"):
        return type(output)(*(plain_structure(item) for item in output))
    if isinstance(output, (tuple, list)):
        kind = list if isinstance(output, list) else tuple
        return kind(plain_structure(item) for item in output)
    leaves, _ = pytree.tree_flatten(output)
    if len(leaves) == 1 and leaves[0] is output and hasattr(output, "__dict__"):
        held = {k: v for k, v in vars(output).items() if isinstance(v, (torch.Tensor, list, tuple))}
        return {key: plain_structure(value) for key, value in held.items()} or output
    return output


@contextmanager
def quiet() -> Iterator[None]:
    """No warnings from inside the block."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


__all__ = [name for name in dir() if not name.startswith("_")]
