"""Shapes in annotations are promises of what comes in and out."""

from __future__ import annotations

from pathlib import Path

import modellint

HEADER = """
from typing import Annotated
import jaxtyping as jt
from jaxtyping import Float, Int64, Shaped
import torch
from torch import Tensor, nn
"""


def net(parameters: str, returned: str = "Tensor", body: str = "return self.fc(x)") -> str:
    return (
        f"{HEADER}class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        f"        self.fc = nn.Linear(8, 10)\n    def forward(self, {parameters}) -> {returned}:\n"
        f"        {body}\n"
    )


def test_axes_of_one_name_are_of_one_size_and_results_are_held_to_them(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(
        net(
            'x: Float[Tensor, "b n 8"], y: Float[Tensor, "b n"]',
            'tuple[Float[Tensor, "b n 10"], Float[Tensor, "b 2*n"]]',
            "return self.fc(x * y.unsqueeze(-1)), torch.cat([y, y], 1)",
        )
    )
    report = modellint.lint_paths([path])
    (model,) = report.models
    assert model.status == "analysed" and not report.findings
    first, second = model.inputs
    assert first.shape[:2] == second.shape
    path.write_text(path.read_text().replace("2*n", "3*n"))
    assert [one.rule for one in modellint.lint_paths([path]).findings] == ["shape-annotation"]
