"""The dtype of an input that nobody said is one that all layers which read it take."""

from __future__ import annotations

import pytest
import torch
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


class Masked(nn.Module):
    """A layer whose map is masked by a second input."""

    def __init__(self, run) -> None:
        super().__init__()
        self.run = run
        self.fc = nn.Linear(8, 8)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return self.run(self.fc(x), mask)


MASKS = {
    "filled": lambda x, mask: x.masked_fill(mask, 0.0),
    "filled behind an axis": lambda x, mask: x[None].masked_fill(mask[None], 0.0)[0],
    "turned": lambda x, mask: x * ~mask,
    "met": lambda x, mask: x * (mask & (x > 0)),
    "met twice": lambda x, mask: x * (mask | mask),
    "chosen": lambda x, mask: torch.where(mask, x, 0.0),
    "filled in place": lambda x, mask: x.masked_fill_(mask, 0.0),
}


@pytest.mark.parametrize("case", MASKS)
def test_a_mask_that_nobody_gave_a_dtype_is_one_of_booleans(case):
    model = Masked(MASKS[case]).eval()
    graph = modellint.trace(model, ["N,8", "N,8"])
    assert (graph.mismatch, graph.partial) == (None, None)
    assert [given.node.output.dtype for given in graph.inputs] == ["float32", "bool"]


@pytest.mark.parametrize("case", MASKS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "bool"])
def test_a_mask_of_numbers_is_refused_as_torch_refuses_it(case, dtype):
    model = Masked(MASKS[case]).eval()
    runs = True
    try:
        model(torch.zeros(2, 8), torch.zeros(2, 8, dtype=getattr(torch, dtype)))
    except (RuntimeError, TypeError):
        runs = False
    graph = modellint.trace(model, ["2,8", f"2,8:{dtype}"])
    assert graph.partial is None
    assert (graph.mismatch is None) is runs


@pytest.mark.parametrize("dtype", ["int64", "bool"])
@pytest.mark.parametrize("run", [torch.softmax, torch.log_softmax])
def test_what_torch_computes_for_no_whole_numbers_is_no_fault_to_report(run, dtype):
    graph = modellint.trace(Masked(lambda x, mask: run(mask, -1)).eval(), ["2,8", f"2,8:{dtype}"])
    refused = False
    try:
        run(torch.zeros(2, 8, dtype=getattr(torch, dtype)), -1)
    except RuntimeError:  # Its NotImplementedError, since PyTorch 2.5.
        refused = True
    assert graph.partial is None
    assert (graph.mismatch is not None) is refused


def test_what_layers_compute_is_made_no_mask_by_another_dtype_of_the_input():
    model = Masked(lambda x, mask: mask.float().masked_fill(x, 0.0)).eval()
    graph = modellint.trace(model, ["2,8", "2,8"])
    assert graph.mismatch is not None
    assert {given.node.output.dtype for given in graph.inputs} == {"float32"}
