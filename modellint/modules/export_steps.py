"""The steps of an exported program as calls, each made by the module that it belongs to."""

from __future__ import annotations

import builtins
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from modellint.errors import NotAnalysed
from modellint.exported.program import Argument, Inner, OfTorch, Program, Ref, Step
from modellint.modules.export_parts import weight_of


class Run:
    """The steps of a program, or of a graph inside of it, with what each of them calls."""

    def __init__(
        self,
        program: Program | Inner,
        parts: Mapping[str, nn.Module],
        owners: Mapping[str, str] | None = None,
    ) -> None:
        """Look up the functions of all steps; raise `NotAnalysed` for one that is not there.

        `owners` are the modules that the weights of the whole program belong to.
        """
        self.program: Any = program
        if owners is None:
            owners = _owners(program) if isinstance(program, Program) else {}
        self.calls = [_Call(step, parts, owners) for step in program.steps]

    def __call__(self, values: dict[str, Any]) -> Any:
        """Run the steps on values by name, and give the outputs."""
        for call in self.calls:
            _keep(values, call.step.results, call(values))
        return _of(self.program.outputs, values)


def _owners(program: Program) -> dict[str, str]:
    """The paths of the modules that the weights of a program belong to, by the weights' names."""
    return {
        name: held.path.rpartition(".")[0]
        for name, held in program.held.items()
        if held.kind == "parameter" and held.path.endswith(".weight")
    }


class _Call:
    """A step with the function that it calls and the module that calls it."""

    def __init__(
        self, step: Step, parts: Mapping[str, nn.Module], owners: Mapping[str, str]
    ) -> None:
        self.step = step
        self.function = function_of(step.target)
        self.args, self.kwargs = _bound(self.function, step.arguments)
        path = step.module or ""
        weight = weight_of(step)
        owner = None if weight is None else owners.get(weight.name)
        # What a module does with the weight of one inside it, that one does.
        if owner is not None and (not path or owner.startswith(f"{path}.")):
            path = owner
        self.part = parts[path] if path in parts and path else None
        inner = [one for one in self.args if isinstance(one, Inner)]
        self.inner = [Run(one, parts, owners) for one in inner]

    def __call__(self, values: dict[str, Any]) -> Any:
        if self.inner:
            return self._inside(values)
        args = _of(self.args, values)
        kwargs = {name: _of(value, values) for name, value in self.kwargs.items()}
        if self.part is None:
            return self.function(*args, **kwargs)
        return self.part(self.function, *args, **kwargs)

    def _inside(self, values: dict[str, Any]) -> Any:
        """What the graph inside of a step gives: those run as they stand that only set a mode."""
        run = self.inner[0]
        given = _of(self.args[-len(run.program.inputs) :] if run.program.inputs else (), values)
        return run(dict(zip(run.program.inputs, given, strict=True)))


def _bound(
    function: Callable[..., Any], arguments: tuple[Argument, ...]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments by place and by name, as the schema of the function has them where nobody says."""
    keywords = _keywords(function)
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    places = _places(function)
    for argument in arguments:
        by_name = argument.keyword
        if by_name is None:
            at = places.get(argument.name, len(args))
            by_name = argument.name in keywords or at != len(args)
        if by_name:
            kwargs[argument.name] = argument.value
        else:
            args.append(argument.value)
    return tuple(args), kwargs


def _keywords(function: Any) -> frozenset[str]:
    schema = getattr(function, "_schema", None)
    if schema is None:
        return frozenset()
    return frozenset(one.name for one in schema.arguments if one.kwarg_only)


def _places(function: Any) -> dict[str, int]:
    schema = getattr(function, "_schema", None)
    return {one.name: at for at, one in enumerate(schema.arguments)} if schema else {}


def _of(value: Any, values: Mapping[str, Any]) -> Any:
    """An argument with the values that it refers to."""
    kind = type(value)
    if kind is Ref:
        return values[value.name]
    if kind is list:
        return [_of(one, values) for one in value]
    if kind is tuple:
        return tuple([_of(one, values) for one in value])
    if kind is OfTorch:
        return getattr(torch, value.name)
    if kind is dict:
        return {name: _of(one, values) for name, one in value.items()}
    return value


def _keep(values: dict[str, Any], names: Any, made: Any) -> None:
    """Keep results under their names."""
    if isinstance(names, str):
        values[names] = made
    elif names is not None:
        for name, one in zip(names, made, strict=False):
            _keep(values, name, one)


#: What else than operators a program may call: by module, and no other name of these.
_CALLABLE: Mapping[str, tuple[Any, frozenset[str]]] = {
    "_operator": (operator, frozenset(operator.__all__)),
    "operator": (operator, frozenset(operator.__all__)),
    "math": (math, frozenset(name for name in vars(math) if not name.startswith("_"))),
    "builtins": (builtins, frozenset("abs bool float int len max min pow round sum".split())),
}
#: What asks for sizes, as Python asks.
_SIZES: Mapping[str, Callable[..., Any]] = {
    "torch.sym_max": max,
    "torch.sym_min": min,
    "torch.sym_int": int,
    "torch.sym_float": lambda value: value / 1,
    "torch.sym_not": operator.not_,
    "torch.sym_ite": lambda condition, one, other: one if condition else other,
    "torch.sym_sum": sum,
    "torch._sym_sqrt": math.sqrt,
    "torch.sym_sqrt": math.sqrt,
}
#: Operators of a graph that it runs as it stands: what they set has no say in sizes.
_AS_IT_STANDS = frozenset(
    ["wrap_with_set_grad_enabled", "wrap_with_autocast", "wrap_with_inference_mode"]
)


def function_of(target: Any) -> Callable[..., Any]:
    """The function of a step, by its name; raise `NotAnalysed` for one that is not there.

    Only operators are looked for, and what computes with sizes: a file names nothing else.
    """
    if not isinstance(target, str):
        found: Callable[..., Any] = _SIZES.get(_name_of(target), target)
        return found
    if target in _SIZES:
        return _SIZES[target]
    where, _, name = target.rpartition(".")
    if where in _CALLABLE and name in _CALLABLE[where][1]:
        return getattr(_CALLABLE[where][0], name)  # type: ignore[no-any-return]
    if target.startswith("torch.ops."):
        return _operator(target)
    raise NotAnalysed(f"the export calls {target}, which is no operator of torch")


def _name_of(function: Any) -> str:
    module = getattr(function, "__module__", "") or ""
    return f"{module.partition('.')[0]}.{getattr(function, '__name__', '')}"


def _operator(target: str) -> Callable[..., Any]:
    namespace, _, rest = target.removeprefix("torch.ops.").partition(".")
    if namespace == "higher_order" and rest not in _AS_IT_STANDS:
        raise NotAnalysed(f"the export runs one of several graphs ({rest}), as values decide")
    found: Any = getattr(torch.ops, namespace)
    try:
        for name in rest.split("."):
            found = getattr(found, name)
    except (AttributeError, RuntimeError) as error:
        raise NotAnalysed(
            f"the export calls {namespace}::{rest}, an operator that nobody has registered: name "
            "the package that does in preload",
            elsewhere=True,
        ) from error
    return found  # type: ignore[no-any-return]
