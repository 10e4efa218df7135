"""A live program of `torch.export` as a `Program`: an `ExportedProgram`, or the module it gives."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import fx, nn

from modellint.exported.program import (
    Argument,
    Axis,
    Given,
    Held,
    Inner,
    Program,
    Ref,
    Step,
    class_name,
)
from modellint.exported.serialized import module_path
from modellint.exported.sizes import axis_of
from modellint.modules.replayed import replayed

#: Buffers of so many numbers have values.
_VALUES = 1 << 17


def module_of_export(given: Any) -> Any:
    """The module that runs an exported program; what is none as it is."""
    if isinstance(given, torch.export.ExportedProgram):
        return replayed(_program(given))
    if isinstance(given, fx.GraphModule) and _is_exported(given.graph):
        return replayed(_program_of_module(given))
    return given


def _is_exported(graph: fx.Graph) -> bool:
    """Whether a graph is one of operators, as exports are, with the sizes that it was made with."""
    calls = [node for node in graph.nodes if node.op == "call_function"]
    inputs = [node for node in graph.nodes if node.op == "placeholder"]
    of_torch = any(isinstance(node.target, torch._ops.OpOverload) for node in calls)
    return of_torch and all("val" in node.meta for node in inputs)


def _program(given: torch.export.ExportedProgram) -> Program:
    tensors: dict[str, Any] = {**given.state_dict, **given.constants}
    held: dict[str, Held] = {}
    constants: dict[str, Any] = {}
    for spec in given.graph_signature.input_specs:
        name = spec.arg.name
        if spec.kind.name == "USER_INPUT":
            if hasattr(spec.arg, "value"):
                constants[name] = spec.arg.value
        elif isinstance(tensors.get(str(spec.target)), torch.Tensor):
            held[name] = _held(str(spec.target), tensors[str(spec.target)])
    ranges = {str(one): _bounds(said) for one, said in given.range_constraints.items()}
    return _read(
        given.graph_module, held, constants, ranges, list(given.graph_signature.user_outputs)
    )


def _program_of_module(given: fx.GraphModule) -> Program:
    held: dict[str, Held] = {}
    for node in given.graph.nodes:
        if node.op == "get_attr":
            value = _attribute(given, str(node.target))
            if isinstance(value, torch.Tensor):
                held[node.name] = _held(str(node.target), value)
    known = {one.path for one in held.values()}
    # What no step reads is the model's all the same.
    for path, parameter in given.named_parameters(remove_duplicate=False):
        if path not in known:
            held[f"{path} unread"] = _held(path, parameter)
    ranges: Any = given.meta.get("range_constraints") or {}
    return _read(given, held, {}, {str(one): _bounds(said) for one, said in ranges.items()}, None)


def _read(
    module: fx.GraphModule,
    held: Mapping[str, Held],
    constants: Mapping[str, Any],
    ranges: Mapping[str, tuple[int | None, int | None]],
    wanted: list[Any] | None,
) -> Program:
    graph = module.graph
    modules: dict[str, str] = {}
    inputs: list[Given] = []
    outputs: Any = ()
    for node in graph.nodes:
        if node.op == "placeholder" and node.name not in held and node.name not in constants:
            value = node.meta["val"]
            if isinstance(value, torch.Tensor):
                axes = tuple(_axis(size) for size in value.shape)
                inputs.append(Given(node.name, axes, str(value.dtype).removeprefix("torch.")))
            else:
                constants = {**constants, node.name: value}
        elif node.op == "output":
            outputs = _value(module, node.args[0])
    if wanted is not None:
        outputs = tuple(Ref(one) if isinstance(one, str) else one for one in wanted)
    steps = tuple(_steps(module, modules))
    return Program(
        class_name(modules, "ExportedProgram"),
        tuple(inputs),
        held,
        constants,
        steps,
        outputs,
        modules,
        ranges,
    )


def _steps(module: fx.GraphModule, modules: dict[str, str]) -> Iterator[Step]:
    for node in module.graph.nodes:
        if node.op != "call_function":
            continue  # What else there is holds, gives, or guards sizes.
        named = _names_of(node.target)
        arguments = [
            Argument(named[at] if at < len(named) else "", _value(module, one), False)
            for at, one in enumerate(node.args)
        ]
        arguments += [Argument(key, _value(module, one), True) for key, one in node.kwargs.items()]
        yield Step(node.target, tuple(arguments), node.name, _module(node, modules))


def _names_of(target: Any) -> list[str]:
    schema = getattr(target, "_schema", None)
    return [] if schema is None else [one.name for one in schema.arguments]


def _module(node: fx.Node, modules: dict[str, str]) -> str | None:
    """The path of the innermost module that a node is of; the classes are added to `modules`."""
    innermost = None
    for path, of in (node.meta.get("nn_module_stack") or {}).values():
        found = module_path(str(path))
        if found is not None:
            name = of if isinstance(of, str) else f"{of.__module__}.{of.__qualname__}"
            modules.setdefault(found, name)
            innermost = found
    return innermost


def _value(module: fx.GraphModule, value: Any) -> Any:
    """An argument of a node, with the values and the graphs that it refers to."""
    if isinstance(value, fx.Node):
        if value.op == "get_attr":
            held = _attribute(module, str(value.target))
            if isinstance(held, fx.GraphModule):
                return _inner(held)
        return Ref(value.name)
    if isinstance(value, list | tuple):
        made = [_value(module, one) for one in value]
        return tuple(made) if isinstance(value, tuple) else made
    if isinstance(value, dict):
        return {key: _value(module, one) for key, one in value.items()}
    return value


def _inner(module: fx.GraphModule) -> Inner:
    names = [node.name for node in module.graph.nodes if node.op == "placeholder"]
    (output,) = (node.args[0] for node in module.graph.nodes if node.op == "output")
    return Inner(tuple(names), tuple(_steps(module, {})), _value(module, output))


def _attribute(module: nn.Module, path: str) -> Any:
    found: Any = module
    for name in path.split("."):
        found = getattr(found, name)
    return found


def _held(path: str, tensor: torch.Tensor) -> Held:
    dtype = str(tensor.dtype).removeprefix("torch.")
    shape = tuple(tensor.shape)
    if isinstance(tensor, nn.Parameter):
        return Held(path, "parameter", shape, dtype, tensor.requires_grad, None, str(id(tensor)))
    small = tensor.device.type == "cpu" and math.prod(shape) <= _VALUES
    values: Callable[[], bytes] | None = partial(_bytes, tensor) if small else None
    return Held(path, "buffer", shape, dtype, values=values)


def _bytes(tensor: torch.Tensor) -> bytes:
    return bytes(tensor.detach().contiguous().flatten().view(torch.uint8).tolist())


def _axis(size: Any) -> Axis:
    if isinstance(size, int):
        return Axis(size)
    example = size.node.hint
    return axis_of(str(size.node.expr), int(example) if example is not None else 2)


def _bounds(said: Any) -> tuple[int | None, int | None]:
    return _number(said.lower), _number(said.upper)


def _number(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError, AttributeError):  # Infinite, of sympy.
        return None
