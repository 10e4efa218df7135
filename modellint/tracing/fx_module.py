"""The recorded forward as a `torch.fx.GraphModule`, with the model's own parameters.

Run on the example's sizes it computes what the model computes: the tracer's test oracle.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from types import FunctionType
from typing import Any

import torch
from torch import fx, nn
from torch.utils import _pytree as pytree

from modellint.symbolic.dims import Dim
from modellint.tracing.forward_run import Traced
from modellint.tracing.tape import Record, translated


def graph_module(
    traced: Traced, names: Sequence[str], example: Mapping[str, int]
) -> fx.GraphModule:
    """Build the module; its inputs are the traced model's tensors, in order.

    `example` gives the symbols' sizes, which may differ from those that were run: one image, where
    two are run so that a batch is not mistaken for a 1.
    """

    def size(of: Dim) -> int:
        return of.value if of.unknown else of.expr.evaluate(example)

    graph = fx.Graph()
    root = nn.Module()
    nodes: dict[Record, fx.Node] = {}
    called = dict(zip(traced.inputs, names, strict=True))
    for record in traced.inputs:
        nodes[record] = graph.placeholder(re.sub(r"\W+", "_", called[record]).strip("_"))
    for record in traced.tape.records:
        if record in nodes:
            continue
        if record.leaf is not None:
            attribute = f"{record.op}_{record.index}"
            if isinstance(record.leaf, nn.Parameter):
                root.register_parameter(attribute, record.leaf)
            else:
                # Buffers and constants are copied: the forward may write into them.
                root.register_buffer(attribute, record.leaf.detach().clone())
            nodes[record] = graph.get_attr(attribute)
        elif record.op == "unpack" and record.func is None:
            node = nodes[record.inputs[0]]
            for step in record.path:
                node = graph.call_function(operator.getitem, (node, step))
            nodes[record] = node
        elif record.op == "update":
            # What was written through a view is in the tensor that it views.
            nodes[record] = nodes[record.inputs[0]]
        elif record.op == "setitem":
            args = _plain(translated(record.args, nodes.__getitem__, size))
            graph.call_function(operator.setitem, args)
            nodes[record] = nodes[record.inputs[0]]
        else:
            nodes[record] = _call(graph, record, nodes, size)
    places, structure = traced.structure
    leaves = [nodes[place] if isinstance(place, Record) else place for place in places]
    graph.output(_written(graph, pytree.tree_unflatten(leaves, structure)))
    return fx.GraphModule(root, graph, class_name=type(traced.model).__name__)


def _written(graph: fx.Graph, output: Any) -> Any:
    """The output with a node for each named tuple: fx of torch 2.4 forgets the class of some."""
    if isinstance(output, dict):
        return {key: _written(graph, value) for key, value in output.items()}
    if not isinstance(output, list | tuple):
        return output
    inside = [_written(graph, value) for value in output]
    if hasattr(output, "_fields"):
        return graph.call_function(type(output), tuple(inside))
    return type(output)(inside)


#: Where functions in Python find those in C++ of the same names.
_BUILT_IN: Any = torch._C._VariableFunctions


def _plain(argument: Any) -> Any:
    """An argument with Python's numbers for those of numpy, which fx cannot write as code."""
    if isinstance(argument, (tuple, list)) and not hasattr(argument, "_fields"):
        return (list if isinstance(argument, list) else tuple)(map(_plain, argument))
    if isinstance(argument, dict):
        return {key: _plain(value) for key, value in argument.items()}
    if isinstance(argument, slice):
        return slice(_plain(argument.start), _plain(argument.stop), _plain(argument.step))
    if isinstance(argument, float):
        return float.__add__(argument, 0.0)
    if type(argument).__module__ == "numpy" and getattr(argument, "ndim", None) == 0:
        return argument.item()
    return argument


#: Methods whose function has another name than they, such as `__pow__`, which is called `pow`.
_METHODS = {
    found: name
    for name, found in vars(torch.Tensor).items()
    if isinstance(found, FunctionType) and found.__name__ != name
}


def _call(
    graph: fx.Graph, record: Record, nodes: dict[Record, fx.Node], size: Callable[[Dim], int]
) -> fx.Node:
    args, kwargs = _plain(translated((record.args, record.kwargs), nodes.__getitem__, size))
    func = record.func
    name = getattr(func, "__name__", "")
    if name == "__get__":
        return graph.call_function(getattr, (args[0], func.__self__.__name__))
    method = name if getattr(torch.Tensor, name, None) is func else _METHODS.get(func)
    if args and method is not None:
        return graph.call_method(method, args, kwargs)
    public = getattr(torch, name, None)
    if isinstance(public, FunctionType) and func is getattr(_BUILT_IN, name, None):
        # Generated code calls both by one name, torch.block_diag; the one takes a sequence.
        first = next(iter(signature(public).parameters.values()))
        several = len(args) == 1 and isinstance(args[0], (tuple, list))
        if several and first.kind is first.VAR_POSITIONAL:
            return graph.call_function(public, tuple(args[0]), kwargs)
    return graph.call_function(func, args, kwargs)
