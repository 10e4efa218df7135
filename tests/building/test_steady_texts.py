"""What exceptions say is the same in each run."""

import time

import pytest

from modellint.building.steady_texts import steady
from modellint.config.settings import Settings
from modellint.engine.engine import lint_targets

RAISES = """
import datetime, os, tempfile, threading, time
from torch import nn

class Thing: pass

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        raise ValueError({text})

    def forward(self, x):
        return x
"""


@pytest.mark.parametrize(
    "text",
    [
        "f'{Thing()} {object()} {Thing}'",
        "f'{set([Thing()])} {dict.fromkeys(chr(n) for n in range(97, 120))}'",
        "set(chr(n) for n in range(97, 120))",
        "time.time()",
        "f'{time.time_ns()} {time.ctime()} {datetime.datetime.now()}'",
        "f'process {os.getpid()} is busy'",
        "tempfile.mkdtemp()",
        "open(tempfile.mkdtemp() + '/weights.pt')",
        "threading.current_thread()",
    ],
)
def test_two_runs_say_the_same(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(RAISES.format(text=text))

    def lint():
        return lint_targets(["net.py"], Settings()).to_dict()

    first = lint()
    assert first["errors"] or first["models"][0]["reason"]
    time.sleep(0.01)
    assert lint() == first


@pytest.mark.parametrize(
    "text",
    [
        "mat1 and mat2 shapes cannot be multiplied (2x1605632 and 802816x10)",
        "storage of size 1099511627776 is out of bounds for 17179869184",
        "size 1234567890123 and 3.5",
        "0x3 at line 10, process group 3",
        "",
    ],
)
def test_sizes_are_told_as_they_are(text):
    assert steady(text) == text
