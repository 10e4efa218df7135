"""The rule budget."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from modellint import Finding, Graph, Node, Skip, rule
from modellint.facts import costs
from modellint.facts.costs import amount, share_of
from modellint.facts.training_memory import kept, training_peak
from modellint.facts.wording import times

#: How many of the layers that cost most are named.
_NAMED = 3


@rule("correctness")
def budget(
    graph: Graph,
    *,
    parameters: int = 0,
    macs: int = 0,
    activation_memory: int = 0,
    training_memory: int = 0,
) -> Iterator[Finding | Skip]:
    """The model costs more than the configuration allows it.

    A budget is what a device, a latency or a paper's comparison leaves room for, written down where
    every change of the model is held to it. The finding stands at the layer that costs most, and
    names the next ones. Parameters count once where they are shared; multiply-accumulates are those
    of one sample; activation memory is the sum of the bytes that all layers of the table of layers
    (`--layers`) put out in one forward of one sample. That is a sum and no peak: the order of what
    training holds for the backward pass, and more than inference needs at any one time. Training
    memory is that peak: parameters, gradients, the optimizer's states and what is kept for the
    backward pass, with the optimizer and the batch that the file shows, else Adam and one sample.

    **Why it matters.** Costs grow a layer at a time, and no single change looks like the one that
    went too far. Activations often say more about the time on an accelerator than
    multiply-accumulates do (Radosavovic et al., CVPR 2020, arXiv 2003.13678).

    **When it is fine.** Without limits the rule says nothing. Give a model more where it needs it:
    the change of the number is then part of the review.

    **Options.** `parameters`, `macs`, `activation_memory` and `training_memory` (bytes), 0 for
    no limit, hold for every model. The table `budget."path/to/net.py::Net"` of the configuration
    has the same keys for one model, also written as `"5M"`, `"1.2G"` or `"64MiB"`. For numbers that
    depend on the input's size, state the size: `inputs` in the configuration, or a call in the
    file.
    """
    limits = {
        "parameters": parameters,
        "multiply-accumulates": macs,
        "bytes of activations": activation_memory,
        "bytes of training memory": training_memory,
    }
    for noun, limit in limits.items():
        total, cost = _COSTS[noun]
        if not limit:
            continue
        if graph.mismatch is not None and noun != "parameters":
            reason = f"the forward stops here, so that its {noun} are not known"
            yield Skip(graph.mismatch.node, reason)
        elif total(graph) > limit:
            yield _over(graph, noun, limit, total(graph), cost)


def _over(
    graph: Graph, noun: str, limit: int, total: int, cost: Callable[[Graph, Node], int]
) -> Finding:
    ranked = sorted(graph.calls(), key=lambda call: -cost(graph, call)) or list(graph.outputs)
    named = [call for call in ranked[:_NAMED] if cost(graph, call)]
    shares = ", ".join(
        f"{call.key} {amount(cost(graph, call))} ({share_of(cost(graph, call), total)})"
        for call in named
    )
    at = "" if noun == "parameters" else f" at {_sizes(graph)}"
    return Finding(
        ranked[0],
        f"{graph.name} has {total:,} {noun}{at}, {share_of(total - limit, limit)} over its budget "
        f"of {limit:,}" + (f"; most are in {shares}" if shares else ""),
        help=f"save {amount(total - limit)}, or raise the budget of {graph.name}",
        related=named[1:],
    )


def _sizes(graph: Graph) -> str:
    return ", ".join(
        f"{given.name} {times(given.node.output.example)}{' (assumed)' if given.guessed else ''}"
        for given in graph.inputs
    )


_COSTS: dict[str, tuple[Callable[[Graph], int], Callable[[Graph, Node], int]]] = {
    "parameters": (costs.total_parameters, costs.parameters),
    "multiply-accumulates": (costs.total_macs, costs.macs),
    "bytes of activations": (costs.total_activation_memory, costs.activation_memory),
    "bytes of training memory": (training_peak, kept),
}

_NET = """
    self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
    self.conv2 = nn.Conv2d(16, 32, 3, padding=1)

    def forward(self, x):
        return self.conv2(self.conv1(x).relu())
"""
_INPUT = "1,3,32,32"

budget.flags(model=_NET, input=_INPUT, layers=["conv2"], severity="error", parameters=5_000)
budget.flags(model=_NET, input=_INPUT, layers=["conv2"], macs=5_000_000)
budget.flags(model=_NET, input=_INPUT, layers=["conv2"], activation_memory=196_607)
budget.flags(model=_NET, input=_INPUT, layers=["conv2"], training_memory=300_000)
budget.allows(model=_NET, input=_INPUT, training_memory=600_000)
budget.allows(model=_NET, input=_INPUT)
budget.allows(model=_NET, input=_INPUT, parameters=5_088, macs=5_160_960, activation_memory=196_608)
