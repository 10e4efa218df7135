"""The rule loss-mismatch."""

from __future__ import annotations

from collections.abc import Iterator
from math import e, log

from modellint import Finding, Graph, Node, Skip, rule
from modellint.facts.leaving_out import without
from modellint.facts.losses import (
    BINARY_LOGIT_LOSSES,
    LOG_PROBABILITY_LOSSES,
    LOGIT_LOSSES,
    PROBABILITY_LOSSES,
    REGRESSION_LOSSES,
    Loss,
    Use,
    called_losses,
    entry_count,
    losses,
    losses_nearby,
    takes_output,
    uses,
)
from modellint.facts.output_steps import effect_of_nll, logarithms, probabilities, row
from modellint.facts.usage import training
from modellint.facts.wording import named
from modellint.graph.operations import (
    CONVOLUTIONS,
    IDENTITIES,
    REORDERINGS,
    RESHAPES,
    TRANSPOSED,
    varying_inputs,
)

_MOVES = IDENTITIES | RESHAPES | REORDERINGS
#: What gives values of any size and sign.
_LINEAR = CONVOLUTIONS | TRANSPOSED | {"linear"}


@rule("suspicious")
def loss_mismatch(graph: Graph) -> Iterator[Finding | Skip]:
    """The file trains this model's output with a loss that takes something else.

    Reported are `BCEWithLogitsLoss` on what a sigmoid or softmax gives; `BCELoss` on what a linear
    layer or convolution gives; `NLLLoss` on such values or on those of a softmax;
    `CrossEntropyLoss` on a single logit; and a regression loss whose operands have other sizes, as
    an output of 89×89 against its own input of 96×96, or `(N, 1)` against `(N,)`. The call of the
    loss must be seen in the file, with the model's output in it; but a loss that the file only
    builds counts for the first and the fourth, where it has no other model and no other loss.

    **Why it matters.** Most of it trains. A sigmoid applied twice keeps the probabilities between
    0.5 and 0.73, so that the loss stays above 0.31; `NLLLoss` of logits falls without end; one
    logit has a log-softmax of 0; and sizes that broadcast compare each output with every target
    ("Using a target size that is different to the input size", as PyTorch warns). What each loss
    takes is in its documentation in `torch.nn`.

    **When it is fine** (silent): where the values pass something on their way to the loss that is
    not read here. Where both hold, `softmax-before-cross-entropy` speaks. Ignore it where the loss
    belongs to another model of the file. There are no options.
    """
    for use in uses(graph):
        if use.output < len(graph.outputs):
            yield from _judged(graph, use)
    loss = _built(graph)
    if loss is not None:
        yield from _judged(graph, Use(loss, 0, True))


def _built(graph: Graph) -> Loss | None:
    """The one loss that the file builds for its one model and leaves to others to call."""
    if len(graph.outputs) != 1 or not losses_nearby(graph):
        return None
    known = losses(graph)
    if len({loss.name for loss in known}) != 1:
        return None
    loss = known[0]
    if loss.name not in ("BCEWithLogitsLoss", "CrossEntropyLoss") or not takes_output(graph, loss):
        return None
    alone = entry_count(graph) == 1 and loss.name not in called_losses(graph)
    return loss if alone else None


def _judged(graph: Graph, use: Use) -> Iterator[Finding | Skip]:
    """What is wrong with a use in evaluation mode, if it is in training mode as well."""
    found = _wrong(graph, use)
    if found is None:
        return
    trained = training(graph)
    if isinstance(trained, str):
        yield Skip(found.call, f"what it gives in training is not traced: {trained}")
    elif len(trained.outputs) == len(graph.outputs) and _wrong(trained, use) is not None:
        yield found


def _wrong(graph: Graph, use: Use) -> Finding | None:
    output, loss = graph.outputs[use.output], use.loss
    if not output.outputs:
        return None
    end = _end(graph, output)
    where = f"{graph.words(loss.line)} trains with {loss.written}"
    squashed = end.op in ("sigmoid", "hardsigmoid", "softmax")
    if loss.name in BINARY_LOGIT_LOSSES and squashed:
        return Finding(
            end,
            f"{named(end)} gives the model's output {output.output}, and {where}, which takes "
            "logits and applies a sigmoid: of values between 0 and 1 it makes 0.5 to "
            f"{1 / (1 + 1 / e):.2f}, and the loss of a certain class cannot fall below "
            f"{log(1 + 1 / e):.2f}",
            help=f"return what {named(end)} is given, and apply it where probabilities are shown; "
            "or train with BCELoss",
            fix=without(end),
        )
    if loss.name in PROBABILITY_LOSSES and end.op in _LINEAR:
        return Finding(
            end,
            f"{named(end)} gives the model's output {output.output}, values of any size, and "
            f"{where}, which takes probabilities and refuses what lies outside 0 to 1",
            help="train with BCEWithLogitsLoss, which applies the sigmoid itself; or return the "
            "sigmoid",
            fix=probabilities(end),
        )
    if loss.name in LOG_PROBABILITY_LOSSES and end.op in (*_LINEAR, "softmax"):
        return Finding(
            end,
            f"{named(end)} gives the model's output {output.output}, and {where}, which takes "
            f"log-probabilities: {effect_of_nll(end)}",
            help="log_softmax in place of softmax"
            if end.op == "softmax"
            else "return log_softmax of it, or train with CrossEntropyLoss, which applies it",
            fix=logarithms(end),
        )
    if not use.same_sizes:
        return None
    if loss.name in LOGIT_LOSSES and _one_logit(output, end):
        return Finding(
            end,
            f"{named(end)} gives the model's output {output.output}, one logit a sample, and "
            f"{where}, which applies log-softmax over axis 1: of one value that is 0, and so is "
            "the loss, for every input",
            help="train with BCEWithLogitsLoss, or give one logit a class (2)",
        )
    return _compared(graph, use, end) if loss.name in REGRESSION_LOSSES else None


def _end(graph: Graph, output: Node) -> Node:
    """The operation that makes an output's values."""
    node = output
    while node.op in _MOVES and len(varying_inputs(graph, node)) == 1:
        node = varying_inputs(graph, node)[0]
    return node


def _one_logit(output: Node, end: Node) -> bool:
    return end.op in _LINEAR and len(output.output.shape) == 2 and output.output.symbolic[1] == 1


def _compared(graph: Graph, use: Use, end: Node) -> Finding | None:
    """A regression loss whose operands have other sizes."""
    output, loss = graph.outputs[use.output].output, use.loss
    if use.target_input is not None and use.target_input < len(graph.inputs):
        given = graph.inputs[use.target_input].node.output
        if given.example == output.example or given.symbolic == output.symbolic:
            return None
        joined = _broadcast(output.example, given.example)
        shown = f"its own input {given}"
        sizes = f"{output.example} with {given.example}"
    elif use.target is not None and None not in use.target:
        target = tuple(size for size in use.target if size is not None)
        if not _missing_axis(output.example, target):
            return None
        joined = _broadcast((target[0], *output.example[1:]), target)
        shown = f"a target of {target}"
        sizes = f"{(target[0], *output.example[1:])} with {target}"
    else:
        return None
    effect = (
        f"{sizes} does not broadcast, and fails"
        if joined is None
        else f"{sizes} broadcasts to {joined}"
    )
    return Finding(
        end,
        f"{graph.words(loss.line)} compares the model's output {output} with {shown} by "
        f"{loss.written}: {effect}",
        help="bring both to one size; a trailing axis of 1 goes by squeeze(-1)"
        if use.target is not None
        else "a decoder that gives the size it was given, or a target that is cut to the output's",
        assumes_size=use.target is None,
        fix=row(graph.outputs[use.output]) if use.target is not None else None,
    )


def _missing_axis(output: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Whether one of the two is the other with an axis of 1 at its end, over several samples."""
    longer, shorter = sorted([output, target], key=len, reverse=True)
    if len(longer) != len(shorter) + 1 or longer[-1] != 1 or len(shorter) != 1:
        return False
    return target[0] > 1


def _broadcast(first: tuple[int, ...], second: tuple[int, ...]) -> tuple[int, ...] | None:
    """The sizes that two shapes broadcast to; `None` if they do not."""
    rank = max(len(first), len(second))
    one, other = ((1,) * (rank - len(shape)) + shape for shape in (first, second))
    if any(a != b and 1 not in (a, b) for a, b in zip(one, other, strict=True)):
        return None
    return tuple(map(max, zip(one, other, strict=True)))


loss_mismatch.flags(
    """
    import torch
    from torch import nn


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(16, 1)

        def forward(self, x):
            return torch.sigmoid(self.fc(x))


    def train(model, batches):
        criterion = nn.BCEWithLogitsLoss()
        for x, y in batches:
            out = model(x)
            criterion(out.squeeze(1), y).backward()


    if __name__ == "__main__":
        Net()(torch.rand(4, 16))
    """,
    layers=["sigmoid@12"],
    severity="warning",
)
# Logits where probabilities, and probabilities where their logarithms are wanted.
loss_mismatch.flags(
    """
    import torch
    import torch.nn.functional as F
    from torch import nn


    class Judge(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(16, 1)

        def forward(self, x):
            return self.fc(x)


    class Classifier(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(16, 10)
            self.softmax = nn.Softmax(dim=1)

        def forward(self, x):
            return self.softmax(self.fc(x))


    if __name__ == "__main__":
        x = torch.rand(4, 16)
        judge = Judge()
        judged = judge(x)
        F.binary_cross_entropy(judged, torch.ones(4, 1))
        classifier = Classifier().eval()
        nn.NLLLoss()(classifier(x), torch.tensor([1, 2, 3, 4]))
    """,
    layers=["fc", "softmax"],
)
# One logit, of a loss that is built here and called elsewhere.
loss_mismatch.flags(
    """
    import torch
    from torch import nn


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(16, 1)

        def forward(self, x):
            return self.fc(x)


    def settings():
        return {"model": Net(), "loss": nn.CrossEntropyLoss()}


    if __name__ == "__main__":
        Net()(torch.rand(4, 16))
    """,
    layers=["fc"],
)
# An autoencoder that does not give back the size, and a column against a row.
loss_mismatch.flags(
    """
    import torch
    import torch.nn.functional as F
    from torch import nn


    class Autoencoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.down = nn.Conv2d(3, 8, 3, stride=2, padding=1)
            self.up = nn.ConvTranspose2d(8, 3, 3, stride=2, padding=1)

        def forward(self, x):
            return self.up(self.down(x).relu())


    class Regression(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(16, 1)

        def forward(self, x):
            return self.fc(x)


    if __name__ == "__main__":
        autoencoder = Autoencoder()
        images = torch.rand(4, 3, 96, 96)
        loss = F.mse_loss(autoencoder(images), images)

        net = Regression()
        criterion = nn.MSELoss()
        targets = torch.randn(64)
        loss = criterion(net(torch.rand(64, 16)), targets)
    """,
    layers=["up", "fc"],
)
# Each loss with what it takes; what is computed on the way; a model that squashes when it is asked.
loss_mismatch.allows(
    """
    import torch
    import torch.nn.functional as F
    from torch import nn


    class Logits(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(16, 1)

        def forward(self, x):
            x = self.fc(x)
            return x if self.training else x.sigmoid()


    class Classes(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(16, 10)

        def forward(self, x):
            return F.log_softmax(self.fc(x), dim=1)


    class Images(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3, padding=1)

        def forward(self, x):
            return self.conv(x)


    if __name__ == "__main__":
        x, y = torch.rand(4, 16), torch.rand(4, 1)
        logits = Logits()
        nn.BCEWithLogitsLoss()(logits(x), y)
        nn.BCELoss()(torch.sigmoid(logits(x)), y)
        F.mse_loss(logits(x).squeeze(-1), torch.rand(4))
        F.mse_loss(logits(x), torch.rand(4, 1))
        F.nll_loss(Classes()(x), torch.tensor([1, 2, 3, 4]))
        F.cross_entropy(Classes()(x).exp(), torch.tensor([1, 2, 3, 4]))
        images = torch.rand(4, 3, 32, 32)
        F.mse_loss(Images()(images), images)
        F.nll_loss(Images()(images).log_softmax(1), torch.ones(4, 32, 32, dtype=torch.long))
    """
)
# What goes into the loss is computed in a way that is not read.
loss_mismatch.allows(
    """
    import torch
    from torch import nn


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(16, 1)

        def forward(self, x):
            return self.fc(x).sigmoid()


    if __name__ == "__main__":
        criterion = nn.BCEWithLogitsLoss()
        logits = torch.logit(Net()(torch.rand(4, 16)))
        criterion(logits, torch.ones(4, 1))
    """
)
# The loss of another model.
loss_mismatch.allows(
    """
    import torch
    from torch import nn


    class Generator(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(16, 32)

        def forward(self, x):
            return self.fc(x).sigmoid()


    class Judge(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(32, 1)

        def forward(self, x):
            return self.fc(x)


    if __name__ == "__main__":
        criterion = nn.BCEWithLogitsLoss()
        generator, judge = Generator(), Judge()
        criterion(judge(generator(torch.rand(4, 16))), torch.ones(4, 1))
    """
)
