"""Files as people write them: each model is built, fed and judged with nothing but the file."""

from pathlib import Path
from textwrap import dedent

import pytest

from modellint.engine import Settings, lint_targets

pytestmark = pytest.mark.usefixtures("one_worker")

HEADER = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lint(text, **settings):
    """Lint a text as the file net.py; three lines of imports come before it."""
    Path("net.py").write_text(HEADER + dedent(text), "utf-8")
    return lint_targets(["net.py"], Settings(**settings)).to_dict()


def rules(report):
    return [(finding["rule"], finding["layer"]) for finding in report["findings"]]


def statuses(report):
    return {model["name"]: model["status"] for model in report["models"]}


def test_compiled_and_parallel_layers_inside_a_model():
    report = lint(
        """
        class Net(nn.Module):
            def __init__(self, c=3):
                super().__init__()
                self.conv1 = nn.Conv2d(c, 8, 3, padding=1).cuda()
                self.conv2 = nn.Conv2d(8, 8, 3, padding=1, device="cuda")
                self.body = torch.compile(nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU()))
                self.par = nn.DataParallel(nn.Conv2d(8, 4, 1))

            def forward(self, x):
                x = x.cuda()
                return self.par(self.body(self.conv2(self.conv1(x))))


        model = nn.DataParallel(torch.compile(Net()))
        """
    )
    assert statuses(report) == {"Net": "analysed"}
    assert report["models"][0]["layers"][-1]["outputs"] == [["N", 4, "H", "W"]]
    assert report["findings"] == report["errors"] == []
