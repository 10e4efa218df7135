"""The dtype of an input that nobody said is one that all layers which read it take."""

from __future__ import annotations

import pytest
from torch import Tensor, nn

import modellint


class Reads(nn.Module):
    """A table of embeddings and a linear layer, both on one input or one on each."""

    def __init__(self, run) -> None:
        super().__init__()
        self.run = run
        self.table, self.fc = nn.Embedding(10, 8), nn.Linear(11, 8)

    def forward(self, x: Tensor) -> Tensor:
        return self.run(self, x)


def rounded(net, x):
    return net.table((x[:, 0].abs().round() % 10).long()) + net.fc(x[:, 1:])


def cast(net, x):
    return net.table(x[:, 0].int()) + net.fc(x[:, 1:])


def raw(net, x):
    return net.table(x[:, 0]) + net.fc(x[:, 1:])


def converted(net, x):
    return net.table(x[:, 0]) + net.fc(x[:, 1:].float())


def tokens(net, x):
    return net.table(x).mean(1)


CASES = {
    "rounded": (rounded, "float32"),
    "cast": (cast, "float32"),
    "no floats can be": (raw, "int64"),
    "converted": (converted, "int64"),
    "tokens": (tokens, "int64"),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("inputs", [["4,12"], ["N,12"]], ids=str)
def test_a_dtype_that_nobody_said_fits_all_that_reads_it(case, inputs):
    run, dtype = CASES[case]
    graph = modellint.trace(Reads(run), inputs)
    assert graph.mismatch is None
    (given,) = graph.inputs
    assert given.node.output.dtype == dtype
    assert given.origins.dtype in ("assumed", "forced")


def test_a_dtype_that_the_user_said_is_kept():
    graph = modellint.trace(Reads(rounded), ["4,12:int64"])
    assert graph.inputs[0].node.output.dtype == "int64"
    assert graph.inputs[0].origins.dtype == "stated"
