"""What the rules on wiring say of a model is true of it when it runs."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import modellint


class Net(nn.Module):
    """One of each: layers that are undone, lost or do nothing, beside layers that do something."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(8)
        self.act1 = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.act2 = nn.ReLU()
        self.depthwise = nn.Conv2d(8, 8, 3, groups=8)
        self.pointwise = nn.Conv2d(8, 8, 1)
        self.norm2 = nn.InstanceNorm2d(8)
        self.edge = nn.Conv2d(8, 8, 1)
        self.padded = nn.Conv2d(8, 8, 3, padding=1)
        self.norm3 = nn.GroupNorm(8, 8)
        self.dropped = nn.Conv2d(8, 8, 1)
        self.lost = nn.Conv2d(8, 8, 1)
        self.branch = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))
        self.none = nn.Dropout(0.0)
        self.last = nn.Conv2d(8, 4, 1)

    def forward(self, x):
        x = self.act2(self.pool(self.act1(self.norm1(self.conv1(x)))))
        x = self.norm2(self.pointwise(self.depthwise(x))).tanh()
        x = self.norm3(self.padded(self.edge(x))).tanh()
        self.dropped(x)
        return self.last(self.none(x * self.branch(x).sigmoid()))


INPUT = "N,3,16,16"


def flagged(rule):
    """The findings of one rule on the net above, and a net of the same class to run."""
    torch.manual_seed(0)
    model = Net().double()
    return modellint.lint(model, [INPUT], select=[rule]).findings, model


def layers(findings):
    return {layer for finding in findings for layer in finding.layers}


def outputs(model, change=lambda: None):
    """What the model computes in training mode before and after a change."""
    x = torch.rand(4, 3, 16, 16, dtype=torch.float64)
    before = model.train()(x)
    change()
    return before, model(x)


def test_a_bias_that_is_called_cancelled_changes_nothing_and_the_others_do():
    findings, _ = flagged("bias-before-norm")
    (finding,) = findings
    assert finding.layer == "conv1"
    cancelled = {"conv1", "depthwise", "pointwise", "padded", "branch.1"}
    for name, module in Net().named_modules():
        if not isinstance(module, nn.Conv2d) or name in ("dropped", "lost"):
            continue
        _, model = flagged("bias-before-norm")
        bias = model.get_submodule(name).bias
        before, after = outputs(model, lambda bias=bias: bias.data.add_(1.0))
        assert torch.allclose(before, after) is (name in cancelled), name
    held = sum(Net().get_submodule(name).bias.numel() for name in cancelled)
    assert f"{held} of" in finding.message


@pytest.mark.parametrize("rule, wanted", [
    ("redundant-activation", {"act2"}),
    ("no-op-layer", {"none"}),
])  # fmt: skip
def test_a_layer_that_is_called_useless_can_be_left_out(rule, wanted):
    findings, model = flagged(rule)
    assert layers(findings) == wanted
    for name in wanted:
        before, after = outputs(model, lambda name=name: setattr(model, name, nn.Identity()))
        assert torch.equal(before, after)


def test_a_module_that_is_called_unused_gets_no_gradient_and_the_others_do():
    findings, model = flagged("unused-module")
    assert layers(findings) == {"dropped", "lost"}
    model(torch.rand(4, 3, 16, 16, dtype=torch.float64)).sum().backward()
    without = {name.rpartition(".")[0] for name, p in model.named_parameters() if p.grad is None}
    assert without == layers(findings)


def test_a_norm_of_a_single_value_stops_training_with_one_sample():
    findings, model = flagged("batch-norm-single-value")
    assert layers(findings) == {"branch.2"}
    one = torch.rand(1, 3, 16, 16, dtype=torch.float64)
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        model.train()(one)
    model.branch = nn.Sequential(*list(model.branch)[:2])
    model(one)


def test_a_pair_of_layers_is_the_one_layer_that_it_is_said_to_be():
    findings, model = flagged("stacked-linear")
    assert layers(findings) == {"edge"}
    edge, padded = model.edge, model.padded
    one = nn.Conv2d(8, 8, 3, bias=False).double()
    one.weight.data = torch.einsum("omhw,mi->oihw", padded.weight, edge.weight[:, :, 0, 0])
    x = torch.rand(1, 8, 9, 9, dtype=torch.float64)
    inside = nn.functional.conv2d(edge(x) - edge.bias[:, None, None], padded.weight)
    assert torch.allclose(one(x), inside)
    assert f"{edge.weight.numel() + padded.weight.numel()} weights" in findings[0].message
    assert f"has {one.weight.numel()}" in findings[0].message
