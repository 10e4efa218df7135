"""What the bins of an adaptive pool make of an axis, whatever its length.

Bin `o` of `m` covers the positions of `n` from `floor(o*n/m)` up to `ceil((o + 1)*n/m)`, as in
PyTorch's kernels. Neighbouring bins share at most one position where there are fewer bins than
positions, and where there are more, a position has many. Bins `m / gcd(n, m)` apart are equally
long: where what the outputs hold repeats as well, so does what reaches the positions.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from math import gcd, lcm

from modellint.geometry.pieces import LARGEST, Irregular, Part, Pieces, Unit

#: So many positions of the same value, in order.
Run = tuple[int, float]


def gathered(outputs: Pieces, size: int) -> Pieces:
    """What reaches each of `size` positions, where a bin hands its value on in equal shares.

    Raises `Irregular` where too many bins would have to be written out.
    """
    bins = len(outputs)
    made: list[Part] = []
    at = first = 0
    for length, unit in outputs.parts:
        part = _Bins(size, bins, first, first + length, unit)
        first += length
        if part.end <= at:
            continue  # No position is all its own.
        made += [(1, (_value(outputs, size, place),)) for place in range(at, part.begin)]
        made += part.parts()
        at = part.end
    made += [(1, (_value(outputs, size, place),)) for place in range(at, size)]
    return Pieces(made)


class _Bins:
    """Neighbouring bins whose values repeat, and the positions that no other bins reach."""

    def __init__(self, size: int, bins: int, first: int, last: int, unit: Unit) -> None:
        self.size = size
        self.bins = bins
        self.first = first
        self.last = last
        self.unit = unit
        self.begin = -(-first * size // bins)
        self.end = last * size // bins
        self.sums = [0.0, *accumulate(unit)]

    def parts(self) -> Iterator[Part]:
        """The values of the positions, as pieces."""
        shared = gcd(self.size, self.bins)
        period = lcm(len(self.unit), self.bins // shared) * self.size // self.bins
        length = self.end - self.begin
        runs = min(length, 2 * (self.last - self.first))
        if length < 2 * period or runs <= period:
            if runs > LARGEST:
                raise Irregular
            yield from ((count, (value,)) for count, value in self._runs(self.end))
        elif period > LARGEST:
            raise Irregular
        else:
            once = self._runs(self.begin + period)
            yield length, tuple(value for count, value in once for _ in range(count))

    def _runs(self, end: int) -> Iterator[Run]:
        """The values of the positions from the first up to another."""
        if self.bins > self.size:
            return ((1, self._of_many(place)) for place in range(self.begin, end))
        return ((count, value) for count, value in self._of_few(end) if count > 0)

    def _of_few(self, end: int) -> Iterator[Run]:
        """Those of bins that share no more than a position."""
        at, bin_ = self.begin, self.first
        share = self._share(bin_)
        while at < end:
            until = min((bin_ + 1) * self.size // self.bins, end)
            yield until - at, share
            before, share = share, self._share(bin_ + 1)
            at = until
            if (bin_ + 1) * self.size % self.bins and at < end:
                yield 1, before + share
                at += 1
            bin_ += 1

    def _of_many(self, place: int) -> float:
        """That of a position that all bins but the outermost that reach it have for their own."""
        low, high = _reaching(self.size, self.bins, place)
        ends = {low: 0, high: 0}
        inner = self._sum(high - self.first) - self._sum(low + 1 - self.first)
        return sum(map(self._share, ends)) + (inner if high - low > 1 else 0)

    def _share(self, bin_: int) -> float:
        value = self.unit[(bin_ - self.first) % len(self.unit)]
        return value / _length(self.size, self.bins, bin_)

    def _sum(self, count: int) -> float:
        """The values of the first bins together."""
        return count // len(self.unit) * self.sums[-1] + self.sums[count % len(self.unit)]


def _value(outputs: Pieces, size: int, place: int) -> float:
    """What reaches a single position of bins that are in several pieces."""
    low, high = _reaching(size, len(outputs), place)
    ends = (outputs[bin_] / _length(size, len(outputs), bin_) for bin_ in {low: 0, high: 0})
    return sum(ends) + (outputs[low + 1 : high].total() if high - low > 1 else 0)


def _reaching(size: int, bins: int, place: int) -> tuple[int, int]:
    """The first and the last bin that reach a position."""
    return place * bins // size, -(-(place + 1) * bins // size) - 1


def _length(size: int, bins: int, bin_: int) -> int:
    return -(-(bin_ + 1) * size // bins) - bin_ * size // bins
