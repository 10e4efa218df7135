"""The parts that axes are made of, and what joining, merging and splitting does to them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from modellint.shapes.core import plain
from modellint.symbolic.dims import Dim, dim, expr_of
from modellint.symbolic.expressions import atom, divide_exactly

NONE: frozenset[str] = frozenset()
#: What stands for an axis of which nothing is known.
_LOST = object()


class Part(NamedTuple):
    """An axis that something made, or a factor of one.

    `key` tells it from others: the name of an axis of an input, the index and axis of the operation
    that made it, or of which factor of what it is; of what is lost beside others, nothing. `roots`
    are the axes of inputs that its places stand for.
    """

    key: Hashable
    roots: frozenset[str]
    size: int


#: The parts of an axis, outermost first; none of an axis of one; `None` where they are not known.
Axis = tuple[Part, ...] | None


@dataclass(frozen=True)
class Layout:
    """Where the axes of one tensor come from."""

    axes: tuple[Axis, ...]
    mixed: frozenset[str] = NONE
    lost: frozenset[str] = NONE

    @cached_property
    def roots(self) -> frozenset[str]:
        """The axes of inputs that its axes stand for."""
        return self.along(range(len(self.axes)))

    def along(self, dims: Iterable[int]) -> frozenset[str]:
        """The axes of inputs that some of its axes stand for."""
        return frozenset().union(*(part.roots for at in dims for part in self.axes[at] or ()))

    def places(self, root: str) -> tuple[int, ...]:
        """The axes that stand for an axis of an input."""
        return tuple(
            at
            for at, axis in enumerate(self.axes)
            if any(root in part.roots for part in axis or ())
        )


#: The layouts of all results of an operation.
State = tuple[Layout, ...]


def name_of(size: int) -> str | None:
    """The name of a size that is a free symbol."""
    if isinstance(size, Dim) and not size.unknown:
        symbols = [*size.expr.symbols]
        if len(symbols) == 1 and size.expr is atom(symbols[0]):
            return str(symbols[0].name)
    return None


def is_one(size: int) -> bool:
    """Whether a size is one whatever the input."""
    return not isinstance(size, Dim) and size == 1


def fresh(index: int, at: int, size: int, roots: frozenset[str] = NONE) -> Axis:
    """The axis that an operation made."""
    return () if is_one(size) else (Part((index, at), roots, size),)


def made_by(index: int, shape: Sequence[int]) -> Layout:
    """The layout of a tensor all of whose axes an operation made."""
    return Layout(tuple(fresh(index, at, size) for at, size in enumerate(shape)))


def divided(size: int, by: int) -> int | None:
    """The size that is left of one where another is split off; `None` where it does not divide."""
    if is_one(by):
        return size
    if not isinstance(size, Dim) and not isinstance(by, Dim):
        return size // by if by and size % by == 0 else None
    left = divide_exactly(expr_of(size), expr_of(by))
    if left is None or not plain(by) or plain(size) % plain(by):
        return None
    made: int = dim(plain(size) // plain(by), left)
    return made


def united(index: int, at: int, size: int, axes: Sequence[Axis]) -> tuple[Axis, frozenset[str]]:
    """The axis that operands of one size give together, and what is lost of them.

    Those that stand for nothing of the inputs, such as channels that a layer made, give way. What
    is not known is lost already, and takes along what it meets.
    """
    known = [axis for axis in axes if axis]
    rooted = [axis for axis in known if any(part.roots for part in axis)]
    lost = NONE.union(*(part.roots for axis in rooted for part in axis))
    if None in axes:
        return None, lost
    if not known:
        return fresh(index, at, size), NONE
    first, *others = rooted or known[:1]
    if all(_alike(axis, first) for axis in others):
        return first, NONE
    if len({len(axis) for axis in rooted}) == 1 and all(
        len({part.roots for part in parts}) == 1 for parts in zip(*rooted, strict=True)
    ):
        return tuple(
            Part((index, at, number), part.roots, part.size) for number, part in enumerate(first)
        ), NONE
    return None, lost


def _alike(axis: tuple[Part, ...], other: tuple[Part, ...]) -> bool:
    return [part.key for part in axis] == [part.key for part in other]


def regrouped(
    axes: Sequence[Axis], sizes: Sequence[int], targets: Sequence[int]
) -> tuple[tuple[Axis, ...], frozenset[str]]:
    """The axes of the same elements in the same order under other sizes, and what is lost.

    `axes` with their `sizes` are those before. Where a target is no product of whole parts or of
    factors of them, it and what is left are not known.
    """
    pending: list[Part] = []
    for at in range(len(sizes) - 1, -1, -1):
        axis = axes[at]
        if axis is None:
            pending.append(Part(_LOST, NONE, sizes[at]))
        else:
            pending.extend(reversed(axis))
    made: list[Axis] = []
    for target in targets:
        if is_one(target):
            made.append(())
            continue
        taken = taken_from(pending, target)
        if taken is None:
            lost = frozenset().union(*(part.roots for part in pending))
            return (*made, *[None] * (len(targets) - len(made))), lost
        # What is merged with something unknown is known beside it.
        made.append(None if all(part.key is _LOST for part in taken) else whole(taken))
    return tuple(made), NONE


def taken_from(pending: list[Part], target: int) -> list[Part] | None:
    """Take from the end of `pending`, where the outermost stands, what makes up a size."""
    taken: list[Part] = []
    left = target
    while not is_one(left):
        if not pending:
            pending.extend(reversed(taken))
            return None
        part = pending.pop()
        rest = divided(left, part.size)
        if rest is not None:
            taken.append(part)
            left = rest
            continue
        inner = divided(part.size, left)
        if inner is None:
            pending.append(part)
            pending.extend(reversed(taken))
            return None
        taken.append(part._replace(key=_side(part, "outer", left), size=left))
        pending.append(part._replace(key=_side(part, "inner", left), size=inner))
        left = 1
    return taken


def _side(part: Part, side: str, outer: int) -> Hashable:
    return _LOST if part.key is _LOST else (part.key, side, expr_of(outer))


def whole(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Parts with those put together again that a split took apart and that are neighbours."""
    made: list[Part] = []
    for part in parts:
        made.append(part)
        while len(made) > 1 and (again := _undone(made[-2], made[-1])) is not None:
            made[-2:] = [again]
    return tuple(made)


def _undone(outer: Part, inner: Part) -> Part | None:
    for one, side in ((outer, "outer"), (inner, "inner")):
        if not (isinstance(one.key, tuple) and len(one.key) == 3 and one.key[1] == side):
            return None
    assert isinstance(outer.key, tuple) and isinstance(inner.key, tuple)
    if (outer.key[0], outer.key[2]) != (inner.key[0], inner.key[2]):
        return None
    return Part(outer.key[0], outer.roots, outer.size * inner.size)
