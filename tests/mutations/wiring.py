"""Faults of wiring: what is left out, dropped, doubled, out of order or not registered."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import nn

from modellint.graph import Node
from modellint.graph.operations import DROPOUTS, data_readers, descends, only_reader, varying_inputs

from .faults import Plan, Subject, fault
from .kernels import CONVOLUTIONS
from .shapes import NORMS
from .surgery import Dropped, Listed, put, setattr_in

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
#: Activations whose values are never negative, and those that are lost when applied again.
POSITIVE = (nn.ReLU, nn.ReLU6, nn.Sigmoid, nn.Hardsigmoid)
ACTIVATIONS = (*POSITIVE, nn.GELU, nn.SiLU, nn.Hardswish, nn.LeakyReLU, nn.Tanh)


@fault("stacked-linear")
def a_lost_activation(subject: Subject) -> Iterator[Plan]:
    """Two layers of weights without the activation between them."""
    linear = {call.index: path for path, _, call in subject.layers(nn.Linear, *CONVOLUTIONS)}
    for path, _, call in subject.layers(*ACTIVATIONS):
        first = call.input
        if first.index not in linear or only_reader(subject.graph, first) is not call:
            continue
        second = only_reader(subject.graph, call)
        while second is not None and second.op in DROPOUTS:
            second = only_reader(subject.graph, second)
        if second is None or second.index not in linear or not _wasteful(first, second):
            continue
        yield Plan(path, f"no activation between it and {second.key}", first.key,
                   put(path, lambda old: nn.Identity()))  # fmt: skip


def _wasteful(first: Node, second: Node) -> bool:
    """Whether two layers that mix channels only hold more weights than one from end to end."""
    shapes = [node.arguments["weight"].output.example for node in (first, second)]
    if any(size != 1 for shape in shapes for size in shape[2:]) or shapes[1][1] != shapes[0][0]:
        return False
    (between, before), (after, _) = shapes[0][:2], shapes[1][:2]
    return before * between + between * after > before * after


@fault("stacked-linear")
def a_doubled_classifier(subject: Subject) -> Iterator[Plan]:
    """A linear layer in front of the last one, without an activation."""
    for path, layer, call in subject.layers(nn.Linear):
        features = layer.in_features
        if call in subject.graph.outputs:
            yield Plan(
                path,
                f"Linear({features}, {features}) before it",
                f"{path}.0",
                put(path, lambda old, f=features: nn.Sequential(nn.Linear(f, f), old)),
            )


@fault("redundant-activation")
def an_activation_twice(subject: Subject) -> Iterator[Plan]:
    """A ReLU behind an activation that gives nothing negative."""
    for path, _, _ in subject.layers(*POSITIVE):
        change = put(path, lambda old: nn.Sequential(old, nn.ReLU()))
        yield Plan(path, "a ReLU behind it", f"{path}.1", change)


@fault("bias-before-norm")
def a_bias_that_a_norm_cancels(subject: Subject) -> Iterator[Plan]:
    """A bias in a layer in front of a batch norm."""
    for path, layer, call in subject.layers(nn.Linear, *CONVOLUTIONS):
        norm = only_reader(subject.graph, call)
        if layer.bias is not None or norm is None or norm.op != "batch_norm":
            continue
        if len(call.output.shape) == 2 or call.rank:

            def plant(model: nn.Module, path: str = path) -> None:
                changed = model.get_submodule(path)
                size = changed.weight.shape[0]
                changed.bias = nn.Parameter(changed.weight.new_empty(size))

            # One bias is less than a thousandth of most models, of which the rule is silent.
            yield Plan(path, f"a bias before {norm.key}", path, plant,
                       options={"bias-before-norm": {"least_share": 0.0}})  # fmt: skip


@fault("dropout-before-batch-norm")
def a_dropout_in_front_of_a_norm(subject: Subject) -> Iterator[Plan]:
    """A dropout behind an activation, whose only reader's only reader is a batch norm."""
    for path, _, call in subject.layers(*ACTIVATIONS):
        layer = only_reader(subject.graph, call)
        norm = None if layer is None else only_reader(subject.graph, layer)
        if norm is None or norm.op != "batch_norm" or not (layer and layer.rank):
            continue
        if norm.arguments.get("running_var") is not None:
            change = put(path, lambda old: nn.Sequential(old, nn.Dropout(0.5)))
            yield Plan(path, f"Dropout(0.5) behind it, before {norm.key}", f"{path}.1", change)


@fault("repeated-batch-norm")
def one_norm_for_two_places(subject: Subject) -> Iterator[Plan]:
    """A batch norm put in the place of a later one."""
    norms = list(subject.layers(*BATCH_NORMS))
    for (path, norm, call), (other, later, after) in pairwise(norms):
        if norm.num_features != later.num_features or type(norm) is not type(later):
            continue
        if not descends(subject.graph, after, call):
            continue

        def plant(model: nn.Module, path: str = path, other: str = other) -> None:
            holder, _, name = other.rpartition(".")
            setattr_in(model.get_submodule(holder), name, model.get_submodule(path))

        # Registered under two paths, it is known by the first of the model's own order.
        order = [name for name in subject.modules if name in (path, other)]
        yield Plan(other, f"{path} in its place", order[0], plant)


@fault("suspicious-epsilon")
def an_eps_that_was_meant_for_the_momentum(subject: Subject) -> Iterator[Plan]:
    """A norm with eps=0.8."""
    for path, _, call in subject.layers(*NORMS):
        if call.arguments.get("eps") is None:
            continue

        def plant(model: nn.Module, path: str = path) -> None:
            model.get_submodule(path).eps = 0.8

        yield Plan(path, "eps=0.8", path, plant)


@fault("softmax-without-dim")
def a_softmax_that_names_no_axis(subject: Subject) -> Iterator[Plan]:
    """`nn.Softmax()` behind the last layer."""
    for path, _, call in subject.layers(nn.Linear):
        if call in subject.graph.outputs:
            change = put(path, lambda old: nn.Sequential(old, nn.Softmax()))
            yield Plan(
                path,
                "nn.Softmax() behind it",
                f"{path}.1",
                change,
                implied={
                    "softmax-before-cross-entropy": "where the file trains with a cross entropy, "
                    "the softmax is one too many as well"
                },
            )


@fault("unregistered-module")
def a_layer_in_a_plain_list(subject: Subject) -> Iterator[Plan]:
    """A layer that only a list holds."""
    for path, _, _ in subject.layers(nn.Linear, *CONVOLUTIONS):
        yield Plan(path, "held in a list", f"{path}.layers[0]", put(path, Listed))


@fault("unregistered-module")
def a_list_of_modules_made_a_plain_one(subject: Subject) -> Iterator[Plan]:
    """A plain list in place of an `nn.ModuleList`."""
    for path, module in subject.modules.items():
        if type(module) is not nn.ModuleList or not path:
            continue
        called = [subject.graph.modules[f"{path}.{name}"].called for name in module._modules]
        weighted = [next(child.parameters(), None) is not None for child in module]
        if not called or not all(called) or not all(weighted):
            continue

        def plant(model: nn.Module, path: str = path) -> None:
            parent, _, name = path.rpartition(".")
            holder = model.get_submodule(parent)
            children = list(holder._modules.pop(name))  # type: ignore[arg-type]
            object.__setattr__(holder, name, children)

        yield Plan(path, "a list in place of nn.ModuleList", f"{path}[0]", plant,
                   implied={"unregistered-module": "each of its modules is one"})  # fmt: skip


@fault("unused-module")
def a_layer_that_nobody_calls(subject: Subject) -> Iterator[Plan]:
    """A linear layer more, of which the forward knows nothing."""
    for path, _ in subject.owners:
        name = f"{path}.spare" if path else "spare"

        def plant(model: nn.Module, path: str = path) -> None:
            with torch.device("meta"):
                model.get_submodule(path).add_module("spare", nn.Linear(8, 8))

        yield Plan(path or "the model", "a layer that is never called", name, plant)


@fault("unused-module")
def a_block_whose_result_is_dropped(subject: Subject) -> Iterator[Plan]:
    """A block of several layers that is called, and its input handed on."""
    varying = subject.graph.varying
    for path in subject.modules:
        nodes = [node for node in subject.graph.nodes if node.index in varying]
        nodes = [node for node in nodes if node.outputs and node.module.startswith(f"{path}.")]
        weighted = [node for node in nodes if node.op in ("conv1d", "conv2d", "conv3d", "linear")]
        if len(weighted) < 2 or not path:
            continue
        # Inputs and outputs of a block are those of its first and last operation.
        data, last = varying_inputs(subject.graph, nodes[0]), nodes[-1]
        leaves = [r for r in data_readers(subject.graph, last) if not r.module.startswith(path)]
        if len(data) == 1 and leaves and data[0].output.example == last.output.example:
            size = "×".join(map(str, last.output.example[1:]))
            yield Plan(
                path,
                f"its result dropped, its {size} input handed on",
                _outermost(subject, path),
                put(path, Dropped),
            )


def _outermost(subject: Subject, path: str) -> str:
    """The module around a module that has no parameters but that module's."""
    count = len(list(subject.modules[path].parameters()))
    while (parent := path.rpartition(".")[0]) in subject.modules and parent:
        if len(list(subject.modules[parent].parameters())) > count:
            break
        path = parent
    return path
