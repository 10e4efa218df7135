"""Sequences of one value a position, held as pieces that repeat.

What windows do along an axis is the same everywhere but near its ends, so a sequence is a few
values written out there and one period between. A million positions cost what a thousand do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from math import gcd, lcm
from operator import add
from typing import overload

#: The values of a piece, which are repeated until its length is full.
Unit = tuple[float, ...]
#: How many positions it covers, and what is repeated on them.
Part = tuple[int, Unit]
#: The values that several sequences have at the same positions, to those of the result.
Fold = Callable[[Sequence[Unit]], Iterable[float]]

#: Shorter pieces are written out, and shorter sequences as a whole: that is faster.
SHORT, WRITTEN = 8, 512
#: So many values are written out at most.
LARGEST = 1 << 16


class Irregular(Exception):
    """A sequence repeats itself too seldom to be held as pieces."""


class Pieces(Sequence[float]):
    """A sequence that is never changed; equal ones may be in different pieces."""

    __slots__ = ("_size", "parts")

    def __init__(self, parts: Iterable[Part]) -> None:
        """Raises `Irregular` where too many values would have to be written out."""
        given = [part for part in parts if part[0] > 0]
        self._size = sum([length for length, _ in given])
        self.parts = _tidied(given) if self._size > WRITTEN else _written(given, self._size)

    @classmethod
    def written(cls, values: Iterable[float]) -> Pieces:
        """A sequence from all of its values."""
        unit = tuple(values)
        return cls([(len(unit), unit)])

    @classmethod
    def of(cls, value: float, size: int) -> Pieces:
        """The same value everywhere."""
        return cls([(size, (value,))])

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[float]:
        return chain.from_iterable(_values(unit, 0, length) for length, unit in self.parts)

    @overload
    def __getitem__(self, at: int) -> float: ...
    @overload
    def __getitem__(self, at: slice) -> Pieces: ...
    def __getitem__(self, at: int | slice) -> float | Pieces:
        if isinstance(at, slice):
            start, stop, step = at.indices(self._size)
            if step < 0:
                raise ValueError("a sequence is read backwards by mirrored()")
            return self.every(step, start, stop)
        at += self._size if at < 0 else 0
        if at < 0:
            raise IndexError(at)
        for length, unit in self.parts:
            if at < length:
                return unit[at % len(unit)]
            at -= length
        raise IndexError(at)

    def total(self) -> float:
        """The sum of all values."""
        return sum(_sum(unit, 0, length) for length, unit in self.parts)

    def totals(self, count: int) -> Iterator[float]:
        """The sums of so many parts of equal size, of which there are no more than positions."""
        ends = ((part + 1) * self._size // count for part in range(count))
        found: float = 0
        at, end = 0, next(ends)
        for length, unit in self.parts:
            begun = 0
            while begun < length:
                step = min(length - begun, end - at)
                found += _sum(unit, begun, step)
                at, begun = at + step, begun + step
                if at == end:
                    yield found
                    found, end = 0, next(ends, end)

    # Positions moved

    def placed(self, first: int, size: int) -> Pieces:
        """The sequence from position `first` on among zeros; what lies outside is left out."""
        if not first and size == self._size:
            return self
        if 0 < self._size <= WRITTEN and size <= WRITTEN:
            values = self.parts[0][1][max(-first, 0) : max(size - first, 0)]
            before = min(max(first, 0), size)
            zeros = (0,) * (size - before - len(values))
            return Pieces([(size, (0,) * before + values + zeros)])
        kept = self._cut(max(-first, 0), size - first)
        before = min(max(first, 0), size)
        after = size - before - sum(length for length, _ in kept)
        return Pieces([(before, (0,)), *kept, (after, (0,))])

    def every(self, step: int, start: int = 0, stop: int | None = None) -> Pieces:
        """The positions that `range(start, stop, step)` names; `start` must not be negative."""
        stop = self._size if stop is None else min(stop, self._size)
        if step == 1:
            return Pieces(self._cut(start, stop))
        made: list[Part] = []
        at = 0
        for length, unit in self.parts:
            first = max(start, start - (start - at) // step * step) - at
            count = -(-(min(length, stop - at) - first) // step)
            at += length
            if count > 0:
                period = min(len(unit) // gcd(len(unit), step), count)
                values = tuple(unit[(first + i * step) % len(unit)] for i in range(period))
                made.append((count, values))
        return Pieces(made)

    def spread(self, step: int) -> Pieces:
        """Position `i` moved to `i * step`, with zeros behind each."""
        if step == 1:
            return self
        return Pieces((length * step, _spread(unit, step)) for length, unit in self._short(step))

    def repeated(self, times: int) -> Pieces:
        """Each position, `times` in a row."""
        if times == 1:
            return self
        return Pieces(
            (length * times, unit if len(unit) == 1 else tuple(_repeated(unit, times)))
            for length, unit in self._short(times)
        )

    def mirrored(self) -> Pieces:
        """The sequence read backwards."""
        return Pieces(
            (length, _values(unit, length % len(unit), len(unit))[::-1])
            for length, unit in reversed(self.parts)
        )

    def mapped(self, function: Callable[[float], float]) -> Pieces:
        """Every value by itself changed in the same way."""
        return Pieces((length, tuple(map(function, unit))) for length, unit in self.parts)

    def _cut(self, first: int, last: int) -> list[Part]:
        made = []
        at = 0
        for length, unit in self.parts:
            begin, end = max(first - at, 0), min(last - at, length)
            if begin < end:
                period = min(len(unit), end - begin)
                made.append((end - begin, _values(unit, begin, period)))
            at += length
            if at >= last:
                break
        return made

    def _short(self, times: int) -> tuple[Part, ...]:
        """The parts, where so many times the values that they write out are not too many."""
        if sum(len(unit) for _, unit in self.parts if len(unit) > 1) * times > LARGEST:
            raise Irregular
        return self.parts


def joined(sequences: Iterable[Pieces]) -> Pieces:
    """One sequence behind the other."""
    return Pieces(part for sequence in sequences for part in sequence.parts)


def folded(sequences: Sequence[Pieces], fold: Fold) -> Pieces:
    """What a function makes of the values that sequences of one length have at each position."""
    size = len(sequences[0])
    if 0 < size <= WRITTEN:
        return Pieces([(size, tuple(fold([sequence.parts[0][1] for sequence in sequences])))])
    reading = [iter(sequence.parts) for sequence in sequences]
    # How much of each sequence's part is left, what it repeats, and where in it we are.
    held: list[tuple[int, Unit, int]] = [(0, (0,), 0)] * len(sequences)
    made: list[Part] = []
    left = size
    while left:
        for place, (rest, _, _) in enumerate(held):
            if not rest:
                length, unit = next(reading[place])
                held[place] = length, unit, 0
        step = min(rest for rest, _, _ in held)
        period = min(lcm(*{len(unit) for _, unit, _ in held}), step)
        if period > LARGEST:
            raise Irregular
        rows = [_values(unit, at, period) for _, unit, at in held]
        made.append((step, tuple(fold(rows))))
        held = [(rest - step, unit, at + step) for rest, unit, at in held]
        left -= step
    return Pieces(made)


def added(sequences: Sequence[Pieces], over: int = 1) -> Pieces:
    """Their sum at each position, divided by a number."""
    if over == 1:
        if len(sequences) == 2:
            return folded(sequences, lambda rows: map(add, *rows))
        return folded(sequences, lambda rows: map(sum, zip(*rows, strict=True)))
    return folded(
        sequences, lambda rows: [values / over for values in map(sum, zip(*rows, strict=True))]
    )


def _values(unit: Unit, at: int, count: int) -> Unit:
    """So many values of what a unit repeats, from a place in it on."""
    if len(unit) == 1:
        return unit * count
    at %= len(unit)
    if at + count <= len(unit):
        return unit[at : at + count]
    return (unit[at:] + unit * (count // len(unit) + 1))[:count]


def _sum(unit: Unit, at: int, count: int) -> float:
    return sum(unit) * (count // len(unit)) + sum(_values(unit, at, count % len(unit)))


def _spread(unit: Unit, step: int) -> Unit:
    values: list[float] = [0] * (len(unit) * step)
    values[::step] = unit
    return tuple(values)


def _repeated(unit: Unit, times: int) -> Iterator[float]:
    return (value for value in unit for _ in range(times))


def _written(parts: list[Part], size: int) -> tuple[Part, ...]:
    if len(parts) == 1:
        return ((size, _values(parts[0][1], 0, size)),)
    values = chain.from_iterable([_values(unit, 0, length) for length, unit in parts])
    return ((size, tuple(values)),) if size else ()


def _tidied(parts: Iterable[Part]) -> tuple[Part, ...]:
    """As few pieces as neighbours allow, the leftmost as long as they can be."""
    made: list[tuple[int, list[float]]] = []
    written = 0
    for length, unit in parts:
        new = length, _least(unit[:length] if len(unit) > length else unit, length)
        written += len(new[1]) if len(new[1]) > 1 else 0
        if written > LARGEST:
            raise Irregular
        while made:
            *before, new = _merged(*made.pop(), *new)
            if before:
                made += before
                break
        made.append(new)
    return tuple([(length, tuple(unit)) for length, unit in made])


def _least(unit: Unit, length: int) -> list[float]:
    """The shortest unit that repeats to the same, or all values where that is hardly longer."""
    size = len(unit)
    if size > 1:
        # Of what is written out anyway only a constant is worth looking for.
        most = size // 2 if size < length else 1
        fits = (p for p in range(1, most + 1) if not size % p and unit[:p] * (size // p) == unit)
        unit = unit[: next(fits, size)]
    if length < max(2 * len(unit), SHORT):
        return list(_values(unit, 0, length))
    return list(unit)


def _merged(a: int, one: list[float], b: int, other: list[float]) -> list[tuple[int, list[float]]]:
    """Two neighbours as one piece, or as two of which the repeating one is as long as it can be."""
    if a == len(one) and b == len(other):
        one += other
        return [(a + b, one)]
    if a == len(one):
        # What is written out may end as the period begins.
        back = next((at for at in range(a) if one[~at] != other[~at % len(other)]), a)
        turned = other[-back % len(other) :] + other[: -back % len(other)]
        return [(a - back, one[: a - back]), (b + back, turned)][back == a :]
    if b == len(other):
        on = next((at for at in range(b) if other[at] != one[(a + at) % len(one)]), b)
        if not on:
            return [(a, one), (b, other)]
        return [(a + on, one), (b - on, other[on:])][: 2 - (on == b)]
    shift = a % len(one)
    if len(one) == len(other) and one[shift:] + one[:shift] == other:
        return [(a + b, one)]
    return [(a, one), (b, other)]
