"""Sets of positions along an axis that is too long for a bit a position.

`Long` answers to the operators of an integer, so that what is written for a mask holds for both.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

from modellint.geometry.pieces import Pieces, folded, joined

#: Masks of so many digits are Python's integers, which are faster as long as they are short.
LONGEST = 1 << 13
#: An integer with more runs of ones is looked through for a period of at most so many digits.
RUNS, PERIOD = 16, 64


class Long:
    """An integer whose binary digits are held as pieces, `beyond` being all that follow them."""

    __slots__ = ("beyond", "bits")

    def __init__(self, bits: Pieces, beyond: int = 0) -> None:
        self.bits = bits
        self.beyond = beyond

    @property
    def whole(self) -> bool:
        """Whether it is all positions before its last."""
        return len(self.bits.parts) == 1 and self.bits.parts[0][1] == (1,)

    def __and__(self, other: Mask) -> Mask:
        if isinstance(other, Long) and other.whole and not self.beyond:
            size = other.bit_length()
            return self if self.bit_length() <= size else mask_of(self.bits.every(1, 0, size))
        one, two = _aligned(self, other)
        bits = folded([one.bits, two.bits], lambda rows: map(min, *rows))
        return mask_of(bits, one.beyond & two.beyond)

    def __or__(self, other: Mask) -> Mask:
        one, two = _aligned(self, other)
        bits = folded([one.bits, two.bits], lambda rows: map(max, *rows))
        return mask_of(bits, one.beyond | two.beyond)

    __rand__ = __and__
    __ror__ = __or__

    def __invert__(self) -> Long:
        return Long(self.bits.mapped(lambda bit: 1 - bit), 1 - self.beyond)

    def __lshift__(self, by: int) -> Mask:
        return mask_of(joined([Pieces.of(0, by), self.bits]), self.beyond)

    def __rshift__(self, by: int) -> Mask:
        return mask_of(self.bits.every(1, by), self.beyond)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (int, Long)):
            return NotImplemented
        if not self.beyond and self.bit_length() != other.bit_length():
            return False
        if isinstance(other, Long) and (self.beyond, self.bits.parts) == (
            other.beyond,
            other.bits.parts,
        ):
            return True
        one, two = _aligned(self, other)
        if one.beyond != two.beyond:
            return False
        same = folded([one.bits, two.bits], lambda rows: map(_same, *rows))
        return all(all(unit) for _, unit in same.parts)

    def __hash__(self) -> int:
        return hash((self.bit_length(), self.bit_count()))

    def __bool__(self) -> bool:
        return True  # Whatever is that short is an integer of Python.

    def __repr__(self) -> str:
        return f"Long({', '.join(f'{length} of {unit}' for length, unit in self.bits.parts)})"

    def bit_count(self) -> int:
        """How many positions there are in it."""
        return int(self.bits.total())

    def bit_length(self) -> int:
        """The number behind the last position in it."""
        return len(self.bits)

    def runs(self) -> Iterator[tuple[int, int]]:
        """The runs of neighbours, as (first, last), each when it is asked for."""
        at = 0
        begun: int | None = None
        for length, unit in self.bits.parts:
            if len(unit) == 1:
                steps: Iterator[tuple[int, float]] = iter([(at, unit[0])])
            else:
                steps = ((at + i, unit[i % len(unit)]) for i in range(length))
            for position, bit in steps:
                if bit and begun is None:
                    begun = position
                elif not bit and begun is not None:
                    yield begun, position - 1
                    begun = None
            at += length
        if begun is not None:
            yield begun, at - 1


#: A set of positions: bit `i` tells whether position `i` is in it.
Mask = int | Long


@lru_cache(maxsize=256)
def run(size: int) -> Long:
    """The first positions of a long axis."""
    return Long(Pieces.of(1, size))


def mask_of(bits: Pieces, beyond: int = 0) -> Mask:
    """The mask with these bits: the kind that its length asks for, so that equals are alike."""
    bits = _trimmed(bits, beyond)
    if len(bits) > LONGEST:
        return Long(bits, beyond)
    found = at = 0
    for length, unit in bits.parts:
        if len(unit) > 1:
            digits = "".join("1" if bit else "0" for bit in reversed(unit))
            part = int((digits * (length // len(unit) + 1))[-length:], 2)
        else:
            part = (1 << length) - 1 if unit[0] else 0
        found |= part << at
        at += length
    return found - (1 << at) if beyond else found


def bits_of(mask: Mask, size: int | None = None) -> Pieces:
    """The bits of a mask from the first on: so many, or up to the last one in it."""
    bits = mask.bits if isinstance(mask, Long) else _read(mask)
    return bits if size is None else bits.placed(0, size)


def shifted(mask: Mask, by: int) -> Mask:
    """Every position moved on by a number; those moved to below 0 are left out."""
    if by <= 0:
        return mask >> -by
    if isinstance(mask, int) and mask.bit_length() + by > LONGEST:
        return mask and mask_of(_read(mask).placed(by, mask.bit_length() + by))
    return mask << by


def _same(one: float, two: float) -> bool:
    return one == two


def _aligned(one: Mask, two: Mask) -> tuple[Long, Long]:
    first, second = _long(one), _long(two)
    size = max(len(first.bits), len(second.bits))
    return _as_long_as(first, size), _as_long_as(second, size)


def _long(mask: Mask) -> Long:
    if isinstance(mask, Long):
        return mask
    return ~Long(_read(~mask)) if mask < 0 else Long(_read(mask))


def _as_long_as(mask: Long, size: int) -> Long:
    missing = size - len(mask.bits)
    if not missing:
        return mask
    return Long(joined([mask.bits, Pieces.of(mask.beyond, missing)]), mask.beyond)


def _trimmed(bits: Pieces, beyond: int) -> Pieces:
    """Without the last bits that are as all that follow them."""
    parts = list(bits.parts)
    while parts:
        length, unit = parts.pop()
        if any(bit != beyond for bit in unit):
            end = next(at for at in range(length, 0, -1) if unit[(at - 1) % len(unit)] != beyond)
            if end == length and len(parts) + 1 == len(bits.parts):
                return bits
            return Pieces([*parts, (end, unit)])
    return Pieces([])


def _read(mask: int) -> Pieces:
    """The bits of an integer that is not negative."""
    parts: list[tuple[int, tuple[int, ...]]] = []
    for first, last in islice(runs(mask), RUNS + 1):
        parts += [(first - sum(length for length, _ in parts), (0,)), (last - first + 1, (1,))]
    size = mask.bit_length()
    if sum(length for length, _ in parts) == size:
        return Pieces(parts)
    digits = f"{mask:b}"[::-1]
    for period in range(2, PERIOD + 1):
        # Bits that are as those a period on leave none here.
        gaps = f"{(mask ^ mask >> period) | 1 << size:b}"[::-1].split("1")
        longest = max(gaps, key=len)
        if 2 * len(longest) > size:
            first = sum(len(gap) + 1 for gap in gaps[: gaps.index(longest)])
            last = first + len(longest)
            before, unit, after = digits[:first], digits[first : first + period], digits[last:]
            return Pieces(
                [
                    (len(before), tuple(map(int, before))),
                    (len(longest), tuple(map(int, unit))),
                    (len(after), tuple(map(int, after))),
                ]
            )
    return Pieces.written(map(int, digits))


def runs(mask: int) -> Iterator[tuple[int, int]]:
    """The runs of neighbours in an integer, as (first, last)."""
    first = 0
    while mask:
        gap = (mask & -mask).bit_length() - 1
        mask >>= gap
        run = (~mask & (mask + 1)).bit_length() - 1
        first += gap
        yield first, first + run - 1
        mask >>= run
        first += run
