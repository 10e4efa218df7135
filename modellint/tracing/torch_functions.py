"""Torch's callables: the functional name of each, and what is known of them by name.

A call arrives as a method, an operator, a property or a function; the table and rules know one name
for all of them.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any

import torch

from modellint.modules.user_files import is_torch_file
from modellint.tracing.aten import is_operator, operator_name

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
    if is_operator(func):
        return operator_name(func), str(func.__name__).partition(".")[0].endswith("_")
    name = getattr(func, "__name__", type(func).__name__)
    if name in ("__get__", "__set__", "__delete__"):
        attribute = getattr(func.__self__, "__name__", "attribute")
        return (attribute if name == "__get__" else f"set_{attribute}"), False
    if name in _OPERATORS:
        return _OPERATORS[name], False
    if name in _IN_PLACE:
        return _IN_PLACE[name], True
    if name.endswith("_") and not name.endswith("__"):
        return name[:-1], True
    return name, False


def is_method(func: Any) -> bool:
    """Whether this is `Tensor.name`, not a function of the same name."""
    return isinstance(func, (types.MethodDescriptorType, types.WrapperDescriptorType)) or (
        getattr(func, "__qualname__", "").startswith("Tensor.")
    )


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
    # Of `__repr__` and its kin it has Python's own.
    overloads: list[str] = getattr(packet, "overloads", list)()
    return any(torch.Tag.pointwise in getattr(packet, one).tags for one in overloads)


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
