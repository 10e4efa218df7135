"""What a reshape's output reads of its input: the same elements in the same order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

from modellint.geometry.long_masks import Mask
from modellint.geometry.masks import full, grouped, nested


def regrouped(
    masks: tuple[Mask, ...], after: Sequence[int], before: Sequence[int]
) -> tuple[Mask, ...]:
    """The masks of a reshape's input, of sizes `before`, from those of its output.

    Dimensions are matched in the smallest groups of equal size; what is read of a group is made
    one mask of its elements, and then told for each of the input's dimensions.
    """
    made: list[Mask] = [1 if size == 1 else 0 for size in before]
    for first, last in _groups(after, before):
        outputs, inputs = range(*first), range(*last)
        read = _told(
            [masks[dim] for dim in outputs],
            [after[dim] for dim in outputs],
            [before[dim] for dim in inputs],
        )
        for dim, mask in zip(inputs, read, strict=True):
            made[dim] = mask
    return tuple(made)


def _groups(
    after: Sequence[int], before: Sequence[int]
) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """The smallest runs of dimensions, of output and input, that hold as many elements."""
    i = j = 0
    while i < len(after) and j < len(before):
        first, second = i, j
        left, right = after[i], before[j]
        i, j = i + 1, j + 1
        while left != right:
            if left < right and i < len(after):
                left *= after[i]
                i += 1
            elif j < len(before):
                right *= before[j]
                j += 1
            else:
                return
        yield (first, i), (second, j)


def _told(masks: list[Mask], after: list[int], before: list[int]) -> list[Mask]:
    if after == before:
        return masks
    if all(m == full(n) for m, n in zip(masks, after, strict=True)):
        return [full(size) for size in before]
    joint: Mask = 1
    size = 1
    for mask, length in zip(reversed(masks), reversed(after), strict=True):
        joint = nested(mask, length, joint, size)
        size *= length
    return list(_projected(joint, before))


def _projected(joint: Mask, sizes: list[int]) -> Iterator[Mask]:
    """The mask of each dimension of a group, from that of its elements in memory order."""
    for place, size in enumerate(sizes):
        inner = prod(sizes[place + 1 :])
        yield grouped(joint, size, inner)
        # Laid upon each other, one half of the runs upon the other at a time.
        while size > 1:
            size = -(-size // 2)
            joint = joint & full(size * inner) | joint >> size * inner
