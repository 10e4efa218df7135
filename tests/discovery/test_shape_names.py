"""Parameters and variables that are called after it say the size of the images of a model."""

from __future__ import annotations

import pytest

from modellint.config.settings import Settings
from modellint.discovery.instances import of_instance
from modellint.engine.engine import lint_targets
from tests.discovery.test_candidates import found, model, only

HEAD = """import argparse
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, {parameters}):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1, stride=2)
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        return self.fc(self.conv(x).relu().mean((2, 3)))


"""


@pytest.mark.parametrize(
    ("parameters", "rest", "shape"),
    [
        ("img_shape=(3, 128, 96)", "", (3, 128, 96)),
        ("image_shape=[64, 48, 3]", "", (3, 64, 48)),
        ("img_size=64", "", (None, 64, 64)),
        ("image_size=(64, 48)", "", (None, 64, 48)),
        ("img_size", "net = Net(48)\n", (None, 48, 48)),
        ("width=8, img_size=64", "net = Net(img_size=48)\n", (None, 48, 48)),
        ("width=8", "SIZE = 40\nimg_shape = (3, SIZE, 2 * SIZE)\n", (3, 40, 80)),
        ("img_size=4", "", None),
        ("img_size=None", "", None),
        ("img_shape=(3,)", "", None),
        ("img_size=0.5", "", None),
        ("size=64", "", None),
    ],
)
def test_a_size_is_read_by_its_name(parameters, rest, shape):
    candidate = only(model("Net", parameters) + rest)
    hints = of_instance(candidate.inputs, candidate.calls[0])
    shown = [hint for hint in hints if not hint.apart]
    assert [hint.tensors[0].shape[1:] for hint in shown] == ([] if shape is None else [shape])
    assert all(hint.images and hint.loose for hint in shown)


def test_options_of_the_command_line_say_the_shape_of_both_halves_of_a_gan():
    text = (
        "import argparse\nparser = argparse.ArgumentParser()\n"
        "parser.add_argument('--side', type=int, default=28)\nopt = parser.parse_args()\n"
        "img_shape = (1, opt.side, opt.side)\n" + model("Generator") + model("Discriminator")
    )
    for candidate in found(text):
        assert [hint.tensors[0].shape for hint in candidate.inputs] == [(None, 1, 28, 28)]


def lint(path, parameters, rest=""):
    (path / "net.py").write_text(HEAD.format(parameters=parameters) + rest)
    return lint_targets([str(path / "net.py")], Settings())


def test_the_size_is_fed_and_its_origin_told(tmp_path):
    (one,) = lint(tmp_path, "img_size=72").models
    assert one.inputs[0].example[2:] == (72, 72)
    assert one.inputs[0].source == "img_size at line 7"
    assert one.inputs[0].origins.sizes[2:] == ("shown", "shown")


def test_a_call_says_more_than_a_name(tmp_path):
    (one,) = lint(tmp_path, "img_size=72", "Net()(torch.rand(1, 3, 20, 20))\n").models
    assert one.inputs[0].example == (1, 3, 20, 20)


@pytest.mark.parametrize("parameters", ["img_shape=(1, 28, 28)", "img_shape=(5, 64)"])
def test_a_shape_that_the_model_does_not_take_accuses_nobody(tmp_path, parameters):
    report = lint(tmp_path, parameters)
    assert report.findings == report.errors == ()
    assert report.models[0].status == "analysed"


def test_the_input_of_a_generator_is_no_image(tmp_path):
    text = (
        HEAD.format(parameters="img_size=32")
        .replace(
            "return self.fc(self.conv(x).relu().mean((2, 3)))",
            "return self.fc(x).view(-1, 1, 2, 2)",
        )
        .replace("self.conv = nn.Conv2d(3, 8, 3, padding=1, stride=2)", "self.width = 8")
    )
    (tmp_path / "net.py").write_text(text)
    report = lint_targets([str(tmp_path / "net.py")], Settings())
    assert report.findings == report.errors == ()
    assert report.models[0].inputs[0].example == (2, 8)
