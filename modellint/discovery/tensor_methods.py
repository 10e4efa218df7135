"""What methods and functions of torch make of a shape of which some sizes may not be known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Shape = tuple[int | None, ...]


def reshaped(shape: Shape, method: str, given: Sequence[Any]) -> Shape | None:
    """The shape that a method gives; `None` for one that is not known, or does not fit.

    `given` are its arguments, `None` where they are not known.
    """
    change = _CHANGES.get(method)
    if change is None:
        return None
    try:
        return change(shape, [*given])
    except (IndexError, TypeError, ValueError):
        return None


def joined(shapes: Sequence[Shape], axis: Any, new: bool) -> Shape | None:
    """The shape of tensors that are put one after another along an axis, or a `new` one."""
    first = shapes[0]
    if not isinstance(axis, int) or any(len(shape) != len(first) for shape in shapes):
        return None
    if new:
        return _unsqueezed(first, [axis], len(shapes))
    at = range(len(first))[axis]
    parts = [shape[at] for shape in shapes]
    known = [part for part in parts if part is not None]
    total = sum(known) if len(known) == len(parts) else None
    return (*first[:at], total, *first[at + 1 :])


def broadcast(left: Shape, right: Shape) -> Shape:
    """The shape of what works value by value on two tensors; sizes that differ are not known."""
    longer, shorter = (left, right) if len(left) >= len(right) else (right, left)
    padded = (*(1 for _ in range(len(longer) - len(shorter))), *shorter)
    return tuple(
        one if one == other or other == 1 else other if one == 1 else None
        for one, other in zip(longer, padded, strict=True)
    )


def _unsqueezed(shape: Shape, given: list[Any], size: int = 1) -> Shape:
    at = range(len(shape) + 1)[given[0]]
    return (*shape[:at], size, *shape[at:])


def _squeezed(shape: Shape, given: list[Any]) -> Shape:
    if not given:
        return tuple(size for size in shape if size != 1)
    at = range(len(shape))[given[0]]
    return (*shape[:at], *shape[at + 1 :]) if shape[at] == 1 else shape


def _viewed(shape: Shape, given: list[Any]) -> Shape | None:
    sizes = _listed(given)
    if -1 not in sizes:
        return tuple(sizes)
    if None in shape or None in sizes or sizes.count(-1) > 1:
        return None
    total = known = 1
    for size in shape:
        total *= size or 1
    for size in sizes:
        known *= abs(size or 1)
    return None if total % known else tuple(total // known if s == -1 else s for s in sizes)


def _permuted(shape: Shape, given: list[Any]) -> Shape | None:
    order = _listed(given)
    return tuple(shape[axis] for axis in order) if len(order) == len(shape) else None


def _transposed(shape: Shape, given: list[Any]) -> Shape:
    swapped = list(shape)
    one, other = given
    swapped[one], swapped[other] = swapped[other], swapped[one]
    return tuple(swapped)


def _flattened(shape: Shape, given: list[Any]) -> Shape:
    axes = range(len(shape))
    first, last = axes[given[0] if given else 0], axes[given[1] if len(given) > 1 else -1]
    merged: int | None = 1
    for size in shape[first : last + 1]:
        merged = None if size is None or merged is None else merged * size
    return (*shape[:first], merged, *shape[last + 1 :])


def _repeated(shape: Shape, given: list[Any]) -> Shape:
    times = _listed(given)
    padded = (*(1 for _ in range(len(times) - len(shape))), *shape)
    pairs = zip(padded, times, strict=True)
    return tuple(None if s is None or t is None else s * t for s, t in pairs)


def _expanded(shape: Shape, given: list[Any]) -> Shape:
    sizes = _listed(given)
    padded = (*(1 for _ in range(len(sizes) - len(shape))), *shape)
    return tuple(s if t == -1 else t for s, t in zip(padded, sizes, strict=True))


def _listed(given: list[Any]) -> list[Any]:
    return list(given[0]) if len(given) == 1 and isinstance(given[0], tuple | list) else given


_CHANGES: Mapping[str, Callable[[Shape, list[Any]], Shape | None]] = {
    "unsqueeze": _unsqueezed,
    "squeeze": _squeezed,
    "view": _viewed,
    "reshape": _viewed,
    "permute": _permuted,
    "transpose": _transposed,
    "swapaxes": _transposed,
    "t": lambda shape, _: shape[::-1] if len(shape) == 2 else None,
    "flatten": _flattened,
    "repeat": _repeated,
    "expand": _expanded,
}
