"""Which positions an interpolation reads along one axis, and how much each counts.

The formulas are those of PyTorch's kernels: a given scale factor decides where an output lies, also
where the sizes would say otherwise, and `nearest` rounds in single precision.
"""

from __future__ import annotations

from collections.abc import Iterator
from ctypes import c_float
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, partial
from math import ceil, floor

from modellint.geometry.long_masks import Mask, bits_of, mask_of
from modellint.geometry.masks import covered, full, ranges, read_by_bins
from modellint.geometry.pieces import Irregular, Pieces, added
from modellint.graph import Node

#: Weights below this are rounding errors: the output lies on a position.
NOTHING = 1e-6

#: The taps of so many outputs are told one by one, and those of more where they do not repeat.
SHORT, LONG = 1024, 8192
#: At most so many outputs until they repeat.
PERIOD = 32

#: The positions that an output reads and their weights.
Tap = tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Block:
    """The taps of some outputs, `times` in a row, each time `step` positions on."""

    outputs: tuple[Tap, ...]
    times: int = 1
    step: int = 0


@dataclass(frozen=True, slots=True)
class Taps:
    """What every output of an axis reads of `size` positions."""

    blocks: tuple[Block, ...]
    size: int

    def __len__(self) -> int:
        return sum(block.times * len(block.outputs) for block in self.blocks)

    def __iter__(self) -> Iterator[Tap]:
        for block in self.blocks:
            for time in range(block.times):
                for tap in block.outputs:
                    yield tuple((at + time * block.step, part) for at, part in tap)

    def gathered(self, values: Pieces, weigh: bool = True) -> Pieces:
        """What reaches each position of all outputs' values: their shares, or the whole values."""
        made = []
        first = 0
        for block in self.blocks:
            period = len(block.outputs)
            last = first + period * block.times
            if block.times == 1:
                made.append(self._written(block, values.every(1, first, last), weigh))
                first = last
                continue
            for place, tap in enumerate(block.outputs):
                mine = values.every(period, first + place, last)
                for at, part in tap:
                    share = mine.mapped(part.__mul__) if weigh else mine
                    made.append(share.spread(block.step).placed(at, self.size))
            first = last
        return added(made)

    def _written(self, block: Block, values: Pieces, weigh: bool) -> Pieces:
        positions = [at for tap in block.outputs for at, _ in tap]
        first = min(positions, default=0)
        found = [0.0] * (max(positions, default=0) + 1 - first)
        for value, tap in zip(values, block.outputs, strict=True):
            for at, part in tap:
                found[at - first] += value * part if weigh else value
        return Pieces.written(found).placed(first, self.size)


def resampled(node: Node, dim: int) -> Taps | None:
    """The taps of an `interpolate` along one of its dimensions; `None` where they are not known.

    With antialiasing towards a smaller map, everything is read and weights are not known.
    """
    size, count = node.input.output.example[dim], node.output.example[dim]
    mode = str(node.arguments.get("mode", "nearest"))
    if node.arguments.get("antialias") and count < size:
        return None
    aligned = bool(node.arguments.get("align_corners"))
    same = node.input.output.example == node.output.example
    # The linear kernels copy a map that keeps its size; the others go by the scale factor.
    scale = None if same and mode.endswith("linear") else _scale(node, dim)
    return _taps(mode, size, count, scale, aligned)


def _scale(node: Node, dim: int) -> float | None:
    """The scale factor that the call gives for a dimension, where it decides the positions."""
    given = node.arguments.get("scale_factor")
    if given is None or node.arguments.get("recompute_scale_factor"):
        return None
    if isinstance(given, (tuple, list)):
        given = given[dim - (len(node.output.shape) - len(given))]
    return float(given)


@lru_cache(maxsize=256)
def _taps(mode: str, size: int, count: int, scale: float | None, aligned: bool) -> Taps:
    tap = partial(_tap, mode, size, count, scale, aligned)
    step = None if count <= SHORT else _step(mode, size, count, scale, aligned)
    if step is None:
        if count > LONG:
            raise Irregular
        return Taps((Block(tuple(map(tap, range(count)))),), size)
    period = step.denominator
    # What the borders of the map change, which no tap is further from than 3.
    edge = (ceil((3 / step + 2) / period)) * period
    times = (count - 2 * edge) // period
    middle = edge + times * period
    return Taps(
        (
            Block(tuple(map(tap, range(edge)))),
            Block(tuple(map(tap, range(edge, edge + period))), times, step.numerator),
            Block(tuple(map(tap, range(middle, count)))),
        ),
        size,
    )


def _step(mode: str, size: int, count: int, scale: float | None, aligned: bool) -> Fraction | None:
    """How far the taps of neighbouring outputs lie apart, where they repeat in a short time."""
    nearest = mode.startswith("nearest")
    exact = Fraction(size, count)
    if scale:
        exact = (1 / Fraction(scale)).limit_denominator(PERIOD)
    if aligned and not nearest and mode != "area":
        exact = Fraction(size - 1, count - 1)
    if exact.denominator > PERIOD or count < 8 * (3 / exact + exact.denominator):
        return None
    if scale and abs(float(exact) - 1 / scale) * count > NOTHING:
        return None
    if not nearest or (count == 2 * size and mode == "nearest"):
        return exact
    # Rounded up in single precision, an output stays on its position until errors grow to a step.
    single = c_float(1 / scale if scale else size / count).value
    lasting = count * exact * 2 * exact.denominator < 1 << 22
    return exact if single >= exact and lasting else None


def _tap(mode: str, size: int, count: int, scale: float | None, aligned: bool, output: int) -> Tap:
    if mode == "area":
        return _bin(output, size, count)
    ratio = 1 / scale if scale else size / max(count, 1)
    if mode.startswith("nearest"):
        half = 0.5 if mode == "nearest-exact" else 0.0
        return ((_nearest(output, half, ratio, size, count), 1.0),)
    if aligned:
        ratio = (size - 1) / (count - 1) if count > 1 else 0.0
    at = output * ratio if aligned else (output + 0.5) * ratio - 0.5
    return _cubic(at, size) if mode == "bicubic" else _linear(max(at, 0.0), size)


def _bin(output: int, size: int, count: int) -> Tap:
    first, last = output * size // count, -(-(output + 1) * size // count)
    return tuple((position, 1 / (last - first)) for position in range(first, last))


def _nearest(output: int, half: float, ratio: float, size: int, count: int) -> int:
    if count == 2 * size and not half:
        return output // 2
    single = c_float((output + half) * c_float(ratio).value).value
    return min(floor(single), size - 1)


def _linear(at: float, size: int) -> tuple[tuple[int, float], ...]:
    low = min(floor(at + NOTHING), size - 1)
    part = min(max(at - low, 0.0), 1.0)
    if part < NOTHING or low == size - 1:
        return ((low, 1.0),)
    return ((low, 1 - part), (low + 1, part))


def _cubic(at: float, size: int) -> tuple[tuple[int, float], ...]:
    """Keys' kernel with a = -0.75; positions beyond the map are those of its border."""
    low = floor(at + NOTHING)
    part = at - low
    if part < NOTHING:
        return ((min(max(low, 0), size - 1), 1.0),)
    found: dict[int, float] = {}
    for tap in range(-1, 3):
        position = min(max(low + tap, 0), size - 1)
        found[position] = found.get(position, 0.0) + _keys(abs(tap - part))
    return tuple(found.items())


def _keys(distance: float, a: float = -0.75) -> float:
    x = distance
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * (x**3 - 5 * x**2 + 8 * x - 4)


def read_by_resampling(node: Node, dim: int, outputs: Mask) -> Mask:
    """The positions that these outputs of an `interpolate` read along a dimension."""
    size, count = node.input.output.example[dim], node.output.example[dim]
    if node.arguments.get("mode") == "area":
        return read_by_bins(size, count, outputs)
    try:
        taps = resampled(node, dim)
    except Irregular:
        return _around(size, count, outputs)
    if taps is None:
        return full(size)
    return _all(taps) if outputs == full(count) else _reached(taps, outputs)


@lru_cache(maxsize=256)
def _all(taps: Taps) -> Mask:
    return _reached(taps, full(len(taps)))


def _reached(taps: Taps, outputs: Mask) -> Mask:
    counts = taps.gathered(bits_of(outputs, len(taps)), weigh=False)
    return mask_of(counts.mapped(bool))


def _around(size: int, count: int, outputs: Mask) -> Mask:
    """All positions between the outermost that may be read."""
    first, last = next(ranges(outputs))[0], outputs.bit_length() - 1
    margin = 4 + size // (1 << 20)  # Sizes are rounded, and positions in single precision.
    return covered(
        [(max(first * size // count - margin, 0), min(last * size // count + margin, size))]
    )
