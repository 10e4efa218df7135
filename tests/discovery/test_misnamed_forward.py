"""Classes without `forward`: those that were to be models are told, the others are left alone."""

from textwrap import dedent

import pytest

import modellint

NET = """
class Net({base}):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(10, 2)

{body}
"""


def lint(folder, body, rest="", base="nn.Module", head=""):
    """Lint a file with the class on its line 5, the body from line 10 on."""
    net = NET.format(base=base, body=body)
    text = f"import torch\nfrom torch import nn\n{head}\n{net}\n{dedent(rest)}"
    (folder / "net.py").write_text(text, "utf-8")
    return modellint.lint_paths([folder / "net.py"])


def method(name, indent=4):
    return f"{'':{indent}}def {name}(self, x):\n{'':{indent}}    return self.fc(x)\n"


@pytest.mark.parametrize(
    "body",
    [
        method("foward"),
        method("forwad"),
        method("Forward"),
        method("forwards"),
        method("forward", indent=8),
        method("forward", indent=0),
    ],
)
def test_what_was_meant_to_be_the_forward_is_named(tmp_path, body):
    report = lint(tmp_path, body)
    assert [(one.kind, one.line) for one in report.errors] == [("trace-error", 10)]
    assert [(model.name, model.status) for model in report.models] == [("Net", "failed")]
    assert report.exit_status == 1


def test_a_block_without_a_forward_is_named(tmp_path):
    rest = """
        class Whole(nn.Module):
            def __init__(self):
                super().__init__()
                self.net = Net()

            def forward(self, x):
                return self.net(x)
    """
    report = lint(tmp_path, method("foward"), rest)
    assert [(one.kind, one.line) for one in report.errors] == [("trace-error", 10)]
    assert [(model.name, model.status) for model in report.models] == [("Whole", "failed")]


@pytest.mark.parametrize(
    ("rest", "status"),
    [
        ("Net()(torch.rand(3, 10))", "failed"),
        ("net = Net()", "not-analysed"),
        ("def main():\n    net = Net()\n    net.step(torch.rand(3, 10))", "not-analysed"),
    ],
)
def test_what_is_built_and_has_no_forward_is_told(tmp_path, rest, status):
    report = lint(tmp_path, method("step"), rest)
    assert [(model.name, model.status) for model in report.models] == [("Net", status)]
    assert [(one.kind, one.line) for one in report.errors] == (
        [("trace-error", 5)] if status == "failed" else []
    )


DERIVED = """
    class Derived(Net):
        def forward(self, x):
            return self.fc(x)
"""


@pytest.mark.parametrize(
    ("body", "rest", "base"),
    [
        (method("step"), "", "nn.Module"),
        (method("reward"), "", "nn.Module"),
        (method("_forward"), "", "nn.Module"),
        (method("forward_features"), "", "nn.Module"),
        (method("training_step"), "net = Net()", "nn.Module"),
        (method("foward"), DERIVED, "nn.Module"),
        (method("step"), f"{DERIVED}    net = Net()", "nn.Module"),
        (method("foward"), "", "nn.ModuleList"),
    ],
)
def test_bases_and_containers_are_left_alone(tmp_path, body, rest, base):
    report = lint(tmp_path, body, rest, base)
    assert report.errors == ()
    assert "Net" not in [model.name for model in report.models]


def test_a_call_method_is_a_forward_of_its_own(tmp_path):
    report = lint(tmp_path, method("__call__"), "net = Net()")
    assert report.exit_status == 0
    assert report.models == ()


FORGETS = "    def forward(self, x):\n        x = self.fc(x)\n"


def test_a_forward_that_returns_nothing_is_told(tmp_path):
    report = lint(tmp_path, FORGETS)
    assert [(one.kind, one.line) for one in report.errors] == [("trace-error", 10)]


def test_a_block_that_returns_nothing_is_named(tmp_path):
    rest = """
        class Whole(nn.Module):
            def __init__(self):
                super().__init__()
                self.net = Net()
                self.out = nn.Linear(2, 2)

            def forward(self, x):
                return self.out(self.net(x))
    """
    report = lint(tmp_path, FORGETS, rest)
    (error,) = report.errors
    assert error.kind == "trace-error"
    assert "line 10" in error.message


@pytest.mark.parametrize(
    "body",
    [
        "    def forward(self, x):\n        self.last = self.fc(x)\n",
        "    def forward(self, x):\n        return None if self.fc(x).dim() else x\n",
        "    def forward(self, x):\n        pass\n",
    ],
)
def test_a_forward_that_keeps_its_result_or_means_none_is_left_alone(tmp_path, body):
    assert lint(tmp_path, body).errors == ()
