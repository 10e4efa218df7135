"""The rule unused-module."""

from __future__ import annotations

from collections.abc import Iterator

from modellint import Finding, Graph, Module, Skip, rule
from modellint.facts.auxiliary_heads import returned_in_training
from modellint.facts.costs import share_of, total_parameters
from modellint.facts.usage import Unused, training, unused_modules, used_in_training
from modellint.fixes import Assign, Fix


@rule("suspicious")
def unused_module(graph: Graph) -> Iterator[Finding | Skip]:
    """A registered module has parameters that no output depends on.

    Either the forward never calls it, or it calls it and drops what comes out. Of modules inside
    one another the outermost is named, with the parameters of all. What the forward keeps in an
    attribute (`self.loss = ...`) is not dropped.

    **Why it matters.** Its parameters get no gradient, so they stay as they were initialised, but
    they are moved, saved and counted; `DistributedDataParallel` stops at the second step with
    "expected to have finished reduction". Usually a call was lost, or a variable of the same name
    was overwritten.

    **When it is fine.** Silent: heads that run only in training mode (the model is traced in
    training mode as well where a module is unused in evaluation and its source does not plainly
    return it there). Skipped, with the reason: what
    another method of the class runs, or `forward` under a condition that does not hold here, such
    as an optional input; and a model of which values decide what runs. Ignore it for parts that
    are loaded with a checkpoint only so that its keys fit. There are no options.
    """
    for unused in unused_modules(graph):
        if returned_in_training(graph, unused.module.path):
            continue
        trained = training(graph)
        if isinstance(trained, str):
            yield Skip(unused.module, f"it may run in training mode, not traced: {trained}")
        elif used_in_training(graph, unused.module):
            continue
        elif not graph.exact or not trained.exact:
            yield Skip(unused.module, f"another run may use it: {graph.partial or trained.partial}")
        elif unused.called or trained.modules[unused.module.path].called:
            yield _dropped(graph, unused)
        elif unused.elsewhere is not None:
            yield Skip(unused.module, f"not called here, but {unused.elsewhere} may run it")
        else:
            yield _never_called(graph, unused)


def _held(graph: Graph, unused: Unused) -> str:
    share = share_of(unused.parameters, total_parameters(graph))
    return f"{unused.parameters:,} parameters ({share} of the model's)"


def _never_called(graph: Graph, unused: Unused) -> Finding:
    module = unused.module
    return Finding(
        module,
        f"{module.path} ({module.type}) is never called: no output depends on its "
        f"{_held(graph, unused)}",
        help=f"call it, or leave it out: {unused.parameters:,} parameters less to move and save",
    )


def _dropped(graph: Graph, unused: Unused) -> Finding:
    module = unused.module
    told = (
        f"use its result, or leave it out: {unused.parameters:,} parameters and their "
        "computation less"
    )
    return Finding(
        module,
        f"{module.path} ({module.type}) is called, but what it gives is dropped: no output "
        f"depends on its {_held(graph, unused)}",
        help=told,
        fix=_kept(graph, module)._replace(otherwise=told),
    )


def _kept(graph: Graph, module: Module) -> Fix:
    """What drops the result keeps it: where the module is called, else within it."""
    within = [
        inner
        for inner in graph.modules.values()
        if inner.path.rpartition(".")[0] == module.path and inner.called
    ]
    inner = _kept(graph, within[0]) if len(within) == 1 else None
    return Fix(f"the result of {module.path} kept", [Assign(module)], instead=inner)


unused_module.flags(
    model="""
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.shortcut = nn.Conv2d(3, 8, 1)

        def forward(self, x):
            return self.conv(x).relu()
    """,
    input="1,3,32,32",
    layers=["shortcut"],
    severity="warning",
)
# Called and dropped: the second assignment overwrites the first.
unused_module.flags(
    """
    import torch
    from torch import nn


    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(16, 16)
            self.second = nn.Linear(16, 16)

        def forward(self, x):
            out = self.first(x).relu()
            out = self.second(x).relu()
            return out


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.block = Block()

        def forward(self, x):
            return self.block(x)


    if __name__ == "__main__":
        Net()(torch.rand(1, 16))
    """,
    layers=["block.first"],
)
# A whole branch is named once; so are the elements of a list that the forward leaves out.
unused_module.flags(
    model="""
        self.trunk = nn.ModuleList([nn.Linear(16, 16) for _ in range(4)])
        self.branch = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 16))

        def forward(self, x):
            for layer in self.trunk[:2]:
                x = layer(x).relu()
            return x
    """,
    input="1,16",
    layers=["trunk.2", "trunk.3", "branch"],
)
# An auxiliary head that runs in training mode only.
unused_module.allows(
    model="""
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.head = nn.Conv2d(8, 10, 1)
        self.auxiliary = nn.Conv2d(8, 10, 1)

        def forward(self, x):
            x = self.conv(x).relu()
            if self.training:
                return self.head(x), self.auxiliary(x)
            return self.head(x)
    """,
    input="1,3,32,32",
)
# What another method runs, and what an optional input runs.
unused_module.allows(
    model="""
        self.encoder = nn.Linear(64, 8)
        self.decoder = nn.Linear(8, 64)
        self.condition = nn.Linear(4, 8)

        def forward(self, x, label=None):
            code = self.encoder(x)
            if label is not None:
                code = code + self.condition(label)
            return code.relu()

        def reconstruct(self, x):
            return self.decoder(self(x))
    """,
    input="1,64",
)
# One head of several, by an argument; a value that the model keeps; weights that are read alone.
unused_module.allows(
    model="""
        self.embedding = nn.Embedding(100, 16)
        self.heads = nn.ModuleList([nn.Linear(16, 4), nn.Linear(16, 8)])
        self.gate = nn.Linear(16, 2)

        def forward(self, x, task=0):
            x = F.linear(x, self.embedding.weight.t())
            self.balance = self.gate(x).softmax(-1).mean()
            return self.heads[task](x)
    """,
    input="1,100",
)
