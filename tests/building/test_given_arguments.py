"""Each constructor argument says where it came from: stated, shown, or assumed."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest

from modellint.config.settings import Settings
from modellint.engine.engine import lint_targets
from modellint.graph import ConstructorArgument

NET = """
import torch
from torch import nn

class Net(nn.Module):{comment}
    def __init__(self, {parameters}):
        super().__init__()
        self.fc = nn.Linear(4, num_classes)

    def forward(self, x):
        return self.fc(x)

"""


def arguments(
    path: Path, parameters: str, text: str = "", selector: str = "", comment: str = ""
) -> list[ConstructorArgument]:
    net = path / "net.py"
    net.write_text(NET.format(parameters=parameters, comment=comment) + dedent(text))
    (model,) = lint_targets([f"{net}{selector}"], Settings()).models
    assert model.status == "analysed"
    return list(model.arguments)


WAYS = {
    "a call": (
        "num_classes",
        "net = Net(7)\n",
        "",
        [ConstructorArgument("num_classes", "7", "shown", "call at line 13")],
    ),
    "a local value": (
        "num_classes",
        "def main():\n    n = 6\n    net = Net(num_classes=n + 1)\n    net(torch.rand(2, 4))\n",
        "",
        [ConstructorArgument("num_classes", "6 + 1", "shown", "call at line 15")],
    ),
    "defaults": (
        "num_classes=7, act=nn.ReLU, sizes=(1, 2), names={'b', 'a'}",
        "",
        "",
        [
            ConstructorArgument("num_classes", "7", "shown", "default"),
            ConstructorArgument("act", "ReLU", "shown", "default"),
            ConstructorArgument("sizes", "(1, 2)", "shown", "default"),
            ConstructorArgument("names", "set(...)", "shown", "default"),
        ],
    ),
    "a name that is common": (
        "num_classes, rate=0.5",
        "",
        "",
        [
            ConstructorArgument("num_classes", "10", "assumed", "common names"),
            ConstructorArgument("rate", "0.5", "shown", "default"),
        ],
    ),
    "an expression on the command line": (
        "num_classes, rate=0.5",
        "",
        "::Net(5, rate=0.1)",
        [
            ConstructorArgument("num_classes", "5", "stated", "the command line"),
            ConstructorArgument("rate", "0.1", "stated", "the command line"),
        ],
    ),
    "what is collected": (
        "*layers, num_classes=3, **rest",
        "net = Net(1, 2, num_classes=4, other=5)\n",
        "",
        [
            ConstructorArgument("layers[0]", "1", "shown", "call at line 13"),
            ConstructorArgument("layers[1]", "2", "shown", "call at line 13"),
            ConstructorArgument("num_classes", "4", "shown", "call at line 13"),
            ConstructorArgument("other", "5", "shown", "call at line 13"),
        ],
    ),
    "what is unpacked": (
        "num_classes=3",
        "SETTINGS = {'num_classes': 5}\nnet = Net(**SETTINGS)\n",
        "",
        [ConstructorArgument("**", "SETTINGS", "shown", "call at line 14")],
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_an_argument_says_its_value_and_where_it_came_from(tmp_path: Path, way: str) -> None:
    parameters, text, selector, expected = WAYS[way]
    assert arguments(tmp_path, parameters, text, selector) == expected


def test_a_comment_states_them(tmp_path: Path) -> None:
    (given,) = arguments(tmp_path, "num_classes", comment="  # modellint: build=Net(9)")
    assert (given.value, given.origin) == ("9", "stated")


def test_a_configuration_states_them(tmp_path: Path) -> None:
    (tmp_path / "modellint.toml").write_text(
        '[[models]]\npath = "net.py"\nmodel = "Net"\nargs = { num_classes = 9 }\n'
    )
    (given,) = arguments(tmp_path, "num_classes")
    assert (given.name, given.value, given.origin) == ("num_classes", "9", "stated")


def test_json_lists_them_and_a_report_that_is_read_back_has_them(tmp_path: Path) -> None:
    net = tmp_path / "net.py"
    net.write_text(NET.format(parameters="num_classes", comment=""))
    report = lint_targets([str(net)], Settings())
    (entry,) = json.loads(report.render("json"))["models"]
    assert entry["arguments"] == [
        {"name": "num_classes", "value": "10", "origin": "assumed", "source": "common names"}
    ]
    assert type(report.models[0]).from_dict(entry).arguments == report.models[0].arguments


def test_a_value_that_another_file_makes_is_told_without_the_functions_that_make_it(tmp_path):
    net = "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self, cfg):\n"
    net += "        super().__init__()\n        self.fc = nn.Linear(4, cfg.width)\n\n"
    net += "    def forward(self, x):\n        return self.fc(x)\n"
    (tmp_path / "net.py").write_text(net)
    (tmp_path / "config.py").write_text("class Config:\n    width = 7\n    depth = 2\n")
    train = "import torch\nfrom config import Config\nfrom net import Net\n\n"
    (tmp_path / "train.py").write_text(f"{train}Net(Config())(torch.rand(2, 4))\n")
    (tmp_path / "setup.py").write_text("")
    (model,) = lint_targets([str(tmp_path / "net.py")], Settings()).models
    (argument,) = model.arguments
    assert argument.value.startswith("Config(")
    assert str(tmp_path) not in argument.value
    assert "_modellint" not in argument.value
