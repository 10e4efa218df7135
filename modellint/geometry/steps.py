"""What operations read of their operands: those that keep positions, and those that mix them.

A step takes an operation and, for each dimension of its output, the mask of the positions that
count; it gives the same for each operand. It is exact for sets that are products of one set a
dimension, and else reads too much, never too little.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from modellint.geometry.axis_moves import permutation
from modellint.geometry.long_masks import Mask, shifted
from modellint.geometry.masks import full
from modellint.geometry.regrouping import regrouped
from modellint.graph import Node
from modellint.graph.operations import SPLITS

#: One mask a dimension; the positions read are those whose every coordinate is.
Masks = tuple[Mask, ...]
#: What of each operand is read, where these positions of an operation's output count. Operands
#: that are left out are not read.
Step = Callable[[Node, Masks], Iterable[tuple[Node, Masks]]]


def sizes_of(node: Node) -> tuple[int, ...]:
    """The sizes that a node's masks speak of."""
    if node.op in SPLITS and node.inputs:
        return node.input.output.example
    return node.outputs[0].example if node.outputs else ()


def whole_of(node: Node) -> Masks:
    """The masks of a node that is read everywhere."""
    return tuple(full(size) for size in sizes_of(node))


def axis_of(node: Node, rank: int, name: str = "dim") -> int:
    """A dimension that an argument names, counted from the first."""
    return int(node.arguments.get(name) or 0) % max(rank, 1)


def put(masks: Masks, dim: int, mask: Mask) -> Masks:
    """The masks with another one for a dimension."""
    return (*masks[:dim], mask, *masks[dim + 1 :])


# Position by position


def pointwise(node: Node, masks: Masks) -> Iterator[tuple[Node, Masks]]:
    """Each position of every operand, where operands are broadcast against each other."""
    after = node.output.example
    for operand in node.inputs:
        yield operand, broadcast(masks, after, operand.output.example if operand.outputs else ())


def broadcast(masks: Masks, after: Sequence[int], before: Sequence[int]) -> Masks:
    """What an operand that was broadcast is read at; a dimension that was repeated is one place."""
    shift = len(after) - len(before)
    if shift < 0:
        return tuple(map(full, before))
    return tuple(
        mask if size == before[dim] else full(before[dim])
        for dim, (mask, size) in enumerate(zip(masks[shift:], after[shift:], strict=True))
    )


def gated(node: Node, masks: Masks) -> Iterator[tuple[Node, Masks]]:
    """glu: the halves of one dimension are multiplied."""
    dim = int(node.arguments.get("dim", -1)) % len(masks)
    size = node.output.example[dim]
    yield node.input, put(masks, dim, masks[dim] | shifted(masks[dim], size))


def unread(node: Node, masks: Masks) -> Iterator[tuple[Node, Masks]]:
    """Only the shape of the operand matters."""
    yield from ()


def permuted(node: Node, masks: Masks) -> Iterator[tuple[Node, Masks]]:
    """The dimensions in another order."""
    order = permutation(node, len(masks))
    if order is None:
        yield node.input, whole_of(node.input)
    else:
        yield node.input, tuple(masks[order.index(dim)] for dim in range(len(masks)))


def reshaped(node: Node, masks: Masks) -> Iterator[tuple[Node, Masks]]:
    """The same elements in the same order."""
    yield node.input, regrouped(masks, node.output.example, node.input.output.example)


# What mixes all positions of a dimension


def mixing(*names: str, default: int | None = None) -> Step:
    """A step of an operation that reads all of the dimension that an argument names."""

    def step(node: Node, masks: Masks) -> Iterator[tuple[Node, Masks]]:
        sizes = sizes_of(node.input)
        given = next((node.arguments[name] for name in names if name in node.arguments), default)
        if not isinstance(given, int) or len(sizes) != len(masks):
            yield node.input, whole_of(node.input)
        else:
            dim = given % len(sizes)
            yield node.input, put(masks, dim, full(sizes[dim]))

    return step


def reduced(node: Node, masks: Masks) -> Iterator[tuple[Node, Masks]]:
    """Sums and their kin: all of the dimensions that are gone."""
    sizes = node.input.output.example
    given = node.arguments.get("dim", node.arguments.get("axis"))
    if isinstance(given, Node):  # `torch.max(a, b)` has its second operand here.
        yield from pointwise(node, masks)
        return
    chosen = given if isinstance(given, (tuple, list)) else (given,)
    gone = {int(dim) % len(sizes) for dim in chosen if dim is not None} or set(range(len(sizes)))
    left = iter(masks)
    read: list[Mask] = []
    for dim, size in enumerate(sizes):
        kept = dim not in gone or bool(node.arguments.get("keepdim"))
        mask = next(left, 1) if kept else 1
        read.append(full(size) if dim in gone else mask)
    yield node.input, tuple(read)


def extreme(node: Node, masks: Masks) -> Iterator[tuple[Node, Masks]]:
    """max and min: of two maps, of a dimension, or of everything."""
    return pointwise(node, masks) if len(node.inputs) > 1 else reduced(node, masks)


def product(node: Node, masks: Masks) -> Iterator[tuple[Node, Masks]]:
    """Matrix products: rows of the first, columns of the second, all of what is summed over."""
    operands = [source for source in node.inputs if source.outputs]
    after = node.output.example
    if len(operands) != 2 or any(len(operand.output.example) < 2 for operand in operands):
        yield from ((operand, whole_of(operand)) for operand in operands)
        return
    (left, right), batch = operands, masks[:-2]
    for operand, inner in ((left, (masks[-2], 0)), (right, (0, masks[-1]))):
        before = operand.output.example
        sides = tuple(mask or full(size) for mask, size in zip(inner, before[-2:], strict=True))
        yield operand, (*broadcast(batch, after[:-2], before[:-2]), *sides)


def einsum(node: Node, masks: Masks) -> Iterator[tuple[Node, Masks]]:
    """The letters of the result are read where it counts, the others everywhere."""
    equation = str(node.arguments.get("equation", "")).replace(" ", "")
    terms, _, result = equation.partition("->")
    letters = terms.split(",")
    if "." in equation or "->" not in equation or len(letters) != len(node.inputs):
        yield from ((operand, whole_of(operand)) for operand in node.inputs)
        return
    known = dict(zip(result, masks, strict=False))
    for operand, names in zip(node.inputs, letters, strict=True):
        sizes = operand.output.example
        yield (
            operand,
            tuple(known.get(name, full(size)) for name, size in zip(names, sizes, strict=True)),
        )


def attention(node: Node, masks: Masks) -> Iterator[tuple[Node, Masks]]:
    """Each query sees all keys; a feature of the result is the same feature of the values."""
    after = node.output.example
    for name in ("query", "key", "value", "attn_mask"):
        operand = node.arguments.get(name)
        if not isinstance(operand, Node) or not operand.outputs:
            continue
        before = operand.output.example
        if len(before) < 2 or name == "attn_mask":
            yield operand, whole_of(operand)
            continue
        length = masks[-2] if name == "query" else full(before[-2])
        width = masks[-1] if name == "value" else full(before[-1])
        yield operand, (*broadcast(masks[:-2], after[:-2], before[:-2]), length, width)
