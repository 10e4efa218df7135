"""What is built with arguments that were assumed, and what is said of it."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import modellint
from modellint.results.report import Report


def linted(tmp_path: Path, text: str) -> Report:
    path = tmp_path / "net.py"
    path.write_text("import torch\nfrom torch import nn\n" + dedent(text))
    return modellint.lint_paths([path])


def test_arguments_are_tried_until_the_model_runs(tmp_path: Path) -> None:
    report = linted(
        tmp_path,
        """
        class Net(nn.Module):
            def __init__(self, in_channels, out_channels):
                super().__init__()
                self.conv = nn.Conv2d(in_channels, out_channels, 3, padding=1)
            def forward(self, x):
                return x + self.conv(x).relu()
        """,
    )
    (model,) = report.models
    assert model.status == "analysed" and model.parameters == 16 * 16 * 9 + 16
    assert any("in_channels=16, out_channels=16" in note.message for note in report.notes)


def test_what_another_argument_takes_away_is_a_remark(tmp_path: Path) -> None:
    text = """
        class Net(nn.Module):
            def __init__(self, features, scores):
                super().__init__()
                self.conv = nn.Conv2d(3, features, KERNEL, padding=1)
                self.fc = nn.Linear(features * 256, scores)
            def forward(self, x):
                return self.fc(self.conv(x).relu().flatten(1))
        """
    findings = {one.rule: one for one in linted(tmp_path, text.replace("KERNEL", "3")).findings}
    finding = findings["parameter-heavy-linear"]
    assert finding.severity == "info"
    assert "assumed features=" in finding.message
    # What it has with any arguments stands.
    found = {
        one.rule: one.severity for one in linted(tmp_path, text.replace("KERNEL", "4")).findings
    }
    assert found["even-kernel"] == "warning"


def test_a_fault_that_no_argument_takes_away_stands(tmp_path: Path) -> None:
    report = linted(
        tmp_path,
        """
        class Net(nn.Module):
            def __init__(self, width):
                super().__init__()
                self.body = nn.Linear(8, width)
                self.head = nn.Linear(width + 1, 3)
            def forward(self, x):
                return self.head(self.body(x).relu())
        """,
    )
    assert [one.rule for one in report.findings] == ["shape-mismatch"]


def test_what_other_values_than_numbers_decide_is_no_fault(tmp_path: Path) -> None:
    cases = {
        "a flag": """
        class Net(nn.Module):
            def __init__(self, normed: bool):
                super().__init__()
                self.fc = nn.Linear(8, 8)
                if normed:
                    self.norm = nn.LayerNorm(8)
            def forward(self, x):
                return self.norm(self.fc(x))
        """,
        "a list": """
        class Net(nn.Module):
            def __init__(self, widths: list[int]):
                super().__init__()
                self.layers = nn.ModuleList([nn.Linear(8, 8) for _ in widths])
            def forward(self, x):
                return self.layers[2](x)
        """,
        "a word": """
        class Net(nn.Module):
            def __init__(self, way):
                super().__init__()
                assert way in ("sum", "mean")
                self.way = way
                self.fc = nn.Linear(8, 8)
            def forward(self, x):
                return self.fc(x) if self.way == "mean" else self.fc(None)
        """,
    }
    for text in cases.values():
        report = linted(tmp_path, text)
        assert report.errors == () and not any(one.severity == "error" for one in report.findings)


def test_a_name_that_there_is_not_stands_whatever_is_assumed(tmp_path: Path) -> None:
    report = linted(
        tmp_path,
        """
        class Net(nn.Module):
            def __init__(self, deep: bool):
                super().__init__()
                self.fc = nn.Linear(8, 8)
            def forward(self, x):
                return self.fc(y)
        """,
    )
    assert [one.kind for one in report.errors] == ["trace-error"]
