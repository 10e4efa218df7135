"""What a window leaves of its map that no output of the model depends on."""

from __future__ import annotations

from dataclasses import dataclass

from modellint.graph import Graph, Node
from modellint.masks import Mask, full, read_by_all, read_by_pad
from modellint.operations import (
    COMBINING,
    ELEMENTWISE,
    NORMS,
    REORDERINGS,
    RESHAPES,
    SPLITS,
    varying_inputs,
)
from modellint.reading import opaque, pulled_to, read_masks
from modellint.steps import whole_of
from modellint.windows import Window, windows

_CARRYING = ELEMENTWISE | NORMS | COMBINING | {"cat", "concat", "concatenate"}
#: What makes a map of a part of another, or of the same elements in another shape.
_PIECES = SPLITS | RESHAPES | REORDERINGS | {"unpack", "getitem", "select", "narrow", "contiguous"}


@dataclass(frozen=True, slots=True)
class Unread:
    """Positions of a map, along one axis of the window that leaves them, that nothing reads.

    `map` is where they were made: pads and what hands maps on position by position are seen
    through. `mask` has a bit for each position of `size`.
    """

    axis: int
    map: Node
    mask: Mask
    size: int


def unread_after(graph: Graph, call: Node) -> tuple[Unread, ...]:
    """What a convolution or pool does not read and no output depends on by another way."""
    axes = windows(call)
    read = read_masks(graph)
    if axes is None or call.index not in read:
        return ()
    found = []
    for axis, window in enumerate(axes):
        lost = full(window.n) & ~read_by_all(window)
        dim = len(call.output.shape) - call.rank + axis
        unread = _unread(graph, call.input, dim, lost) if lost else None
        if unread is not None and not _read_in_whole(graph, *unread, dim):
            node, mask = unread
            found.append(Unread(axis, node, mask, node.output.example[dim]))
    return tuple(found)


def _unread(graph: Graph, node: Node, dim: int, lost: Mask) -> tuple[Node, Mask] | None:
    """Those of the lost positions that nothing reads, in the map that they were made in.

    A sum or concatenation loses what any of its parts loses.
    """
    pending = [(node, lost)]
    while pending:
        node, lost = pending.pop()
        masks = read_masks(graph).get(node.index)
        if masks is None or dim >= len(masks):
            continue
        lost &= ~masks[dim]
        if not lost:
            continue
        if node.op == "pad":
            pending.append((node.input, _unpadded(node, dim, lost)))
        elif node.op in _CARRYING and not _joins(node, dim):
            size = node.output.example[dim]
            parts = [
                source
                for source in varying_inputs(graph, node)
                if len(source.output.shape) == len(node.output.shape)
                and source.output.example[dim] == size
            ]
            pending += [(part, lost) for part in reversed(parts)]
        else:
            return node, lost
    return None


def _read_in_whole(graph: Graph, node: Node, lost: Mask, dim: int) -> bool:
    """Whether a map is a piece of a larger one that is read at those positions in other pieces.

    As the keys that are pooled, where keys, queries and values are one linear layer's output.
    """
    whole = tuple(map(full, node.output.example))
    sets = (*whole[:dim], lost, *whole[dim + 1 :])
    while node.op in _PIECES and node.inputs:
        source = node.input
        pulled, everything = pulled_to(node, sets), pulled_to(node, whole)
        if pulled is None or everything is None:
            return False
        read = read_masks(graph).get(source.index, ())
        # Where the piece lies in the features does not matter, only at which positions.
        whole = whole_of(source)
        sets = tuple(
            part if part != most else every
            for part, most, every in zip(pulled, everything, whole, strict=True)
        )
        left = [
            part & ~mask
            for part, mask, every in zip(sets, read, whole, strict=True)
            if part != every
        ]
        if not any(left):
            return True
        node = source
    return False


def _joins(node: Node, dim: int) -> bool:
    """Whether it is a concatenation along this dimension."""
    given = node.arguments.get("dim", 0)
    return "tensors" in node.arguments and int(given) % len(node.output.shape) == dim


def _unpadded(node: Node, dim: int, lost: Mask) -> Mask:
    """The positions in front of a pad that lie at the lost ones behind it; not those it repeats."""
    pairs = tuple(map(int, node.arguments.get("pad", ())))
    at = 2 * (len(node.output.shape) - 1 - dim)
    begin = pairs[at] if at < len(pairs) else 0
    return read_by_pad(node.input.output.example[dim], begin, "constant", lost)


def unfollowed_reader(graph: Graph, call: Node) -> Node | None:
    """An operation that reads what a window leaves over, but nobody knows how."""
    unknown = opaque(graph)
    for reader in graph.readers(call.input):
        if reader.index in unknown and reader.outputs:
            return reader
    return None


def loses(window: Window, size: int, ceil: bool = False) -> bool:
    """Whether a window would leave positions of a map of another size."""
    there = window.at(size, ceil)
    return there.o > 0 and read_by_all(there) != full(size)
