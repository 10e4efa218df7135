"""What PyTorch refuses of a layer's arguments is reported at the layer's line, as what it is."""

import json

import pytest
from command import modellint

MODEL = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = {layer}

    def forward(self, x):
        return self.layer(x)


if __name__ == "__main__":
    Net()({given})
"""
IMAGE = "torch.rand(1, 3, 32, 32)"


def report_of(folder, layer, given=IMAGE):
    (folder / "net.py").write_text(MODEL.format(layer=layer, given=given), "utf-8")
    run = modellint("net.py", "--format", "json", cwd=folder)
    return run.returncode, json.loads(run.stdout)


@pytest.mark.parametrize(
    "layer",
    [
        "nn.Linear(-1, 4)",
        "nn.Linear(2**40, 2**40)",
        "nn.Conv2d(3, 8, 3, groups=2)",
        "nn.Conv2d(3, 8, 3, padding='same', stride=2)",
        "nn.Dropout(1.5)",
        "nn.GroupNorm(2, 3)",
    ],
)
def test_what_the_constructor_refuses_is_an_error_of_the_file(tmp_path, layer):
    status, report = report_of(tmp_path, layer)
    assert status == 1
    assert [(e["kind"], e["line"]) for e in report["errors"]] == [("build-error", 9)]
    assert [model["status"] for model in report["models"]] == ["failed"]


@pytest.mark.parametrize(
    ("layer", "given", "rule"),
    [
        ("nn.Conv2d(3, 8, 40)", IMAGE, "shape-mismatch"),
        ("nn.Conv2d(3, 8, 100001)", IMAGE, "shape-mismatch"),
        ("nn.ReflectionPad2d(40)", IMAGE, "shape-mismatch"),
        ("nn.MaxPool2d(2, padding=2)", IMAGE, "shape-mismatch"),
        ("nn.Upsample(scale_factor=0)", IMAGE, "shape-mismatch"),
        ("nn.Conv2d(3, 8, 3, stride=0)", IMAGE, "invalid-argument"),
        ("nn.Conv2d(3, 8, 3, dilation=0)", IMAGE, "invalid-argument"),
        ("nn.Conv2d(3, 8, 3, padding=-1)", IMAGE, "invalid-argument"),
        ("nn.MaxPool2d(0)", IMAGE, "invalid-argument"),
        ("nn.ConvTranspose2d(3, 8, 3, output_padding=1)", IMAGE, "invalid-argument"),
        ("nn.ConvTranspose2d(3, 8, 3, stride=0)", IMAGE, "invalid-argument"),
        ("nn.Linear(4, 0)", "torch.rand(2, 4)", "invalid-argument"),
        ("nn.Linear(4, 2)", "torch.ones(2, 4, dtype=torch.int64)", "invalid-argument"),
        ("nn.Linear(4, 2)", "torch.ones(2, 4, dtype=torch.bool)", "invalid-argument"),
    ],
)
def test_what_the_forward_refuses_is_a_finding_at_the_layer(tmp_path, layer, given, rule):
    status, report = report_of(tmp_path, layer, given)
    assert status == 1
    assert report["errors"] == []
    (finding,) = [one for one in report["findings"] if one["severity"] == "error"]
    assert (finding["rule"], finding["line"], finding["layer"]) == (rule, 9, "layer")
    # What is wrong with it is all there is to say of the layer.
    assert len(report["findings"]) == 1


@pytest.mark.parametrize(
    ("layer", "given"),
    [
        ("nn.Conv2d(3, 8, 4, padding='same')", IMAGE),
        ("nn.Conv2d(3, 8, 3, padding=1, padding_mode='circular')", IMAGE),
        ("nn.Conv1d(3, 8, 3, padding=1)", "torch.rand(3, 32)"),
        ("nn.Conv3d(3, 8, 3, padding=1)", "torch.rand(1, 3, 8, 8, 8)"),
    ],
)
def test_what_is_only_unusual_is_no_error(tmp_path, layer, given):
    _, report = report_of(tmp_path, layer, given)
    assert report["errors"] == []
    assert "error" not in [finding["severity"] for finding in report["findings"]]


def test_a_type_that_was_only_assumed_is_not_held_against_the_model(tmp_path):
    (tmp_path / "net.py").write_text(
        """
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(100, 8)
        self.rest = nn.Linear(4, 8)

    def forward(self, tokens, features):
        return self.words(tokens).mean(1) + self.rest(features)
""",
        "utf-8",
    )
    run = modellint("net.py", "--format", "json", "--select", "invalid-argument", cwd=tmp_path)
    assert json.loads(run.stdout)["findings"] == []
