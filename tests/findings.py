"""A small file with one finding, and findings made by hand."""

from modellint.results.findings import Diagnostic

NET = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 4, padding=1)

    def forward(self, x):
        return self.conv1(x)


Net()(torch.rand(1, 3, 32, 32))
"""


def finding(line, rule="even-kernel", path="net.py", model="Net", column=5):
    return Diagnostic(
        rule=rule,
        category="suspicious",
        severity="warning",
        path=path,
        line=line,
        column=column,
        end_line=line,
        end_column=9,
        model=model,
        layer="conv",
        count=1,
        layers=("conv",),
        message="is wrong",
    )
