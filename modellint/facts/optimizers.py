"""What torch's optimizers hold between the steps and need in one, beside a gradient each.

Counted in copies of the trained parameters. A step goes over all parameters at once on a GPU
(`foreach`), so what it makes on the way is as large as they are together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Options = Mapping[str, Any]

#: Copies held between the steps, and made in one.
Copies = tuple[int, int]


def _sgd(options: Options) -> Copies:
    return bool(options.get("momentum", 0)), bool(options.get("weight_decay", 0))


def _adam(options: Options) -> Copies:
    step = 0 if options.get("fused") is True else 1
    return 3 if options.get("amsgrad") is True else 2, step


def _rmsprop(options: Options) -> Copies:
    return 1 + bool(options.get("momentum", 0)) + (options.get("centered") is True), 1


_COPIES: Mapping[str, Callable[[Options], Copies]] = {
    "SGD": _sgd,
    "Adam": _adam,
    "AdamW": _adam,
    "RMSprop": _rmsprop,
    "NAdam": lambda options: (2, 1),
    "RAdam": lambda options: (2, 1),
    "Adamax": lambda options: (2, 1),
    "Rprop": lambda options: (2, 1),
    "Adadelta": lambda options: (2, 2),
    "Adagrad": lambda options: (1, 2),
}
#: The optimizers of `torch.optim` whose memory is known.
OPTIMIZERS = frozenset(_COPIES)


def copies(name: str, options: Options) -> Copies:
    """How many copies of the trained parameters an optimizer holds, and makes in a step.

    Options that are not known count as their defaults. A step that is told to go over one
    parameter at a time (`foreach=False`) makes next to nothing.
    """
    held, made = _COPIES[name](options)
    return int(held), 0 if options.get("foreach") is False else int(made)
