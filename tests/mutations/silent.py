"""Faults of which nothing fails: constants, results that are dropped, a batch that is squeezed."""

from __future__ import annotations

import copy
from collections.abc import Iterator

from torch import nn

from .faults import Plan, Subject, fault
from .kernels import CONVOLUTIONS
from .surgery import Dropped, Squeezed, Turned, key, put
from .wiring import ACTIVATIONS


@fault("constant-output")
def a_softmax_over_one_logit(subject: Subject) -> Iterator[Plan]:
    """One feature, and a softmax over it, where the model ends."""
    for path, layer, call in subject.layers(nn.Linear):
        if call in subject.graph.outputs:
            yield Plan(
                path,
                "one logit, and a softmax over it",
                f"{path}.1",
                put(path, lambda old, f=layer.in_features: nn.Sequential(
                    nn.Linear(f, 1), nn.Softmax(dim=-1))),
            )  # fmt: skip


@fault("constant-output")
def a_dropout_that_drops_all(subject: Subject) -> Iterator[Plan]:
    """A dropout with p=1 in front of a layer with weights."""
    for path, _, call in subject.layers(nn.Linear, *CONVOLUTIONS):
        ends = call in subject.graph.outputs
        yield Plan(
            path,
            "Dropout(1.0) before it",
            f"{path}.0",
            put(path, lambda old: nn.Sequential(nn.Dropout(1.0), old)),
            severity=None if ends or _only_way(subject, call.index) else "warning",
        )


def _only_way(subject: Subject, index: int) -> bool:
    """Whether an output depends on the input through one node alone."""
    graph = subject.graph
    found = {node.index for node in graph.nodes if node.op == "input"}
    for node in graph.nodes:
        if node.index != index and any(source.index in found for source in node.inputs):
            found.add(node.index)
    return any(
        output.index in graph.varying and output.index not in found for output in graph.outputs
    )


@fault("dropped-result")
def an_activation_whose_result_is_dropped(subject: Subject) -> Iterator[Plan]:
    """An activation that is called, and its input handed on."""

    def dropped(old: nn.Module) -> nn.Module:
        layer = copy.deepcopy(old)
        if hasattr(layer, "inplace"):
            layer.inplace = False
        return Dropped(layer)

    for path, _, _ in subject.layers(*ACTIVATIONS):
        yield Plan(
            path,
            "its result dropped",
            f"{path}.layer",
            put(path, dropped),
            implied={"stacked-linear": "without the activation two layers are one"},
        )


@fault("dropped-result")
def a_transposition_that_is_dropped(subject: Subject) -> Iterator[Plan]:
    """`x.transpose(-1, -2)` as a line of its own, behind a layer."""
    for path, _, _ in subject.layers(nn.Linear, *CONVOLUTIONS):
        change = put(path, lambda old: nn.Sequential(old, Turned()))
        yield Plan(path, "x.transpose(-1, -2) behind it", key("transpose", Turned.forward), change)


@fault("batch-squeezed")
def a_squeeze_of_the_output(subject: Subject) -> Iterator[Plan]:
    """`squeeze()` where the model ends."""
    for path, _, call in subject.layers(nn.Linear, *CONVOLUTIONS):
        if call in subject.graph.outputs:
            change = put(path, lambda old: nn.Sequential(old, Squeezed()))
            yield Plan(path, "squeeze() behind it", key("squeeze", Squeezed.forward), change)


@fault("batch-squeezed")
def a_squeeze_behind_a_pool(subject: Subject) -> Iterator[Plan]:
    """`squeeze()` on a map that was pooled to 1×1."""
    for path, _, call in subject.layers(nn.AdaptiveAvgPool2d):
        if call.output.symbolic[2:] == (1, 1):
            change = put(path, lambda old: nn.Sequential(old, Squeezed()))
            yield Plan(path, "squeeze() behind it", key("squeeze", Squeezed.forward), change)
