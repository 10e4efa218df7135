"""Before a forward is called broken torch runs it, and what it runs is not accused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

import modellint
from modellint.inputs import second_opinions
from modellint.shapes import Op, Refused

GIVEN = ["N,3,8,8"]


class Net(nn.Module):
    def __init__(self, features: int = 8 * 8 * 8) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.fc = nn.Linear(features, 10)

    def forward(self, x):
        x = F.relu(self.conv(x))
        x = torch.tanh(x)
        x = x.flatten(1)
        return self.fc(x)


@pytest.fixture
def says(monkeypatch):
    """Have the table say something else of an operation: another shape, or an exception."""
    right = Op.outcome

    def put(name: str, outcome: Any) -> None:
        def said(self: Op, bound: dict[str, Any]) -> Any:
            if self.name != name:
                return right(self, bound)
            if isinstance(outcome, Exception):
                raise outcome
            return outcome(right(self, bound))

        monkeypatch.setattr(Op, "outcome", said)

    return put


@pytest.mark.parametrize("where", ["meta", "cpu"])
@pytest.mark.parametrize("name", ["tanh", "conv2d", "linear", "flatten"])
def test_what_the_table_refuses_and_torch_runs_is_no_finding(says, name, where):
    says(name, Refused("it is Sunday"))
    with torch.device(where):
        model = Net()
    report = modellint.lint(model, GIVEN, select=["correctness"])
    assert report.findings == report.errors == ()
    (found,) = report.models
    assert found.status == "partial"
    assert name in found.reason
    assert "report" in found.reason
    assert found.layers["fc"].example_outputs == ((2, 10),)


class Laid(nn.Module):
    """Layers over maps whose channels lie innermost."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.up = nn.ConvTranspose2d(8, 4, 2, 2)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x):
        x = x.permute(0, 3, 1, 2)
        x = self.norm(self.up(self.conv(F.pad(x, (1, 1, 1, 1)))))
        x = F.max_pool2d(F.interpolate(x, scale_factor=2), 2)
        return torch.cat([x, x], dim=1).mean((2, 3))


@pytest.mark.parametrize(
    "name",
    [
        "permute",
        "pad",
        "conv2d",
        "conv_transpose2d",
        "batch_norm",
        "interpolate",
        "max_pool2d",
        "cat",
        "mean",
    ],
)
def test_what_is_left_to_torch_keeps_the_names_of_its_arguments(says, name):
    known = {call.key: call for call in modellint.trace(Laid(), ["N,8,8,3"]).calls(name)}
    assert known
    says(name, Refused("it is Sunday"))
    report = modellint.lint(Laid(), ["N,8,8,3"])
    assert report.errors == ()
    assert report.models[0].status == "partial"
    for call in modellint.trace(Laid(), ["N,8,8,3"]).calls(name):
        assert call.arguments.keys() == known[call.key].arguments.keys()


@pytest.mark.parametrize("batch", [1, 2, 32])
def test_what_is_left_to_torch_costs_what_one_sample_costs(says, batch):
    whole = modellint.lint(Net(), [f"{batch},3,8,8"]).models[0].macs
    says("flatten", Refused("it is Sunday"))
    (found,) = modellint.lint(Net(), [f"{batch},3,8,8"]).models
    assert found.status == "partial"
    assert found.macs == whole


@pytest.mark.parametrize(
    "wrong", [lambda shape: (*shape[:-1], shape[-1] + 1), IndexError("no"), KeyError("u0")]
)
@pytest.mark.parametrize("name", ["tanh", "flatten"])
def test_a_fault_of_the_table_is_no_fault_of_the_model(says, name, wrong):
    says(name, wrong)
    report = modellint.lint(Net(), GIVEN, select=["correctness"])
    assert report.findings == report.errors == ()
    assert report.models[0].status in ("partial", "not-analysed")


def test_what_torch_refuses_at_the_same_line_is_told_as_it_was():
    report = modellint.lint(Net(features=100), GIVEN, select=["shape-mismatch"])
    (finding,) = report.findings
    assert finding.layer == "fc"


def test_where_torch_refuses_another_line_that_one_is_told(says):
    says("tanh", Refused("it is Sunday"))
    report = modellint.lint(Net(features=100), GIVEN, select=["shape-mismatch"])
    assert "tanh" not in str(report)
    places = [*(one.layer for one in report.findings), *(one.message for one in report.errors)]
    assert any("fc" in place or "shapes" in place for place in places)


class OnlySizes(nn.Module):
    def forward(self, x):
        if type(x.shape) is not torch.Size:
            raise TypeError("give me a tensor")
        return x * 2


def test_what_only_a_trace_raises_is_no_error_of_the_model():
    report = modellint.lint(OnlySizes(), ["N,4"])
    assert report.errors == ()
    (found,) = report.models
    assert found.status == "not-analysed"
    assert "PyTorch runs" in found.reason


class Breaks(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.register_buffer("count", torch.zeros(()))
        self.seen = []

    def forward(self, x):
        self.count += 1
        self.seen.append(x)
        return self.fc(x)[:, 9]


def test_a_model_that_torch_was_asked_about_is_left_as_it_was():
    model = Breaks()
    weight = model.fc.weight
    values = weight.detach().clone()
    modellint.lint(model, ["N,4"])
    assert model.fc.weight is weight
    assert torch.equal(weight, values)
    assert model.count == 0
    assert model.seen == []


class Selects(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8, 4)

    def forward(self, x, y):
        return self.fc(torch.where(x > 0, x, y))


def test_a_wrong_dtype_of_ours_is_no_argument_that_torch_refuses(says, monkeypatch):
    from modellint.tracing import recorder

    monkeypatch.setattr(recorder, "dtype_of_one", lambda *_: torch.bool)
    report = modellint.lint(Selects(), ["N,8", "N,8"], select=["invalid-argument"])
    assert report.findings == ()
    assert report.models[0].status == "partial"


def test_torch_is_not_asked_where_nothing_is_wrong(monkeypatch):
    monkeypatch.setattr(second_opinions, "judged", lambda *_: pytest.fail("torch was asked"))
    assert modellint.lint(Net(), GIVEN, select=["correctness"]).models[0].status == "analysed"


class Late(nn.Module):
    """A layer that learns its channels from its first input, and what another run is asked for."""

    def __init__(self, behind: nn.Module) -> None:
        super().__init__()
        self.first = nn.LazyConv1d(4, 1)
        self.behind = behind

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.behind(self.first(x))


def test_a_lazy_layer_is_asked_for_its_parameters_once() -> None:
    graph = modellint.trace(Late(nn.Conv1d(4, 4, 9)), ["2,3,6"])
    assert graph.mismatch is not None and "window of 9" in graph.mismatch.message


class Ordered(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 2 if x.sum() > 0 else x


def test_a_lazy_layer_is_run_again_with_values() -> None:
    graph = modellint.trace(Late(Ordered()), ["2,3,6"])
    assert graph.partial == "values decide what runs, so it was traced with real ones"
