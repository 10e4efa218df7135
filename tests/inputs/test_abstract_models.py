"""A base class whose forward is left to those below it is not broken."""

from __future__ import annotations

from pathlib import Path

import modellint

FILE = """
import torch
from torch import nn


class Policy(nn.Module):
    def encoded(self, x):
        raise NotImplementedError

    def forward(self, x):
        return self.encoded(x).tanh()

{below}
"""
BELOW = """
class Small(Policy):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 2)

    def encoded(self, x):
        return self.fc(x)
"""


def test_a_class_that_leaves_a_method_to_others_is_not_analysed(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(FILE.format(below=BELOW))
    report = modellint.lint_paths([tmp_path / "net.py"])
    assert report.errors == ()
    found = {model.name: model for model in report.models}
    assert found["Small"].status == "analysed"
    assert found["Policy"].status == "not-analysed"
    reason = "Policy is abstract: Policy.encoded (line 8) is left to Small"
    assert reason in (found["Policy"].reason or "")


def test_a_method_that_nothing_fills_in_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(FILE.format(below=""))
    (error,) = modellint.lint_paths([tmp_path / "net.py"]).errors
    assert (error.kind, error.line) == ("trace-error", 8)
