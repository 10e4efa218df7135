"""Shapes of what takes a part of a tensor: indexing, slices, pieces, gathering."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from modellint.shapes.core import (
    NotTensor,
    Refused,
    Shape,
    Tensor,
    at_least,
    axis,
    broadcast,
    equal,
    numel,
    op,
    plain,
    show,
)
from modellint.symbolic import expressions as ex
from modellint.symbolic.constraints import demand
from modellint.symbolic.dims import Dim, expr_of, symbolic


@op("narrow", runs=True)
def narrow(input: Tensor, dim: int, start: int, length: int) -> Shape:
    """A run of one axis."""
    at = axis(dim, len(input.shape))
    size = input.shape[at]
    if isinstance(start, int):
        from_end = plain(start) < 0
        _indexed(size if from_end else size + 1, start)
        first = size + start if from_end else start
        _enough(size - first, length, f"narrow takes {symbolic(length)} from {symbolic(first)} on")
    return (*input.shape[:at], length, *input.shape[at + 1 :])


def _enough(size: int, least: int, what: str) -> None:
    """Demand that an axis has as many as are taken of it."""
    at_least(size - least, 0, lambda: Refused(f"{what} and has {symbolic(size)} there"))


@op("select", runs=True)
def select(input: Tensor, dim: int, index: int) -> Shape:
    """One element of an axis, which disappears."""
    at = axis(dim, len(input.shape))
    _indexed(input.shape[at], index)
    return (*input.shape[:at], *input.shape[at + 1 :])


def _counted(size: int) -> int:
    """The size as a plain number, where as many results come out: it is fixed from here on."""
    if isinstance(size, Dim):
        size.fix()
    return plain(size)


def _parts(size: int, by: int) -> tuple[int, ...]:
    """The sizes of pieces of `by`; how many there are is fixed from here on."""
    if type(by) is int and by == 1:
        return (1,) * _counted(size)
    total, step = plain(size), max(plain(by), 1)
    count = -(-total // step)
    whole = [by] * (count - 1)
    # The number of pieces is the structure of the result, so it holds only for these sizes.
    rest: int = size - by * (count - 1)
    if isinstance(rest, Dim) or isinstance(by, Dim):
        gap = ex.subtract(expr_of(by), expr_of(rest))
        demand(gap, ">=", "branch")
        demand(ex.subtract(expr_of(rest), ex.ONE), ">=", "branch")
    return (*whole, rest)


@op("split", "split_with_sizes", runs=True)
def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> list[Shape]:
    """Pieces of one axis: of a size, or of the sizes given."""
    at = axis(dim, len(tensor.shape))
    size = tensor.shape[at]
    if isinstance(split_size_or_sections, int):
        pieces = _parts(size, split_size_or_sections)
    else:
        pieces = tuple(split_size_or_sections)
        total = sum(pieces[1:], pieces[0]) if pieces else 0
        equal(
            size,
            total,
            lambda: Refused(f"split of {symbolic(size)} into {show(pieces)} does not add up"),
        )
    return [(*tensor.shape[:at], piece, *tensor.shape[at + 1 :]) for piece in pieces]


@op("chunk", runs=True)
def chunk(input: Tensor, chunks: int, dim: int = 0) -> list[Shape]:
    """At most so many pieces of one axis, all but the last of one size."""
    at = axis(dim, len(input.shape))
    size = input.shape[at]
    exact = ex.divide_exactly(expr_of(size), ex.constant(chunks))
    if exact is not None:
        pieces: tuple[int, ...] = (size // chunks,) * chunks
    elif plain(size) % chunks == 0:
        demand(expr_of(size % chunks), "==", "branch")
        pieces = (size // chunks,) * chunks
    else:
        pieces = _parts(size, -(-size // chunks))
    return [(*input.shape[:at], piece, *input.shape[at + 1 :]) for piece in pieces]


@op("tensor_split", runs=True)
def tensor_split(input: Tensor, indices_or_sections: Any = None, dim: int = 0, **other: Any) -> Any:
    """Pieces of one axis that differ by at most one, or that end at the given indices."""
    cuts = indices_or_sections
    cuts = other.get("sections", other.get("indices")) if cuts is None else cuts
    at = axis(dim, len(input.shape))
    size = input.shape[at]
    if isinstance(cuts, int):
        pieces: list[int] = [(size + cuts - 1 - index) // cuts for index in range(cuts)]
    elif isinstance(cuts, Tensor):
        return None
    else:
        bounds: list[int | None] = [0, *(cuts or ()), None]
        pieces = [sliced(size, slice(a, b)) for a, b in pairwise(bounds)]
    return [(*input.shape[:at], piece, *input.shape[at + 1 :]) for piece in pieces]


@op("unbind", runs=True)
def unbind(input: Tensor, dim: int = 0) -> list[Shape]:
    """Every element of one axis; how many there are is fixed from here on."""
    at = axis(dim, len(input.shape))
    return [(*input.shape[:at], *input.shape[at + 1 :])] * _counted(input.shape[at])


@op("getitem", runs=True)
def getitem(input: Tensor, index: Any) -> Any:
    """Indexing by integers, slices, new axes, ellipsis and index tensors."""
    if index and isinstance(index[0] if isinstance(index, tuple) else index, str):
        raise NotTensor("one is read by a key, as a dictionary is")
    entries = normal_index(index, len(input.shape))
    sizes: list[int] = []
    picked: list[Shape] = []
    place: int | None = None
    apart = False
    at = 0
    for entry in entries:
        if entry is None:
            sizes.append(1)
            continue
        size = input.shape[at]
        if isinstance(entry, slice):
            sizes.append(sliced(size, entry))
        elif isinstance(entry, bool):
            return None
        elif isinstance(entry, int):
            _indexed(size, entry)
        else:
            shape = entry.shape if isinstance(entry, Tensor) else _listed(size, entry)
            if shape is None or (isinstance(entry, Tensor) and "bool" in str(entry.dtype)):
                return None
            if place is None:
                place = len(sizes)
            elif place != len(sizes):
                apart = True
            picked.append(shape)
        at += 1
    if place is not None:
        # Index tensors that are not neighbours put their axes first.
        place = 0 if apart else place
        sizes[place:place] = broadcast(*picked)
    return tuple(sizes)


def _indexed(size: int, index: Any) -> None:
    """Demand that an axis has the element of an index; which end it counts from is a branch."""
    if not isinstance(index, int):
        return
    front = plain(index) >= 0
    if isinstance(index, Dim):
        sign = index.expr if front else ex.subtract(ex.negate(index.expr), ex.ONE)
        demand(sign, ">=", "branch")
    at_least(
        size - index - 1 if front else size + index,
        0,
        lambda: Refused(f"index {symbolic(index)} is outside of a size {symbolic(size)}"),
    )


def _listed(size: int, entry: Any) -> Shape | None:
    if isinstance(entry, (list, tuple, range)) and all(type(i) is int for i in entry):
        if entry:
            _indexed(size, max(entry))
            _indexed(size, min(entry))
        return (len(entry),)
    return None


def normal_index(index: Any, rank: int) -> tuple[Any, ...]:
    """An index as a tuple, the ellipsis expanded, one entry for each axis of the input."""
    entries = list(index) if isinstance(index, tuple) else [index]
    used = sum(1 for e in entries if e is not None and e is not Ellipsis and e is not True)
    full = [slice(None)] * (rank - used)
    for at, entry in enumerate(entries):
        if entry is Ellipsis:
            return tuple(entries[:at] + full + entries[at + 1 :])
    return tuple(entries + full)


def sliced(size: int, by: slice) -> int:
    """How many elements of an axis a slice takes, as a size.

    A slice refuses nothing: where its bounds stand beside the size is a branch of the model.
    """
    if by.start is None and by.stop is None and by.step in (None, 1):
        return size
    step = 1 if by.step is None else by.step
    at_least(step, 1, lambda: Refused(f"a slice has steps of {symbolic(step)}"))
    start = _bound(0 if by.start is None else by.start, size)
    stop = size if by.stop is None else _bound(by.stop, size)
    if not any(isinstance(number, Dim) for number in (size, start, stop, step)):
        return len(range(*slice(plain(start), plain(stop), step).indices(plain(size))))
    span = stop - start
    if plain(span) <= 0:
        demand(ex.negate(expr_of(span)), ">=", "branch")
        return 0
    demand(ex.subtract(expr_of(span), ex.ONE), ">=", "branch")
    taken: int = (span + step - 1) // step
    return taken


def _bound(bound: int, size: int) -> int:
    """A slice's bound, counted from the front and within the axis."""
    if plain(bound) < 0:
        bound = size + bound
        gap = expr_of(bound)
        demand(gap if plain(bound) >= 0 else ex.subtract(ex.negate(gap), ex.ONE), ">=", "branch")
        return bound if plain(bound) >= 0 else 0
    if isinstance(bound, Dim):
        # Where it is negative, it counts from the end.
        demand(bound.expr, ">=", "branch")
    gap = ex.subtract(expr_of(size), expr_of(bound))
    if plain(bound) <= plain(size):
        demand(gap, ">=", "branch")
        return bound
    demand(ex.subtract(ex.negate(gap), ex.ONE), ">=", "branch")
    return size


@op("unfold_axis", runs=True)
def unfold_axis(input: Tensor, dimension: int, size: int, step: int) -> Shape:
    """`Tensor.unfold`: all runs of a size along one axis, as a new last axis."""
    if not input.shape:
        at_least(
            1 - size, 0, lambda: Refused(f"unfold takes runs of {symbolic(size)} of one value")
        )
        return (size,)
    at = axis(dimension, len(input.shape))
    _enough(input.shape[at], size, f"unfold takes runs of {symbolic(size)}")
    places = (input.shape[at] - size) // step + 1
    return (*input.shape[:at], places, *input.shape[at + 1 :], size)


@op("index_select", runs=True)
def index_select(input: Tensor, dim: int, index: Tensor) -> Shape:
    """One axis replaced by the chosen elements."""
    at = axis(dim, len(input.shape))
    return (*input.shape[:at], numel(index.shape), *input.shape[at + 1 :])


@op("gather", runs=True)
def gather(input: Tensor, dim: int, index: Tensor, sparse_grad: bool = False) -> Shape:
    """The index's shape, which reaches over the input on the gathered axis alone."""
    reached("gather", input.shape, index.shape, axis(dim, len(input.shape)))
    return index.shape


@op("take_along_dim", runs=True)
def take_along_dim(input: Tensor, indices: Tensor, dim: Any = None) -> Shape:
    """The index's shape on one axis; on the others input and index broadcast."""
    if dim is None:
        return (numel(indices.shape),)
    at = axis(dim, len(input.shape))
    left, right = list(input.shape), list(indices.shape)
    left[at] = right[at] = 1
    sizes = list(broadcast(tuple(left), tuple(right)))
    sizes[at] = indices.shape[at]
    return tuple(sizes)


def reached(name: str, input: Shape, index: Shape, at: int | None) -> None:
    """Demand that an index is no larger than what it points into, but for one axis."""
    if len(input) != len(index) and input and index:
        raise Refused(f"{name} of {show(input)} by an index {show(index)}: other numbers of axes")
    for place, (size, by) in enumerate(zip(input, index, strict=False)):
        if place != at:
            at_least(
                size - by,
                0,
                lambda: Refused(f"{name}: an index {show(index)} is larger than {show(input)}"),
            )


@op("nonzero", "masked_select", "unique", runs=True)
def data_dependent(input: Tensor, *_: Any) -> None:
    """Values decide the size."""
