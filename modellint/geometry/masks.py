"""Sets of positions along one axis as integers, and how operations read them.

Bit `i` of a mask stands for position `i`. Each function takes the positions of an output that count
and gives the positions of the input that they read; an operation reads an axis independently of
the others. Python's integers make a whole axis one number, so a layer costs microseconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

Mask = int

#: Of longer axes everything counts as read: their masks would be larger than what they say.
LARGEST = 1 << 22


def full(size: int) -> Mask:
    """All positions of an axis."""
    return (1 << size) - 1


def positions(mask: Mask) -> Iterator[int]:
    """The positions in a mask, in order."""
    return (at for at, bit in enumerate(f"{mask:b}"[::-1]) if bit == "1")


def ranges(mask: Mask) -> Iterator[tuple[int, int]]:
    """The runs of neighbours in a mask, as (first, last)."""
    first = 0
    while mask:
        gap = (mask & -mask).bit_length() - 1
        mask >>= gap
        run = (~mask & (mask + 1)).bit_length() - 1
        first += gap
        yield first, first + run - 1
        mask >>= run
        first += run


def spread(mask: Mask, step: int) -> Mask:
    """Position `i` moved to `i * step`."""
    return mask if step == 1 or mask <= 1 else int(("0" * (step - 1)).join(f"{mask:b}"), 2)


def every(mask: Mask, step: int) -> Mask:
    """The positions that are multiples of `step`, divided by it."""
    return mask if step == 1 or not mask else int(f"{mask:b}"[::-1][::step][::-1], 2)


def repeated(mask: Mask, size: int, times: int) -> Mask:
    """Each position of an axis, `times` in a row."""
    return spread(mask, times) * full(times) if size else 0


def grouped(mask: Mask, count: int, size: int) -> Mask:
    """Which of `count` groups of `size` neighbours have a position in the mask."""
    if size == 1:
        return mask
    # A group's bits are folded onto its first one.
    folded, width = mask, 1
    while width < size:
        by = min(width, size - width)
        folded |= folded >> by
        width += by
    return every(folded, size) & full(count)


def mirrored(mask: Mask, size: int) -> Mask:
    """The axis read backwards."""
    return int(f"{mask:0{size}b}"[::-1], 2) if size else 0


@lru_cache(maxsize=4096)
def read_by_transposed(
    size: int, kernel: int, stride: int, dilation: int, begin: int, outputs: Mask
) -> Mask:
    """The positions that these outputs of a transposed convolution read."""
    found, padded = 0, outputs << begin
    for tap in range(kernel):
        found |= every(padded >> tap * dilation, stride)
    return found & full(size)


@lru_cache(maxsize=4096)
def read_by_bins(size: int, count: int, outputs: Mask) -> Mask:
    """The positions that these bins of an adaptive pool read."""
    found = 0
    for output in positions(outputs):
        first, last = output * size // count, -(-(output + 1) * size // count)
        found |= full(last - first) << first
    return found


# Pads, slices, shifts


def read_by_pad(size: int, begin: int, mode: str, outputs: Mask) -> Mask:
    """The positions that these outputs of a pad read; a negative `begin` crops."""
    inner = (outputs >> begin if begin >= 0 else outputs << -begin) & full(size)
    if mode == "constant":
        return inner
    before = outputs & full(max(begin, 0))
    after = outputs >> max(begin + size, 0)
    for at in positions(before):
        inner |= 1 << _folded(at - begin, size, mode)
    for at in positions(after):
        inner |= 1 << _folded(at + size, size, mode)
    return inner


def _folded(position: int, size: int, mode: str) -> int:
    """The position of the map that a position outside it repeats."""
    if mode == "reflect":
        return -position if position < 0 else 2 * (size - 1) - position
    if mode == "replicate":
        return min(max(position, 0), size - 1)
    return position % size


def read_by_slice(start: int, step: int, outputs: Mask) -> Mask:
    """The positions that these outputs of a slice read."""
    return spread(outputs, step) << start


def rolled(mask: Mask, size: int, shift: int) -> Mask:
    """The positions that end up in the mask when an axis is rolled by `shift`."""
    by = shift % size
    return (mask >> by | mask << (size - by)) & full(size)
