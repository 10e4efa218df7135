"""What training a model takes of memory, from its graph and from what its file does with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from modellint.facts.autocast import NO_CASTS, casts
from modellint.facts.checkpointing import checkpointed
from modellint.facts.costs import width
from modellint.facts.optimizers import Options, copies
from modellint.facts.tensor_bytes import Bytes
from modellint.facts.training_loop import Loop, training_loop
from modellint.facts.training_pass import Pass, training_pass
from modellint.graph import Graph, Node, fact
from modellint.results.training_memory import OptimizerMemory, TrainingMemory

#: The ends of what is usual, for a model whose optimizer is not known.
_HALVES = ("float16", "bfloat16", "half")
_RANGE: tuple[tuple[str, Options], ...] = (("SGD", {}), ("Adam", {}))


@dataclass(frozen=True, slots=True)
class Training:
    """The memory of training, and what each layer keeps of the forward, by its index."""

    memory: TrainingMemory
    layers: Mapping[int, int]


@fact
def training(graph: Graph) -> Training | None:
    """What training takes at the peak; `None` of a forward that stops, or that trains nothing.

    Nor is it known of an export for a fixed number of samples, of which one cannot be told.
    """
    return trained_as(graph, training_loop(graph))


def trained_as(graph: Graph, loop: Loop) -> Training | None:
    """What training takes with an optimizer and a batch that somebody says."""
    if graph.mismatch is not None or not graph.outputs or graph.samples > 1:
        return None
    samples = loop.samples if loop.samples is not None and graph.batches else 1
    sizes = Bytes(graph, samples, casts(graph) if loop.precision in _HALVES else NO_CASTS)
    again = checkpointed(graph)
    found = training_pass(graph, sizes, again)
    if not found.gradients:
        return None
    parameters = sum(one.numel * width(one.dtype) for one in graph.parameters)
    buffers = sum(sizes.of(node) for node in graph.nodes if node.op == "buffer")
    shown = [(one.name, one.options) for one in loop.optimizers]
    memory = TrainingMemory(
        samples=samples,
        batch=loop.batch if samples == loop.samples else None,
        source=loop.source,
        parameters=parameters,
        buffers=buffers,
        gradients=found.gradients,
        kept=found.kept,
        optimizers=tuple(
            _with(found, parameters + buffers, name, options) for name, options in shown or _RANGE
        ),
        precision=loop.precision if loop.precision in _HALVES else None,
        checkpointed=again,
        unknown=found.unknown,
    )
    return Training(memory, found.layers)


def _with(found: Pass, fixed: int, name: str, options: Options) -> OptimizerMemory:
    """The peak with an optimizer: in the forward, on the way back or in the step."""
    held, made = copies(name, options)
    step = found.held + (1 + made) * found.gradients
    states = held * found.gradients
    return OptimizerMemory(name, states, fixed + states + max(found.forward, found.backward, step))


def kept(graph: Graph, node: Node) -> int:
    """The bytes that a call keeps for the backward pass, and no layer before it."""
    found = training(graph)
    return 0 if found is None else found.layers.get(node.index, 0)


def training_peak(graph: Graph) -> int:
    """The bytes of the peak, with the optimizer that needs most where none is known."""
    found = training(graph)
    return 0 if found is None else found.memory.peak
