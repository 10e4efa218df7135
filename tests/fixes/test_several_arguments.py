"""One fix gives a call several arguments that it has not, however the call is written."""

from __future__ import annotations

import pytest
import torch

import modellint

NET = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = CALL

    def forward(self, x):
        return self.up(x)


Net()(torch.rand(1, 4, 8, 8))
"""


@pytest.mark.parametrize(
    "call",
    [
        "nn.ConvTranspose2d(4, 4, 3, 2)",
        "nn.ConvTranspose2d(4, 4, 3, stride=2)",
        "nn.ConvTranspose2d(4, 4, 3, stride=2,)",
        "nn.ConvTranspose2d(\n    4,\n    4,\n    3,  # odd\n    2,\n)",
    ],
)
def test_each_argument_is_put_behind_those_of_the_call(tmp_path, call):
    file = tmp_path / "net.py"
    file.write_text(NET.replace("CALL", call), "utf-8")
    report = modellint.lint_paths([file], select=["checkerboard-upsampling"])
    (finding,) = report.findings
    assert finding.fix is not None, finding.no_fix
    for name in ("kernel_size=4", "padding=1", "output_padding=1"):
        assert name in finding.fix.message
    report.fix(unsafe=True)
    scope = {}
    exec(compile(file.read_text("utf-8"), str(file), "exec"), scope)
    up = scope["Net"]().up
    assert (up.kernel_size, up.padding, up.output_padding) == ((4, 4), (1, 1), (1, 1))
    assert scope["Net"]()(torch.rand(1, 4, 8, 8)).shape == (1, 4, 17, 17)
    assert not modellint.lint_paths([file], select=["checkerboard-upsampling"]).findings
