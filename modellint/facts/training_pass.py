"""One forward and backward over a graph, counting what is in memory at each operation.

Nothing runs. The forward is gone through in order, noting what autograd keeps of each operation
(`saved_tensors`), then backwards: a gradient arrives at each operation, which makes those of its
inputs, and lets go of what it kept. A tensor counts once, whoever keeps it. Parameters and buffers
are there all the time and are left to the caller, as the optimizer is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import prod

from modellint.facts.saved_tensors import NOTHING, Saved, saved
from modellint.facts.storages import Storages, is_view
from modellint.facts.tensor_bytes import Bytes
from modellint.geometry.dependence import leading_to
from modellint.graph import Graph, Node

#: Operations through which no gradient goes.
_NO_GRADIENT = frozenset(
    """detach data argmax argmin argsort sign round floor ceil trunc one_hot bernoulli zeros_like
    ones_like empty_like rand_like randn_like full_like new_zeros new_ones new_empty new_full
    bucketize searchsorted histc""".split()
)
#: What can have a gradient, by the beginning of the dtype.
_FLOATS = ("float", "bfloat", "complex")
#: The gradient of an input is the result's, seen in another shape: no memory.
_HANDED_ON = frozenset(
    """view view_as reshape flatten ravel unflatten reshape_as permute transpose swapaxes swapdims
    T H t mT mH adjoint movedim moveaxis squeeze unsqueeze contiguous clone alias identity positive
    add cat concat concatenate hstack vstack stack sum unpack update view_as_real view_as_complex
    _unsafe_view""".split()
)


@dataclass(frozen=True, slots=True)
class Pass:
    """One forward and backward in bytes, without parameters, buffers and the optimizer's states.

    `kept` is what is left of the forward when the backward pass begins: what autograd keeps, the
    inputs and the outputs. `forward` and `backward` are the most at any time in them, the
    gradients of parameters in the latter; `held` is what the training loop itself still has at the
    step. `layers` has what each layer keeps that no layer before it does, by index. `unknown` are
    the operations of which nobody knows what they keep.
    """

    kept: int
    forward: int
    backward: int
    held: int
    gradients: int
    trained: int
    layers: Mapping[int, int]
    unknown: tuple[str, ...]


def training_pass(graph: Graph, sizes: Bytes, again: Collection[str] = ()) -> Pass:
    """Go through a graph forwards and backwards; `again` are modules that run again on the way."""
    plan = _plan(graph, sizes)
    held = plan.held()
    plan.run_again(again, held)
    forward = plan.forward(held)
    kept = plan.total({*held, *plan.keepers}) - sum(plan.again.values())
    backward, gradients = _Backward(plan, held).run()
    return Pass(
        kept=kept + sum(one.beside for one in plan.saved.values()),
        forward=forward,
        backward=backward,
        held=plan.total(held),
        gradients=sum(gradients.values()),
        trained=len(gradients),
        layers=plan.layers(),
        unknown=tuple(plan.unknown),
    )


@dataclass(frozen=True)
class _Plan:
    """What is needed to go through: who needs a gradient, who keeps which storage.

    `keepers` has the indices of the operations that keep a storage, in order; those of parameters
    and buffers are in `fixed` and are kept anyway.
    """

    graph: Graph
    sizes: Bytes
    storages: Storages
    needs: frozenset[int]
    live: frozenset[int]
    fixed: frozenset[int]
    saved: dict[int, Saved] = field(default_factory=dict)
    keepers: dict[int, list[int]] = field(default_factory=dict)
    unknown: dict[str, None] = field(default_factory=dict)
    #: What is made once more before the gradients of an operation, in bytes, by its index, and what
    #: that is.
    again: dict[int, int] = field(default_factory=dict)
    remade: set[int] = field(default_factory=set)
    inside: set[int] = field(default_factory=set)
    given: dict[int, tuple[int, ...]] = field(default_factory=dict)

    def run_again(self, paths: Collection[str], held: set[int]) -> None:
        """Keep nothing of what is in some modules but what they are given."""
        for part in _parts(self.graph, paths):
            indices = {node.index for node in part}
            made = {one for node in part for one in self.storages.of[node.index]}
            given = {
                one
                for node in part
                for source in node.inputs
                if source.index in self.graph.varying and source.index not in indices
                for one in self.storages.of[source.index]
            } - self.fixed
            remade = {
                one
                for one in made - given - held
                if one in self.keepers and indices.issuperset(self.keepers[one])
            }
            for one in given:
                self.keepers.setdefault(one, []).append(part[0].index)
            beside = sum(self.saved[at].beside for at in indices if at in self.saved)
            self.again[part[-1].index] = self.total(remade) + beside
            self.remade.update(remade)
            self.inside.update(indices)
            self.given[part[0].index] = tuple(given)

    def held(self) -> set[int]:
        """The storages that the training loop has: inputs and outputs."""
        ends = (*(given.node for given in self.graph.inputs), *self.graph.outputs)
        found = {one for node in ends for one in self.storages.of[node.index]}
        return found - self.fixed

    def total(self, storages: Iterable[int]) -> int:
        """The bytes of some storages."""
        return sum([self.storages.sizes[one] for one in storages])

    def forward(self, held: set[int]) -> int:
        """The most that the forward takes: what is kept so far, and what is still to be read."""
        of, sizes = self.storages.of, self.storages.sizes
        last: dict[int, int] = {}
        for node in self.graph.nodes:
            for source in node.inputs:
                for one in of[source.index]:
                    last[one] = node.index
        ends: dict[int, list[int]] = {}
        for one, index in last.items():
            kept = one in self.keepers and one not in self.remade
            if one not in held and not kept and one not in self.fixed:
                ends.setdefault(index, []).append(one)
        alive = {one for given in self.graph.inputs for one in of[given.node.index]}
        now = most = self.total(alive)
        for node in self.graph.nodes:
            index = node.index
            for one in of[index]:
                if one not in alive and one not in self.fixed:
                    alive.add(one)
                    now += sizes[one]
                    if one not in last and one not in held:
                        ends.setdefault(index, []).append(one)
            if index in self.saved and index not in self.inside:
                now += self.saved[index].beside
            most = max(most, now)
            for one in ends.get(index, ()):
                if one in alive:
                    now -= sizes[one]
        return most

    def layers(self) -> dict[int, int]:
        """What each operation keeps: a storage counts for the first layer that keeps it."""
        by_index = {node.index: node for node in self.graph.nodes}
        found = {index: one.beside for index, one in self.saved.items() if one.beside}
        for one, keepers in self.keepers.items():
            first = next((k for k in keepers if by_index[k].is_layer), keepers[0])
            found[first] = found.get(first, 0) + self.storages.sizes[one]
        return found


def _plan(graph: Graph, sizes: Bytes) -> _Plan:
    needs = frozenset(_needing(graph))
    live = leading_to(graph, graph.outputs)
    storages = Storages(graph, sizes)
    fixed = frozenset(
        one
        for node in graph.nodes
        if node.op in ("parameter", "buffer")
        for one in storages.of[node.index]
    )
    plan = _Plan(graph, sizes, storages, needs, live, fixed)
    for node in graph.nodes:
        if node.index in needs and node.index in live and node.inputs:
            _keep(plan, node)
    return plan


def _keep(plan: _Plan, node: Node) -> None:
    found = saved(node, plan.needs, plan.sizes)
    if found is None:
        plan.unknown[node.op] = None
        return
    if not found.inputs and not found.result and not found.beside:
        return
    plan.saved[node.index] = found
    for one in {*_storages_kept(plan, node, found)} - plan.fixed:
        plan.keepers.setdefault(one, []).append(node.index)


def _storages_kept(plan: _Plan, node: Node, found: Saved) -> Iterator[int]:
    for source in found.inputs:
        yield plan.storages.of[source.index][0]
    if found.result:
        yield plan.storages.of[node.index][0]


def _needing(graph: Graph) -> set[int]:
    """The indices of the nodes that a parameter's gradient goes through."""
    needs: set[int] = set()
    for node in graph.nodes:
        if node.op == "parameter":
            if node.arguments["requires_grad"]:
                needs.add(node.index)
        elif node.op not in _NO_GRADIENT:
            for source in node.inputs:
                if source.index in needs:
                    if node.outputs and node.output.dtype.startswith(
                        ("float", "bfloat", "complex")
                    ):
                        needs.add(node.index)
                    break
    return needs


def _parts(graph: Graph, paths: Collection[str]) -> Iterator[list[Node]]:
    """The operations of each call of some modules, in order."""
    part: list[Node] = []
    inside = ""
    for node in graph.nodes if paths else ():
        if not node.inputs:
            continue
        within = (one for one in paths if node.module == one or node.module.startswith(f"{one}."))
        path = next(within, "")
        if path != inside and part:
            yield part
            part = []
        inside = path
        if path:
            part.append(node)
    if part:
        yield part


class _Gradient:
    """A gradient's memory: how large, and how many operations wait for it."""

    __slots__ = ("size", "waiting")

    def __init__(self, size: int) -> None:
        self.size = size
        self.waiting = 0


class _Backward:
    """The way back: gradients that wait, and what is let go behind them."""

    def __init__(self, plan: _Plan, held: set[int]) -> None:
        self.plan = plan
        self.held = held
        #: By the index of the operation and the place of the result among its results.
        self.waiting: dict[int, dict[int, _Gradient]] = {}
        self.gradients: dict[int, int] = {}
        self.left = {one: len(keepers) for one, keepers in plan.keepers.items()}
        beside = sum(one.beside for one in plan.saved.values())
        self.now = plan.total({*held, *plan.keepers}) + beside - sum(plan.again.values())
        self.most = self.now

    def run(self) -> tuple[int, dict[int, int]]:
        """The most that it takes, and the bytes of the gradients of parameters, by index."""
        plan = self.plan
        for node in plan.graph.outputs:
            if node.index in plan.needs and node.index not in self.waiting:
                self._arrive(node, self._new(plan.sizes.of(node)))
        for node in reversed(plan.graph.nodes):
            if node.index in plan.again:
                self.now += plan.again[node.index]
                self.most = max(self.most, self.now)
            gradients = self.waiting.pop(node.index, None)
            if gradients is not None:
                self._through(node, next(iter(gradients.values())))
                for gradient in gradients.values():
                    self._release(gradient)
                self._let_go(node)
        return self.most, self.gradients

    def _new(self, size: int) -> _Gradient:
        self.now += size
        self.most = max(self.most, self.now)
        return _Gradient(size)

    def _release(self, gradient: _Gradient) -> None:
        gradient.waiting -= 1
        if gradient.waiting <= 0:
            self.now -= gradient.size

    def _through(self, node: Node, gradient: _Gradient) -> None:
        """Make the gradients of an operation's inputs."""
        sizes, made = self.plan.sizes, []
        for source in {one.index: one for one in node.inputs}.values():
            if source.index not in self.plan.needs:
                continue
            if self._is_handed_on(node, source):
                made.append((source, gradient))
                continue
            wanted = sizes.of(source)
            self._pass_by(node, source, wanted)
            made.append((source, self._new(wanted)))
        at = node.arguments.get("index", 0) if node.op == "unpack" else 0
        for source, one in made:
            self._arrive(source, one, at)

    def _pass_by(self, node: Node, source: Node, wanted: int) -> None:
        """A product with what was broadcast is made in full, then summed."""
        full = _in_full(node, source, self.plan.sizes)
        if full > wanted:
            self.now += full
            self.most = max(self.most, self.now + wanted)
            self.now -= full

    def _is_handed_on(self, node: Node, source: Node) -> bool:
        sizes = self.plan.sizes
        if node.op in _HANDED_ON:
            if node.op == "add":
                return sizes.numel(node.output) == sizes.numel(source.output)
            return True
        return node.op.startswith("dropout") and is_view(node, sizes)

    def _arrive(self, node: Node, gradient: _Gradient, at: int = 0) -> None:
        """A gradient is added to the one that waits, or waits itself; a parameter's stays."""
        if node.op == "parameter":
            if node.index not in self.gradients:
                self.gradients[node.index] = gradient.size
            else:
                self.now -= gradient.size
            return
        arrived = self.waiting.setdefault(node.index, {})
        known = arrived.get(at)
        if known is None:
            gradient.waiting += 1
            arrived[at] = gradient
            return
        if known.waiting > 1 or gradient is known:
            # Another operation waits for the same memory: the sum is a new tensor.
            joined = self._new(self.plan.sizes.of(node))
            joined.waiting = 1
            arrived[at] = joined
            self._release(known)
        if gradient.waiting == 0:
            self.now -= gradient.size

    def _let_go(self, node: Node) -> None:
        found = self.plan.saved.get(node.index, NOTHING)
        self.now -= found.beside
        kept = [*{*_storages_kept(self.plan, node, found)}, *self.plan.given.get(node.index, ())]
        for one in kept:
            if one in self.left:
                self.left[one] -= 1
                if not self.left[one] and one not in self.held:
                    self.now -= self.plan.storages.sizes[one]


def _in_full(node: Node, source: Node, sizes: Bytes) -> int:
    """The bytes of the gradient of an operand that was repeated, before it is summed."""
    if node.op in ("mul", "div"):
        return sizes.of(node)
    if node.op == "scaled_dot_product_attention" and source is node.arguments.get("attn_mask"):
        # That of the mask, which has a place for each query and key of each sample.
        query, key = (node.arguments[name].output for name in ("query", "key"))
        pairs = prod(sizes.sizes(query)[:-1]) * sizes.sizes(key)[-2]
        return pairs * sizes.width(node)
    return 0
