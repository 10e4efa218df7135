"""The rule unregistered-module."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import prod

from modellint import Finding, Graph, Module, Node, Skip, rule
from modellint.facts.wording import describe
from modellint.fixes import Contain, Fix


@rule("correctness")
def unregistered_module(graph: Graph) -> Iterator[Finding | Skip]:
    """A module with parameters runs in the forward, but the model does not register it.

    `nn.Module` registers what is assigned to an attribute. What sits in a plain list, tuple or
    dict is not registered, nor is a layer that `forward` makes anew at each call. The outermost
    such module is named, with the parameters of all that runs in it.

    **Why it matters.** `model.parameters()` does not have its weights, so the optimizer never
    trains them; `.to(device)` leaves them where they are; `state_dict()` saves the model without
    them, and a restored model computes with random ones. Nothing fails, the model only learns
    less.

    **When it is fine.** Modules without parameters, and those whose parameters are all frozen
    (`requires_grad_(False)`), as a teacher that is kept out of the state on purpose: silent. So is
    a parameter that `forward` makes by itself, without a module. There are no options.
    """
    foreign = [
        node
        for node in graph.nodes
        if node.op == "parameter"
        and node.parameter is None
        and node.arguments["requires_grad"]
        and node.arguments["owned"]
    ]
    if not foreign:
        return
    held: dict[str, list[Node]] = {}
    made: dict[int, list[Node]] = {}
    for node in foreign:
        holder = _holder(graph, node)
        if holder is not None:
            held.setdefault(holder.path, []).append(node)
            continue
        for call in _users(graph, node):
            made.setdefault(call.index, []).append(node)
    for path, parameters in held.items():
        yield _of_held(graph.modules[path], _numbers(parameters))
    for node in graph.nodes:
        if node.index in made:
            yield _of_made(node, _numbers(made[node.index]))


def _holder(graph: Graph, parameter: Node) -> Module | None:
    """The outermost module in a plain container that a parameter belongs to."""
    name = parameter.key.removeprefix("parameter:")
    for path, module in graph.modules.items():
        if not module.registered and name.startswith(f"{path}."):
            return module
    return None


def _users(graph: Graph, parameter: Node) -> Iterator[Node]:
    """The operations that compute with a parameter and the input; what initialises it is none."""
    pending = [parameter]
    for node in pending:
        for reader in graph.readers(node):
            if reader.index in graph.varying:
                yield reader
            else:
                pending.append(reader)


def _numbers(parameters: Iterable[Node]) -> int:
    return sum(prod(node.output.example) for node in parameters)


def _of_held(module: Module, numbers: int) -> Finding:
    attribute, _, key = module.path.rpartition("[")
    kind = "ModuleList" if key.rstrip("]").isdigit() else "ModuleDict"
    return Finding(
        module,
        f"{module.path} ({module.type}) runs, but the model does not register it: its "
        f"{numbers:,} parameters are not trained, moved or saved with the model",
        help=f"nn.{kind} in place of the plain container registers all of {attribute}",
        fix=Fix(f"nn.{kind}(…)", [Contain(module)], safe=True),
    )


def _of_made(call: Node, numbers: int) -> Finding:
    return Finding(
        call,
        f"{describe(call)} computes with {numbers:,} parameters that no module of the model "
        "registers: they are not trained, moved or saved with it",
        help="build the layer in __init__ and assign it to an attribute; nn.ParameterList holds "
        "a list of parameters",
    )


unregistered_module.flags(
    model="""
        self.layers = [nn.Linear(16, 16) for _ in range(3)]
        self.out = nn.Linear(16, 4)

        def forward(self, x):
            for layer in self.layers:
                x = layer(x).relu()
            return self.out(x)
    """,
    input="1,16",
    layers=["layers[0]", "layers[1]", "layers[2]"],
    severity="error",
)
# The outermost of what is held, in containers inside of containers too.
unregistered_module.flags(
    """
    import torch
    from torch import nn


    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(8, 8, 3, padding=1)
            self.norm = nn.BatchNorm2d(8)

        def forward(self, x):
            return self.norm(self.conv(x)).relu()


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.stages = {"low": [Block()], "high": [Block()]}

        def forward(self, x):
            for stage in self.stages.values():
                for block in stage:
                    x = block(x)
            return x


    if __name__ == "__main__":
        Net()(torch.rand(1, 8, 32, 32))
    """,
    layers=["stages['low'][0]", "stages['high'][0]"],
)
# A layer that each forward makes anew.
unregistered_module.flags(
    model="""
        self.conv = nn.Conv2d(3, 8, 3, padding=1)

        def forward(self, x):
            x = self.conv(x).relu()
            return nn.Conv2d(8, 4, 1)(x)
    """,
    input="1,3,32,32",
    layers=["conv2d@12"],
)
# Registered elsewhere as well; nothing to train; a frozen teacher; a layer that never runs.
unregistered_module.allows(
    model="""
        self.first = nn.Linear(16, 16)
        self.second = nn.Linear(16, 16)
        self.order = [self.first, self.second]
        self.activations = [nn.ReLU(), nn.Tanh()]
        self.teacher = [nn.Linear(16, 16).requires_grad_(False)]
        self.spare = [nn.Linear(16, 16)]

        def forward(self, x):
            for layer, activation in zip(self.order, self.activations):
                x = activation(layer(x))
            return x, self.teacher[0](x)
    """,
    input="1,16",
)
# A list of modules that registers them, and parameters that are registered one by one.
unregistered_module.allows(
    model="""
        self.layers = nn.ModuleList([nn.Linear(16, 16) for _ in range(3)])
        self.scales = nn.ParameterList([nn.Parameter(torch.ones(16)) for _ in range(3)])

        def forward(self, x):
            for layer, scale in zip(self.layers, self.scales):
                x = layer(x).relu() * scale
            return x
    """,
    input="1,16",
)
# A number that each forward makes anew belongs to no module.
unregistered_module.allows(
    model="""
        self.fc = nn.Linear(16, 16)

        def forward(self, x):
            return self.fc(x) * nn.Parameter(torch.ones(1))
    """,
    input="1,16",
)
unregistered_module.flags(
    model="""
        self.fc = nn.Linear(16, 16)
        self.scales = [nn.Parameter(torch.ones(16)) for _ in range(2)]

        def forward(self, x):
            return self.fc(x * self.scales[0]) * self.scales[1]
    """,
    input="1,16",
)
