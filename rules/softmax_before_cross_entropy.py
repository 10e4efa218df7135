"""The rule softmax-before-cross-entropy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import e, log

from modellint import Finding, Graph, Node, Skip, rule
from modellint.facts.leaving_out import without
from modellint.facts.losses import (
    LOGIT_LOSSES,
    PROBABILITY_LOSSES,
    Loss,
    entry_count,
    losses,
    takes_output,
)
from modellint.facts.usage import training
from modellint.facts.wording import named
from modellint.geometry.channels import dim_after
from modellint.graph.operations import (
    IDENTITIES,
    REORDERINGS,
    RESHAPES,
    WEIGHTED,
    data_readers,
    varying_inputs,
)

_SQUASHES = frozenset(["sigmoid", "relu"])
_MOVES = IDENTITIES | RESHAPES | REORDERINGS


@rule("suspicious", supersedes=["loss-mismatch"])
def softmax_before_cross_entropy(graph: Graph) -> Iterator[Finding | Skip]:
    """The model ends in a softmax, and its file trains with a cross entropy, which has its own.

    `nn.CrossEntropyLoss` and `F.cross_entropy` take logits and apply log-softmax to them. Reported
    is an output that is a softmax over the classes if the same file uses one of the two; of several
    outputs the first, or one that is nothing but an output, as the weights of an attention are not.
    A sigmoid or ReLU on the logits counts likewise for a single output, where the file has no other
    model that it could belong to, and for a sigmoid no `BCELoss`.

    **Why it matters.** Probabilities lie between 0 and 1, so the second softmax gives the right one
    of C classes at most e / (e + C - 1): the loss cannot fall below log(1 + (C - 1) / e), 1.46 for
    10 classes, and its gradient is small everywhere. Training works, slowly and badly. PyTorch
    documents the loss as one of "unnormalized logits". A ReLU takes away every negative logit: no
    class can be ruled out, and a sample whose logits are all negative has no gradient.

    **When it is fine.** Log-softmax is the same when it is applied twice: silent. So is a softmax
    in evaluation mode only; the model is traced in training mode to see. Ignore it where the loss
    belongs to another model of the file. There are no options.
    """
    ends = _last_activations(graph)
    for place, found in ends.items():
        loss = _loss_of(graph, found)
        if loss is None:
            continue
        trained = training(graph)
        if isinstance(trained, str):
            yield Skip(found, f"it may be left out in training mode, not traced: {trained}")
            continue
        other = _last_activations(trained).get(place)
        if other is not None and other.op == found.op:
            yield _finding(found, loss, graph.words(loss.line), graph.outputs[place])


def _loss_of(graph: Graph, call: Node) -> Loss | None:
    """The cross entropy of the model's file that takes what this activation gives."""
    known = losses(graph)
    found = [loss for loss in known if loss.name in LOGIT_LOSSES and takes_output(graph, loss)]
    if not found:
        return None
    if call.op == "sigmoid" and any(loss.name in PROBABILITY_LOSSES for loss in known):
        return None
    if call.op != "softmax" and entry_count(graph) != 1:
        return None
    return found[0]


def _last_activations(graph: Graph) -> Mapping[int, Node]:
    """The activations that the outputs end in, by the output's place."""
    found = ((place, _activation(graph, place)) for place in range(len(graph.outputs)))
    return {place: node for place, node in found if node is not None}


def _activation(graph: Graph, place: int) -> Node | None:
    """The softmax over classes that an output is, or the sigmoid or ReLU on a single output."""
    node, way = graph.outputs[place], list[Node]()
    while node.op in _MOVES and node.inputs:
        way.append(node)
        node = node.input
    rank = len(node.output.shape) if node.outputs else 0
    if node.op == "softmax" and node.index in graph.varying and rank:
        # The weights of an attention are read by what they weigh, too.
        chain = [node, *reversed(way)]
        apart = all(len(data_readers(graph, s)) == (s is not chain[-1]) for s in chain)
        return node if _over_classes(node, rank, way) and (apart or not place) else None
    if len(graph.outputs) == 1 and node.op in _SQUASHES and not way and rank == 2:
        sources = varying_inputs(graph, node)
        logits = bool(sources) and sources[0].op in WEIGHTED and node.output.example[1] > 1
        return node if logits else None
    return None


def _over_classes(softmax: Node, rank: int, way: list[Node]) -> bool:
    """Whether the axis of a softmax is where a cross entropy looks for classes in the output."""
    given = softmax.arguments.get("dim")
    implicit = 0 if rank in (1, 3) else 1
    dim: int | None = implicit if given is None else int(given) % rank
    assert dim is not None
    if softmax.output.example[dim] < 2:
        return False
    node = softmax
    for step in reversed(way):
        dim = dim_after(node, dim, step)
        if dim is None:
            return False
        node = step
    last = len(node.output.shape) - 1
    return dim in ((1, last) if last else (0,))


def _finding(call: Node, loss: Loss, where: str, output: Node) -> Finding:
    sizes = call.output.example
    dim = call.arguments.get("dim") if call.op == "softmax" else None
    classes = sizes[int(dim) if dim is not None else min(1, len(sizes) - 1)]
    if call.op == "relu":
        effect = "negative logits are cut off, and with them what rules a class out"
    else:
        effect = f"of {classes} classes the loss cannot fall below {log(1 + (classes - 1) / e):.2f}"
    return Finding(
        call,
        f"{named(call)} is the model's output {output.output}, and {where} trains with "
        f"{loss.written}, which takes logits and applies log-softmax: {effect}",
        help="return the logits, and apply softmax where probabilities are shown"
        if call.op == "softmax"
        else f"return the logits, without {call.op}",
        fix=without(call),
    )


softmax_before_cross_entropy.flags(
    """
    import torch
    from torch import nn


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(16, 10)
            self.softmax = nn.Softmax(dim=1)

        def forward(self, x):
            return self.softmax(self.fc(x))


    def train(model, loader):
        criterion = nn.CrossEntropyLoss()
        for x, y in loader:
            criterion(model(x), y).backward()


    if __name__ == "__main__":
        Net()(torch.rand(2, 16))
    """,
    layers=["softmax"],
    severity="warning",
)
softmax_before_cross_entropy.flags(
    model="""
        self.conv = nn.Conv2d(3, 5, 3, padding=1)

        def forward(self, x):
            return torch.softmax(self.conv(x), dim=1)

        def training_step(self, batch):
            x, y = batch
            return F.cross_entropy(self(x), y)
    """,
    input="2,3,32,32",
    layers=["softmax@12"],
)
# A ReLU on the logits of the file's only model.
softmax_before_cross_entropy.flags(
    """
    import torch
    import torch.nn.functional as F
    from torch import nn


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1 = nn.Linear(16, 32)
            self.fc2 = nn.Linear(32, 10)

        def forward(self, x):
            return F.relu(self.fc2(F.relu(self.fc1(x))))


    if __name__ == "__main__":
        loss = F.cross_entropy(Net()(torch.rand(2, 16)), torch.tensor([1, 2]))
    """,
    layers=["relu@14#2"],
)
# The second of two outputs.
softmax_before_cross_entropy.flags(
    """
    import torch
    from torch import nn


    class Discriminator(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(nn.Linear(16, 32), nn.ReLU())
            self.real = nn.Sequential(nn.Linear(32, 1), nn.Sigmoid())
            self.label = nn.Sequential(nn.Linear(32, 10), nn.Softmax(dim=1))

        def forward(self, x):
            x = self.body(x)
            return self.real(x), self.label(x)


    adversarial_loss = nn.BCELoss()
    auxiliary_loss = nn.CrossEntropyLoss()

    if __name__ == "__main__":
        Discriminator()(torch.rand(2, 16))
    """,
    layers=["label.1"],
)
# Log-softmax; a softmax over positions; one in evaluation mode only.
softmax_before_cross_entropy.allows(
    """
    import torch
    import torch.nn.functional as F
    from torch import nn


    class Log(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(16, 10)

        def forward(self, x):
            return F.log_softmax(self.fc(x), dim=1)


    class Positions(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 5, 3, padding=1)

        def forward(self, x):
            return self.conv(x).softmax(2)


    class Evaluated(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(16, 10)

        def forward(self, x):
            x = self.fc(x)
            return x if self.training else x.softmax(1)


    if __name__ == "__main__":
        criterion = nn.CrossEntropyLoss()
        Log()(torch.rand(2, 16))
        Positions()(torch.rand(2, 3, 32, 32))
        Evaluated()(torch.rand(2, 16))
    """
)
# Another loss; a step that computes its loss of the logits.
softmax_before_cross_entropy.allows(
    """
    import torch
    import torch.nn.functional as F
    from torch import nn


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(16, 10)

        def forward(self, x):
            return self.fc(x).softmax(1)

        def training_step(self, batch):
            x, y = batch
            return F.cross_entropy(self.fc(x), y)


    if __name__ == "__main__":
        loss = F.nll_loss(Net()(torch.rand(2, 16)).log(), torch.tensor([1, 2]))
    """
)
# The weights of an attention beside the logits.
softmax_before_cross_entropy.allows(
    """
    import torch
    import torch.nn.functional as F
    from torch import nn


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.score = nn.Linear(16, 1)
            self.fc = nn.Linear(16, 10)

        def forward(self, x):
            weights = self.score(x).squeeze(-1).softmax(1)
            return self.fc((weights.unsqueeze(-1) * x).sum(1)), weights


    if __name__ == "__main__":
        logits, weights = Net()(torch.rand(2, 7, 16))
        loss = F.cross_entropy(logits, torch.tensor([1, 2]))
    """
)
# Features of a model that is no classifier, beside others.
softmax_before_cross_entropy.allows(
    """
    import torch
    from torch import nn


    class Features(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(16, 32)

        def forward(self, x):
            return self.fc(x).relu()


    class Classifier(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(32, 10)

        def forward(self, x):
            return self.fc(x)


    class Judge(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(16, 2)

        def forward(self, x):
            return self.fc(x).sigmoid()


    if __name__ == "__main__":
        criterion = nn.CrossEntropyLoss()
        Classifier()(Features()(torch.rand(2, 16)))
        Judge()(torch.rand(2, 16))
    """
)
