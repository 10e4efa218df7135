"""Functions and variables that are called after it say how a model is built and fed."""

from __future__ import annotations

import pytest

from modellint.config.settings import Settings
from modellint.engine.engine import lint_targets
from tests.discovery.test_candidates import found, model, only

HEAD = """import torch
from torch import nn
import torch.nn.functional as F

batch_size = 4
rows, columns = 6, 10
input_shape = (rows, columns)


class Model(nn.Module):
    def __init__(self, {parameters}):
        super().__init__()
        self.fc = nn.Linear(width, 3)

    def forward(self, x{more}):
        return {result}


"""
INIT = "def get_init_inputs():\n    return [10]\n\n"

#: What `get_inputs` returns, and the shape of the first input.
INPUTS = {
    "[torch.rand(batch_size, 10)]": (4, 10),
    "[torch.randn(batch_size, *input_shape)]": (4, 6, 10),
    "[torch.rand((batch_size,) + input_shape)]": (4, 6, 10),
    "[torch.rand(batch_size, 10).cuda()]": (4, 10),
    "[torch.rand(10, batch_size).T]": (4, 10),
    "[torch.rand(2, 10, 4).transpose(1, 2).to(torch.float32)]": (2, 4, 10),
    "[torch.rand(4, 10) * 2 - 1]": (4, 10),
    "[torch.rand(1, 10) + torch.rand(4, 1)]": (4, 10),
    "[torch.triu(torch.rand(10, 10))]": (10, 10),
    "[torch.eye(10)]": (10, 10),
    "[F.softmax(torch.randn(4, 10), dim=1)]": (4, 10),
    "[torch.cat([torch.rand(4, 4), torch.rand(4, 6)], dim=1)]": (4, 10),
    "[torch.stack([torch.rand(10), torch.rand(10)])]": (2, 10),
    "[torch.rand(10).repeat(4, 1)]": (4, 10),
    "[torch.linspace(0, 1, 10)]": (10,),
    "(torch.rand(batch_size, 10),)": (4, 10),
    "torch.rand(batch_size, 10)": (4, 10),
    "{'x': torch.rand(batch_size, 10)}": (4, 10),
    "[torch.full((4, 10), 0.5)]": (4, 10),
}


def lint(path, text, parameters="width", more="", result="self.fc(x).relu()"):
    head = HEAD.format(parameters=parameters, more=more, result=result)
    (path / "net.py").write_text(head + text)
    return lint_targets([str(path / "net.py")], Settings())


@pytest.mark.parametrize("returned", INPUTS)
def test_get_inputs_says_what_the_model_is_fed(tmp_path, returned):
    candidate = only(
        "batch_size = 4\ninput_shape = (6, 10)\n"
        + model("Model", "width")
        + f"{INIT}def get_inputs():\n    return {returned}\n",
        "import torch\nfrom torch import nn\nimport torch.nn.functional as F\n",
    )
    hint = candidate.inputs[0]
    assert hint.tensors[0].shape == INPUTS[returned]
    assert hint.source.startswith("get_inputs at line")
    assert str(candidate.calls[0]) == hint.built == "Model(*get_init_inputs())"


@pytest.mark.parametrize(
    ("arguments", "parameters"),
    [
        ("[10]", "width"),
        ("[10, None]", "width, bias"),
        ("(columns,)", "width"),
        ("[columns]", "width, depth=2"),
        ("{'width': 10}", "width"),
        ("[[10], {'depth': 3}]", "width, depth"),
        ("[]", "width=10"),
    ],
)
def test_get_init_inputs_says_how_the_model_is_built(tmp_path, arguments, parameters):
    text = f"def get_init_inputs():\n    return {arguments}\n\n"
    text += "def get_inputs():\n    x = torch.rand(batch_size, columns)\n    return [x]\n"
    report = lint(tmp_path, text, parameters)
    (one,) = report.models
    assert report.findings == report.errors == ()
    assert one.inputs[0].example == (4, 10)
    assert one.inputs[0].origin == "shown"
    assert one.parameters == 33


@pytest.mark.parametrize(
    ("more", "result", "returned"),
    [
        (", n", "self.fc(x)[:, :n]", "[torch.rand(4, 10), 2]"),
        (", mask", "self.fc(x) * mask", "[torch.rand(4, 10), torch.rand(4, 1) > 0.5]"),
        (", a, b=None", "self.fc(x) * a", "[torch.rand(4, 10), 0.5, None]"),
        (", many", "self.fc(x) + sum(many)", "[torch.rand(4, 10), [torch.rand(4, 1)] * 2]"),
        (", ids", "self.fc(x)[ids]", "[torch.rand(4, 10), torch.randint(0, 4, (batch_size,))]"),
    ],
)
def test_other_inputs_than_one_tensor_arrive_as_they_are_given(tmp_path, more, result, returned):
    text = f"{INIT}def get_inputs():\n    return {returned}\n"
    report = lint(tmp_path, text, more=more, result=result)
    (one,) = report.models
    assert report.findings == report.errors == ()
    assert one.status in ("analysed", "partial")
    assert one.inputs[0].example == (4, 10)


def test_parts_of_the_model_are_not_built_by_what_is_said_of_it():
    text = model("Part", "width") + model("Model", "width", "self.part = Part(width)")
    candidate = only(f"{text}{INIT}def get_inputs():\n    return [torch.rand(2, 3)]\n")
    assert candidate.name == "Model"
    assert str(candidate.calls[0]) == "Model(*get_init_inputs())"


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        (model("Net", body="self.example_input_array = torch.rand(2, 1, 28, 28)"), (2, 1, 28, 28)),
        (model("Net", body="self.example_input_array = (torch.rand(2, 5),)"), (2, 5)),
        ("class Net(nn.Module):\n    example_input_array = torch.rand(2, 5)\n\n"
         "    def forward(self, x):\n        return x\n", (2, 5)),
        ("class Net(nn.Module):\n    def forward(self, x):\n        return x\n\n    @property\n"
         "    def dummy_inputs(self):\n        return {'x': torch.zeros(2, 7).long()}\n", (2, 7)),
        (model("Net") + "example_inputs = (torch.rand(1, 3, 9, 9),)\n", (1, 3, 9, 9)),
        (model("Net") + "def get_dummy_input():\n    return torch.rand(1, 3, 9)\n", (1, 3, 9)),
        (model("Net") + "def export(net):\n    dummy_input = torch.rand(1, 3, 9, 9)\n"
         "    torch.onnx.export(net, dummy_input, 'net.onnx')\n", (1, 3, 9, 9)),
    ],
)  # fmt: skip
def test_examples_are_known_by_their_names(text, shape):
    (hint, *_) = only(text).inputs
    assert hint.tensors[0].shape == shape


def test_an_example_of_the_module_is_nobodys_where_there_are_several_models():
    text = model("A") + model("B") + "dummy_input = torch.rand(1, 3, 9, 9)\n"
    assert [candidate.inputs for candidate in found(text)] == [(), ()]


def test_a_call_says_more_than_an_example_of_the_module():
    text = model("Net") + "dummy_input = torch.rand(1, 3, 9, 9)\nNet()(torch.rand(2, 5))\n"
    assert [hint.source[:4] for hint in only(text).inputs] == ["call", "dumm"]


def test_an_example_of_the_module_accuses_nobody(tmp_path):
    report = lint(tmp_path, "dummy_input = torch.rand(1, 3, 9, 9)\n", "width=10")
    assert report.findings == report.errors == ()
    assert report.models[0].status == "analysed"
