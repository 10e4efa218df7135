"""Columns count code points, whatever stands before a call on its line."""

from __future__ import annotations

import json

import pytest
from command import modellint as modellint_command

import modellint

CALL = "F.conv2d(x, self.weight, padding=1)"
NET = """import torch
from torch import nn
from torch.nn import functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 4, padding=1)
        self.weight = nn.Parameter(torch.zeros(8, 8, 4, 4))

    def forward(self, x):
        BEFORE; x = self.conv(x)
        BEFORE; x = F.conv2d(x, self.weight, padding=1)
        return x


Net()(torch.rand(1, 3, 32, 32))
"""


@pytest.mark.parametrize(
    "before", ["s = 'plain'", "s = 'café'", "s = '卷积😀'", "grüße = 'e\u0301'"]
)
def test_a_call_begins_at_its_column_in_code_points(tmp_path, before):
    file = tmp_path / "net.py"
    file.write_text(NET.replace("BEFORE", before), "utf-8")
    lines = file.read_text("utf-8").splitlines()
    built, called = modellint.lint_paths([file], select=["even-kernel"]).findings

    def text(place):
        return lines[place.line - 1][place.column - 1 :]

    assert text(built).startswith("nn.Conv2d(")
    assert text(built.related[0]).startswith("self.conv(x)")
    assert text(called) == CALL
    assert called.end_column == len(lines[called.line - 1]) + 1


def test_columns_of_a_text_that_is_not_saved_are_its_own(tmp_path):
    (tmp_path / "net.py").write_text("# something else\n" * 40, "utf-8")
    text = NET.replace("BEFORE", "s = 'é'")
    options = ("--stdin-filename", "net.py", "--select", "even-kernel", "--format", "json")
    done = modellint_command("-", *options, cwd=tmp_path, stdin=text)
    built, called = json.loads(done.stdout)["findings"]
    line = text.splitlines()[called["line"] - 1]
    assert line[called["column"] - 1 : called["end_column"] - 1] == CALL
    assert built["related"][0]["column"] == called["column"]
