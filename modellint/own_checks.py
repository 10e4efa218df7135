"""What torch's own layers compare or read in Python, which a trace must see or do without.

Private names of torch are replaced while a forward runs, and put back after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn
from torch.nn.modules import transformer

_transformer: Any = transformer


@contextmanager
def judged_states() -> Iterator[None]:
    """Recurrent layers leave sizes that do not fit to their operation inside the block.

    They compare them in Python and raise an error like any other, where an operation refuses.
    """
    layers: tuple[Any, ...] = (nn.RNNBase, nn.LSTM)
    originals = [vars(of)["check_forward_args"] for of in layers]
    for of, original in zip(layers, originals, strict=True):
        of.check_forward_args = _leaving_sizes(original)
    try:
        yield
    finally:
        for of, original in zip(layers, originals, strict=True):
            of.check_forward_args = original


@contextmanager
def unread_masks() -> Iterator[None]:
    """Transformer layers do not look for a causal mask inside the block.

    They read the mask's values only to choose a faster kernel of the same result, and what is read
    of a mask that was made for a length holds for that length alone.
    """
    original = getattr(_transformer, "_detect_is_causal_mask", None)
    if original is None:
        yield
        return

    def stated(mask: Any, is_causal: bool | None = None, size: int | None = None) -> bool:
        return bool(is_causal)

    _transformer._detect_is_causal_mask = stated
    try:
        yield
    finally:
        _transformer._detect_is_causal_mask = original


def _leaving_sizes(check: Callable[..., None]) -> Callable[..., None]:
    def checked(layer: Any, given: Any, hidden: Any, batch_sizes: Any) -> None:
        try:
            check(layer, given, hidden, batch_sizes)
        except RuntimeError:
            # Packed sequences have an operation that nobody judges.
            if batch_sizes is not None:
                raise

    return checked
