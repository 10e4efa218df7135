"""Faults of axes: samples that are mixed, and axes that a view scrambles."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from modellint.graph import Node

from .faults import Plan, Subject, fault
from .kernels import CONVOLUTIONS
from .surgery import Centred, Reordered, put

#: What else is said of a layer whose result no longer becomes a map at once.
NO_MAP = {
    "parameter-heavy-linear": "a layer that makes a map may be large, and this one makes none"
}
#: What else is true of an activation behind a softmax.
POSITIVE = {**NO_MAP, "redundant-activation": "a softmax gives nothing negative"}
#: What else is true of a model whose values no longer reach their places.
SHUFFLED = {
    "unread-pixels": "which pixels are read is not followed through it",
}


def by_sample(subject: Subject, call: Node) -> bool:
    """Whether the first axis of what a layer gives counts the samples, and it has others."""
    shape = call.output.symbolic
    return len(shape) > 1 and shape[0] in subject.graph.batches


@fault("batch-mixed")
def a_softmax_over_the_samples(subject: Subject) -> Iterator[Plan]:
    """`nn.Softmax(0)` behind a layer."""
    for path, _, call in subject.layers(nn.Linear, *CONVOLUTIONS):
        if by_sample(subject, call):
            change = put(path, lambda old: nn.Sequential(old, nn.Softmax(0)))
            yield Plan(path, "Softmax(0) behind it", f"{path}.1", change, implied=POSITIVE)


@fault("batch-mixed")
def a_mean_of_everything(subject: Subject) -> Iterator[Plan]:
    """The mean of all samples together taken from what a layer gives."""
    for path, _, call in subject.layers(nn.Linear, *CONVOLUTIONS):
        if by_sample(subject, call):
            change = put(path, lambda old: nn.Sequential(old, Centred()))
            yield Plan(
                path, "x - x.mean() behind it", f"mean@{Centred.line}", change, implied=NO_MAP
            )


@fault("scrambled-axes")
def a_reshape_for_a_permute(subject: Subject) -> Iterator[Plan]:
    """The channels moved to the end, and the sizes written as they were."""
    for path, _, call in subject.layers(*CONVOLUTIONS):
        sizes = call.output.symbolic
        # Of an axis of one nothing changes its place.
        told_apart = len(sizes) > 2 and 1 not in sizes[1:] and sizes[1] not in sizes[2:]
        if by_sample(subject, call) and told_apart:
            change = put(path, lambda old: nn.Sequential(old, Reordered()))
            yield Plan(path, "its channels moved and written back as they were",
                       f"reshape@{Reordered.line}", change, implied=SHUFFLED)  # fmt: skip
