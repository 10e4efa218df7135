"""What one window does to one axis: which taps meet data, how much is trimmed, how often read.

Symbols: input size `n`, kernel `k`, stride `s`, dilation `d`, padding `(begin, end)`, output `o`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

from modellint.geometry.masks import LARGEST, Mask, full, spread
from modellint.graph import Node


@dataclass(frozen=True)
class Window:
    """One axis of a convolution or pool, with its sizes in the example.

    Equal windows of a model are one object, so that what is derived from it is computed once.
    """

    n: int
    k: int
    s: int
    d: int
    begin: int
    end: int
    o: int

    @cached_property
    def span(self) -> int:
        """The effective kernel e = d(k - 1) + 1."""
        return self.d * (self.k - 1) + 1

    @property
    def padding(self) -> int:
        """Padded positions at both ends together."""
        return self.begin + self.end

    @property
    def growth(self) -> int:
        """At stride 1, how many more positions come out than go in; negative where it shrinks."""
        return self.padding - (self.span - 1)

    @property
    def remainder(self) -> int:
        """r = (n + padding - e) mod s: positions at the end that no window starts at."""
        return (self.n + self.padding - self.span) % self.s

    @property
    def reached(self) -> int:
        """How far the last output's window reaches beyond the map, negative where short of it."""
        return (self.o - 1) * self.s + self.span - self.begin - self.n

    def at(self, size: int, ceil: bool = False) -> Window:
        """The same window on a map of another size; `ceil` rounds the number of outputs up."""
        over = size + self.padding - self.span
        outputs = (-(-over // self.s) if ceil else over // self.s) + 1
        if ceil and (outputs - 1) * self.s >= size + self.begin:
            outputs -= 1  # PyTorch's pools drop a window that would begin in the padding.
        return replace(self, n=size, o=max(outputs, 0))

    def taps(self, output: int) -> range:
        """The positions of the input that an output reads; those in the padding are left out."""
        first = output * self.s - self.begin
        skip = max(0, -(first // self.d)) if first < 0 else 0
        last = min(first + self.span - 1, self.n - 1)
        return range(first + skip * self.d, last + 1, self.d)

    @cached_property
    def unread(self) -> Mask:
        """The positions of the input that no output reads; none of a map that is too long."""
        if self.s == 1 and self.o >= self.d and self.reached >= 0:
            return 0  # Each output moves every tap on by one: nothing is left out.
        if self.n > LARGEST:
            return 0
        return full(self.n) & ~self._read(full(self.o))

    def read(self, outputs: Mask) -> Mask:
        """The positions of the input that these outputs read."""
        whole = full(self.o)
        return full(self.n) & ~self.unread if outputs == whole else self._read(outputs)

    def _read(self, outputs: Mask) -> Mask:
        starts, found = spread(outputs, self.s), 0
        for tap in range(self.k):
            found |= starts << tap * self.d
        return found >> self.begin & full(self.n)

    @cached_property
    def dead(self) -> Mask:
        """The taps that meet no data: those without an `i` for which 0 <= i·s + j·d - p < n."""
        found = 0
        for tap in range(self.k):
            shift = tap * self.d - self.begin
            first = max(0, -(shift // self.s))
            if first >= self.o or first * self.s + shift >= self.n:
                found |= 1 << tap
        return found

    @cached_property
    def reach(self) -> int:
        """What the taps that meet data span: e, or less where outer ones lie in the padding."""
        if not self.dead:
            return self.span
        live = full(self.k) & ~self.dead
        if not live:
            return 1
        return self.d * (live.bit_length() - (live & -live).bit_length()) + 1

    @cached_property
    def blind(self) -> Mask:
        """The outputs that read nothing but padding."""
        if self.d == 1 and self.begin < self.span and self.reached < self.span:
            return 0
        return sum(1 << output for output in range(self.o) if not len(self.taps(output)))

    def readers(self) -> list[int]:
        """How many windows read each position of the input."""
        counts = [0] * self.n
        for output in range(self.o):
            for position in self.taps(output):
                counts[position] += 1
        return counts


def windows(call: Node, extra: tuple[tuple[int, int], ...] = ()) -> tuple[Window, ...] | None:
    """The window of a convolution or pool on each axis, first spatial axis first.

    `extra` is padding (begin, end) on each axis besides the operation's own. `None` where the
    kernel is not known, the call has no output, or its arguments are none that PyTorch accepts.
    """
    if extra:
        return _of(call, extra)
    kept = vars(call)
    if "windows" not in kept:
        kept["windows"] = _of(call, ())
    found: tuple[Window, ...] | None = kept["windows"]
    return found


def _of(call: Node, extra: tuple[tuple[int, int], ...]) -> tuple[Window, ...] | None:
    kernel = call.kernel
    if kernel is None or not call.rank or not call.outputs or not call.inputs:
        return None
    if min(*kernel, *call.stride, *call.dilation) < 1 or min(map(min, call.padding)) < 0:
        return None
    before = call.input.output.example[-call.rank :]
    after = call.output.example[-call.rank :]
    more = extra or ((0, 0),) * call.rank
    return _windows(before, kernel, call.stride, call.dilation, call.padding, more, after)


@lru_cache(maxsize=4096)
def _windows(*axes: tuple[Any, ...]) -> tuple[Window, ...]:
    """The windows of equal layers are the same values, and a model repeats its layers."""
    return tuple(
        Window(n - b - e, k, s, d, own[0] + b, own[1] + e, o)
        for n, k, s, d, own, (b, e), o in zip(*axes, strict=True)
    )
