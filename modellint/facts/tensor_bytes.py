"""How large the tensors of a graph are, for as many samples as are asked for."""

from __future__ import annotations

from math import prod

from modellint.facts.autocast import NO_CASTS, Casts
from modellint.facts.costs import sample_sizes, width
from modellint.graph import Graph, Node, Tensor
from modellint.symbolic.dims import evaluate


class Bytes:
    """The sizes and bytes of a graph's tensors in a batch of `samples`.

    Other symbols have their sizes in the example. `casts` are those of autocast.
    """

    def __init__(self, graph: Graph, samples: int = 1, casts: Casts = NO_CASTS) -> None:
        self.graph = graph
        self.samples = samples
        self.casts = casts
        self._values = {**graph.symbols, **dict.fromkeys(graph.batches, samples)}
        self._known: dict[int, tuple[Tensor, tuple[int, ...], int]] = {}

    def sizes(self, tensor: Tensor) -> tuple[int, ...]:
        """A tensor's sizes."""
        return self._sized(tensor)[1]

    def numel(self, tensor: Tensor) -> int:
        """How many numbers a tensor has."""
        return self._sized(tensor)[2]

    def of(self, node: Node, at: int = 0) -> int:
        """The bytes of one result of an operation."""
        tensor = node.outputs[at]
        return self._sized(tensor)[2] * self.width(node, at)

    def width(self, node: Node, at: int = 0) -> int:
        """The bytes of each number of a result."""
        return self.casts.results.get(node.index) or _width(node.outputs[at].dtype)

    def cast(self, node: Node, operand: Node) -> int:
        """The bytes of the copy of an operand that an operation computes with; 0 for itself."""
        wide = self.casts.computed.get(node.index)
        if wide is None or wide == self.width(operand) or operand.output.dtype != "float32":
            return 0
        return wide * self.numel(operand.output)

    def by_rows(self, tensor: Tensor) -> bool:
        """Whether a tensor lies row by row, axes of size 1 aside."""
        return self.joins(tensor, len(tensor.shape), 1)

    def joins(self, tensor: Tensor, axes: int, step: int | None = None) -> bool:
        """Whether the first axes of a tensor can be seen as one, the last of them `step` apart."""
        if tensor.layout is None:
            return True
        now = self.sizes(tensor)
        for size, stride, here in reversed([*zip(*tensor.layout, now, strict=True)][:axes]):
            if here == 1:
                continue
            if step is not None and stride != step:
                return False
            step = stride * size
        return True

    def _sized(self, tensor: Tensor) -> tuple[Tensor, tuple[int, ...], int]:
        # By identity: the graph keeps its tensors, and has one object for equal shapes.
        found = self._known.get(id(tensor))
        if found is None or found[0] is not tensor:
            sizes = self._evaluated(tensor)
            numel = prod(sizes)
            if not tensor.known:  # No expression tells: it grows with the batch, as most do.
                sizes = sample_sizes(self.graph, tensor)
                numel = prod(sizes) * self.samples
            found = self._known[id(tensor)] = (tensor, sizes, numel)
        return found

    def _evaluated(self, tensor: Tensor) -> tuple[int, ...]:
        try:
            return tuple([evaluate(size, self._values) for size in tensor.shape])
        except (KeyError, ZeroDivisionError):
            return tensor.example


_WIDTHS: dict[str, int] = {}


def _width(dtype: str) -> int:
    found = _WIDTHS.get(dtype)
    if found is None:
        found = _WIDTHS[dtype] = 2 * width(dtype) if dtype.startswith("complex") else width(dtype)
    return found
