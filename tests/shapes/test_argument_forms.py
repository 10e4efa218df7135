"""Every form of every argument: what torch runs is not accused, what it refuses is told."""

from __future__ import annotations

import warnings
from itertools import islice
from typing import Any

import pytest
import torch
from argument_forms import Form, built, forms
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

import modellint
from modellint.errors import FileError, NotAnalysed
from modellint.linting.linter import Subject, linted
from modellint.linting.plugins import load_rules

RULES = tuple(load_rules().values())
SUBJECT = Subject("net.py", "Net", "Net", 1)
REFUSALS = ("shape-mismatch", "invalid-argument")


def eager(model: nn.Module, shape: tuple[int, ...]) -> list[tuple[int, ...]] | None:
    """The shapes that torch makes, or `None` where it refuses the call."""
    try:
        with torch.no_grad():
            made = model(torch.rand(shape))
    except Exception:  # However torch says it.
        return None
    return [tuple(made.shape)] if isinstance(made, Tensor) else [tuple(t.shape) for t in made]


def ours(model: nn.Module, shape: tuple[int, ...]) -> list[tuple[int, ...]] | None:
    """The shapes that a trace says, after all rules have read it; `None` for what is accused."""
    try:
        graph = modellint.trace(model, [",".join(map(str, shape))])
    except FileError as error:
        assert error.kind == "trace-error"
        return None
    report = linted(graph, RULES, SUBJECT).report
    assert not report.errors, report.errors[0].message
    if any(f.rule in REFUSALS and f.severity == "error" for f in report.findings):
        return None
    return [node.output.example for node in graph.outputs]


def judged(form: Form) -> str | None:
    """What is wrong with our answer to one call, or `None`."""
    model = built(form)
    if model is None:
        return None
    model.eval()
    wanted = eager(model, form.shape)
    try:
        said = ours(model, form.shape)
    except NotAnalysed:
        return None
    except Exception as error:
        return f"{form}: {type(error).__name__}: {error}"
    if wanted is not None and any(0 in shape for shape in wanted):
        return None  # A layer that puts out nothing is a finding of its own.
    return None if said == wanted else f"{form}: torch makes {wanted}, we say {said}"


def faults(start: int, step: int) -> list[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [fault for form in islice(forms(), start, None, step) if (fault := judged(form))]


def test_arguments_in_any_form_are_judged_as_torch_judges_them() -> None:
    assert faults(7, 509) == []


@pytest.mark.slow
@pytest.mark.parametrize("start", range(3))
def test_arguments_in_all_forms_are_judged_as_torch_judges_them(start: int) -> None:
    assert faults(start, 20) == []


@pytest.mark.hunt
@pytest.mark.parametrize("start", range(3, 20))
def test_all_arguments_in_all_forms_are_judged_as_torch_judges_them(start: int) -> None:
    assert faults(start, 20) == []


class Called(nn.Module):
    """A forward of one call."""

    def __init__(self, call: Any) -> None:
        super().__init__()
        self.call = call

    def forward(self, x: Tensor) -> Any:
        """The call."""
        return self.call(x)


#: Calls with something that is no number, no axis or no tensor, or that only looks like none.
ODD: list[tuple[str, Any]] = [
    ("a size of None", lambda x: x.view(2, None)),
    ("a size of a half", lambda x: x.view(2, 7 / 2, -1)),
    ("a pad of one number", lambda x: F.pad(x, 1)),
    ("nothing to join", lambda x: torch.cat([])),
    ("a division by nothing", lambda x: x.view(2, 1 // (x.shape[1] - 7))),
    ("a remainder by nothing", lambda x: x.view(2, x.shape[1] % 0)),
    ("an axis twice", lambda x: x.mean((1, 1))),
    ("an axis as a tensor", lambda x: x.softmax(torch.tensor(1))),
    ("an axis that is a float", lambda x: x.softmax(1.0)),
    ("all axes turned", lambda x: x.T),
    ("a size as a tensor", lambda x: x.view(x.shape[0], torch.tensor(56))),
    ("a size of no axis", lambda x: x.size(9)),
    ("a tuple as a tensor", lambda x: F.relu((x, x))),
    ("a list as a tensor", lambda x: F.linear([x], torch.rand(8, 8))),
    ("a dict as a tensor", lambda x: torch.sigmoid({"x": x})),
    ("None as a tensor", lambda x: F.relu(None)),
    ("None as an operand", lambda x: x + None),
    ("None as an operand of a product", lambda x: x @ None),
    ("a text as an operand", lambda x: x * "a"),
    ("int of None", lambda x: x * int(None)),
    ("a length of a number", lambda x: x * len(5)),
    ("a range of a text", lambda x: sum((x for _ in range("a")), x)),
    ("too large a size", lambda x: F.pad(x, (1 << 62, 1 << 62))),
    ("a negative size", lambda x: x.new_zeros(-1)),
    ("an unknown argument", lambda x: F.relu(x, slope=2)),
    ("a chunk of nothing", lambda x: x.chunk(0, 1)),
    ("pieces of nothing", lambda x: x.split(0, 1)),
    ("a negative number of pieces", lambda x: x.split(-1, 1)),
    ("a step of nothing", lambda x: x[:, ::0]),
    ("pieces that are larger than any size", lambda x: x.split(1 << 62)),
    ("no bounds", lambda x: x.clamp()),
    ("a bound without order", lambda x: x.clamp(1j, 9)),
    ("more shifts than axes", lambda x: x.roll((1, 1), (1,))),
    ("several shifts of no axis", lambda x: x.roll((1, 1))),
    ("one shift of no axis", lambda x: x.roll((1,))),
    ("an axis to sort that is not there", lambda x: x.sort(3)),
    ("an axis to sort places by that is not there", lambda x: x.argsort(-4)),
    ("a sum of exponents over no axis", lambda x: x.logsumexp(())),
    ("a slice of floats", lambda x: x[:, : 7 / 2]),
    ("a mode of another rank", lambda x: F.interpolate(x, 5, mode="bilinear")),
    ("a fill of one value of the map", lambda x: x.clone().fill_(x.mean())),
    ("a fill of many values", lambda x: x.clone().fill_(x[0, 0])),
    ("a fill of a tensor of one axis", lambda x: torch.fill(x, x[0, 0, :1])),
    ("runs of a single value", lambda x: x.mean().unfold(0, 1, 1)),
    ("runs that are longer than a single value", lambda x: x.mean().unfold(0, 2, 1)),
    ("channels dropped of a row", lambda x: F.dropout1d(x[0, 0], 0.5, False)),
    ("channels dropped of rows", lambda x: F.dropout1d(x[0], 0.5, False)),
    ("channels dropped of a batch of maps", lambda x: F.dropout1d(x[None], 0.5, False)),
    ("noise of a size", lambda x: x + torch.normal(0.0, 1.0, x.shape)),
]


@pytest.mark.parametrize("call", [odd[1] for odd in ODD], ids=[odd[0] for odd in ODD])
@pytest.mark.filterwarnings("ignore")
def test_an_odd_argument_is_taken_or_refused_as_torch_does(call: Any) -> None:
    model = Called(call).eval()
    assert ours(model, (2, 7, 8)) == eager(model, (2, 7, 8))
