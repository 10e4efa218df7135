"""What operations that take maps apart and put them together read of their operands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from modellint.geometry.long_masks import Mask, shifted
from modellint.geometry.masks import every, full, mirrored, one, read_by_slice, rolled
from modellint.geometry.steps import Masks, axis_of, broadcast, put, sizes_of, whole_of
from modellint.graph import Node
from modellint.graph.operations import SPLITS


def concatenated(node: Node, masks: Masks) -> Iterator[tuple[Node, Masks]]:
    """Each part is read where it lies."""
    dim = axis_of(node, len(masks))
    first = 0
    for part in node.arguments.get("tensors", ()):
        sizes = part.output.example
        if len(sizes) != len(masks):  # An empty tensor of one dimension is passed over.
            continue
        yield part, put(masks, dim, masks[dim] >> first & full(sizes[dim]))
        first += sizes[dim]


def stacked(node: Node, masks: Masks) -> Iterator[tuple[Node, Masks]]:
    """Each part is one position of a new dimension."""
    dim = axis_of(node, len(masks))
    for index, part in enumerate(node.arguments.get("tensors", ())):
        if masks[dim] >> index & 1:
            yield part, (*masks[:dim], *masks[dim + 1 :])


def indexed(node: Node, masks: Masks) -> Iterator[tuple[Node, Masks]]:
    """Slices, whole numbers and new axes; what else an index holds reads everything."""
    index = node.arguments.get("index")
    entries = _entries(index, len(node.input.output.example))
    if entries is None:
        yield from ((source, whole_of(source)) for source in node.inputs)
        return
    left = iter(masks)
    read: list[Mask] = []
    for entry in entries:
        if entry is None:
            next(left)
            continue
        size = node.input.output.example[len(read)]
        if isinstance(entry, int):
            read.append(one(int(entry) % size))
        else:
            start, _, step = entry.indices(size)
            read.append(read_by_slice(start, step, next(left)))
    yield node.input, tuple(read)


def _entries(index: Any, rank: int) -> list[int | slice | None] | None:
    """An index as one entry a dimension, and `None` for each new one; `None` if it has others."""
    given = index if isinstance(index, tuple) else (index,)
    for entry in given:
        bounds = (entry.start, entry.stop, entry.step) if isinstance(entry, slice) else (entry,)
        if not all(bound is None or _is_size(bound) for bound in bounds):
            return None
    missing = rank - sum(entry is not None for entry in given)
    return [*given, *[slice(None)] * missing]


def _is_size(bound: Any) -> bool:
    # `x[True]` is a mask.
    return isinstance(bound, int) and not isinstance(bound, bool)


def written(node: Node, masks: Masks) -> Iterator[tuple[Node, Masks]]:
    """`x[index] = value`: what was overwritten counts as read, too."""
    yield node.input, masks
    value, sizes = node.arguments.get("value"), node.output.example
    if not isinstance(value, Node) or not value.outputs:
        return
    entries = _entries(node.arguments.get("index"), len(sizes))
    if entries is None or None in entries:
        yield from ((source, whole_of(source)) for source in node.inputs)
        return
    region, counts = [], []
    for entry, mask, size in zip(entries, masks, sizes, strict=True):
        if isinstance(entry, slice):
            start, stop, step = entry.indices(size)
            counts.append(len(range(start, stop, step)))
            region.append(every(mask >> start, step) & full(counts[-1]))
        elif isinstance(entry, int) and not mask >> int(entry) % size & 1:
            return
    yield value, broadcast(tuple(region), counts, value.output.example)


def narrowed(node: Node, masks: Masks) -> Iterator[tuple[Node, Masks]]:
    """One position or a run of them along a dimension."""
    sizes = node.input.output.example
    dim = axis_of(node, len(sizes))
    start = node.arguments.get("start" if node.op == "narrow" else "index")
    if not isinstance(start, int):
        yield node.input, whole_of(node.input)
    elif node.op == "narrow":
        yield node.input, put(masks, dim, shifted(masks[dim], start % sizes[dim]))
    else:
        yield node.input, (*masks[:dim], one(start % sizes[dim]), *masks[dim:])


def split(node: Node, masks: Masks) -> Iterator[tuple[Node, Masks]]:
    """All pieces are read as the positions of what was split."""
    yield node.inputs[0], masks


def unpacked(node: Node, masks: Masks) -> Iterator[tuple[Node, Masks]]:
    """One element of several outputs; those of a split are placed in what was split."""
    whole, index = node.input, node.arguments.get("index")
    if whole.op not in SPLITS or not isinstance(index, int):
        alike = whole.op not in SPLITS and whole.output.example == node.output.example
        yield whole, masks if alike else whole_of(whole)
        return
    sizes = sizes_of(whole)
    dim = axis_of(whole, len(sizes))
    if whole.op == "unbind":
        yield whole, (*masks[:dim], one(index), *masks[dim:])
    else:
        first = sum(part.example[dim] for part in whole.outputs[:index])
        yield whole, put(masks, dim, shifted(masks[dim], first))


def moved(node: Node, masks: Masks) -> Iterator[tuple[Node, Masks]]:
    """roll and flip along given dimensions."""
    sizes = node.output.example
    dims = several(node.arguments.get("dims"))
    shifts = several(node.arguments.get("shifts", 0))
    if not dims or (node.op == "roll" and len(shifts) != len(dims)):
        yield node.input, whole_of(node.input)
        return
    read = list(masks)
    for place, given in enumerate(dims):
        dim = given % len(sizes)
        if node.op == "flip":
            read[dim] = mirrored(read[dim], sizes[dim])
        else:
            read[dim] = rolled(read[dim], sizes[dim], shifts[place])
    yield node.input, tuple(read)


def several(value: Any) -> tuple[int, ...]:
    """One number or several, as a tuple."""
    if value is None:
        return ()
    return tuple(map(int, value)) if isinstance(value, (tuple, list)) else (int(value),)
