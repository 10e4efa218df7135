"""A call of a class and the input of that very model are one piece of evidence."""

from pathlib import Path
from textwrap import dedent

import pytest

from modellint.config.settings import Settings
from modellint.engine.engine import lint_targets

NET = """
import math
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, {parameter}):
        super().__init__()
        self.conv = nn.Conv2d(channels, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d({after})

    def forward(self, x):
        return self.norm(self.conv(x).relu())


"""


def lint(path, text, parameter="channels", after="8", selector=""):
    (path / "net.py").write_text(NET.format(parameter=parameter, after=after) + dedent(text))
    return lint_targets([f"{path / 'net.py'}{selector}"], Settings())


WAYS = {
    "module": "net = Net({})\nnet(torch.rand(1, 5, 20, 20))\n",
    "main": "if __name__ == '__main__':\n    net = Net({})\n    net(torch.rand(1, 5, 20, 20))\n",
    "function": "def test():\n    net = Net({})\n    net(torch.rand(1, 5, 20, 20))\n",
    "at once": "Net({})(torch.rand(1, 5, 20, 20))\n",
    "input first": "x = torch.rand(1, 5, 20, 20)\nnet = Net({}).eval()\nnet(x)\n",
    "another before": "other = Net(7)\nnet = Net({})\nnet(torch.rand(1, 5, 20, 20))\n",
    "another after": "net = Net({})\nnet(torch.rand(1, 5, 20, 20))\nother = Net(7)\n",
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("parameter", ["channels", "channels=3"])
@pytest.mark.parametrize("argument", ["5", "channels=5", "2 + 3"])
def test_a_model_is_built_as_the_file_builds_the_one_that_it_feeds(
    tmp_path, way, parameter, argument
):
    report = lint(tmp_path, WAYS[way].format(argument), parameter)
    assert report.findings == report.errors == ()
    fed = [model for model in report.models if model.inputs[0].source.startswith("call")]
    assert fed
    for model in fed:
        assert model.inputs[0].example == (1, 5, 20, 20)
        assert model.parameters == 5 * 8 * 9 + 8 + 16


@pytest.mark.parametrize("size", ["x.size(1)", "x.shape[1]", "x.size()[1]", "x.shape[-3]"])
@pytest.mark.parametrize("where", ["", "    "])
def test_the_size_of_an_example_is_a_number(tmp_path, size, where):
    lines = ["x = torch.rand(1, 5, 20, 20)", f"c = {size}", "net = Net(c)", "net(x)"]
    head = "def main():\n" if where else ""
    report = lint(tmp_path, head + "".join(f"{where}{line}\n" for line in lines))
    assert report.findings == report.errors == ()
    assert report.models[0].inputs[0].example == (1, 5, 20, 20)


UNKNOWN = "def run(data):\n    net = Net(data.channels)\n    net(torch.rand(1, 5, 20, 20))\n"


@pytest.mark.parametrize("parameter", ["channels", "channels=3"])
def test_the_input_of_a_model_with_other_arguments_accuses_none(tmp_path, parameter):
    report = lint(tmp_path, UNKNOWN, parameter)
    assert report.findings == report.errors == ()


@pytest.mark.parametrize("parameter", ["channels", "channels=3"])
@pytest.mark.parametrize("text", ["", UNKNOWN])
def test_what_fails_with_any_arguments_is_an_error(tmp_path, parameter, text):
    report = lint(tmp_path, text, parameter, after="9")
    assert [(one.rule, one.layer) for one in report.findings] == [("shape-mismatch", "norm")]


def test_an_instance_is_built_with_its_own_arguments(tmp_path):
    report = lint(tmp_path, "net = Net(channels=100)\n", "channels=3", selector="::net")
    assert report.models[0].parameters == 100 * 8 * 9 + 8 + 16


@pytest.mark.parametrize(
    ("parameter", "body"),
    [
        ("out_channels, groups=3", "assert out_channels % groups == 0"),
        ("num_classes", "assert num_classes > 90"),
        ("blocks=None", "assert isinstance(blocks, list)"),
        ("blocks=None", "self.layers = nn.Sequential(*[nn.ReLU() for _ in blocks])"),
        ("width=None", "self.fc = nn.Linear(width, 3)"),
    ],
)
def test_a_constructor_that_refuses_what_nobody_gave_is_not_analysed(tmp_path, parameter, body):
    text = f"""
        import torch
        from torch import nn

        class Net(nn.Module):
            def __init__(self, {parameter}):
                super().__init__()
                {body}

            def forward(self, x):
                return x
    """
    path = Path(tmp_path / "net.py")
    path.write_text(dedent(text))
    report = lint_targets([str(path)], Settings())
    assert report.errors == ()
    assert [model.status for model in report.models] == ["not-analysed"]


@pytest.mark.parametrize("parameter", ["num_classes", "num_classes=10", "blocks=None"])
def test_a_constructor_that_is_wrong_for_all_arguments_is_an_error(tmp_path, parameter):
    text = f"""
        from torch import nn

        class Net(nn.Module):
            def __init__(self, {parameter}):
                super().__init__()
                self.fc = nn.Linaer(3, 4) if parameter else undefined

            def forward(self, x):
                return self.fc(x)
    """
    path = Path(tmp_path / "net.py")
    path.write_text(dedent(text))
    report = lint_targets([str(path)], Settings())
    assert [error.kind for error in report.errors] == ["build-error"]


def test_values_of_a_tensor_are_no_sizes(tmp_path):
    path = Path(tmp_path / "net.py")
    path.write_text(
        dedent(
            """
            import torch
            from torch import nn

            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.emb = nn.Embedding(128, 64)

                def forward(self, x):
                    return torch.relu(self.emb(x))

            Net()(torch.LongTensor([12, 13, 14]))
            """
        )
    )
    report = lint_targets([str(path)], Settings())
    assert report.models[0].inputs[0].example == (3,)


def test_what_a_file_configures_for_one_model_accuses_no_other(tmp_path):
    text = """
        class Tail(nn.Module):
            def __init__(self, width):
                super().__init__()
                self.conv = nn.Conv2d(width, 2 * width, 1)

            def forward(self, x):
                return self.conv(x)

        default_cfg = {"input_size": (5, 64, 64)}
    """
    report = lint(tmp_path, text, "channels=5")
    assert report.findings == report.errors == ()
    fed = {model.name: model.inputs[0].example for model in report.models}
    assert fed["Net"][1:] == (5, 64, 64)
    assert {model.status for model in report.models} == {"analysed"}


@pytest.mark.parametrize(("least", "severity"), [("1", "info"), ("0", "warning")])
def test_what_another_width_would_not_have_is_no_warning(tmp_path, least, severity):
    # With a width of 16 or less the norm sees one value a channel, whatever else is given.
    text = f"""
        class Gate(nn.Module):
            def __init__(self, channels):
                super().__init__()
                inner = max(1, channels // 32 * {least})
                self.down = nn.Conv2d(channels, inner, 1)
                self.norm = nn.GroupNorm(1, inner)
                self.up = nn.Conv2d(inner, channels, 1)

            def forward(self, x):
                y = self.norm(self.down(x.mean((2, 3), keepdim=True))).relu()
                return x * self.up(y).sigmoid()
    """
    report = lint(tmp_path, text, "channels=5")
    (found,) = [one for one in report.findings if one.rule == "constant-output"]
    assert (found.model, found.severity) == ("Gate", severity)
