"""Sets of positions along one axis as integers, and how operations read them.

Bit `i` of a mask stands for position `i`. Each function takes the positions of an output that count
and gives the positions of the input that they read; an operation reads an axis independently of
the others. Python's integers make a whole axis one number, so a layer costs microseconds; the
number of an axis with many thousand positions is held as the pieces that repeat in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from modellint.geometry.bins import gathered
from modellint.geometry.long_masks import LONGEST, Long, Mask, bits_of, mask_of, run, runs, shifted
from modellint.geometry.pieces import LARGEST, Irregular, Part, Pieces


def full(size: int) -> Mask:
    """All positions of an axis."""
    return (1 << size) - 1 if size <= LONGEST else run(size)


def one(position: int) -> Mask:
    """A single position."""
    return shifted(1, position)


def positions(mask: Mask) -> Iterator[int]:
    """The positions in a mask, in order."""
    if isinstance(mask, Long):
        return (at for first, last in mask.runs() for at in range(first, last + 1))
    return (at for at, bit in enumerate(f"{mask:b}"[::-1]) if bit == "1")


def ranges(mask: Mask) -> Iterator[tuple[int, int]]:
    """The runs of neighbours in a mask, as (first, last)."""
    return mask.runs() if isinstance(mask, Long) else runs(mask)


def spread(mask: Mask, step: int) -> Mask:
    """Position `i` moved to `i * step`."""
    if step == 1 or not mask or mask == 1:
        return mask
    if isinstance(mask, int) and mask.bit_length() * step <= LONGEST:
        return int(("0" * (step - 1)).join(f"{mask:b}"), 2)
    return mask_of(bits_of(mask).spread(step))


def every(mask: Mask, step: int) -> Mask:
    """The positions that are multiples of `step`, divided by it."""
    if step == 1 or not mask:
        return mask
    if isinstance(mask, Long):
        return mask_of(mask.bits.every(step))
    return int(f"{mask:b}"[::-1][::step][::-1], 2)


def swept(mask: Mask, count: int, step: int = 1) -> Mask:
    """Each position and the `count - 1` behind it that lie `step` apart."""
    found, width = mask, 1
    while width < count:
        by = min(width, count - width)
        found |= shifted(found, by * step)
        width += by
    return found


def repeated(mask: Mask, size: int, times: int) -> Mask:
    """Each position of an axis, `times` in a row."""
    if not size:
        return 0
    if isinstance(mask, int) and size * times <= LONGEST:
        return swept(spread(mask, times), times)
    return mask_of(bits_of(mask).repeated(times))


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


def nested(mask: Mask, length: int, inner: Mask, size: int) -> Mask:
    """A copy of a mask of `size` positions for each position of another that counts, in a row."""
    if length * size <= LONGEST and isinstance(mask, int) and isinstance(inner, int):
        # The copies do not overlap.
        spaced = spread(mask, size)
        assert isinstance(spaced, int)
        return spaced * inner
    if inner == full(size):
        return repeated(mask, length, size)
    copy = bits_of(inner, size)
    parts: list[Part] = []
    for count, unit in bits_of(mask, length).parts:
        if count == len(unit):
            for bit in unit:
                parts += copy.parts if bit else [(size, (0,))]
        elif len(unit) * size > LARGEST and any(unit):
            raise Irregular
        else:
            each = {0: (0,) * size, 1: tuple(copy)} if any(unit) else {0: (0,)}
            parts.append((count * size, tuple(value for bit in unit for value in each[int(bit)])))
    return mask_of(Pieces(parts))


def mirrored(mask: Mask, size: int) -> Mask:
    """The axis read backwards."""
    if size > LONGEST:
        return mask_of(bits_of(mask, size).mirrored())
    return int(f"{mask:0{size}b}"[::-1], 2) if size else 0


@lru_cache(maxsize=4096)
def read_by_transposed(
    size: int, kernel: int, stride: int, dilation: int, begin: int, outputs: Mask
) -> Mask:
    """The positions that these outputs of a transposed convolution read."""
    padded = shifted(outputs, begin)
    found: Mask = 0
    for tap in range(kernel):
        found |= every(padded >> tap * dilation, stride)
    return found & full(size)


@lru_cache(maxsize=4096)
def read_by_bins(size: int, count: int, outputs: Mask) -> Mask:
    """The positions that these bins of an adaptive pool read."""
    try:
        # Neighbouring bins leave nothing between them.
        return covered(
            (first * size // count, -(-(last + 1) * size // count))
            for first, last in ranges(outputs)
        )
    except Irregular:
        return mask_of(gathered(bits_of(outputs, count), size).mapped(bool))


def covered(runs: Iterable[tuple[int, int]]) -> Mask:
    """The positions of runs, each from a position up to another, in their order."""
    parts: list[tuple[int, tuple[int]]] = []
    at = 0
    for first, end in runs:
        if len(parts) > LONGEST:
            raise Irregular
        parts += [(first - at, (0,)), (end - max(first, at), (1,))]
        at = max(at, end)
    return mask_of(Pieces(parts))


# Pads, slices, shifts


def read_by_pad(size: int, begin: int, mode: str, outputs: Mask) -> Mask:
    """The positions that these outputs of a pad read; a negative `begin` crops."""
    inner = shifted(outputs, -begin) & full(size)
    if mode == "constant":
        return inner
    before = outputs & full(max(begin, 0))
    after = outputs >> max(begin + size, 0)
    if mode == "reflect":
        return inner | shifted(mirrored(before, max(begin, 0)), 1) | mirrored(after, size - 1)
    if mode == "replicate":
        return inner | (1 if before else 0) | (one(size - 1) if after else 0)
    return inner | shifted(before, size - begin) | after


def read_by_slice(start: int, step: int, outputs: Mask) -> Mask:
    """The positions that these outputs of a slice read."""
    return shifted(spread(outputs, step), start)


def rolled(mask: Mask, size: int, shift: int) -> Mask:
    """The positions that end up in the mask when an axis is rolled by `shift`."""
    by = shift % size
    return (mask >> by | shifted(mask, size - by)) & full(size)
