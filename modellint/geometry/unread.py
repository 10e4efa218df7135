"""What a window leaves of its map that no output of the model depends on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import or_

from modellint.geometry.backward_masks import HANDING_ON, STEPS, opaque, read_directly, read_masks
from modellint.geometry.long_masks import Mask
from modellint.geometry.pieces import Irregular
from modellint.geometry.steps import Masks, whole_of
from modellint.geometry.window import Window, windows
from modellint.graph import Graph, Node
from modellint.graph.operations import COMBINING, ELEMENTWISE, NORMS

#: Behind these a position is called by the number that it has in the map before.
_CARRYING = ELEMENTWISE | NORMS | COMBINING | {"pad", "cat", "concat", "concatenate"}


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
    """What a convolution or pool does not read and no output depends on by another way.

    Only what is lost here: not what would be read, had not a later layer left it out.
    """
    axes = windows(call) or ()
    lost = [(axis, window.unread) for axis, window in enumerate(axes) if window.unread]
    read = read_masks(graph).get(call.input.index) if lost else None
    if read is None or call.index not in read_masks(graph):
        return ()
    found = []
    for axis, mask in lost:
        dim = len(call.output.shape) - call.rank + axis
        if not mask & ~read[dim]:
            continue
        try:
            made = _followed(graph, call.input, dim, mask)
        except Irregular:
            continue
        if made is not None:
            node, left = made
            found.append(Unread(axis, node, left, node.output.example[dim]))
    return tuple(found)


def _followed(graph: Graph, start: Node, dim: int, lost: Mask) -> tuple[Node, Mask] | None:
    """The map in which lost positions were made, and those of them that nothing reads.

    A sum or concatenation loses what any of its parts loses. A piece of a map loses nothing that
    is read of the whole: keys that are pooled are one part of a layer's output, and what is sliced
    away here may be read beside it. Positions are told in the last map before such pieces.
    """
    whole = whole_of(start)
    pending: list[tuple[Node, Masks, tuple[Node, Mask] | None]] = [
        (start, (*whole[:dim], lost, *whole[dim + 1 :]), None)
    ]
    seen = set()
    while pending:
        node, sets, told = pending.pop()
        read = read_directly(graph).get(node.index)
        left = _unread(sets, read, whole_of(node)) if read else None
        if left is None or node.index in seen:
            continue
        seen.add(node.index)
        if told is None and (node.op not in _CARRYING or _joins(node, dim)):
            told = node, left[dim]
        steps = _steps_up(graph, node, left)
        if steps is None:
            return told
        pending += [(source, part, told) for source, part in reversed(steps)]
    return None


def _joins(node: Node, dim: int) -> bool:
    """Whether it is a concatenation along this dimension."""
    given = node.arguments.get("dim", 0)
    return "tensors" in node.arguments and int(given) % len(node.output.shape) == dim


def _unread(sets: Masks, read: Masks, whole: Masks) -> Masks | None:
    """A set of positions without those that are read; `None` where none is left.

    What lies in all of a dimension says nothing of it.
    """
    left = tuple(
        part if part == every else part & ~mask
        for part, mask, every in zip(sets, read, whole, strict=True)
    )
    return None if left == whole or 0 in left else left


def _steps_up(graph: Graph, node: Node, sets: Masks) -> list[tuple[Node, Masks]] | None:
    """Where the positions come from that an operation only hands on; `None` if it made them."""
    step = STEPS.get(node.op) if node.op in HANDING_ON else None
    if step is None:
        return None
    found = []
    rank = len(node.output.shape)
    everything = dict(_by_operand(step(node, whole_of(node))))
    for operand, pulled in _by_operand(step(node, sets)):
        whole = whole_of(operand)
        if operand.index not in graph.varying or (node.op in _CARRYING and len(whole) != rank):
            continue
        # Where a piece lies in the features does not matter, only at which positions.
        most = everything[operand]
        parts = zip(pulled, most, whole, strict=True)
        found.append((operand, tuple(e if part == m else part for part, m, e in parts)))
    return found


def _by_operand(reads: Iterable[tuple[Node, Masks]]) -> Iterator[tuple[Node, Masks]]:
    found: dict[Node, Masks] = {}
    for operand, masks in reads:
        known = found.get(operand)
        found[operand] = masks if known is None else tuple(map(or_, known, masks))
    yield from found.items()


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
    return there.o > 0 and bool(there.shortened.unread)


def always_loses(window: Window, size: int, ceil: bool = False) -> bool:
    """Whether it would leave positions of every map from half of a size on."""
    # From here on only the remainder by the stride counts.
    base = window.s * (window.span + window.padding + 1)
    return 2 * base <= size and all(loses(window, base + rest, ceil) for rest in range(window.s))
