"""An ignore comment that silences nothing is reported, where a run can tell."""

from pathlib import Path

import pytest

from modellint.config.settings import Settings
from modellint.engine.engine import lint_targets

NET = """
import torch
from torch import nn


class Part(nn.Module):{on_class}
    def __init__(self, kernel):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, kernel, padding=1){on_layer}

    def forward(self, x):
        return self.conv(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.part = Part({kernel})

    def forward(self, x):
        return self.part(x)


if __name__ == "__main__":
    Net()(torch.rand(1, 3, 32, 32))
"""
UNUSED = "unused-ignore"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(name="net.py", kernel=3, on_layer="", on_class="", more=""):
    marks = {"on_layer": on_layer, "on_class": on_class}
    marks = {name: f"  # modellint: {text}" if text else "" for name, text in marks.items()}
    Path(name).write_text(NET.format(kernel=kernel, **marks) + more, "utf-8")


def unused(*targets, **settings):
    report = lint_targets(targets or ["."], Settings(**settings))
    return [(f.line, f.column) for f in report.findings if f.rule == UNUSED]


def test_a_comment_that_silences_nothing_is_told_at_its_place():
    write(on_layer="ignore[even-kernel]")
    report = lint_targets(["net.py"], Settings())
    (finding,) = report.findings
    assert (finding.rule, finding.severity, finding.path) == (UNUSED, "warning", "net.py")
    line = Path("net.py").read_text("utf-8").splitlines()[finding.line - 1]
    assert line[finding.column - 1 : finding.end_column - 1] == "# modellint: ignore[even-kernel]"


def test_what_silences_something_is_listed_instead():
    write(kernel=4, on_layer="ignore[even-kernel]")
    report = lint_targets(["net.py"], Settings())
    assert report.findings == ()
    (silenced,) = report.silenced
    assert (silenced.rule, silenced.path, silenced.line) == ("even-kernel", "net.py", 9)
    assert (silenced.model, silenced.layers) == ("Net", ("part.conv",))
    assert report.to_dict()["silenced"][0]["layers"] == ["part.conv"]


@pytest.mark.parametrize(
    ("marks", "settings"),
    [
        ({"on_layer": "ignore[even-kernel]"}, {"ignore": ("even-kernel",)}),
        ({"on_layer": "ignore[even-kernel]"}, {"ignore": (UNUSED,)}),
        ({"on_layer": f"ignore[even-kernel, {UNUSED}]"}, {}),
        ({"on_layer": "ignore[even-kernel]", "on_class": f"ignore[{UNUSED}]"}, {}),
        ({"on_layer": "ignore[even-kernel]", "more": f"# modellint: ignore-file[{UNUSED}]"}, {}),
    ],
)
def test_silent_where_a_rule_is_off_or_the_comment_is_wanted(marks, settings):
    write(**marks)
    assert unused(**settings) == []


def test_a_comment_counts_where_any_model_needs_it():
    write("parts.py", on_layer="ignore[even-kernel]")
    Path("net.py").write_text(
        "import torch\nfrom torch import nn\nfrom parts import Part\n\n"
        "class Other(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n        self.part = Part(4)\n\n"
        "    def forward(self, x):\n        return self.part(x)\n\n"
        "Other()(torch.rand(1, 3, 32, 32))\n",
        "utf-8",
    )
    assert unused() == []
    assert len(unused("parts.py")) == 1


def test_silent_where_a_model_of_the_file_was_not_checked():
    missing = (
        "\n\nclass Rest(Part):\n    def __init__(self, a, b):\n        super().__init__(a + b)\n"
    )
    write(on_layer="ignore[even-kernel]", more=missing)
    report = lint_targets(["net.py"], Settings())
    assert {m.name: m.status for m in report.models}["Rest"] == "not-analysed"
    assert report.findings == ()


def test_silent_where_only_some_models_were_asked_for():
    other = "\n\nclass Last(nn.Module):\n    def forward(self, x):\n        return x + 1\n"
    write(on_layer="ignore[even-kernel]", more=other + "\n\nLast()(torch.rand(1, 3))\n")
    assert unused("net.py::Last") == []
    assert unused("net.py::Net", "net.py::Last") == [(9, 57)]
    assert unused("net.py") == [(9, 57)]


def test_a_comment_in_a_class_that_is_no_model_is_left_alone():
    text = "\n\nclass Base(nn.Module):  # modellint: ignore[even-kernel]\n    size = 3\n"
    write(more=text)
    assert unused() == []


def test_configuration_may_say_otherwise():
    write(on_layer="ignore[even-kernel]")
    Path("modellint.toml").write_text('[severity]\nunused-ignore = "error"\n', "utf-8")
    (finding,) = lint_targets(["net.py"], Settings()).findings
    assert finding.severity == "error"
    Path("modellint.toml").write_text('[per-file-ignores]\n"*.py" = ["unused-ignore"]\n', "utf-8")
    assert unused() == []


@pytest.mark.parametrize(
    ("comment", "left"),
    [
        ("ignore[even-kernel]", ""),
        ("ignore[even-kernel] -- exact  # noqa: E501", "  # noqa: E501"),
        ("ignore[even-kernel] -- see #12", ""),
        ("ignore[even-kernel] by hand", ""),
        ("ignore[even-kernel] -- exact  # modellint: ignore[bias-before-norm]", ""),
        ("ignore[nothing-like-it]", ""),
        ("ignore[even-kernel, over-padding]", ""),
        ("input=(3, 32, 32) # modellint: ignore[even-kernel]", "  # modellint: input=(3, 32, 32)"),
    ],
)
def test_its_fix_takes_what_is_unused_out_of_the_comment(comment, left):
    write(on_layer=comment)
    before = Path("net.py").read_text("utf-8")
    report = lint_targets(["net.py"], Settings())
    assert all(one.fix.safe for one in report.findings if one.rule == UNUSED)
    report.fix()
    after = Path("net.py").read_text("utf-8")
    assert "padding=1)" + left + "\n" in after
    assert len(after.splitlines()) == len(before.splitlines())
    assert not unused("net.py")


def test_it_leaves_the_names_that_silence_something():
    write(kernel=4, on_layer="ignore[over-padding, even-kernel,dead-taps] -- as published")
    lint_targets(["net.py"], Settings()).fix()
    assert "# modellint: ignore[even-kernel] -- as published\n" in Path("net.py").read_text("utf-8")


def test_a_line_that_is_nothing_but_the_comment_goes():
    write(more="    # modellint: ignore-file[even-kernel]\n    # another\n")
    lint_targets(["net.py"], Settings()).fix()
    assert Path("net.py").read_text("utf-8").endswith("32, 32))\n    # another\n")


def test_what_is_misspelt_is_left_to_its_author():
    write(kernel=4, on_layer="ignore[even-kernl]")
    (one,) = [f for f in lint_targets(["net.py"], Settings()).findings if f.rule == UNUSED]
    assert one.fix is None
