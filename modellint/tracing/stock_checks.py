"""What torch's own layers compare or read in Python, which a trace must see or do without.

Private names of torch are replaced while a forward runs, and put back after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.modules import transformer

from modellint.modules.replacing import replaced


@contextmanager
def judged_states() -> Iterator[None]:
    """Recurrent layers leave sizes that do not fit to their operation inside the block.

    They compare them in Python and raise an error like any other, where an operation refuses.
    """
    layers: tuple[Any, ...] = (nn.RNNBase, nn.LSTM)
    with ExitStack() as stack:
        for of in layers:
            leaving = _leaving_sizes(vars(of)["check_forward_args"])
            stack.enter_context(replaced(of, "check_forward_args", leaving))
        yield


@contextmanager
def unread_masks() -> Iterator[None]:
    """Transformer layers read no masks inside the block: is one causal, is padding at the end.

    They read a mask's values only to choose a faster kernel of the same result, and what is read
    of a mask that was made for a length holds for that length alone.
    """
    if not hasattr(transformer, "_detect_is_causal_mask"):
        yield
        return

    def stated(mask: Any, is_causal: bool | None = None, size: int | None = None) -> bool:
        return bool(is_causal)

    with (
        replaced(transformer, "_detect_is_causal_mask", stated),
        replaced(torch.backends.mha, "get_fastpath_enabled", _no),
    ):
        yield


def _no() -> bool:
    return False


def _leaving_sizes(check: Callable[..., None]) -> Callable[..., None]:
    def checked(layer: Any, given: Any, hidden: Any, batch_sizes: Any) -> None:
        try:
            check(layer, given, hidden, batch_sizes)
        except RuntimeError:
            # Packed sequences have an operation that nobody judges.
            if batch_sizes is not None:
                raise

    return checked
