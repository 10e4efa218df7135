"""Which positions an interpolation reads along one axis, and how much each counts.

The formulas are those of PyTorch's kernels: a given scale factor decides where an output lies, also
where the sizes would say otherwise, and `nearest` rounds in single precision.
"""

from __future__ import annotations

from ctypes import c_float
from functools import lru_cache
from math import floor

from modellint.geometry.masks import Mask, full, positions
from modellint.graph import Node

#: Weights below this are rounding errors: the output lies on a position.
NOTHING = 1e-6

#: For each output, the positions that it reads and their weights.
Taps = tuple[tuple[tuple[int, float], ...], ...]


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
    ratio = 1 / scale if scale else size / max(count, 1)
    if mode == "area":
        return tuple(_bin(output, size, count) for output in range(count))
    if mode.startswith("nearest"):
        half = 0.5 if mode == "nearest-exact" else 0.0
        return tuple(
            ((_nearest(output, half, ratio, size, count), 1.0),) for output in range(count)
        )
    if aligned:
        ratio = (size - 1) / (count - 1) if count > 1 else 0.0
    cubic = mode == "bicubic"
    made = []
    for output in range(count):
        at = output * ratio if aligned else (output + 0.5) * ratio - 0.5
        made.append(_cubic(at, size) if cubic else _linear(max(at, 0.0), size))
    return tuple(made)


def _bin(output: int, size: int, count: int) -> tuple[tuple[int, float], ...]:
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
    taps = resampled(node, dim)
    if taps is None:
        return full(node.input.output.example[dim])
    if outputs == full(len(taps)):
        return _all(taps)
    found = 0
    for output in positions(outputs):
        for position, _ in taps[output]:
            found |= 1 << position
    return found


@lru_cache(maxsize=256)
def _all(taps: Taps) -> Mask:
    found = 0
    for output in taps:
        for position, _ in output:
            found |= 1 << position
    return found
