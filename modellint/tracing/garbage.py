"""Keeps Python's garbage collector out of work that makes many objects and keeps them."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """No garbage collection inside the block.

    A trace makes tens of thousands of small objects that stay; the collections they set off walk
    everything that torch and the user imported, which takes longer than the trace itself.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
