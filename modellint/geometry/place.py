"""Where one axis of an input lies in a node, how far a position there sees, and how places meet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NamedTuple

from modellint.graph import Node

#: Whole where it can be: between upsampled positions lie fractions, and they are slow to compare.
Number = int | Fraction


def in_ints(number: Number) -> Number:
    """The same number as an int, if it is one: what an upsampling halves, a stride has doubled."""
    return number.numerator if number.denominator == 1 else number


class Place(NamedTuple):
    """Where one axis of an input lies in a node, and how much of it a position there sees.

    `dim` is the dimension that it runs along; `None` once the positions are mixed or lost. Where
    several axes were flattened into one dimension, `inner` is the distance of neighbours in it
    (else 1). `even` is false where other things were put between or around the positions, as a
    class token: the axis then stands for its whole dimension. `size` is the number of positions in
    the example. `largest` and `smallest` are receptive fields in positions of the input, `jump`
    how far apart neighbours lie there; `largest` is `None` where unknown.
    """

    dim: int | None
    size: int
    largest: Number | None = 1
    smallest: Number = 1
    jump: Number = 1
    inner: int = 1
    even: bool = True

    @property
    def lost(self) -> Place:
        """The same axis where nothing is known any more."""
        if self.dim is None and self.largest is None:
            return self
        return Place(None, self.size, None, self.smallest, self.jump, self.inner, self.even)

    def moved(self, dim: int | None, inner: int) -> Place:
        """The same axis along another dimension, with this distance of neighbours in it."""
        if dim == self.dim and inner == self.inner:
            return self
        # Made as a whole: `_replace` takes three times as long, and there are thousands.
        return Place(dim, self.size, self.largest, self.smallest, self.jump, inner, self.even)

    def blurred(self, dim: int, size: int) -> Place:
        """The same axis where only its dimension, of this size, can still be told."""
        return Place(dim, size, self.largest, self.smallest, self.jump, 1, False)

    def seeing_all(self, size: int, dim: int | None = None) -> Place:
        """The same axis where every position sees all of it, as many positions as `size`."""
        if self.largest is None:
            return self.lost
        if dim == self.dim and self.largest >= size and self.smallest >= size:
            return self
        largest, smallest = max(self.largest, size), max(self.smallest, size)
        return Place(dim, self.size, largest, smallest, self.jump, self.inner, self.even)

    def widened(self, span: Number, least: Number, step: Number, size: int) -> Place:
        """The same axis behind a window of at most `span` and at least `least` positions.

        `step` is how far apart its windows lie in positions here, `size` how many there are.
        """
        return Place(
            self.dim,
            size,
            None if self.largest is None else self.largest + (span - 1) * self.jump,
            self.smallest + (least - 1) * self.jump,
            in_ints(self.jump * step),
            self.inner,
            self.even,
        )

    def alone(self, node: Node) -> bool:
        """Whether it has a dimension of the node's first output to itself."""
        dim = self.dim
        if dim is None or not self.even or self.inner != 1:
            return False
        return self.size == node.outputs[0].example[dim]


#: One place for each axis of each input; `None` where a node does not depend on it.
State = tuple[Place | None, ...]


#: The operands of a call that depend on an input, each with its places.
Reading = Sequence[tuple[Node, State]]
#: The places after a call, by what it reads and how many positions each axis has in the input.
Step = Callable[[Node, Reading, Sequence[int]], State]


def joined(node: Node, reading: Reading, whole: Sequence[int]) -> State:
    """Position by position, of one or several operands that are broadcast to the output."""
    if are_aligned(node, reading):
        return reading[0][1]
    rank = len(node.output.shape)
    columns = []
    for source, state in reading:
        shift = rank - len(source.output.shape) if source.outputs else 0
        columns.append([shifted(place, shift) for place in state] if shift else state)
    if len(columns) == 2:
        pairs = zip(*columns, strict=True)
        return tuple([one if one is other else met((one, other)) for one, other in pairs])
    return tuple([met(column) for column in zip(*columns, strict=True)])


def are_aligned(node: Node, reading: Reading) -> bool:
    """Whether all operands have the same places, and as many dimensions as what is made of them."""
    rank, before = len(node.outputs[0].shape), reading[0][1]
    for source, state in reading:
        outputs = source.outputs
        if state is not before or not outputs or len(outputs[0].shape) != rank:
            return False
    return True


def shifted(place: Place | None, shift: int) -> Place | None:
    """The place where dimensions were put before all others."""
    if place is None or place.dim is None or not shift:
        return place
    return place.moved(place.dim + shift, place.inner)


def met(column: Sequence[Place | None]) -> Place | None:
    """One place of the same axis coming along several paths."""
    found = [place for place in column if place is not None]
    if not found:
        return None
    first, *others = found
    others = [place for place in others if place is not first and place != first]
    if not others:
        return first
    fields = [place.largest for place in found if place.largest is not None]
    if len(fields) < len(found):
        return first.lost
    running = [place for place in found if place.dim is not None and place.size > 1]
    first = running[0] if running else first
    dim, size, _, _, jump, inner, even = first
    for place in running:
        if place.dim != dim or place.inner != inner or place.size != size:
            return first.lost
        even = even and place.even
    smallest = min([place.smallest for place in found])
    return Place(dim, size, max(fields), smallest, jump, inner, even or not running)


def forgotten(node: Node, reading: Reading, whole: Sequence[int]) -> State:
    """Every axis that arrives, where nothing is known of it any more."""
    return tuple(
        next((place.lost for place in column if place), None)
        for column in zip(*(state for _, state in reading), strict=True)
    )
