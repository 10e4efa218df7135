"""Faults of borders: paddings that lose, waste or lean to one side, and pixels left unread."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from torch import nn

from modellint.graph import Graph, Node
from modellint.graph.operations import ELEMENTWISE, NORMS, only_reader

from .faults import Plan, Subject, fault
from .kernels import CONVOLUTIONS
from .surgery import like, put

PARITY = {
    "unread-pixels": "the map has another size, into which a stride behind it may no longer fit",
    "loss-mismatch": "an autoencoder no longer gives back the size that it is compared with",
}
#: From which part of an axis a trimmed border is a warning (the rule's own default).
LAYER_TRIM = Fraction(5, 100)


def spans(layer: nn.Module) -> tuple[int, ...]:
    """The effective kernel d(k - 1) + 1 an axis."""
    sizes = zip(layer.dilation, layer.kernel_size, strict=True)  # type: ignore[arg-type]
    return tuple(d * (k - 1) + 1 for d, k in sizes)


@fault("edge-losing-padding")
def a_dropped_padding(subject: Subject) -> Iterator[Plan]:
    """No padding where the kernel is at least 2 wider than the stride."""
    for path, layer, call in subject.layers(*CONVOLUTIONS):
        size, span = call.input.output.example[2:], spans(layer)
        if isinstance(layer.padding, str) or layer.padding_mode != "zeros":
            continue
        if not any(layer.padding) or any(e >= n for e, n in zip(span, size, strict=True)):
            continue
        trims = [e - s for e, s in zip(span, layer.stride, strict=True)]
        if max(trims) < 2:
            continue
        share = max(Fraction(t, n) for t, n in zip(trims, size, strict=True) if t >= 2)
        yield Plan(
            path,
            f"padding {layer.padding[0]} → 0 of a {'×'.join(map(str, layer.kernel_size))} kernel",
            path,
            put(path, lambda old: like(old, padding=0)),
            severity="warning" if share >= LAYER_TRIM else "info",
            implied=PARITY,
        )


@fault("edge-losing-padding")
def a_padding_that_is_too_small(subject: Subject) -> Iterator[Plan]:
    """A pixel of padding where the kernel is wider than the stride by 4 at least."""
    for path, layer, call in subject.layers(*CONVOLUTIONS):
        size, span = call.input.output.example[2:], spans(layer)
        if isinstance(layer.padding, str) or layer.padding_mode != "zeros":
            continue
        if min(layer.padding) < 2 or any(e >= n for e, n in zip(span, size, strict=True)):
            continue
        trims = [e - s - 2 for e, s in zip(span, layer.stride, strict=True)]
        if min(trims) < 2:
            continue
        share = max(Fraction(t, n) for t, n in zip(trims, size, strict=True))
        yield Plan(
            path,
            f"padding {layer.padding[0]} → 1 of a {'×'.join(map(str, layer.kernel_size))} kernel",
            path,
            put(path, lambda old: like(old, padding=1)),
            severity="warning" if share >= LAYER_TRIM else "info",
            implied=PARITY,
        )


@fault("over-padding")
def a_padding_beyond_the_kernel(subject: Subject) -> Iterator[Plan]:
    """One pixel of padding more than keeps the map, or as much as the kernel where it strides."""
    for path, layer, call in subject.layers(*CONVOLUTIONS):
        span, size = spans(layer), call.input.output.example[2:]
        if isinstance(layer.padding, str) or layer.padding_mode != "zeros" or max(span) == 1:
            continue
        if {*layer.stride} == {1}:
            padding = tuple((e - 1) // 2 + (1 if e > 1 else 0) for e in span)
        else:
            padding = tuple(e if e > 1 else 0 for e in span)
        if padding == layer.padding or any(e % 2 == 0 for e in span):
            continue
        yield Plan(
            path,
            f"padding {layer.padding[0]} → {padding[0]} on {'×'.join(map(str, size))}",
            path,
            put(path, lambda old, p=padding: like(old, padding=p)),
            implied=PARITY,
        )


@fault("uneven-padding")
def a_padding_used_on_one_side(subject: Subject) -> Iterator[Plan]:
    """A kernel one wider than its stride with padding 1: used at the beginning alone."""
    for path, layer, call in subject.layers(nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d):
        before, after = call.input.output.example[2:], call.output.example[2:]
        k, s, p = call.kernel or (), call.stride, call.padding
        if {*call.dilation} != {1} or any(map(any, p)) or k != s or len({*k}) > 1:
            continue
        if getattr(layer, "ceil_mode", False) or any(n % k[0] for n in before):
            continue
        if k[0] < 2 or max(after) < 2:
            continue
        wider = k[0] + 1
        yield Plan(
            path,
            f"kernel {k[0]} → {wider} with padding 1 at stride {s[0]}",
            path,
            put(path, lambda old, k=wider: like(old, kernel_size=k, padding=1)),
        )


@fault("unread-pixels")
def a_kernel_narrower_than_its_stride(subject: Subject) -> Iterator[Plan]:
    """A kernel of one pixel in a strided layer which alone reads its map."""
    for path, layer, call in subject.layers(*CONVOLUTIONS, nn.MaxPool2d):
        size, out = call.input.output.example[2:], call.output.example[2:]
        if min(call.stride) < 2 or not call.kernel or min(call.kernel) < 2:
            continue
        if getattr(layer, "padding_mode", "zeros") != "zeros" or min(out) < 2:
            continue
        # The same grid of outputs: ceil(n / s) of them with no padding.
        if any(-(-n // s) != o for n, s, o in zip(size, call.stride, out, strict=True)):
            continue
        if not reads_alone(subject.graph, call):
            continue
        changes = {"kernel_size": 1, "padding": 0, "dilation": 1}
        if isinstance(layer, nn.MaxPool2d):
            changes["ceil_mode"] = False
        yield Plan(
            path,
            f"kernel {call.kernel[0]} → 1 at stride {call.stride[0]}",
            path,
            put(path, lambda old, changes=changes: like(old, **changes)),
        )


def reads_alone(graph: Graph, call: Node) -> bool:
    """Whether nothing else reads its map, back to the layer with a window that made it."""
    node, source = call, call.input
    while True:
        if only_reader(graph, source) is not node:
            return False
        if source.op == "input" or source.kernel is not None or source.op == "add":
            return True
        if source.op not in ELEMENTWISE | NORMS:
            return False
        node, source = source, source.input
