"""Shapes of matrix products in all their forms, attention included."""

from __future__ import annotations

from functools import partial
from typing import Any

from modellint.shapes.core import (
    Refused,
    Shape,
    Tensor,
    axis,
    broadcast,
    equal,
    fitting,
    op,
    plain,
    show,
    spread,
)
from modellint.symbolic.dims import symbolic


@op("linear")
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Shape:
    """(…, in) → (…, out)."""
    have, want = input.shape[-1] if input.shape else 1, weight.shape[-1]
    equal(
        have,
        want,
        lambda: Refused(
            f"linear expects {symbolic(want)} features and gets {symbolic(have)} "
            f"in {show(input.shape)}",
            fitting("in_features", have, want),
        ),
    )
    if bias is not None and bias.shape and bias.shape[-1] not in (1, *weight.shape[:-1]):
        raise Refused(f"linear to {show(weight.shape[:-1])} has a bias {show(bias.shape)}")
    return (*input.shape[:-1], *weight.shape[:-1])


@op("bilinear")
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Shape:
    """(…, in1), (…, in2) → (…, out)."""
    for left, right in zip(input1.shape[:-1], input2.shape[:-1], strict=False):
        equal(left, right, partial(_other_batches, input1.shape, input2.shape))
    for given, want in ((input1, weight.shape[1]), (input2, weight.shape[2])):
        have = given.shape[-1]
        equal(have, want, partial(_other_features, want, have))
    return (*input1.shape[:-1], weight.shape[0])


def _other_batches(first: Shape, second: Shape) -> Refused:
    return Refused(f"bilinear of {show(first)} and {show(second)}: all axes but the last are equal")


def _other_features(want: int, have: int) -> Refused:
    return Refused(f"bilinear expects {want} features, gets {have}")


@op("matmul", dtype="promote")
def matmul(input: Tensor, other: Tensor) -> Shape:
    """Matrix product with broadcast leading axes; vectors lose their axis."""
    return _multiplied("matmul", input, other)


def _multiplied(name: str, input: Tensor, other: Tensor) -> Shape:
    left, right = input.shape, other.shape
    if not left or not right:
        raise Refused(f"{name} takes no scalars")
    inner = right[-2] if len(right) > 1 else right[0]
    equal(
        left[-1],
        inner,
        lambda: Refused(
            f"{name} of {show(left)} and {show(right)}: {symbolic(left[-1])} against "
            f"{symbolic(inner)}"
        ),
    )
    batch = (
        broadcast(left[:-2], right[:-2]) if left[:-2] and right[:-2] else left[:-2] or right[:-2]
    )
    rows = left[-2:-1]
    columns = right[-1:] if len(right) > 1 else ()
    return (*batch, *rows, *columns)


def _product(name: str, ranks: tuple[int, int]) -> None:
    @op(name)
    def product(input: Tensor, other: Tensor) -> Shape:
        given = f"{name} of {show(input.shape)} and {show(other.shape)}"
        if (len(input.shape), len(other.shape)) != ranks:
            raise Refused(f"{given}: it takes {ranks[0]} and {ranks[1]} axes")
        if ranks == (3, 3):
            equal(input.shape[0], other.shape[0], lambda: Refused(given))
        return _multiplied(name, input, other)


for _name, _ranks in {
    "bmm": (3, 3),
    "mm": (2, 2),
    "mv": (2, 1),
    "dot": (1, 1),
    "vdot": (1, 1),
}.items():
    _product(_name, _ranks)


@op("baddbmm", "addmm", "addmv")
def added(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Shape:
    """input + batch1 @ batch2."""
    return broadcast(matmul(batch1, batch2), input.shape)


@op("outer", "ger", dtype="promote")
def outer(input: Tensor, vec2: Tensor) -> Shape:
    """Every product of two vectors' values."""
    if len(input.shape) != 1 or len(vec2.shape) != 1:
        raise Refused(f"outer of {show(input.shape)} and {show(vec2.shape)}: it takes vectors")
    return (*input.shape, *vec2.shape)


@op("einsum", runs=True)
def einsum(equation: str, *operands: Any) -> Any:
    """Einstein summation; an ellipsis stands for leading axes that broadcast."""
    if not isinstance(equation, str):
        return None
    if (
        len(operands) == 1
        and isinstance(operands[0], (list, tuple))
        and not isinstance(operands[0], Tensor)
    ):
        operands = tuple(operands[0])
    left, _, right = equation.replace(" ", "").partition("->")
    sizes: dict[str, int] = {}
    leading: Shape = ()
    for term, operand in zip(left.split(","), operands, strict=True):
        before, dots, after = term.partition("...")
        shape = operand.shape
        if dots:
            middle = shape[len(before) : len(shape) - len(after)]
            leading = broadcast(leading, middle) if leading else middle
            shape = (*shape[: len(before)], *shape[len(shape) - len(after) :])
        if len(shape) != len(before + after):
            raise Refused(f"einsum {equation!r}: {term!r} does not name {show(operand.shape)}")
        for letter, size in zip(before + after, shape, strict=True):
            if letter not in sizes:
                sizes[letter] = size
            elif not (type(size) is int and size == 1):
                known = sizes[letter]
                if plain(known) == 1 or type(size) is int:
                    sizes[letter] = size
                one, other = (size, known) if plain(size) == 1 else (known, size)
                spread(
                    one,
                    other,
                    lambda letter=letter, known=known, size=size: Refused(  # type: ignore[misc]
                        f"einsum {equation!r}: {letter} is {symbolic(known)} and {symbolic(size)}"
                    ),
                )
    if "->" not in equation:
        letters = left.replace(",", "").replace(".", "")
        right = ("..." if leading else "") + "".join(
            sorted(letter for letter in set(letters) if letters.count(letter) == 1)
        )
    before, dots, after = right.partition("...")
    middle = leading if dots else ()
    return (*(sizes[x] for x in before), *middle, *(sizes[x] for x in after))


@op("tensordot", runs=True)
def tensordot(a: Tensor, b: Tensor, dims: Any = 2, out: Any = None) -> Any:
    """Sums over pairs of axes."""
    if isinstance(dims, Tensor):
        return None
    if isinstance(dims, int):
        dims = (range(len(a.shape) - dims, len(a.shape)), range(dims))
    left = [axis(d, len(a.shape)) for d in dims[0]]
    right = [axis(d, len(b.shape)) for d in dims[1]]
    for one, other in zip(left, right, strict=True):
        equal(
            a.shape[one],
            b.shape[other],
            lambda: Refused(
                f"tensordot of {show(a.shape)} and {show(b.shape)} over the axes {show(left)} "
                f"and {show(right)}"
            ),
        )
    return (
        *(size for index, size in enumerate(a.shape) if index not in left),
        *(size for index, size in enumerate(b.shape) if index not in right),
    )


@op("scaled_dot_product_attention")
def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: Any = None,
    enable_gqa: bool = False,
) -> Shape:
    """(…, L, E), (…, S, E), (…, S, Ev) → (…, L, Ev)."""
    equal(
        query.shape[-1],
        key.shape[-1],
        lambda: Refused(
            f"attention: queries have {symbolic(query.shape[-1])} features, "
            f"keys {symbolic(key.shape[-1])}"
        ),
    )
    equal(
        key.shape[-2],
        value.shape[-2],
        lambda: Refused(
            f"attention: {symbolic(key.shape[-2])} keys, {symbolic(value.shape[-2])} values"
        ),
    )
    if enable_gqa:
        return (*query.shape[:-1], value.shape[-1])
    leading = broadcast(query.shape[:-2], key.shape[:-2]) if query.shape[:-2] else ()
    if attn_mask is not None:
        broadcast((*leading, query.shape[-2], key.shape[-2]), attn_mask.shape)
    return (*leading, query.shape[-2], value.shape[-1])


@op("cdist")
def cdist(x1: Tensor, x2: Tensor, p: Any = 2.0, compute_mode: Any = None) -> Shape:
    """(…, P, M), (…, R, M) → (…, P, R)."""
    equal(
        x1.shape[-1],
        x2.shape[-1],
        lambda: Refused(f"cdist of {show(x1.shape)} and {show(x2.shape)}"),
    )
    batch = broadcast(x1.shape[:-2], x2.shape[:-2]) if x1.shape[:-2] else x2.shape[:-2]
    return (*batch, x1.shape[-2], x2.shape[-2])


@op("pairwise_distance", runs=True)
def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Shape:
    """The last axis is summed away."""
    shape = broadcast(x1.shape, x2.shape)
    return (*shape[:-1], 1) if keepdim else shape[:-1]


@op("cosine_similarity", runs=True)
def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Shape:
    """One axis is summed away."""
    shape = broadcast(x1.shape, x2.shape)
    at = axis(dim, len(shape))
    return (*shape[:at], *shape[at + 1 :])
