"""Shapes of what resamples a map, and of Fourier transforms."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any

from modellint.shapes.core import (
    Out,
    Refused,
    Shape,
    Tensor,
    Unsure,
    at_least,
    equal,
    op,
    per_axis,
    show,
)
from modellint.symbolic.dims import Ratio, symbolic

#: For how many spatial axes each mode is.
_MODES: Mapping[str, tuple[int, ...]] = {
    **dict.fromkeys(("nearest", "nearest-exact", "area"), (1, 2, 3)),
    "linear": (1,),
    **dict.fromkeys(("bilinear", "bicubic"), (2,)),
    "trilinear": (3,),
}
_ALIGNED = ("linear", "bilinear", "bicubic", "trilinear")
_FILTERED = ("bilinear", "bicubic")


@op("interpolate")
def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: Any = None,
    recompute_scale_factor: Any = None,
    antialias: bool = False,
) -> Shape:
    """The spatial axes (all after the channels) at a size, or times a factor and floored."""
    leading, spatial = input.shape[:2], input.shape[2:]
    odd = (size is None) is (scale_factor is None) or (antialias and mode not in _FILTERED)
    if odd or len(spatial) not in _MODES.get(mode, ()):
        raise Unsure
    if align_corners is not None and mode not in _ALIGNED:
        raise Unsure
    if recompute_scale_factor and size is not None:
        raise Unsure
    if isinstance(size, (tuple, list)) and len(size) != len(spatial):
        raise Unsure
    if not spatial:
        raise Refused("interpolate takes a batch of maps (N, C, …)")
    if size is not None:
        sizes = per_axis(size, len(spatial))
    else:
        many = isinstance(scale_factor, (tuple, list))
        factors = tuple(scale_factor) if many else (scale_factor,) * len(spatial)
        if None in factors:  # What nn.Upsample makes of a factor of 0.
            raise Refused("interpolate has neither a size nor a factor other than 0")
        sizes = tuple(_scaled(n, by) for n, by in zip(spatial, factors, strict=True))
    for side in (*spatial, *sizes):
        at_least(
            side,
            1,
            lambda: Refused(f"interpolate of {show(input.shape)} to {show((*leading, *sizes))}"),
        )
    return (*leading, *sizes)


def _scaled(size: int, factor: float) -> int:
    """⌊size · factor⌋, computed in floating point as PyTorch does."""
    if isinstance(factor, Ratio):
        scaled: int = math.floor(factor * size)
        return scaled
    simple = _simple(float(factor))
    if simple is None:
        return math.floor(size * factor)
    return size * simple.numerator // simple.denominator


@lru_cache(maxsize=256)
def _simple(factor: float) -> Fraction | None:
    """The simple fraction that gives the same floors, as 3/10 for 0.3, or `None`.

    0.29 · 100 is 28.999…96 in floating point; what holds for all sizes to 4096 is taken to hold.
    """
    found = Fraction(factor).limit_denominator(64)
    exact = all(
        math.floor(size * factor) == size * found.numerator // found.denominator
        for size in range(4097)
    )
    return found if exact else None


@op("pixel_shuffle")
def pixel_shuffle(input: Tensor, upscale_factor: int) -> Shape:
    """(…, C·r², H, W) → (…, C, H·r, W·r)."""
    *leading, channels, height, width = input.shape
    by = upscale_factor
    equal(
        channels % (by * by),
        0,
        lambda: Refused(f"pixel_shuffle by {by} of {symbolic(channels)} channels"),
    )
    return (*leading, channels // (by * by), height * by, width * by)


@op("pixel_unshuffle")
def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Shape:
    """(…, C, H·r, W·r) → (…, C·r², H, W)."""
    *leading, channels, height, width = input.shape
    by = downscale_factor
    for size in (height, width):
        equal(
            size % by,
            0,
            lambda size=size: Refused(  # type: ignore[misc]
                f"pixel_unshuffle by {by} of a side of {symbolic(size)}"
            ),
        )
    return (*leading, channels * by * by, height // by, width // by)


@op("grid_sample")
def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: Any = None,
) -> Shape:
    """(N, C, …) at the places of a grid (N, …, axes)."""
    equal(
        input.shape[0],
        grid.shape[0],
        lambda: Refused("grid_sample: input and grid have different batch sizes"),
    )
    equal(
        grid.shape[-1],
        len(input.shape) - 2,
        lambda: Refused(f"grid_sample of {show(input.shape)} with a grid {show(grid.shape)}"),
    )
    return (*input.shape[:2], *grid.shape[1:-1])


@op("affine_grid", runs=True)
def affine_grid(theta: Tensor, size: Any, align_corners: Any = None) -> Shape:
    """A grid of coordinates for a size (N, C, …)."""
    sizes = tuple(size)
    return (sizes[0], *sizes[2:], len(sizes) - 2)


@op("fft_fft", "fft_ifft", runs=True)
def fft(input: Tensor, n: Any = None, dim: int = -1, norm: Any = None) -> Shape:
    """One axis transformed, at its own or the given length."""
    return _at(input.shape, dim, n)


@op("fft_rfft", runs=True)
def rfft(input: Tensor, n: Any = None, dim: int = -1, norm: Any = None) -> Shape:
    """One real axis transformed: n // 2 + 1 frequencies."""
    return _at(input.shape, dim, (input.shape[dim] if n is None else n) // 2 + 1)


@op("fft_irfft", runs=True)
def irfft(input: Tensor, n: Any = None, dim: int = -1, norm: Any = None) -> Shape:
    """Back to a real axis: 2(m - 1) values unless a length is given."""
    return _at(input.shape, dim, (input.shape[dim] - 1) * 2 if n is None else n)


def _at(shape: Shape, dim: int, size: Any) -> Shape:
    sizes = list(shape)
    if size is not None:
        sizes[dim] = size
    return tuple(sizes)


def _many(input: Tensor, s: Any, dim: Any, default: Any) -> tuple[list[int], list[Any]]:
    dims = dim if dim is not None else default
    if dims is None:
        rank = len(input.shape)
        dims = range(rank - len(s), rank) if s is not None else range(rank)
    places = [d % len(input.shape) for d in dims]
    return places, list(s) if s is not None else [None] * len(places)


def _transform(name: str, real: str, default: Any) -> None:
    @op(name, runs=True)
    def transform(input: Tensor, s: Any = None, dim: Any = None, norm: Any = None) -> Shape:
        places, lengths = _many(input, s, dim, default)
        sizes = list(input.shape)
        for at, length in zip(places, lengths, strict=True):
            if length is not None and length != -1:
                sizes[at] = length
        last = places[-1]
        if real == "forward":
            sizes[last] = sizes[last] // 2 + 1
        elif real == "backward" and lengths[-1] is None:
            sizes[last] = (sizes[last] - 1) * 2
        return tuple(sizes)


for _suffix, _default in (("2", (-2, -1)), ("n", None)):
    _transform(f"fft_fft{_suffix}", "", _default)
    _transform(f"fft_ifft{_suffix}", "", _default)
    _transform(f"fft_rfft{_suffix}", "forward", _default)
    _transform(f"fft_irfft{_suffix}", "backward", _default)


@op("stft", runs=True)
def stft(
    input: Tensor,
    n_fft: int,
    hop_length: Any = None,
    win_length: Any = None,
    window: Tensor | None = None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: bool | None = None,
    return_complex: bool | None = None,
    align_to_window: bool | None = None,
) -> Any:
    """(…, L) → (…, frequencies, frames), a transform of every frame."""
    if align_to_window:
        return None
    *leading, length = input.shape
    hop = n_fft // 4 if hop_length is None else hop_length
    half = n_fft // 2
    if center and pad_mode == "reflect":
        at_least(
            length - half, 1, lambda: Refused(f"stft reflects {half} of {symbolic(length)} samples")
        )
    padded = length + 2 * half if center else length
    at_least(
        padded - n_fft, 0, lambda: Refused(f"stft has frames of {n_fft}, of {symbolic(length)}")
    )
    real = not any("complex" in str(t.dtype) for t in (input, window) if t is not None)
    frequencies = half + 1 if (real if onesided is None else onesided) else n_fft
    shape = (*leading, frequencies, (padded - n_fft) // hop + 1)
    return shape if return_complex or not real else (*shape, 2)


@op("istft")
def istft(
    input: Tensor,
    n_fft: int,
    hop_length: Any = None,
    win_length: Any = None,
    window: Tensor | None = None,
    center: bool = True,
    normalized: bool = False,
    onesided: bool | None = None,
    length: Any = None,
    return_complex: bool = False,
) -> Any:
    """(…, frequencies, frames) → (…, L), as long as the frames reach or as is said."""
    if return_complex:
        return None
    *leading, frequencies, frames = input.shape
    wanted = n_fft if onesided is False else n_fft // 2 + 1
    equal(
        frequencies,
        wanted,
        lambda: Refused(f"istft expects {wanted} frequencies and gets {symbolic(frequencies)}"),
    )
    hop = n_fft // 4 if hop_length is None else hop_length
    reach = (frames - 1) * hop + n_fft - (2 * (n_fft // 2) if center else 0)
    dtype = "float64" if "128" in str(input.dtype) else "float32"
    return Out((*leading, reach if length is None else length), dtype)


@op("fft_fftshift", "fft_ifftshift", runs=True)
def shifted(input: Tensor, dim: Any = None) -> Shape:
    """The same shape."""
    return input.shape
