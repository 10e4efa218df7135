"""Short axes held as long ones are, so that both ways can be compared where a map is small."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from modellint.geometry import long_masks, masks, pieces, resampling, window


@contextmanager
def nothing_is_short() -> Iterator[None]:
    """Whatever is held in full where an axis is short is held as pieces."""
    caches = (
        window._windows, window._window, masks.read_by_transposed, masks.read_by_bins,
        long_masks.run,
        resampling._taps, resampling._all,
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "WRITTEN", 0)
        patch.setattr(pieces, "SHORT", 3)
        for module in (masks, long_masks):
            patch.setattr(module, "LONGEST", 3)
        patch.setattr(resampling, "SHORT", 3)
        for cache in caches:
            cache.cache_clear()
        yield
    for cache in caches:
        cache.cache_clear()
