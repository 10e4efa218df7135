"""What an output lacks for the loss that it is given to: in words, and as a change of the model."""

from __future__ import annotations

from modellint.fixes import After, Fix, Instead
from modellint.graph import Node


def effect_of_nll(end: Node) -> str:
    """What a loss of log-probabilities is of what is none."""
    if end.op == "softmax":
        return (
            "of probabilities the loss is -p, between -1 and 0, and its gradient is the same "
            "for the worst and the best p"
        )
    return "of logits the loss falls without end, as they grow"


def probabilities(end: Node) -> Fix:
    """The sigmoid of logits."""
    return Fix("sigmoid()", [After(end, "{}.sigmoid()", "nn.Sigmoid()")])


def logarithms(end: Node) -> Fix | None:
    """What gives logarithms: a log-softmax in the place of a softmax, or behind the logits."""
    if end.op != "softmax":
        axis = 1 if len(end.output.shape) > 1 else 0
        layer = f"nn.LogSoftmax(dim={axis})"
        return Fix(f"log_softmax({axis})", [After(end, f"{{}}.log_softmax({axis})", layer)])
    given = end.arguments.get("dim")
    if not isinstance(given, int):
        return None
    change = Instead(end, f"{{}}.log_softmax({given})", f"nn.LogSoftmax(dim={given})")
    return Fix(f"log_softmax({given})", [change])


def row(output: Node) -> Fix | None:
    """A column as the row that it is compared with."""
    if len(output.output.shape) != 2 or output.output.example[-1] != 1:
        return None
    return Fix("squeeze(-1)", [After(output, "{}.squeeze(-1)")])
