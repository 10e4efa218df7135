"""The graph of one forward: what every rule, every cost and every report is derived from.

A `Graph` is built once, by `modellint.tracing`, and never patched. Its nodes stand in execution
order and refer only backwards. Whatever can be derived (readers, receptive fields, costs) is a
function of the graph, memoised with `fact`. This module imports no torch.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import wraps
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from modellint.errors import UsageError, shown
from modellint.graph.line_values import LineValues
from modellint.graph.nodes import (
    LAYERS,
    LEAVES,
    STEPS,
    Module,
    Node,
    Parameter,
    T,
    cached_property,
)
from modellint.graph.origins import STATED, ConstructorArgument, Origin, Origins
from modellint.graph.saved import Saved
from modellint.source.file import SourceFile
from modellint.symbolic.constraints import Constraint

if TYPE_CHECKING:
    from torch.fx import GraphModule


@dataclass(frozen=True, slots=True)
class Input:
    """One input of the model, where its shape came from, and whether that was only assumed.

    `axes` are the symbols that its axes began with, also where the run left one no choice.
    `origins` tell it of each size, of the number of axes and of the dtype.
    """

    name: str
    node: Node
    source: str
    guessed: bool
    axes: tuple[str, ...] = ()
    origins: Origins = STATED

    @property
    def origin(self) -> Origin:
        """The least sure origin of its sizes."""
        return self.origins.weakest


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Why the forward stopped: an operation that refuses the sizes it gets.

    `node` is the operation that refused (with no outputs); `message` names both shapes and where
    they came from; `help` names the argument that would fit.
    """

    node: Node
    message: str
    help: str | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Graph:
    """One forward of one model; printed, a line for each operation with the shapes in and out.

    `symbols` maps each free symbol to its size in the example, `batches` are those that count
    samples. `constraints` are what the run demanded of them. `partial` says which sizes are
    unknown, or is `None`. `invalid` holds the arguments that eager execution rejects although the
    trace went on. `fx` is a `torch.fx.GraphModule` that computes what the model computes, at the
    example's sizes. `rerun` traces the same model at other sizes of its symbols: `None` where the
    forward raises. `kept` are values that the forward leaves in attributes of its modules. `exact`
    is false where values decided what ran or where a value came from out of sight: other runs may
    do otherwise. `counted` names the axes that only this run fixed, since it used a size as a plain
    number.

    Beside the forward, and only when asked: `source` is the file that defines the model,
    `definitions` gives the syntax tree of a module's class and its bases, by the module's path, and
    `train` traces the model in training mode; it raises `ModellintError` where that fails. `judge`
    is what `refused_by_torch` asks. `arguments` are those that a file's model was built with.
    `spoken` tells the names of operations that `calls` may be asked for.
    `exported` is of a program of `torch.export`, in which all sizes are numbers that were not made
    dynamic, whatever the code that it was made of had there; `samples` is how many of them its
    inputs and outputs have for good.
    `lines` tell what each line of the source did, where that was asked for. `saved` tells what a
    checkpoint of the model holds. `users` reads the project's other files that may train the model,
    each with its path as reports print it.
    """

    name: str
    nodes: tuple[Node, ...]
    inputs: tuple[Input, ...]
    outputs: tuple[Node, ...]
    modules: Mapping[str, Module]
    parameters: tuple[Parameter, ...]
    symbols: Mapping[str, int]
    constraints: tuple[Constraint, ...] = ()
    mismatch: Mismatch | None = None
    partial: str | None = None
    make_fx: Callable[[], GraphModule] | None = None
    rerun: Callable[[Mapping[str, int]], Graph | None] | None = None
    kept: tuple[Node, ...] = ()
    exact: bool = True
    counted: frozenset[str] = frozenset()
    source: SourceFile | None = None
    definitions: Callable[[str], tuple[ast.ClassDef, ...]] = lambda path: ()
    train: Callable[[], Graph] | None = None
    judge: Callable[[Node], bool | None] | None = None
    batches: tuple[str, ...] = ()
    arguments: tuple[ConstructorArgument, ...] = ()
    spoken: Callable[[], Collection[str]] = frozenset
    lines: LineValues | None = None
    saved: Callable[[], Saved] = Saved
    users: Callable[[], Iterable[tuple[str, SourceFile]]] = tuple
    exported: bool = False
    samples: int = 1
    facts: dict[Any, Any] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        from modellint.graph.listing import listing

        return listing(self)

    def __repr__(self) -> str:
        computed = sum(1 for node in self.nodes if node.index in self.varying)
        return f"<Graph of {self.name}: {computed - len(self.inputs)} operations>"

    @property
    def guessed(self) -> bool:
        """Whether the example size was assumed, not given, shown in the file or solved."""
        return any(given.guessed for given in self.inputs)

    @cached_property
    def fx(self) -> GraphModule:
        """The same forward as a `torch.fx.GraphModule`, with the model's own parameters.

        Raises `UsageError` where the forward stops, since sizes do not fit.
        """
        if self.make_fx is None:
            at = "" if self.mismatch is None else f" at {self.mismatch.node.key}"
            raise UsageError(f"there is no fx of {self.name}, whose forward stops{at}")
        return self.make_fx()

    def words(self, line: int) -> str:
        """A line of the model's file as a message names it: `line 17`, or `cell 3, line 7`."""
        return f"line {line}" if self.source is None else self.source.words(line)

    def calls(self, *ops: str) -> Iterator[Node]:
        """The operations of these functional names, in execution order; none named: all layers.

        What only prepares a weight (the `batch_norm` of a weight standardisation) is no layer.
        Raises `UsageError` for a name that is almost that of an operation, or a part of one; others
        may be operations of libraries.
        """
        for op in ops:
            if not isinstance(op, str):
                raise UsageError(
                    f"calls: {shown(op)} is no name; write that of a function, as 'conv2d'"
                )
        found = self._asked.get(ops)
        if found is None:
            for op in ops:
                if op not in self._by_op:
                    self._check_name(op)
            found = self._asked[ops] = self._named(ops or LAYERS)
        return iter(found)

    def first_like(self, node: Node) -> Node:
        """The first operation that is `like` this one, or the node itself.

        What sizes and arguments alone decide is asked of that one, and so found out once for all
        the equal layers of a model.
        """
        like = node.like
        if like is None or like == node.index:
            return node
        first = self.nodes[like]
        return first if first.index == like else node

    def _check_name(self, op: str) -> None:
        """Raise `UsageError` for what is only nearly the name of an operation."""
        if op in _USUAL or op in (spoken := self.spoken()):
            return
        low = op.lower()
        # Of equally near names, those that this model has come first.
        for names in ([*self._by_op], _USUAL, spoken):
            near = get_close_matches(low, names, n=1, cutoff=_NEAR)
            if names is not spoken and len(low) >= _PART:
                near += sorted(name for name in names if low in name)
            if near:
                raise UsageError(f"there is no operation {op!r}; did you mean {near[0]}?")

    def _named(self, ops: Iterable[str]) -> list[Node]:
        found = [node for op in {*ops} for node in self._by_op.get(op, ())]
        if not LEAVES.isdisjoint(ops):  # Hardly ever, and they are half of all nodes.
            found += [node for node in self.nodes if node.op in LEAVES and node.op in ops]
        found.sort(key=attrgetter("index"))
        return found

    @cached_property
    def ops(self) -> frozenset[str]:
        """The functional names of all its nodes: what is not among them needs no search."""
        return frozenset([node.op for node in self.nodes])

    @cached_property
    def _by_op(self) -> Mapping[str, list[Node]]:
        """The operations that `calls` tells of, by functional name."""
        found: dict[str, list[Node]] = {}
        varying = self.varying
        for node in self.computed:
            if node.type != node.op or node.index in varying or node.op not in LAYERS:
                found.setdefault(node.op, []).append(node)
        return found

    @cached_property
    def _asked(self) -> dict[tuple[str, ...], list[Node]]:
        """What `calls` was asked for so far: several rules ask for the same operations."""
        return {}

    @cached_property
    def _readers(self) -> Mapping[int, tuple[Node, ...]]:
        # Nearly all nodes have one reader.
        readers: dict[int, tuple[Node, ...]] = {}
        several: dict[int, list[Node]] = {}
        for node in self.nodes:
            for source in node.inputs:
                index = source.index
                if index not in readers:
                    readers[index] = (node,)
                    continue
                if index not in several:
                    several[index] = [*readers[index]]
                found = several[index]
                if found[-1] is not node:  # It may read a node twice, `x + x`.
                    found.append(node)
        readers.update({index: tuple(found) for index, found in several.items()})
        return readers

    def refused_by_torch(self, node: Node) -> bool | None:
        """Whether PyTorch itself, with values, raises at an operation of this forward.

        It is run for that, once a graph: only what is about to be called broken should ask. `None`
        where it cannot be told, as of a model that is too large to be run.
        """
        return None if self.judge is None else self.judge(node)

    def readers(self, node: Node) -> tuple[Node, ...]:
        """The operations that read a node, in execution order."""
        return self._readers.get(node.index, ())

    @cached_property
    def computed(self) -> tuple[Node, ...]:
        """The operations in execution order: no inputs, and nothing that the model holds."""
        return tuple([node for node in self.nodes if node.inputs or node.op not in LEAVES])

    @cached_property
    def varying(self) -> frozenset[int]:
        """The indices of the nodes that depend on an input, the inputs included."""
        found: set[int] = set()
        for node in self.nodes:
            if node.op == "input":
                found.add(node.index)
                continue
            for source in node.inputs:
                if source.index in found:
                    found.add(node.index)
                    break
        return frozenset(found)


#: What rules ask for most.
_USUAL = LAYERS | STEPS
#: How alike two names are of which one is meant for the other, and how long a part tells one.
_NEAR, _PART = 0.85, 3


def fact_of_call(compute: Callable[[Graph, Node], T]) -> Callable[[Graph, Node], T]:
    """Memoise a function of a graph and one of its nodes in the graph."""

    @wraps(compute)
    def shared(graph: Graph, node: Node) -> T:
        known: dict[int, T] | None = graph.facts.get(compute)
        if known is None:
            known = graph.facts[compute] = {}
        index = node.index
        if index in known:
            return known[index]
        result = known[index] = compute(graph, node)
        return result

    return shared


def fact(compute: Callable[[Graph], T]) -> Callable[[Graph], T]:
    """Memoise a function of a graph in the graph, so that all rules share one computation."""

    @wraps(compute)
    def shared(graph: Graph) -> T:
        if compute not in graph.facts:
            graph.facts[compute] = compute(graph)
        result: T = graph.facts[compute]
        return result

    return shared
