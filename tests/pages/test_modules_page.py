"""docs/modules.md: its commands run, in a project that has what they name."""

import shlex

import pytest
from command import modellint
from documents import ROOT, block, marks

pytestmark = pytest.mark.slow

NET = """\
from torch import nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, padding=1)

    def forward(self, x):
        return self.conv(x)
"""
#: What stands in for the library, whose real one the zoo's tests have.
LIBRARY = NET + "\n\ndef resnet18():\n    return Net(64)\n"


def test_every_block_is_tried_here():
    assert marks("modules.md") == ["modules"]


def test_the_commands_find_what_they_name(tmp_path):
    files = {
        "mypackage/__init__.py": "from .nets import Net as Model\n",
        "mypackage/nets.py": NET,
        "torchvision/__init__.py": "raise SystemExit('imported')\n",
        "torchvision/models/__init__.py": "raise SystemExit('imported')\nfrom .resnet import *\n",
        "torchvision/models/resnet.py": LIBRARY,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    for line in block("modules.md", "modules").splitlines():
        _, *arguments = shlex.split(line)
        done = modellint(*arguments, cwd=tmp_path)
        assert (done.returncode, "1 model checked" in done.stdout) == (0, True), done.stderr
    assert "resnet18 at torchvision/models/resnet.py:13" in done.stdout


def test_the_page_is_in_the_contents():
    assert "modules.md" in (ROOT / "docs" / "README.md").read_text("utf-8")
