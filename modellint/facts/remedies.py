"""What would make two maps fit that an operation does not join: padding, sizes, a transposition.

A layer that refuses its input names its own argument. A sum, a concatenation or a product has none:
what is wrong is further up, in what made the sizes that it gets.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from modellint.contracts.admitted import listed
from modellint.contracts.contract import sizes_of
from modellint.fixes import Fix, SetArgument, one_or_each, set_arguments
from modellint.graph import Graph, Node
from modellint.graph.operations import ELEMENTWISE, NORMS, TRANSPOSED
from modellint.symbolic import expressions as ex
from modellint.symbolic.constraints import Constraint
from modellint.symbolic.dims import expr_of, same, symbolic

_PRODUCTS = frozenset(["matmul", "bmm", "mm"])


class Remedy(NamedTuple):
    """What would let two maps be joined: in words, and as a change where arguments do it."""

    help: str
    fix: Fix | None = None


def remedy(graph: Graph, call: Node) -> Remedy | None:
    """What would let a call join its first two inputs whose sizes differ, if that can be told."""
    if len(call.inputs) < 2 or not all(node.outputs for node in call.inputs):
        return None
    if call.op in _PRODUCTS:
        return _turned(*call.inputs[:2])
    first = call.inputs[0]
    for other in call.inputs[1:]:
        left, right = first.output.shape, other.output.shape
        if len(left) != len(right):
            return None
        for axis, (one, two) in enumerate(zip(left, right, strict=True)):
            gap = ex.subtract(expr_of(one), expr_of(two))
            if axis < 2 or gap.constant == 0 or 1 in (int(one), int(two)):
                continue
            enlarged = _enlarged(first, other) or _enlarged(other, first)
            if enlarged is not None:
                return enlarged
            if gap.constant is None:
                return _sizes_that_fit(graph, gap)
            smaller, lost = (other, gap.constant) if gap.constant > 0 else (first, -gap.constant)
            return _padding(smaller, len(left) - axis, lost)
    return None


def _turned(first: Node, second: Node) -> Remedy | None:
    """Whether the second matrix fits with its last two axes exchanged."""
    left, right = first.output.shape, second.output.shape
    if len(left) < 2 or len(right) < 2 or same(left[-1], right[-2]):
        return None
    if not same(left[-1], right[-1]):
        return None
    turned = (*right[:-2], right[-1], right[-2])
    shown = ", ".join(str(symbolic(size)) for size in turned)
    return Remedy(f"the second transposed fits: transpose(-2, -1) makes it ({shown})")


def _sizes_that_fit(graph: Graph, gap: ex.Expr) -> Remedy:
    """For which sizes of the input the two agree, and how they do for every size."""
    resized = "F.interpolate(x, size=other.shape[2:]) brings one to the size of the other"
    names = [symbol.name for symbol in gap.symbols]
    if len(names) != 1 or names[0] not in graph.symbols:
        return Remedy(resized)
    (name,) = names
    fitting = sizes_of(name, [Constraint(gap, "==")], graph.symbols)
    if fitting.multiple_of == 1 or fitting.values is not None:
        return Remedy(resized)
    above = -(-graph.symbols[name] // fitting.multiple_of) * fitting.multiple_of
    multiple = f"they agree where {name} is a multiple of {fitting.multiple_of}, as {above}"
    return Remedy(f"{multiple}; {resized}")


def _enlarged(node: Node, other: Node) -> Remedy | None:
    """The arguments of a transposed convolution above a map that give it the size of the other."""
    layer = node
    while (layer.op in ELEMENTWISE or layer.op in NORMS) and layer.inputs:
        layer = layer.input
    if layer.op not in TRANSPOSED or layer.kernel is None or not layer.outputs:
        return None
    made, wanted = (one.output.example[-layer.rank :] for one in (layer, other))
    if made != node.output.example[-layer.rank :] or len(wanted) != layer.rank:
        return None
    pairs = []
    for axis, (have, want) in enumerate(zip(made, wanted, strict=True)):
        pair = _cropped(layer, axis, int(have) - int(want))
        if pair is None:
            return None
        pairs.append(pair)
    now = [
        [before for before, _ in layer.padding],
        layer.per_axis("output_padding", 0),
    ]
    names = ("padding", "output_padding")
    changed = {
        name: one_or_each(values)
        for name, values, had in zip(names, zip(*pairs, strict=True), now, strict=True)
        if one_or_each(values) != one_or_each(had)
    }
    fix = set_arguments(layer, **changed)
    sizes = "×".join(str(int(size)) for size in wanted)
    told = f"{fix.message} of {layer.key}"
    return Remedy(f"{told} gives {sizes} here, as the other is", Fix(told, fix.changes))


def _cropped(layer: Node, axis: int, more: int) -> tuple[int, int] | None:
    """The padding and output padding that take so much more of an axis, if PyTorch takes any."""
    padding, span = layer.padding[axis][0], (layer.effective_kernel or layer.kernel or ())[axis]
    cut = 2 * padding - layer.per_axis("output_padding", 0)[axis] + more
    for p, q in ((padding, 2 * padding - cut), cropping(cut)):
        if 0 <= p < span and 0 <= q < max(layer.stride[axis], layer.dilation[axis]):
            return p, q
    return None


def cropping(cut: int) -> tuple[int, int]:
    """The least padding p, and output padding q, of a transposed convolution with 2p - q = cut.

    Its map is o = (n - 1)s - 2p + e + q for a kernel of effective size e.
    """
    return -(-cut // 2), cut % 2


def _padding(node: Node, from_end: int, lost: int) -> Remedy | None:
    """The padding of the convolutions above a map that gives back what they trim of an axis."""
    padded: list[str] = []
    changes: list[SetArgument] = []
    for call, trimmed, padding in _trims(node, from_end):
        if trimmed % 2 or trimmed > lost:
            return None
        lost -= trimmed
        padded.append(f"padding={padding} of {call.key}")
        changes.append(SetArgument(call, "padding", padding))
        if lost == 0:
            told = listed(padded[::-1])
            return Remedy(f"{told} keeps the size", Fix(told, changes))
    return None


def _trims(node: Node, from_end: int) -> Iterator[tuple[Node, int, int]]:
    """Upwards, the convolutions that trim an axis: by how much, and what padding would not."""
    while node.op in ELEMENTWISE or node.op in NORMS or node.rank:
        if node.rank and (not node.op.startswith("conv") or "transpose" in node.op):
            return
        if node.rank:
            span, at = node.effective_kernel, node.rank - from_end
            if span is None or at < 0 or node.stride[at] != 1:
                return
            trimmed = span[at] - 1 - sum(node.padding[at])
            if trimmed:
                yield node, trimmed, node.padding[at][0] + trimmed // 2
        if not node.inputs:
            return
        node = node.inputs[0]
