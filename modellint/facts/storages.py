"""Which results of a forward share memory: views, what is overwritten, pieces of a tensor."""

from __future__ import annotations

from modellint.facts.saved_tensors import writes
from modellint.facts.tensor_bytes import Bytes
from modellint.graph import Graph, Node

#: What never copies.
VIEWS = frozenset(
    """view view_as permute transpose swapaxes swapdims T H t mT mH adjoint movedim moveaxis squeeze
    unsqueeze unflatten expand broadcast_to expand_as narrow select diagonal unfold_axis detach data
    alias real imag view_as_real view_as_complex identity positive update as_strided split chunk
    tensor_split split_with_sizes unbind resolve_conj lift_fresh requires_grad_ broadcast_tensors
    _unsafe_view""".split()
)
#: What copies only where the tensor does not lie as it must.
MAYBE_VIEWS = frozenset("reshape flatten ravel reshape_as contiguous".split())
_DROPOUTS = frozenset("dropout dropout1d dropout2d dropout3d alpha_dropout".split())


class Storages:
    """The memory behind each result: `of[index]` has the number of a storage for each output.

    `sizes` has the bytes of each storage, by its number.
    """

    def __init__(self, graph: Graph, bytes_: Bytes) -> None:
        self.of: dict[int, tuple[int, ...]] = {}
        self.sizes: list[int] = []
        for node in graph.nodes:
            if node.op == "broadcast_tensors":
                self.of[node.index] = tuple(self.of[source.index][0] for source in node.inputs)
                continue
            shared = self._shared(node, bytes_)
            if shared is None:
                own = [self._new(bytes_.of(node, at)) for at in range(len(node.outputs))]
                self.of[node.index] = tuple(own)
            else:
                self.of[node.index] = (shared,) * len(node.outputs)

    def _new(self, size: int) -> int:
        self.sizes.append(size)
        return len(self.sizes) - 1

    def _shared(self, node: Node, bytes_: Bytes) -> int | None:
        """The storage of the first input where the results are in it."""
        if not node.inputs or not node.outputs:
            return None
        behind = self.of[node.inputs[0].index]
        if node.op == "unpack":
            at = node.arguments.get("index", 0)
            return behind[at] if at < len(behind) else None
        if behind and (is_view(node, bytes_) or writes(node)):
            return behind[0]
        return None


def is_view(node: Node, sizes: Bytes) -> bool:
    """Whether an operation hands on the memory of its first input, for a batch of that size."""
    op = node.op
    if op in VIEWS:
        return True
    if op == "getitem":
        return not _gathers(node.arguments.get("index"))
    if op in MAYBE_VIEWS:
        return node.output.layout is not None or sizes.by_rows(node.input.output)
    return op in _DROPOUTS and node.arguments.get("p") == 0


def _gathers(index: object) -> bool:
    """Whether an index holds tensors or lists: it copies what it selects."""
    if isinstance(index, tuple):
        return any(isinstance(one, Node | list | tuple) for one in index)
    return isinstance(index, Node | list)
