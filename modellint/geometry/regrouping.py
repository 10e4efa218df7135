"""What a reshape's output reads of its input: the same elements in the same order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

from modellint.geometry.masks import LARGEST, Mask, full, spread


def regrouped(
    masks: tuple[Mask, ...], after: Sequence[int], before: Sequence[int]
) -> tuple[Mask, ...]:
    """The masks of a reshape's input, of sizes `before`, from those of its output.

    Dimensions are matched in the smallest groups of equal size; what is read of a group is made
    one mask of its elements, and then told for each of the input's dimensions.
    """
    made = [1 if size == 1 else 0 for size in before]
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
    whole = [full(size) for size in before]
    if prod(before) > LARGEST or all(m == full(n) for m, n in zip(masks, after, strict=True)):
        return whole
    joint, size = 1, 1
    for mask, length in zip(reversed(masks), reversed(after), strict=True):
        # Copies of what lies within, one for each position that counts; they do not overlap.
        joint = spread(mask, size) * joint
        size *= length
    return _projected(joint, before)


def _projected(joint: Mask, sizes: list[int]) -> list[Mask]:
    """The mask of each dimension of a group, from that of its elements in memory order."""
    found = []
    for place, size in enumerate(sizes):
        inner = prod(sizes[place + 1 :])
        digits = f"{joint:0{size * inner}b}"
        outer, union = 0, 0
        for at in range(size):
            # Position 0 is the last digit.
            end = len(digits) - at * inner
            part = int(digits[end - inner : end], 2)
            if part:
                outer |= 1 << at
                union |= part
        found.append(outer)
        joint = union
    return found
