"""From a graph to its picture: which operations are drawn, what they read, how borders count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from modellint.geometry.influence import relative_weights
from modellint.geometry.pieces import Pieces
from modellint.geometry.receptive_fields import map_axes, sources
from modellint.graph import STEPS, Graph, Node, fact
from modellint.graph.operations import IDENTITIES, REORDERINGS, RESHAPES, SPLITS, varying_inputs
from modellint.results.picture import PARAMETER, Border, Picture, Step

#: Into how many parts an axis is divided at most: more would not be told apart on a screen.
FINEST = 256
#: What only asks a tensor for its kind or sizes: no number of it goes on.
_CREATING = frozenset(
    """new_zeros new_ones new_full new_empty new_tensor zeros_like ones_like full_like empty_like
    rand_like randn_like randint_like""".split()
)
#: What only moves numbers, or looks at a tensor: it would be most of a transformer's picture.
_UNDRAWN = (
    RESHAPES
    | REORDERINGS
    | SPLITS
    | IDENTITIES
    | frozenset("getitem unpack narrow select expand expand_as repeat_interleave chunk".split())
)


def picture(graph: Graph) -> Picture:
    """The picture of one forward, as far as it went."""
    drawn: dict[int, tuple[int, ...]] = {}
    steps: list[Step] = []
    names = {given.node.index: given.name for given in graph.inputs}
    refused = None if graph.mismatch is None else graph.mismatch.node
    for node in graph.nodes:
        if node.index not in graph.varying and node is not refused:
            continue
        read = () if node.op in _CREATING else _read(drawn, varying_inputs(graph, node))
        owned = _owned(graph, node)
        if not owned and not _is_drawn(node, read) and node is not refused:
            drawn[node.index] = read
            continue
        for parameter in owned:
            if parameter.index not in drawn:
                drawn[parameter.index] = (len(steps),)
                steps.append(_parameter(parameter, node))
        read = (*read, *_read(drawn, owned))
        drawn[node.index] = (len(steps),)
        steps.append(_step(node, names.get(node.index, node.key), tuple(sorted(read))))
    ends = _read(drawn, graph.outputs)
    if ends:
        shapes = [steps[end] for end in ends]
        shape, example = (shapes[0].shape, shapes[0].example) if len(ends) == 1 else ((), ())
        steps.append(Step("output", "output", "output", "", shape, example, ends))
    return Picture(tuple(steps), _types(graph, steps), tuple(_borders(graph)))


def _owned(graph: Graph, node: Node) -> list[Node]:
    """The parameters that an operation reads and no layer of its own holds, such as a scale.

    What a layer holds is told of the layer.
    """
    if node.type != node.op:
        return []
    behind = _parameters_behind(graph)
    found = {one.index: one for source in node.inputs for one in behind.get(source.index, ())}
    return list(found.values())


@fact
def _parameters_behind(graph: Graph) -> Mapping[int, tuple[Node, ...]]:
    """The parameters that go into each operation that no input reaches."""
    behind: dict[int, tuple[Node, ...]] = {}
    for node in graph.nodes:
        if node.parameter is not None:
            behind[node.index] = (node,)
        elif node.inputs and node.index not in graph.varying:
            found = [one for source in node.inputs for one in behind.get(source.index, ())]
            behind[node.index] = tuple(dict.fromkeys(found))
    return behind


def _parameter(parameter: Node, reader: Node) -> Step:
    """A parameter as a step; it stands in the module that reads it, wherever it is registered."""
    name = parameter.parameter.name if parameter.parameter is not None else parameter.key
    shape = parameter.output.symbolic
    return Step(name, PARAMETER, PARAMETER, reader.module, shape, parameter.output.example, ())


def _is_drawn(node: Node, read: Sequence[int]) -> bool:
    if node.op == "input":
        return True
    if not read or not node.outputs:
        return False
    if node.is_layer or node.op in STEPS:
        return True
    if node.op in RESHAPES:
        return _flattens(node)
    return len(read) > 1 or node.op not in _UNDRAWN


def _flattens(node: Node) -> bool:
    """Whether a map becomes the features of a sample, which is where a model stops being one."""
    before, after = node.input.output.example, node.output.example
    return len(before) > 2 and len(after) == 2 and before[0] == after[0] and before[1] != after[1]


def _read(drawn: dict[int, tuple[int, ...]], nodes: Sequence[Node]) -> tuple[int, ...]:
    """The steps that lead to nodes, each once, through what is not drawn."""
    return tuple(sorted({step for node in nodes for step in drawn.get(node.index, ())}))


def _step(node: Node, key: str, read: tuple[int, ...]) -> Step:
    shape = node.output.symbolic if node.outputs else ()
    example = node.output.example if node.outputs else ()
    return Step(key, node.op, node.type, node.module, shape, example, read)


def _types(graph: Graph, steps: Sequence[Step]) -> dict[str, str]:
    paths: dict[str, None] = {}
    for step in steps:
        path = step.module
        while path and path not in paths:
            paths[path] = None
            path = path.rpartition(".")[0]
    return {path: graph.modules[path].type for path in sorted(paths) if path in graph.modules}


def _borders(graph: Graph) -> Iterator[Border]:
    axes = sources(graph)
    names = {given.node.index: given.name for given in graph.inputs}
    for axis, relative in zip(map_axes(graph), relative_weights(graph), strict=True):
        if relative is None:
            continue
        source, dim = axes[axis]
        yield Border(
            names[source.index],
            dim,
            source.output.symbolic[dim],
            source.output.example[dim],
            tuple(_rounded(part) for part in _parts(relative)),
            _rounded(min(relative[0], relative[-1])),
        )


def _parts(values: Pieces) -> Iterator[float]:
    """The values, or the means of equal parts of them where there are too many to be seen."""
    parts = min(len(values), FINEST)
    for part, total in enumerate(values.totals(parts)):
        yield total / ((part + 1) * len(values) // parts - part * len(values) // parts)


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
