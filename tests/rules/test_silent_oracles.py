"""What the rules of silent failures say of a model is what eager PyTorch does with it."""

from __future__ import annotations

import textwrap

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

import modellint


class Gate(nn.Module):
    """A net with three constants in it, of which one ends in the second output."""

    def __init__(self, classes=1):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.GroupNorm(8, 8)
        self.score = nn.Linear(8, 1)
        self.fc = nn.Linear(8, classes)

    def forward(self, x):
        x = self.conv(x)
        pooled = F.adaptive_avg_pool2d(x, 1)
        gate = self.norm(pooled)
        weights = torch.softmax(self.score(x.flatten(2).transpose(1, 2)), dim=-1)
        seen = (weights * x.flatten(2).transpose(1, 2)).sum(1)
        return seen + gate.flatten(1), F.softmax(self.fc(pooled.flatten(1)), dim=1)


def said(model, spec, rule):
    return {
        finding.layer: finding for finding in modellint.lint(model, [spec], select=[rule]).findings
    }


def test_a_constant_is_the_same_for_other_inputs():
    torch.manual_seed(0)
    found = said(Gate(), "2,3,8,8", "constant-output")
    (softmax,) = (layer for layer in found if "#" not in layer and found[layer].severity == "error")
    assert found[softmax].message.count("(N, 1)") == 2
    assert {finding.severity for finding in found.values()} == {"error", "warning"}
    assert len(found) == 3
    model = Gate().eval()
    with torch.no_grad():
        first, other = (model(torch.rand(2, 3, 8, 8)) for _ in range(2))
    assert torch.equal(first[1], other[1])
    assert not torch.allclose(first[0], other[0])
    gates = [model.norm(torch.rand(2, 8, 1, 1)) for _ in range(2)]
    assert torch.allclose(*gates, atol=1e-4)


def test_one_logit_a_class_is_no_constant():
    assert not [
        finding
        for finding in said(Gate(classes=2), "2,3,8,8", "constant-output").values()
        if finding.severity == "error"
    ]


@pytest.mark.parametrize("p", [0.0, 0.5, 1.0])
def test_a_dropout_is_a_constant_in_training_if_it_drops_all(p):
    model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(p), nn.Linear(4, 3))
    x = torch.rand(2, 64, 4)
    constant = torch.equal(*model.train()(x))
    assert bool(said(model, "2,4", "constant-output")) is constant


class Squeezing(nn.Module):
    """Squeezes in one of several ways."""

    def __init__(self, how):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.how = how

    def forward(self, x):
        return self.how(F.adaptive_avg_pool2d(self.conv(x), 1))


WAYS = {
    "all": lambda x: x.squeeze(),
    "two": lambda x: x.squeeze(-1).squeeze(-1),
    "dims": lambda x: x.squeeze((2, 3)),
    "batch": lambda x: x.squeeze(0),
    "back": lambda x: x.squeeze().view(-1, 8),
    "flat": lambda x: x.flatten(1),
    "half": lambda x: x.squeeze().unsqueeze(-1),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_batch_is_called_squeezed_if_one_sample_comes_out_with_an_axis_less(way):
    model = Squeezing(WAYS[way]).eval()
    one, two = (model(torch.rand(n, 3, 8, 8)) for n in (1, 2))
    for spec in ("1,3,8,8", "2,3,8,8"):
        found = said(model, spec, "batch-squeezed")
        assert bool(found) is (one.dim() < two.dim())
        assert all(str(tuple(one.shape)) in finding.message for finding in found.values())


NET = """
import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(4, 4)
        self.fc2 = nn.Linear(4, 1)
        self.act = nn.ReLU()

    def forward(self, x):
        x = self.fc1(x)
        {line}
        return {result}


{train}


if __name__ == "__main__":
    Net()(torch.rand(3, 4))
"""


def linted(tmp_path, rule, line="x = x + 1", result="self.fc2(x)", train=""):
    path = tmp_path / "net.py"
    path.write_text(NET.format(line=line, result=result, train=textwrap.dedent(train)))
    report = modellint.lint_paths([path], isolated=True, select=[rule, "shape-mismatch"])
    assert report.models[0].status == "analysed"
    return report.findings


def output(line):
    """What the net computes with a line in its forward."""
    scope = {}
    exec(NET.format(line=line, result="self.fc2(x)", train="").partition("if __name__")[0], scope)
    torch.manual_seed(0)
    return scope["Net"]()(torch.linspace(-1, 1, 12).view(3, 4))


@pytest.mark.parametrize(
    "line",
    ["F.relu(x)", "self.act(x)", "x.exp().relu()", "x.transpose(0, 1)", "torch.tanh(x)",
     "x.chunk(2)", "x.max(1)", "x.relu_()", "F.relu(x, True)", "x[:, 0].zero_()",
     "torch.exp(x, out=x)", "x = x.relu()", "x.size()", "F.dropout(x)"],
)  # fmt: skip
def test_a_line_is_called_dropped_if_the_model_computes_the_same_without_it(tmp_path, line):
    with torch.no_grad():
        same = torch.equal(output(line), output("pass"))
    found = linted(tmp_path, "dropped-result", line)
    # `x.size()` computes no tensor.
    assert bool(found) is (same and line != "x.size()")
    for finding in found:
        change = finding.help.partition(" keeps it")[0]
        if "what follows" not in finding.help and "=" in change:
            assert not linted(tmp_path, "dropped-result", change)


def loss_of(name, values, target):
    return getattr(nn, name)()(values, target)


def test_the_bounds_of_losses_are_those_that_pytorch_computes(tmp_path):
    train = """
        def train(model, x, y):
            nn.{}()(model(x), y)
    """
    probabilities, ones = torch.linspace(0, 1, 101)[:, None], torch.ones(101, 1)
    lowest = min(
        loss_of("BCEWithLogitsLoss", p, y) for p, y in zip(probabilities, ones, strict=True)
    )
    code = train.format("BCEWithLogitsLoss")
    (finding,) = linted(tmp_path, "loss-mismatch", result="torch.sigmoid(self.fc2(x))", train=code)
    assert f"below {lowest:.2f}" in finding.message
    assert f"to {torch.sigmoid(probabilities).max():.2f}" in finding.message

    (finding,) = linted(tmp_path, "loss-mismatch", train=train.format("CrossEntropyLoss"))
    logits = torch.randn(5, 1)
    assert loss_of("CrossEntropyLoss", logits, torch.zeros(5, dtype=torch.long)) == 0
    assert "is 0" in finding.message

    (finding,) = linted(tmp_path, "loss-mismatch", train=train.format("BCELoss"))
    with pytest.raises(RuntimeError, match="between 0 and 1"):
        loss_of("BCELoss", 3 + torch.rand(5, 1), torch.ones(5, 1))

    column = train.replace("y)\n", "torch.rand(7))\n").format("MSELoss")
    (finding,) = linted(tmp_path, "loss-mismatch", train=column)
    with pytest.warns(UserWarning, match="target size"):
        loss = nn.MSELoss(reduction="none")(torch.rand(7, 1), torch.rand(7))
    assert f"broadcasts to {tuple(loss.shape)}" in finding.message


@pytest.mark.parametrize(
    ("loss", "result"),
    [
        ("BCELoss", "torch.sigmoid(self.fc2(x))"),
        ("BCEWithLogitsLoss", "self.fc2(x)"),
        ("NLLLoss", "F.log_softmax(x, dim=1)"),
        ("CrossEntropyLoss", "x"),
    ],
)
def test_the_helps_against_a_loss_are_none(tmp_path, loss, result):
    train = f"""
        def train(model, x, y):
            nn.{loss}()(model(x), y)
    """
    assert not linted(tmp_path, "loss-mismatch", result=result, train=train)
