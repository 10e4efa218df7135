"""docs/exported.md: its commands run on a file that was exported."""

import shlex

import pytest
import torch
from command import modellint
from documents import ROOT, block, marks
from torch import nn

pytestmark = pytest.mark.slow


def test_the_commands_run(tmp_path):
    assert marks("exported.md") == ["exported"]
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU())
    torch.export.save(
        torch.export.export(model, (torch.zeros(1, 3, 32, 32),)), tmp_path / "model.pt2"
    )
    for line in block("exported.md", "exported").splitlines():
        done = modellint(*shlex.split(line)[1:], cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "report.html").exists()


def test_the_page_is_in_the_contents():
    assert "exported.md" in (ROOT / "docs" / "README.md").read_text("utf-8")
