"""Which module runs when, and a short way from torch's own layers to the tracer.

Both replace something while a run lasts: a `forward` in the instance, a name in torch's modules.
"""

from __future__ import annotations

import functools
import threading
import traceback
import types
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import nn

from modellint.tracing.stock_layers import LAYER_CALLS


@contextmanager
def observed_calls(
    modules: Iterable[tuple[str, nn.Module]],
    stack: list[nn.Module],
    called: set[int],
    call: Callable[[Any, Any, Any], Any],
    raised: Callable[[nn.Module, Any, Any, Exception], None],
    handed: Callable[[nn.Module, Any, Any], None],
    returned: Callable[[nn.Module, Any], None] | None = None,
) -> Iterator[None]:
    """Keep the running modules of this thread on a stack, and the `id` of each that ran.

    Each module's `forward` is wrapped in the instance and unwrapped at the end. Global hooks send
    every call down the slow path of `Module.__call__` (a fifth of a trace), and assigning to
    `nn.Module.__call__` makes Python invalidate the caches of thousands of classes. The commonest
    of torch's own layers hand their arguments straight to `call`, the tracer's. What a module gets
    that is more than one tensor is told to `handed`; what it raised to `raised` with what it got,
    while it is on the stack; what it returned to `returned`, if that is wanted.
    """
    run = _Run(threading.get_ident(), stack, called, raised, handed, returned)
    short = _short(call, run)
    changed: list[tuple[dict[str, Any], Any]] = []
    try:
        for _, module in modules:
            attributes, kind = vars(module), type(module)
            own = attributes.get("forward", changed)
            if own is changed and kind in LAYER_CALLS:
                forward: Any = functools.partial(short, module, LAYER_CALLS[kind])
            else:
                forward = _observed(module, module.forward, run)
            attributes["forward"] = forward
            changed.append((attributes, own))
        yield
    finally:
        for attributes, own in changed:
            if own is changed:
                attributes.pop("forward", None)
            else:
                attributes["forward"] = own


class _Run(NamedTuple):
    """What is kept of the modules that run in one thread."""

    thread: int
    stack: list[nn.Module]
    called: set[int]
    raised: Callable[[nn.Module, Any, Any, Exception], None]
    handed: Callable[[nn.Module, Any, Any], None]
    returned: Callable[[nn.Module, Any], None] | None


def _short(call: Callable[[Any, Any, Any], Any], run: _Run) -> Callable[..., Any]:
    """A forward that gives the tracer what the layer would call, without the way there."""

    def short(
        module: nn.Module,
        arguments: Callable[[Any, Any], tuple[Any, Any, Any] | None],
        /,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        plain = len(args) == 1 and not kwargs and isinstance(args[0], torch.Tensor)
        if not plain or threading.get_ident() != run.thread or _current_mode() is None:
            return _in_full(module, run)(*args, **kwargs)
        with torch._C.DisableTorchFunction():
            try:
                found = arguments(module, args[0])
            except ValueError:
                found = None  # Its own forward says so again, where it is told what came of it.
            if found is not None:
                run.stack.append(module)
                run.called.add(id(module))
                try:
                    result = call(*found)
                finally:
                    run.stack.pop()
                if run.returned is not None:
                    run.returned(module, result)
                return result
        return _in_full(module, run)(*args, **kwargs)

    return short


def _in_full(module: nn.Module, run: _Run) -> Callable[..., Any]:
    forward: Any = type(module).forward
    return _observed(module, functools.partial(forward, module), run)


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


def _observed(module: nn.Module, forward: Callable[..., Any], run: _Run) -> Callable[..., Any]:
    def observed(*args: Any, **kwargs: Any) -> Any:
        if threading.get_ident() != run.thread:
            return forward(*args, **kwargs)
        if kwargs or len(args) != 1 or not isinstance(args[0], torch.Tensor):
            run.handed(module, args, kwargs)
        run.stack.append(module)
        run.called.add(id(module))
        try:
            result = forward(*args, **kwargs)
        except (ValueError, AssertionError, RuntimeError) as error:
            run.raised(module, args, kwargs, error)
            raise
        finally:
            run.stack.pop()
        if run.returned is not None:
            run.returned(module, result)
        return result

    return observed


def raising_module(error: BaseException) -> nn.Module | None:
    """The innermost module whose forward an exception came through, by the frames of the calls."""
    found: nn.Module | None = None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_filename == __file__ and frame.f_code.co_name in ("observed", "short"):
            found = frame.f_locals["module"]
    return found
