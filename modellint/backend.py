"""What the tracer asks of torch's internals, each with the trap it avoids."""

from __future__ import annotations

import copy
import dataclasses
import functools
import inspect
import operator
import os
import random
import sys
import threading
import types
import warnings
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree as pytree

from modellint.dims import Dim
from modellint.holding import Members, is_stock
from modellint.layer_calls import LAYER_CALLS
from modellint.recording import Record, translated
from modellint.shapes.elementwise import BINARY, SAME

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
    if not isinstance(code, types.CodeType) or not code.co_filename.startswith(_TORCH):
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


def has_lazy(modules: Members) -> bool:
    """Whether a parameter still waits for its first input."""
    own = (p for _, module in modules.registered for p in module._parameters.values())
    return any(nn.parameter.is_lazy(p) for p in own if p is not None)


def lazy_copy(model: nn.Module, modules: Members) -> nn.Module:
    """A copy of a model with lazy modules; a lazy buffer, unlike a parameter, copies not itself."""
    kind: Any = nn.parameter.UninitializedBuffer
    memo: dict[int, Any] = {
        id(buffer): kind(requires_grad=False, device=buffer.device, dtype=buffer.dtype)
        for _, module in modules.registered
        for buffer in module._buffers.values()
        if isinstance(buffer, kind)
    }
    return copy.deepcopy(model, memo)


def materialize(module: nn.Module, args: Any, kwargs: Any) -> None:
    """Give a lazy module its parameters, by the sizes of its inputs on meta."""
    infer: Any = module._infer_parameters
    with torch._C.DisableTorchFunction(), torch.device("meta"):
        infer(module, args, kwargs)


def ask_for_parameters(
    modules: Sequence[tuple[str, nn.Module]], infer: Callable[[nn.Module, Any, Any], None]
) -> None:
    """Have the lazy modules of a model (a copy of the user's) ask `infer` for their parameters."""
    for _, module in modules:
        # Asked of the class: a module answers for what it has not by a search in Python.
        waits = getattr(type(module), "has_uninitialized_params", None)
        if waits is not None and waits(module):
            handle: Any = module._initialize_hook
            module._forward_pre_hooks[handle.id] = infer


@contextmanager
def observed_calls(
    modules: Iterable[tuple[str, nn.Module]],
    stack: list[nn.Module],
    called: set[int],
    call: Callable[[Any, Any, Any], Any],
) -> Iterator[None]:
    """Keep the running modules of this thread on a stack, and the `id` of each that ran.

    Each module's `forward` is wrapped in the instance and unwrapped at the end. Global hooks send
    every call down the slow path of `Module.__call__` (a fifth of a trace), and assigning to
    `nn.Module.__call__` makes Python invalidate the caches of thousands of classes. The commonest
    of torch's own layers hand their arguments straight to `call`, the tracer's.
    """
    mine = threading.get_ident()
    changed: list[tuple[dict[str, Any], Any]] = []
    try:
        for _, module in modules:
            attributes = vars(module)
            own = attributes.get("forward", changed)
            arguments = LAYER_CALLS.get(type(module)) if own is changed else None
            if arguments is None:
                attributes["forward"] = _observed(module, module.forward, stack, called, mine)
            else:
                attributes["forward"] = _short(module, arguments, call, stack, called, mine)
            changed.append((attributes, own))
        yield
    finally:
        for attributes, own in changed:
            if own is changed:
                attributes.pop("forward", None)
            else:
                attributes["forward"] = own


def _short(
    module: nn.Module,
    arguments: Callable[[Any, Any], tuple[Any, Any, Any] | None],
    call: Callable[[Any, Any, Any], Any],
    stack: list[nn.Module],
    called: set[int],
    mine: int,
) -> Callable[..., Any]:
    """A forward that gives the tracer what the layer would call, without the way there."""

    def short(*args: Any, **kwargs: Any) -> Any:
        plain = len(args) == 1 and not kwargs and isinstance(args[0], torch.Tensor)
        if not plain or threading.get_ident() != mine or _current_mode() is None:
            return _in_full(module, stack, called, mine)(*args, **kwargs)
        with torch._C.DisableTorchFunction():
            found = arguments(module, args[0])
            if found is not None:
                stack.append(module)
                called.add(id(module))
                try:
                    return call(*found)
                finally:
                    stack.pop()
        return _in_full(module, stack, called, mine)(*args, **kwargs)

    return short


def _in_full(
    module: nn.Module, stack: list[nn.Module], called: set[int], mine: int
) -> Callable[..., Any]:
    forward: Any = type(module).forward
    return _observed(module, functools.partial(forward, module), stack, called, mine)


#: Functionals that most layers of most models call, and the modules of torch.nn that call them.
_HOT = """
batch_norm layer_norm group_norm relu relu6 silu leaky_relu hardswish hardsigmoid softmax dropout
max_pool2d adaptive_avg_pool2d
""".split()
_CALLERS = (
    nn.modules.activation,
    nn.modules.batchnorm,
    nn.modules.dropout,
    nn.modules.normalization,
    nn.modules.pooling,
)


@contextmanager
def direct_functionals(call: Callable[[Any, Any, Any], Any]) -> Iterator[None]:
    """Have torch's own layers hand their functional straight to the tracer.

    A functional written in Python reaches a mode through a context manager, which takes as long as
    all that is done with it there. Only the name `F` in torch's layer modules is replaced.
    """
    mine = threading.get_ident()
    scope = types.SimpleNamespace(**vars(nn.functional))
    for name in _HOT:
        setattr(scope, name, _direct(getattr(nn.functional, name), call, mine))
    try:
        for module in _CALLERS:
            vars(module)["F"] = scope
        yield
    finally:
        for module in _CALLERS:
            vars(module)["F"] = nn.functional


_current_mode: Any = torch.overrides._get_current_function_mode


def _direct(functional: Any, call: Callable[[Any, Any, Any], Any], mine: int) -> Any:
    def direct(*args: Any, **kwargs: Any) -> Any:
        if threading.get_ident() != mine or _current_mode() is None:
            return functional(*args, **kwargs)
        with torch._C.DisableTorchFunction():
            return call(functional, args, kwargs)

    return direct


def plain_number(argument: Any) -> Any:
    """A number of numpy's as Python's; anything else as it is."""
    if type(argument).__module__ == "numpy" and getattr(argument, "shape", None) == ():
        return argument.item()
    return argument


def _observed(
    module: nn.Module,
    forward: Callable[..., Any],
    stack: list[nn.Module],
    called: set[int],
    mine: int,
) -> Callable[..., Any]:
    def observed(*args: Any, **kwargs: Any) -> Any:
        if threading.get_ident() != mine:
            return forward(*args, **kwargs)
        stack.append(module)
        called.add(id(module))
        try:
            return forward(*args, **kwargs)
        finally:
            stack.pop()

    return observed


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


_TORCH, _OURS, _STANDARD = (
    str(Path(file).absolute().parent) + os.sep for file in (torch.__file__, __file__, os.__file__)
)


def is_our_file(filename: str) -> bool:
    """Whether a file is one of modellint's own."""
    return filename.startswith(_OURS)


class _UsersFiles(dict[str, bool]):
    """Answers by file name, kept: a trace asks several times an operation."""

    def __missing__(self, filename: str) -> bool:
        answer = self[filename] = _is_users_file(filename)
        return answer


def _is_users_file(filename: str) -> bool:
    if filename.startswith("<"):
        # A notebook's cell or a string that was executed is the user's; frozen modules are not.
        return not filename.startswith(("<frozen", "<eval_with_key", "<string>", "<__array"))
    filename = os.path.abspath(filename)  # noqa: PTH100 - `Path` leaves `..` in, or follows links
    if filename.startswith((_TORCH, _OURS)):
        return False
    return not filename.startswith(_STANDARD) or "site-packages" in filename


#: Whether a file is neither torch's, nor ours, nor the standard library's, by its name.
users_files = _UsersFiles()


def is_users_file(filename: str) -> bool:
    """Whether a file is neither torch's, nor ours, nor the standard library's."""
    return users_files[filename]


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


@contextmanager
def untouched(modules: Iterable[tuple[str, nn.Module]], training: bool) -> Iterator[None]:
    """Every module in the given mode inside the block, and exactly as it was after it.

    Attributes are compared by their container as well: what a forward appends to a list or puts
    into a dict of a module is taken out again. Random state is put back.
    """
    # Torch's own layers put nothing into containers, which are most of what they hold.
    stock = [(own := vars(m), own.copy()) for _, m in modules if is_stock(type(m))]
    saved = [_Saved(vars(module)) for _, module in modules if not is_stock(type(module))]
    python, seeds = random.getstate(), torch.get_rng_state()
    numpy = sys.modules.get("numpy")
    numbers = numpy.random.get_state() if numpy is not None else None
    try:
        for _, module in modules:
            vars(module)["training"] = training
        random.seed(0)
        # Not torch.manual_seed: that seeds (and so touches) every accelerator as well.
        torch.default_generator.manual_seed(0)
        yield
    finally:
        for now, then in stock:
            _put_back(now, then)
        for state in saved:
            state.restore()
        random.setstate(python)
        torch.set_rng_state(seeds)
        if numpy is not None:
            numpy.random.set_state(numbers)


def _put_back(now: dict[str, Any], then: dict[str, Any]) -> None:
    if len(now) != len(then) or not all(map(operator.is_, now.values(), then.values())):
        now.clear()
        now.update(then)


class _Saved:
    """A module's attributes, and the contents of the containers among them."""

    __slots__ = ("attributes", "contents", "empty", "values")

    def __init__(self, attributes: dict[str, Any]) -> None:
        self.attributes = attributes
        self.values = attributes.copy()
        self.contents: list[tuple[Any, Any]] = []
        self.empty: list[Any] = []
        held = [value for value in attributes.values() if type(value) in _CONTAINERS]
        for container in held:
            if not container:
                self.empty.append(container)
                continue
            self.contents.append((container, container.copy()))
            # The loop goes on with what is found: containers inside of containers.
            inside = container.values() if isinstance(container, dict) else container
            held += [value for value in inside if type(value) in _CONTAINERS]

    def restore(self) -> None:
        """Put everything back that is not as it was."""
        _put_back(self.attributes, self.values)
        for container in self.empty if any(self.empty) else ():
            container.clear()
        for container, content in self.contents:
            if isinstance(container, list):
                container[:] = content
            elif isinstance(container, deque):
                container.clear()
                container.extend(content)
            elif isinstance(container, set):
                container.clear()
                container.update(content)
            elif not _same(container, content):
                container.clear()
                # Not the subclass's own update: a Counter's adds.
                dict.update(container, content)


_CONTAINERS = frozenset([dict, list, set, OrderedDict, Counter, defaultdict, deque])


def _same(left: dict[Any, Any], right: dict[Any, Any]) -> bool:
    return (
        len(left) == len(right)
        and all(map(operator.is_, left, right))
        and all(map(operator.is_, left.values(), right.values()))
    )


__all__ = [name for name in dir() if not name.startswith("_")]
