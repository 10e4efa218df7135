"""A class may get its methods behind its definition, as when it is written over several cells."""

import pytest

import modellint
from modellint.discovery.candidates import discover
from modellint.source.file import parse_source

HEAD = """\
import torch
from torch import nn


def add_to(cls):
    return lambda function: setattr(cls, function.__name__, function)


def patch(function):
    (cls,) = function.__annotations__.values()
    setattr(cls, function.__name__, function)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 4)


"""
FORWARD = "def forward(self, x):\n    return self.conv(x)\n"
BELOW = {
    "assigned": f"{FORWARD}Net.forward = forward",
    "assigned, of another name": f"{FORWARD.replace('forward', 'run')}Net.forward = run",
    "a lambda": "Net.forward = lambda self, x: self.conv(x)",
    "set": f"{FORWARD}setattr(Net, 'forward', forward)",
    "a decorator with the class": f"@add_to(Net)\n{FORWARD}",
    "one that reads it from self": f"@patch\n{FORWARD.replace('self,', 'self: Net,')}",
    "a class of its own name": "class Net(Net):\n    def forward(self, x):\n"
    "        return self.conv(x)",
    "several": "class Net(Net):\n    width = 8\n\n\nclass Net(Net):\n"
    "    def forward(self, x):\n        return self.conv(x)",
}


@pytest.mark.parametrize("way", BELOW)
def test_a_forward_that_comes_later_runs(way, tmp_path):
    (tmp_path / "net.py").write_text(HEAD + BELOW[way], "utf-8")
    report = modellint.lint_paths([tmp_path / "net.py"], select=["even-kernel"])
    assert [(one.name, one.status) for one in report.models] == [("Net", "analysed")]
    assert [(one.rule, one.line) for one in report.findings] == [("even-kernel", 17)]


def test_a_constructor_that_comes_later_tells_what_a_class_takes():
    below = "@add_to(Net)\ndef __init__(self, width):\n    nn.Module.__init__(self)\n"
    head = HEAD[: HEAD.index("    def __init__")] + "    pass\n\n\n"
    text = f"{head}{below}\n\n{BELOW['a lambda']}"
    source = parse_source("net.py", text.encode())
    (net,) = discover(source)
    assert net.is_entry and "width" in (net.missing or "")


def test_a_forward_that_nothing_gives_to_the_class_is_a_slip(tmp_path):
    text = f"{HEAD}@torch.no_grad()\n{FORWARD}"
    (tmp_path / "net.py").write_text(text, "utf-8")
    report = modellint.lint_paths([tmp_path / "net.py"])
    assert [one.kind for one in report.errors] == ["trace-error"]


def test_what_would_give_a_forward_and_is_not_there_accuses_nobody(tmp_path):
    text = f"{HEAD}from not_installed import later\n\n\n@later(Net)\n{FORWARD}"
    (tmp_path / "net.py").write_text(text, "utf-8")
    report = modellint.lint_paths([tmp_path / "net.py"])
    assert report.errors == ()
    assert [(one.name, one.status) for one in report.models] == [("Net", "not-analysed")]
