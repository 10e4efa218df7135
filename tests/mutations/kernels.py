"""Faults of kernels: their size, their dilation, and how they overlap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import nn

from modellint.graph import Graph, Node
from modellint.graph.operations import ELEMENTWISE, NORMS, data_readers, descends, varying_inputs

from .faults import Plan, Subject, fault
from .surgery import like, put

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


def scaled(sizes: tuple[int, ...], by: int) -> tuple[int, ...]:
    return tuple(size * by for size in sizes)


@fault("even-kernel")
def an_even_kernel(subject: Subject) -> Iterator[Plan]:
    """A stride-1 kernel one larger; the padding stays, or is half the new kernel."""
    for path, layer, call in subject.layers(*CONVOLUTIONS):
        kernel, size = layer.kernel_size, call.input.output.example[2:]
        if {*layer.stride, *layer.dilation} != {1} or len({*kernel}) > 1 or kernel[0] % 2 == 0:
            continue
        if isinstance(layer.padding, str) or layer.padding_mode != "zeros":
            continue
        # Where the even kernel is as large as its map there is no grid left to shift.
        if min(size) <= kernel[0] + 1:
            continue
        k = kernel[0] + 1
        for padding in {layer.padding[0], k // 2}:
            yield Plan(
                path,
                f"kernel {kernel[0]} → {k}, padding {padding}",
                path,
                put(path, lambda old, k=k, p=padding: like(old, kernel_size=k, padding=p)),
                implied={
                    "unread-pixels": "the map loses or gains one position, so that a stride "
                    "behind it may no longer fit",
                },
            )


@fault("non-square-kernel")
def a_flat_kernel(subject: Subject) -> Iterator[Plan]:
    """A kernel two columns narrower, with the padding that keeps the map."""
    for path, layer, call in subject.layers(nn.Conv2d):
        kernel, padding = layer.kernel_size, layer.padding
        size = call.input.output.example[2:]
        if kernel[0] != kernel[1] or kernel[0] < 3 or isinstance(padding, str):
            continue
        if layer.stride != (1, 1):
            continue  # Columns between or behind the windows might go unread.
        if padding[1] < layer.dilation[1] or min(size) <= layer.dilation[0] * kernel[0]:
            continue
        narrow = (kernel[0], kernel[1] - 2)
        pads = (padding[0], padding[1] - layer.dilation[1])
        yield Plan(
            path,
            f"kernel {kernel[0]}×{kernel[1]} → {narrow[0]}×{narrow[1]}",
            path,
            put(path, lambda old, k=narrow, p=pads: like(old, kernel_size=k, padding=p)),
        )


@fault("dead-taps")
def a_rate_beyond_the_map(subject: Subject) -> Iterator[Plan]:
    """A dilation as large as the map, so that only the middle tap meets data."""
    for path, layer, call in subject.layers(*CONVOLUTIONS):
        kernel, size = layer.kernel_size, call.input.output.example[2:]
        if {*layer.stride} != {1} or {*kernel} != {3} or layer.padding_mode != "zeros":
            continue
        if layer.padding != layer.dilation:
            continue
        rate = max(size)
        yield Plan(
            path,
            f"dilation and padding {rate} on {'×'.join(map(str, size))}",
            path,
            put(path, lambda old, rate=rate: like(old, dilation=rate, padding=rate)),
        )


@fault("pointwise-padding")
def a_padded_point(subject: Subject) -> Iterator[Plan]:
    """A 1×1 kernel with padding 1, as a 3×3 leaves it behind."""
    for path, layer, _ in subject.layers(*CONVOLUTIONS):
        if {*layer.kernel_size} not in ({1}, {3}) or layer.padding_mode != "zeros":
            continue
        if isinstance(layer.padding, str) or {*layer.stride} != {1}:
            continue
        yield Plan(
            path,
            "kernel 1 with padding 1",
            path,
            put(path, lambda old: like(old, kernel_size=1, padding=1, dilation=1)),
            implied={
                "unread-pixels": "the map has another size, into which a stride behind it may no "
                "longer fit"
            },
        )


@fault("checkerboard-upsampling")
def a_transposed_kernel_no_multiple_of_its_stride(subject: Subject) -> Iterator[Plan]:
    """A transposed convolution with kernel 3 and stride 2, to the same size."""
    three = {"kernel_size": 3, "stride": 2, "padding": 1, "output_padding": 1}
    for path, layer, call in subject.layers(nn.ConvTranspose2d):
        doubled = call.output.example[2:] == scaled(call.input.output.example[2:], 2)
        if layer.stride == (2, 2) and doubled:
            change = put(path, lambda old: like(old, **three))
            yield Plan(path, "kernel 3 with stride 2", path, change)
    for path, _, call in subject.layers(nn.Upsample):
        before, after = call.input.output.example, call.output.example
        if len(after) == 4 and after[2:] == scaled(before[2:], 2):
            c = after[1]
            change = put(path, lambda old, c=c: nn.ConvTranspose2d(c, c, bias=False, **three))
            yield Plan(path, "a transposed 3×3 with stride 2 in its place", path, change)


@fault("asymmetric-same")
def an_even_kernel_with_padding_same(subject: Subject) -> Iterator[Plan]:
    """A stride-1 kernel one larger, with padding="same"."""
    for path, layer, call in subject.layers(*CONVOLUTIONS):
        kernel = layer.kernel_size
        if {*layer.stride, *layer.dilation} != {1} or len({*kernel}) > 1 or kernel[0] % 2 == 0:
            continue
        if min(call.input.output.example[2:]) <= kernel[0]:
            continue  # A tap would only ever meet padding.
        if layer.padding_mode != "zeros" or layer.padding != tuple(k // 2 for k in kernel):
            continue
        k = kernel[0] + 1
        yield Plan(
            path,
            f'kernel {kernel[0]} → {k}, padding="same"',
            path,
            put(path, lambda old, k=k: like(old, kernel_size=k, padding="same")),
        )


@fault("dilation-gridding")
def one_rate_for_a_whole_stage(subject: Subject) -> Iterator[Plan]:
    """Dilation 2 in all stride-1 convolutions at one size of the map."""
    stages: dict[tuple[int, ...], list[Node]] = {}
    for call in subject.graph.calls("conv2d", "max_pool2d", "avg_pool2d"):
        if call.outputs and call.kernel and max(call.kernel) > 1 and max(call.stride) == 1:
            stages.setdefault(call.input.output.example[2:], []).append(call)
    exchangeable = {path: layer for path, layer, _ in subject.layers(nn.Conv2d)}
    for size, calls in stages.items():
        paths = [call.module for call in calls]
        layers = [exchangeable.get(path) for path in paths]
        if not any(follows(subject.graph, one, calls) for one in calls):
            continue
        if any(
            layer is None
            or layer.dilation != (1, 1)
            or layer.padding_mode != "zeros"
            or layer.padding != tuple(k // 2 for k in layer.kernel_size)
            or min(layer.kernel_size) < 3
            or 2 * max(layer.kernel_size) > min(size)
            for layer in layers
        ):
            continue

        def plant(model: nn.Module, paths: list[str] = paths) -> None:
            for path in paths:
                put(path, lambda old: like(old, dilation=2, padding=_doubled(old)))(model)

        yield Plan(
            paths[0],
            f"dilation 2 in {len(paths)} layers in a row",
            tuple(paths),
            plant,
            implied={
                "dilation-gridding": "a stage has a run for each map that its blocks begin at",
                "unproductive-layer": "dilated kernels see further, the layers behind as well",
            },
        )


def follows(graph: Graph, call: Node, others: Sequence[Node]) -> bool:
    """Whether one of some layers reads a layer's map through what keeps positions where they are.

    A sum counts if what is added is what the layer itself came from.
    """
    pending, seen = [call], {call.index}
    for node in pending:
        for reader in data_readers(graph, node):
            if reader in others:
                return True
            added = [source for source in varying_inputs(graph, reader) if source is not node]
            point = reader.kernel and {*reader.kernel, *reader.stride} == {1}
            keeps = reader.op in ELEMENTWISE | NORMS | {"permute", "mul", "linear"} or point
            joins = reader.op == "add" and all(descends(graph, call, source) for source in added)
            if reader.index not in seen and ((keeps and not added) or joins):
                seen.add(reader.index)
                pending.append(reader)
    return False


def _doubled(layer: nn.Module) -> tuple[int, ...]:
    return tuple(2 * p for p in layer.padding)  # type: ignore[union-attr]
