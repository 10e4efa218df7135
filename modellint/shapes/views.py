"""Shapes of what only rearranges or selects: views, indexing, repetition."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from modellint import expressions as ex
from modellint.dims import Dim, demand, dim, expr_of, fresh, symbolic
from modellint.shapes.core import (
    OPS,
    NotTensor,
    Refused,
    Shape,
    Tensor,
    axes,
    axis,
    broadcast,
    equal,
    fitting,
    numel,
    op,
    plain,
    show,
)


@op("view", "reshape", "_unsafe_view", "view_copy", runs=True)
def view(input: Tensor, *shape: Any) -> Any:
    """The given shape; a -1 takes what is left, the batch where it can only be that."""
    if shape and not isinstance(shape[0], int):
        # view(dtype): the last axis is reinterpreted, the rank stays.
        return None
    total = numel(input.shape)
    unknown = [index for index, size in enumerate(shape) if plain(size) == -1]
    if not unknown:
        rest = numel(shape)
        equal(total, rest, lambda: _view_refusal(input.shape, shape))
        return tuple(shape)
    at = unknown[0]
    rest = numel((*shape[:at], *shape[at + 1 :]))
    if plain(rest) == 0:
        raise _view_refusal(input.shape, shape)
    whole = ex.divide_exactly(expr_of(total), expr_of(rest))
    if whole is not None:
        inferred: int = dim(plain(total) // plain(rest), whole)
    elif plain(total) % plain(rest):
        demand(ex.subtract(expr_of(total % rest), ex.ZERO), "==")
        raise _view_refusal(input.shape, shape)
    elif at == 0 and isinstance(input.shape[0], Dim) and _keeps(input.shape[0], total, rest):
        # view(-1, 400): only sizes that keep the batch are meant; others fold it.
        inferred = input.shape[0]
        demand(ex.subtract(expr_of(total), expr_of(rest * inferred)), "==")
    else:
        demand(expr_of(total % rest), "==")
        inferred = total // rest
    return (*shape[:at], inferred, *shape[at + 1 :])


def _keeps(batch: int, total: int, rest: int) -> bool:
    return plain(total) // plain(rest) == plain(batch)


def _view_refusal(before: Shape, after: Shape) -> Refused:
    total = symbolic(numel(before))
    message = f"a view of {show(before)} ({total} values) as {show(after)} does not fit"
    return Refused(message, _keeping_batch(before, after))


def _keeping_batch(before: Shape, after: Shape) -> str | None:
    """What would fit in place of the features in `view(-1, 400)`, where that flattens a batch."""
    if len(after) != 2 or len(before) < 2 or not (after[0] is before[0] or plain(after[0]) == -1):
        return None
    return fitting("the last size", numel(before[1:]), after[1]) + (
        "; flatten(1) takes it from the map"
    )


@op("view_as", "reshape_as", "expand_as", runs=True)
def as_other(input: Tensor, other: Tensor) -> Shape:
    """The other's shape."""
    return other.shape


@op("flatten", runs=True)
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Shape:
    """Axes start to end as one."""
    shape = input.shape
    if not shape:
        return (1,)
    start, end = axis(start_dim, len(shape)), axis(end_dim, len(shape))
    return (*shape[:start], numel(shape[start : end + 1]), *shape[end + 1 :])


OPS["ravel"] = OPS["flatten"]


@op("unflatten", runs=True)
def unflatten(input: Tensor, dim: int, sizes: Any) -> Shape:
    """One axis as several."""
    at = axis(dim, len(input.shape))
    inner = view(Tensor((input.shape[at],), None), *sizes)
    return (*input.shape[:at], *inner, *input.shape[at + 1 :])


@op("permute", runs=True)
def permute(input: Tensor, *dims: int) -> Shape:
    """Axes in another order."""
    if len(dims) != len(input.shape):
        raise Refused(f"permute{dims} of a tensor with {len(input.shape)} axes")
    return tuple(input.shape[axis(d, len(input.shape))] for d in dims)


@op("transpose", "swapaxes", "swapdims", runs=True)
def transpose(input: Tensor, dim0: int, dim1: int) -> Shape:
    """Two axes exchanged."""
    shape = list(input.shape)
    first, second = axis(dim0, len(shape)), axis(dim1, len(shape))
    shape[first], shape[second] = shape[second], shape[first]
    return tuple(shape)


@op("t", "T", "mT", "mH", "H", "adjoint", runs=True)
def turned(input: Tensor) -> Shape:
    """The last two axes exchanged."""
    if len(input.shape) < 2:
        return input.shape
    return (*input.shape[:-2], input.shape[-1], input.shape[-2])


@op("movedim", "moveaxis", runs=True)
def movedim(input: Tensor, source: Any, destination: Any) -> Shape:
    """Axes moved to other places."""
    rank = len(input.shape)
    moved = dict(zip(axes(destination, rank), axes(source, rank), strict=True))
    rest = iter([index for index in range(rank) if index not in moved.values()])
    return tuple(input.shape[moved[at] if at in moved else next(rest)] for at in range(rank))


@op("squeeze", runs=True)
def squeeze(input: Tensor, dim: Any = None) -> Shape:
    """Without axes of size 1; a size that is 1 only in the example is demanded to be so."""
    chosen = axes(dim, len(input.shape))
    kept = []
    for index, size in enumerate(input.shape):
        if index in chosen and plain(size) == 1:
            demand(ex.subtract(expr_of(size), ex.ONE), "==", "branch")
            continue
        if index in chosen and isinstance(size, Dim):
            demand(ex.subtract(size.expr, ex.constant(2)), ">=", "branch")
        kept.append(size)
    return tuple(kept)


@op("unsqueeze", runs=True)
def unsqueeze(input: Tensor, dim: int) -> Shape:
    """A new axis of size 1."""
    at = axis(dim, len(input.shape) + 1)
    return (*input.shape[:at], 1, *input.shape[at:])


@op("expand", "broadcast_to", runs=True)
def expand(input: Tensor, *size: int) -> Shape:
    """Axes of size 1 repeated without memory; -1 keeps an axis."""
    extra = len(size) - len(input.shape)
    if extra < 0:
        raise Refused(f"expand of {show(input.shape)} to {show(size)}: fewer axes")
    kept = list(size)
    for index, old in enumerate(input.shape):
        new = size[extra + index]
        if plain(new) == -1:
            kept[extra + index] = old
        elif plain(old) != 1 or isinstance(old, Dim):
            equal(
                old,
                new,
                lambda: Refused(f"expand of {show(input.shape)} to {show(size)} does not fit"),
            )
    return tuple(kept)


@op("repeat", "tile", runs=True)
def repeat(input: Tensor, *repeats: int) -> Shape:
    """Every axis repeated."""
    longer = max(len(repeats), len(input.shape))
    times = (1,) * (longer - len(repeats)) + tuple(repeats)
    sizes = (1,) * (longer - len(input.shape)) + tuple(input.shape)
    return tuple(size * by for size, by in zip(sizes, times, strict=True))


@op("repeat_interleave", runs=True)
def repeat_interleave(
    input: Tensor, repeats: Any = None, dim: Any = None, output_size: Any = None
) -> Any:
    """One axis with each element repeated."""
    if not isinstance(repeats, int):
        return None
    if dim is None:
        return (numel(input.shape) * repeats,)
    at = axis(dim, len(input.shape))
    return (*input.shape[:at], input.shape[at] * repeats, *input.shape[at + 1 :])


@op("contiguous", "detach", "clone", "data", "alias", "real", "imag", runs=True)
def alias(input: Tensor, **_: Any) -> Shape:
    """The same shape."""
    return input.shape


@op("narrow", runs=True)
def narrow(input: Tensor, dim: int, start: int, length: int) -> Shape:
    """A run of one axis."""
    at = axis(dim, len(input.shape))
    return (*input.shape[:at], length, *input.shape[at + 1 :])


@op("select", runs=True)
def select(input: Tensor, dim: int, index: int) -> Shape:
    """One element of an axis, which disappears."""
    at = axis(dim, len(input.shape))
    return (*input.shape[:at], *input.shape[at + 1 :])


def _parts(size: int, by: int) -> tuple[int, ...]:
    """The sizes of pieces of `by`; how many there are is fixed from here on."""
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
    size = input.shape[at]
    if isinstance(size, Dim):
        demand(ex.subtract(size.expr, ex.constant(size.value)), "==", "tool")
    return [(*input.shape[:at], *input.shape[at + 1 :])] * plain(size)


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
            limit = plain(entry) + 1 if plain(entry) >= 0 else -plain(entry)
            if isinstance(size, Dim) and not isinstance(entry, Dim):
                demand(ex.subtract(size.expr, ex.constant(limit)), ">=")
            if plain(size) < limit:
                raise Refused(f"index {plain(entry)} is outside of a size {symbolic(size)}")
        else:
            shape = entry.shape if isinstance(entry, Tensor) else _listed(entry)
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


def _listed(entry: Any) -> Shape | None:
    if isinstance(entry, (list, tuple, range)) and all(type(i) is int for i in entry):
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
    step = 1 if by.step is None else plain(by.step)
    start = _bound(0 if by.start is None else by.start, size)
    stop = size if by.stop is None else _bound(by.stop, size)
    if not any(isinstance(number, Dim) for number in (size, start, stop)):
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
    gap = ex.subtract(expr_of(size), expr_of(bound))
    if plain(bound) <= plain(size):
        demand(gap, ">=", "branch")
        return bound
    demand(ex.subtract(ex.negate(gap), ex.ONE), ">=", "branch")
    return size


@op("unfold_axis", runs=True)
def unfold_axis(input: Tensor, dimension: int, size: int, step: int) -> Shape:
    """`Tensor.unfold`: all runs of a size along one axis, as a new last axis."""
    at = axis(dimension, len(input.shape))
    places = (input.shape[at] - size) // step + 1
    return (*input.shape[:at], places, *input.shape[at + 1 :], size)


@op("index_select", runs=True)
def index_select(input: Tensor, dim: int, index: Tensor) -> Shape:
    """One axis replaced by the chosen elements."""
    at = axis(dim, len(input.shape))
    return (*input.shape[:at], numel(index.shape), *input.shape[at + 1 :])


@op("gather", "take_along_dim", runs=True)
def gather(input: Tensor, dim: Any, index: Tensor | None = None, **_: Any) -> Any:
    """The index's shape."""
    if isinstance(dim, Tensor):
        return dim.shape
    return None if index is None else index.shape


@op("view_as_real", runs=True)
def view_as_real(input: Tensor) -> Shape:
    """Complex numbers as a last axis of two."""
    return (*input.shape, 2)


@op("view_as_complex", runs=True)
def view_as_complex(input: Tensor) -> Shape:
    """A last axis of two as complex numbers."""
    return input.shape[:-1]


@op("nonzero", "masked_select", "unique", runs=True)
def data_dependent(input: Tensor, *_: Any) -> None:
    """Values decide the size."""


@op("diagonal", runs=True)
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """The diagonal of two axes, as a last axis."""
    first, second = axis(dim1, len(input.shape)), axis(dim2, len(input.shape))
    if offset or expr_of(input.shape[first]) is not expr_of(input.shape[second]):
        return None
    rest = (size for index, size in enumerate(input.shape) if index not in (first, second))
    return (*rest, input.shape[first])


def unknown_like(example: tuple[int, ...], inputs: list[Shape]) -> Shape:
    """Sizes of which only the example is known; plain where no input varies."""
    if any(isinstance(size, Dim) for shape in inputs for size in shape):
        return tuple(fresh(size) for size in example)
    return example
