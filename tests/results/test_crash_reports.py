"""What a fault of modellint's or of a rule's prints for those who mend it."""

import sys
from pathlib import Path

import pytest
import torch
from command import modellint

from modellint.results.crash_reports import CRASH, crash_report, kind_of

NET = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.secret_layer = nn.Conv2d(3, 8, 3, padding=1)

    def forward(self, x):
        return self.secret_layer(x)

class Other(Net):
    pass
"""
RULE = """
from modellint import Finding, rule

@rule("advice")
def own_rule(graph):
    \"\"\"It raises.

    Why: to see.
    \"\"\"
    for call in graph.calls("conv2d"):
        raise ValueError("secret words")
    yield from ()
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "good.py").write_text(NET.replace("Net", "Good"))
    monkeypatch.delenv("MODELLINT_DEBUG", raising=False)
    return tmp_path


@pytest.mark.parametrize("asked", [None, "-v", "debug"])
def test_a_rule_that_raises_is_told_of_where_that_is_asked_for(asked, folder, monkeypatch):
    (folder / "rules.py").write_text(RULE)
    (folder / "modellint.toml").write_text('plugins = ["rules.py"]\n')
    if asked == "debug":
        monkeypatch.setenv("MODELLINT_DEBUG", "1")
    arguments = ["net.py", "good.py", *(["-v"] if asked == "-v" else [])]
    run = modellint(*arguments, cwd=folder)
    assert run.returncode == 2
    assert "4 models checked" in run.stdout
    told = "\n".join(line for line in run.stderr.splitlines() if CRASH in line)
    if asked is None:
        assert told == ""
        assert "MODELLINT_DEBUG" in run.stderr
    else:
        for word in ("rule own-rule", "ValueError", "modellint 0", "Python 3", "torch 2"):
            assert word in told
        assert "secret" not in told
        assert str(folder) not in told


@pytest.mark.slow
def test_a_fault_of_modellint_costs_no_other_model(folder, monkeypatch, new_worker):
    hidden = folder / "hidden"
    hidden.mkdir()
    # A function of the worker's own fails, as by a fault of ours: its code says that it is there.
    (hidden / "sitecustomize.py").write_text(
        "import sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'modellint.worker.supervisor':\n"
        "            sys.meta_path.remove(self)\n"
        "            import modellint.linting.linter as linter\n"
        "            linter.plain = linter.describe_model\n"
        "            code = '''\n"
        "def describe_model(graph, subject, confirmed=False):\n"
        "    if subject.name == 'Net': raise KeyError('secret')\n"
        "    return plain(graph, subject, confirmed)\n"
        "'''\n"
        "            exec(compile(code, linter.__file__, 'exec'), vars(linter))\n"
        "sys.meta_path.insert(0, Finder())\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(hidden))
    monkeypatch.setenv("MODELLINT_DEBUG", "1")
    run = modellint("net.py", "good.py", cwd=folder)
    assert run.returncode == 2
    assert "3 models checked, 1 failed" in run.stdout
    told = [line for line in run.stderr.splitlines() if CRASH in line]
    assert any("linting Net ended with KeyError" in line for line in told)
    assert any("modellint.linting.linter.linted, line" in line for line in told)
    assert not any("secret" in line for line in told)


def test_kinds_hold_no_values():
    assert kind_of((1, [2.5, None, "secret"])) == "tuple[int, list[float, None, str]]"
    assert kind_of(torch.zeros(2, 3)) == "Tensor(2 axes, torch.float32)"
    assert kind_of([[[["x"]]]]) == "list[list[list[list of 1]]]"
    assert kind_of(list(range(100))) == "list of 100"


def test_the_operation_is_that_of_the_innermost_frame_of_ours():
    class Operation:
        op = "conv2d"
        arguments = {"stride": (1, 2), "bias": None}  # noqa: RUF012 - no mapping is shared

    namespace = {"__name__": "modellint.somewhere"}
    exec("def judge(record):\n    return record.gone", namespace)
    with pytest.raises(AttributeError) as caught:
        namespace["judge"](Operation())
    lines = [note.message for note in crash_report("net.py", 3, "linting Net", caught.value)]
    assert f"{CRASH}operation: conv2d(stride: tuple[int, int], bias: None)" in lines
    assert any("modellint.somewhere.judge, line 2" in line for line in lines)
    assert not any(str(Path(sys.prefix)) in line for line in lines)
