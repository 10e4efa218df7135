"""What a model costs: parameters, multiply-accumulates and activations, a call and in total.

Parameters belong to the call that uses them, also where a weight is computed on the way (weight
norm, weight standardisation, a functional convolution with a parameter of the module). A call
always reports its own; the model's total counts each parameter once.

Multiply-accumulates are those of one sample (1 for each symbol that counts samples) at the
example's sizes. Convolutions, linear layers, matrix products, attention and recurrent layers
count; norms, activations, pools, biases and products of elements are 0, as in fvcore and
`torch.utils.flop_counter`. Activation memory is in bytes, of one sample, too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from math import isqrt, prod
from typing import Any

from modellint.graph import Graph, Node, Parameter, Tensor, fact, fact_of_call
from modellint.graph.operations import CONVOLUTIONS, TRANSPOSED
from modellint.symbolic.dims import evaluate


@fact
def _parameters_behind(graph: Graph) -> Mapping[int, frozenset[Parameter]]:
    # Only through nodes that no input reaches: what lies behind an input belongs to other calls.
    behind: dict[int, frozenset[Parameter]] = {}
    for node in graph.nodes:
        if node.parameter is not None:
            behind[node.index] = frozenset((node.parameter,))
        elif node.inputs and node.index not in graph.varying:
            behind[node.index] = _union(behind, node)
    return behind


def _union(behind: Mapping[int, frozenset[Parameter]], node: Node) -> frozenset[Parameter]:
    found = [behind[source.index] for source in node.inputs if source.index in behind]
    return found[0] if len(found) == 1 else frozenset().union(*found)


@fact_of_call
def own_parameters(graph: Graph, node: Node) -> frozenset[Parameter]:
    """The trainable tensors that a call uses, tied ones once."""
    return _union(_parameters_behind(graph), node)


def parameters(graph: Graph, node: Node) -> int:
    """How many trainable numbers a call uses, whether or not another call uses them too."""
    return sum([parameter.numel for parameter in own_parameters(graph, node)])


def total_parameters(graph: Graph) -> int:
    """How many trainable numbers the model has; tied and shared ones count once."""
    return sum([parameter.numel for parameter in graph.parameters])


def parameter_memory(graph: Graph, node: Node) -> int:
    """The bytes of the trainable numbers that a call uses, each in its own dtype."""
    return sum([held.numel * width(held.dtype) for held in own_parameters(graph, node)])


def total_parameter_memory(graph: Graph) -> int:
    """The bytes of the model's trainable numbers; tied and shared ones count once."""
    return sum([held.numel * width(held.dtype) for held in graph.parameters])


def macs(graph: Graph, node: Node) -> int:
    """The multiply-accumulates of one call for one sample; 0 where an operation has none."""
    count = _MACS.get(node.op)
    if count is None or not node.outputs:
        return 0
    # A recurrent layer's are counted by its parameters, which are the call's own.
    counted = node if count is _recurrent else graph.first_like(node)
    return _of_one(graph, node, _macs_of_equals(graph, counted))


@fact_of_call
def _macs_of_equals(graph: Graph, node: Node) -> int:
    """Those of all calls that are like one: its sizes and arguments say how many there are."""
    return _MACS[node.op](graph, node)


def _of_one(graph: Graph, node: Node, cost: int) -> int:
    """What a call costs a sample, of a graph whose number of samples is no symbol."""
    shared = graph.samples == 1 or node.index not in graph.varying or cost % graph.samples
    return cost if shared else cost // graph.samples


@fact
def total_macs(graph: Graph) -> int:
    """The multiply-accumulates of the whole forward for one sample."""
    return sum([macs(graph, node) for node in graph.computed if node.op in _MACS])


def activation_memory(graph: Graph, node: Node) -> int:
    """The bytes of a call's outputs for one sample, each in its own dtype."""
    return _of_one(graph, node, _memory_of_equals(graph, graph.first_like(node)))


@fact_of_call
def _memory_of_equals(graph: Graph, node: Node) -> int:
    return sum([_numel(graph, output) * width(output.dtype) for output in node.outputs])


@fact
def total_activation_memory(graph: Graph) -> int:
    """The bytes of the outputs of all layers of one forward for one sample.

    Layers are the calls in the table of layers: convolutions, linear layers, pools, norms,
    attention and so on. It is a sum and no peak: what training holds for the backward pass,
    roughly, and more than inference needs at any one time.
    """
    return sum([activation_memory(graph, node) for node in graph.calls()])


@cache
def width(dtype: str) -> int:
    """How many bytes a number of a dtype takes: 4 for `float32`, 2 for `bfloat16`, 1 for `bool`."""
    bits = re.search(r"\d+", dtype)
    return max(int(bits[0]) // 8, 1) if bits else 1


def sample_sizes(graph: Graph, tensor: Tensor) -> tuple[int, ...]:
    """A tensor's sizes for one sample, the other symbols at their example values.

    A size that no expression tells is that of a run with one sample, where the model runs so.
    """
    known = _samples(graph)
    # By identity: the graph keeps its tensors, and has one object for equal shapes.
    found = known.get(id(tensor))
    if found is None or found[0] is not tensor:
        found = known[id(tensor)] = (tensor, _sampled(graph, tensor))
    return found[1]


@fact
def _samples(graph: Graph) -> dict[int, tuple[Tensor, tuple[int, ...]]]:
    return {}


def _sampled(graph: Graph, tensor: Tensor) -> tuple[int, ...]:
    values = _one_sample(graph)
    if not tensor.known:
        alone = _run_with_one_sample(graph).get(id(tensor))
        if alone is not None:
            return alone
    sizes = []
    for size, example in zip(tensor.shape, tensor.example, strict=True):
        try:
            sizes.append(evaluate(size, values))
        except (KeyError, ZeroDivisionError):
            sizes.append(example)
    return tuple(sizes)


@fact
def _one_sample(graph: Graph) -> Mapping[str, int]:
    return {**graph.symbols, **dict.fromkeys(graph.batches, 1)}


@fact
def _run_with_one_sample(graph: Graph) -> Mapping[int, tuple[int, ...]]:
    """The sizes of the same tensors in a run with one sample, by `id`; none if that does else."""
    batches = [name for name in graph.batches if graph.symbols.get(name, 1) != 1]
    other = graph.rerun(dict.fromkeys(batches, 1)) if graph.rerun and batches else None
    if other is None or [node.op for node in other.nodes] != [node.op for node in graph.nodes]:
        return {}
    return {
        id(here): there.example
        for node, alone in zip(graph.nodes, other.nodes, strict=True)
        for here, there in zip(node.outputs, alone.outputs, strict=False)
    }


def _numel(graph: Graph, tensor: Tensor) -> int:
    return prod(sample_sizes(graph, tensor))


def _tensor(node: Node, *names: str) -> Tensor | None:
    for name in names:
        value = node.arguments.get(name)
        if isinstance(value, Node) and value.outputs:
            return value.output
    return None


def _convolution(graph: Graph, node: Node) -> int:
    weight = _tensor(node, "weight")
    return _numel(graph, node.output) * prod(weight.example[1:]) if weight else 0


def _transposed(graph: Graph, node: Node) -> int:
    weight = _tensor(node, "weight")
    return _numel(graph, node.input.output) * prod(weight.example[1:]) if weight else 0


def _linear(graph: Graph, node: Node) -> int:
    weight = _tensor(node, "weight")
    return _numel(graph, node.output) * weight.example[-1] if weight else 0


def _bilinear(graph: Graph, node: Node) -> int:
    weight = _tensor(node, "weight")
    return _numel(graph, node.output) * prod(weight.example[1:]) if weight else 0


def _factors(graph: Graph, node: Node) -> list[tuple[int, ...]]:
    """The sizes of the tensors that are multiplied, behind that of what is added to them."""
    return [sample_sizes(graph, given.output) for given in _nodes(node.arguments.values())]


def _nodes(values: Iterable[Any]) -> Iterator[Node]:
    for value in values:
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            yield from _nodes(value)


def _product(graph: Graph, node: Node) -> int:
    """Each value of the result is a sum of as many products as the left factor has columns."""
    left = _factors(graph, node)[-2:][0]
    return _numel(graph, node.output) * left[-1] if left else 0


def _summed_product(graph: Graph, node: Node) -> int:
    left, right = _factors(graph, node)[-2:]
    return prod(left) * right[-1]


def _tensordot(graph: Graph, node: Node) -> int:
    # Each summed axis is one of both factors: their sizes hold it twice, and the result not.
    left, right = _factors(graph, node)
    free = _numel(graph, node.output)
    return free * isqrt(prod(left) * prod(right) // free) if free else 0


def _chain(graph: Graph, node: Node) -> int:
    """Several matrices, multiplied in the order that costs least; outer ones may be vectors."""
    shapes = _factors(graph, node)
    if len(shapes) < 2:
        return 0
    lengths = [shapes[0][0] if len(shapes[0]) > 1 else 1]
    lengths += [shape[-1] for shape in shapes[:-1]]
    lengths.append(shapes[-1][-1] if len(shapes[-1]) > 1 else 1)
    least: dict[tuple[int, int], int] = {}
    for count in range(1, len(shapes) + 1):
        for first in range(len(shapes) - count + 1):
            last = first + count
            least[first, last] = min(
                (
                    least[first, at]
                    + least[at, last]
                    + lengths[first] * lengths[at] * lengths[last]
                    for at in range(first + 1, last)
                ),
                default=0,
            )
    return least[0, len(shapes)]


def _einsum(graph: Graph, node: Node) -> int:
    """Operands are taken in from left to right; where nothing is summed, no matrix product is."""
    equation = next((v for v in node.arguments.values() if isinstance(v, str)), "")
    given, arrow, kept = equation.replace(" ", "").partition("->")
    operands, sizes = given.split(","), _factors(graph, node)
    if len(operands) != len(sizes):
        return 0
    joined, *rest = map(_lengths, operands, sizes)
    if not arrow:
        once = Counter(given.replace(",", "").replace(".", ""))
        kept = "..." + "".join(letter for letter, count in once.items() if count == 1)
    outputs = {name for term in (joined, *rest) for name in term if name[0] in kept}
    count = 0
    for at, term in enumerate(rest, 1):
        wanted = outputs.union(*rest[at:])
        # What only one of the two has and nobody wants is added up before.
        used = wanted | (joined.keys() & term.keys())
        lengths = {name: size for name, size in {**joined, **term}.items() if name in used}
        joined = {name: size for name, size in lengths.items() if name in wanted}
        if len(joined) < len(lengths):
            count += prod(lengths.values())
    return count


def _lengths(letters: str, sizes: tuple[int, ...]) -> dict[str, int]:
    """The length of each index of an operand, if it has one; an ellipsis counts from its end."""
    head, dots, tail = letters.partition("...")
    hidden = range(len(sizes) - len(head) - len(tail)) if dots else ()
    names = [*head, *(f".{len(hidden) - place}" for place in hidden), *tail]
    return {name: size for name, size in zip(names, sizes, strict=False) if size != 1}


def _attention(graph: Graph, node: Node) -> int:
    query, key, value = (_tensor(node, name) for name in ("query", "key", "value"))
    if query is None or key is None or value is None:
        return 0
    *batch, length, width = sample_sizes(graph, query)
    source = sample_sizes(graph, key)[-2]
    return prod(batch) * length * source * (width + sample_sizes(graph, value)[-1])


def _recurrent(graph: Graph, node: Node) -> int:
    # Each weight matrix is applied once a step; vectors are biases.
    matrices = {p for p in own_parameters(graph, node) if len(p.shape) == 2}
    steps = prod(sample_sizes(graph, node.input.output)[:-1])
    return steps * sum(matrix.numel for matrix in matrices)


_MACS: Mapping[str, Callable[[Graph, Node], int]] = {
    **dict.fromkeys(CONVOLUTIONS, _convolution),
    **dict.fromkeys(TRANSPOSED, _transposed),
    "linear": _linear,
    "bilinear": _bilinear,
    **dict.fromkeys(
        ("matmul", "linalg_matmul", "mm", "bmm", "mv", "dot", "vdot", "inner", "linalg_vecdot",
         "addmm", "baddbmm", "addmv"),
        _product,
    ),
    "addbmm": _summed_product,
    "tensordot": _tensordot,
    "einsum": _einsum,
    **dict.fromkeys(("linalg_multi_dot", "chain_matmul"), _chain),
    "scaled_dot_product_attention": _attention,
    **dict.fromkeys(
        ("lstm", "gru", "rnn_tanh", "rnn_relu", "lstm_cell", "gru_cell", "rnn_tanh_cell",
         "rnn_relu_cell"),
        _recurrent,
    ),
}  # fmt: skip


def share_of(part: int, whole: int) -> str:
    """A part of a whole as a percentage with one decimal, such as `61.8 %`."""
    return f"{100 * part / whole:.1f} %" if whole else "0.0 %"


def share_of_macs(graph: Graph, part: int) -> str:
    """A part of the MACs as a percentage of them all, or of those that ran before it stopped."""
    share = share_of(part, total_macs(graph))
    if graph.mismatch is None:
        return f"{share} of its MACs"
    return f"{share} of the MACs before {graph.mismatch.node.key}, where its forward stops"


def amount(number: int) -> str:
    """A count in the unit that reads best: `50`, `8.1 k`, `37.8 M`, `15.5 G`."""
    size: Any = number
    for unit in ("", " k", " M", " G", " T"):
        if size < 1000:
            return f"{size:.1f}{unit}" if unit else str(size)
        size /= 1000
    return f"{size:.1f} P"
