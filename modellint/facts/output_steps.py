"""The step that an output lacks for the loss that it is given to, as a change of the model."""

from __future__ import annotations

from modellint.fixes import After, Fix, Instead
from modellint.graph import Node


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
