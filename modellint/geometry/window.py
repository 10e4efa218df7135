"""What one window does to one axis: which taps meet data, how much is trimmed, how often read.

Symbols: input size `n`, kernel `k`, stride `s`, dilation `d`, padding `(begin, end)`, output `o`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from modellint.geometry.long_masks import Mask, shifted
from modellint.geometry.masks import covered, full, spread, swept
from modellint.geometry.pieces import Irregular
from modellint.graph import Graph, Node, fact
from modellint.graph.operations import CONVOLUTIONS


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
        return Window(size, self.k, self.s, self.d, self.begin, self.end, max(outputs, 0))

    def taps(self, output: int) -> range:
        """The positions of the input that an output reads; those in the padding are left out."""
        first = output * self.s - self.begin
        skip = max(0, -(first // self.d)) if first < 0 else 0
        last = min(first + self.span - 1, self.n - 1)
        return range(first + skip * self.d, last + 1, self.d)

    @cached_property
    def unread(self) -> Mask:
        """The positions of the input that no output reads; none where they are too irregular."""
        if self.s == 1 and self.o >= self.d and self.reached >= 0:
            return 0  # Each output moves every tap on by one: nothing is left out.
        try:
            return full(self.n) & ~self._read(full(self.o))
        except Irregular:
            return 0

    def read(self, outputs: Mask) -> Mask:
        """The positions of the input that these outputs read."""
        whole = full(self.o)
        return full(self.n) & ~self.unread if outputs == whole else self._read(outputs)

    def _read(self, outputs: Mask) -> Mask:
        return shifted(swept(spread(outputs, self.s), self.k, self.d), -self.begin) & full(self.n)

    @cached_property
    def shortened(self) -> Window:
        """The same window on the shortest map that has the same ends and all that lies between."""
        # Between these positions the windows that read one are all there, and it repeats by s.
        first = max(0, self.span - 1 - self.begin)
        last = min(self.n - 1, (self.o - 1) * self.s - self.begin)
        periods = max((last - first + 1) // self.s - 1, 0)
        return _window(
            self.n - periods * self.s, self.k, self.s, self.d, self.begin, self.end,
            self.o - periods,
        ) if periods else self  # fmt: skip

    @cached_property
    def dead(self) -> int:
        """The taps that meet no data: those without an `i` for which 0 <= i·s + j·d - p < n."""
        if self.n >= self.s and self.o:
            # A tap that moves by s cannot leap over the map.
            first = max(0, -(((self.o - 1) * self.s - self.begin) // self.d))
            last = min(self.k - 1, (self.n + self.begin - 1) // self.d)
            return (1 << self.k) - 1 & ~((1 << max(last + 1, first)) - (1 << first))
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
        live = (1 << self.k) - 1 & ~self.dead
        if not live:
            return 1
        return self.d * (live.bit_length() - (live & -live).bit_length()) + 1

    @cached_property
    def blind(self) -> Mask:
        """The outputs that read nothing but padding."""
        if self.d == 1 and self.begin < self.span and self.reached < self.span:
            return 0
        if self.n >= self.d:
            # Taps that lie d apart cannot leap over the map either.
            first = -((self.span - 1 - self.begin) // self.s)
            last = -(-(self.n + self.begin) // self.s)
            return full(max(min(first, self.o), 0)) | full(self.o) & ~full(min(last, self.o))
        found = (output for output in range(self.o) if not len(self.taps(output)))
        return covered((output, output + 1) for output in found)

    def readers(self) -> list[int]:
        """How many windows read each position; what repeats within a map is told once."""
        window = self.shortened
        counts = [0] * window.n
        for output in range(window.o):
            for position in window.taps(output):
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


@fact
def convolutions(graph: Graph) -> tuple[tuple[Node, tuple[Window, ...] | None], ...]:
    """The convolutions in execution order, each with its windows, as `windows` tells them.

    Those of equal layers are worked out once.
    """
    calls = graph.calls(*CONVOLUTIONS)
    return tuple([(call, windows(graph.first_like(call))) for call in calls])


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
def _window(*values: int) -> Window:
    return Window(*values)


@lru_cache(maxsize=4096)
def _windows(*axes: tuple[Any, ...]) -> tuple[Window, ...]:
    """The windows of equal layers are the same values, and a model repeats its layers."""
    return tuple(
        Window(n - b - e, k, s, d, own[0] + b, own[1] + e, o)
        for n, k, s, d, own, (b, e), o in zip(*axes, strict=True)
    )
