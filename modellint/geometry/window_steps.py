"""What operations that slide a window, resample or pad read of their operands."""

from __future__ import annotations

from collections.abc import Iterator

from modellint.geometry.long_masks import Mask, shifted
from modellint.geometry.masks import (
    grouped,
    ranges,
    read_by_bins,
    read_by_pad,
    read_by_transposed,
    repeated,
    spread,
    swept,
)
from modellint.geometry.regrouping import regrouped
from modellint.geometry.resampling import read_by_resampling
from modellint.geometry.steps import Masks, axis_of, put, whole_of
from modellint.geometry.window import Window, windows
from modellint.graph import Node
from modellint.graph.operations import CONVOLUTIONS


def windowed(node: Node, masks: Masks) -> Iterator[tuple[Node, Masks]]:
    """Convolutions and pools: what the windows that count cover."""
    axes = windows(node)
    if axes is None:
        yield from ((source, whole_of(source)) for source in node.inputs)
        return
    first = len(masks) - node.rank
    spatial = [window.read(mask) for window, mask in zip(axes, masks[first:], strict=True)]
    features = masks[:first]
    if node.op in CONVOLUTIONS:
        features = _mixed_channels(node, features, first - 1)
        yield from ((source, whole_of(source)) for source in node.inputs[1:])
    yield node.input, (*features, *spatial)


def _mixed_channels(node: Node, features: Masks, dim: int) -> Masks:
    """The channels that a convolution reads: all those of the groups that count."""
    groups = int(node.arguments.get("groups", 1))
    before, after = node.input.output.example[dim], node.output.example[dim]
    counting = grouped(features[dim], groups, after // groups)
    return put(features, dim, repeated(counting, groups, before // groups))


def transposed(node: Node, masks: Masks) -> Iterator[tuple[Node, Masks]]:
    """Transposed convolutions: what reaches the outputs that count."""
    kernel, sizes = node.kernel, node.input.output.example
    if kernel is None:
        yield from ((source, whole_of(source)) for source in node.inputs)
        return
    first = len(masks) - node.rank
    spatial = [
        read_by_transposed(
            sizes[first + axis], kernel[axis], node.stride[axis], node.dilation[axis],
            node.padding[axis][0], masks[first + axis],
        )
        for axis in range(node.rank)
    ]  # fmt: skip
    yield from ((source, whole_of(source)) for source in node.inputs[1:])
    yield node.input, (*_mixed_channels(node, masks[:first], first - 1), *spatial)


def resampled(node: Node, masks: Masks) -> Iterator[tuple[Node, Masks]]:
    """interpolate: each output reads its neighbours."""
    yield (
        node.input,
        (
            *masks[:2],
            *(read_by_resampling(node, dim, masks[dim]) for dim in range(2, len(masks))),
        ),
    )


def binned(node: Node, masks: Masks) -> Iterator[tuple[Node, Masks]]:
    """Adaptive pools: each output reads its bin."""
    before, after = node.input.output.example, node.output.example
    first = len(masks) - node.rank
    yield node.input, (
        *masks[:first],
        *(
            read_by_bins(before[dim], after[dim], masks[dim])
            for dim in range(first, len(masks))
        ),
    )  # fmt: skip


def unfolded(node: Node, masks: Masks) -> Iterator[tuple[Node, Masks]]:
    """im2col: a column is a window; every tap of a window that counts is read."""
    if "kernel_size" not in node.arguments:
        yield from _strided_runs(node, masks)
        return
    sizes = node.input.output.example
    names = ("kernel_size", "stride", "dilation", "padding")
    axes = []
    # One number stands for both axes.
    for n, (k, s, d, p) in zip(
        sizes[-2:],
        zip(*(node.per_axis(name, 1) * 2 for name in names), strict=True),
        strict=False,
    ):
        axes.append(Window(n, k, s, d, p, p, (n + 2 * p - d * (k - 1) - 1) // s + 1))
    counting = regrouped(masks[-1:], node.output.example[-1:], [window.o for window in axes])
    spatial = (window.read(mask) for window, mask in zip(axes, counting, strict=True))
    channels = grouped(masks[-2], sizes[-3], axes[0].k * axes[1].k)
    yield node.input, (*masks[:-2], channels, *spatial)


def _strided_runs(node: Node, masks: Masks) -> Iterator[tuple[Node, Masks]]:
    """`Tensor.unfold`: runs of one dimension, their elements along a new last one."""
    *others, taps = masks
    dim, step = axis_of(node, len(others), "dimension"), int(node.arguments["step"])
    starts = spread(others[dim], step)
    found: Mask = 0
    for first, last in ranges(taps):
        found |= shifted(swept(starts, last - first + 1), first)
    yield node.input, put(tuple(others), dim, found)


def padded(node: Node, masks: Masks) -> Iterator[tuple[Node, Masks]]:
    """Pads: what is repeated at the border is read there."""
    pairs = tuple(map(int, node.arguments.get("pad", ())))
    mode = str(node.arguments.get("mode", "constant"))
    sizes = node.input.output.example
    read = list(masks)
    for pair in range(len(pairs) // 2):
        dim = len(masks) - 1 - pair
        read[dim] = read_by_pad(sizes[dim], pairs[2 * pair], mode, masks[dim])
    yield node.input, tuple(read)


def shuffled(node: Node, masks: Masks) -> Iterator[tuple[Node, Masks]]:
    """Pixels to channels, or channels to pixels."""
    before, after = node.input.output.example, node.output.example
    *others, channels, rows, columns = masks
    factor = max(after[-1] // max(before[-1], 1), before[-1] // max(after[-1], 1))
    if node.op == "pixel_shuffle":
        channels = repeated(channels, after[-3], factor**2)
        rows, columns = grouped(rows, before[-2], factor), grouped(columns, before[-1], factor)
    else:
        channels = grouped(channels, before[-3], factor**2)
        rows, columns = repeated(rows, after[-2], factor), repeated(columns, after[-1], factor)
    yield node.input, (*others, channels, rows, columns)
