"""What a call tells of some inputs is kept where it does not tell of others."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from modellint import lint_paths
from modellint.results.models import ModelReport

STATE = """
    import torch
    from states import load
    from torch import nn


    class Cell(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(4, 8, 3, padding=1)
            self.rnn = nn.GRU(8, 16)

        def forward(self, x, state):
            maps = torch.relu(self.conv(x)).flatten(2)
            return self.rnn(maps.permute(0, 2, 1), state)


    if __name__ == "__main__":
        Cell()({call})
"""
EXTRA = """
    import torch
    from torch import nn


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 5)
            self.fc = nn.Linear(8 * 4 * 4 + 5, 10)

        def forward(self, x, extra):
            return self.fc(torch.cat([self.conv(x).flatten(1), extra], 1))


    def main(loader):
        net = Net()
        for extra in loader:
            net({call})
"""


def _linted(folder: Path, text: str, call: str) -> ModelReport:
    (folder / "states.py").write_text("def load(path):\n    return open(path)\n")
    (folder / "net.py").write_text(dedent(text).format(call=call))
    report = lint_paths([folder / "net.py"], isolated=True)
    assert not report.errors
    # A size that nobody gave is no ground for more than a remark.
    assert {one.severity for one in report.findings} <= {"info"}
    (model,) = report.models
    return model


@pytest.mark.parametrize(
    "call",
    ['torch.rand(32, 4, 3, 3), load("state.pt")', 'state=load("s.pt"), x=torch.rand(32, 4, 3, 3)'],
)
def test_the_map_is_as_shown_where_the_state_is_loaded(tmp_path: Path, call: str) -> None:
    model = _linted(tmp_path, STATE, call)
    inputs = {given.name: given for given in model.inputs}
    assert inputs["x"].example == (32, 4, 3, 3)
    assert inputs["x"].origin == "shown"
    assert inputs["state"].example == (1, 9, 16)
    assert inputs["state"].origin != "shown"


def test_the_other_input_is_what_the_layers_leave_for_it(tmp_path: Path) -> None:
    model = _linted(tmp_path, EXTRA, "torch.rand(2, 3, 8, 8), extra")
    assert [given.example for given in model.inputs] == [(2, 3, 8, 8), (2, 5)]


def test_what_does_not_fit_is_left(tmp_path: Path) -> None:
    model = _linted(tmp_path, EXTRA, "torch.rand(2, 3, 99, 99), extra")
    assert model.status in ("analysed", "not-analysed")
    assert not [one for one in model.inputs if one.example == (2, 3, 99, 99)]
