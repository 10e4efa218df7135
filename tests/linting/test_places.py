"""Where findings are placed: at what the user built, with a library's own lines beside."""

from __future__ import annotations

from pathlib import Path

import pytest

import modellint

LIBRARY = """\
import torch
from torch import nn


class Inner(nn.Module):
    def __init__(self, width, kind):
        super().__init__()
        self.kind = kind
        self.first = nn.Linear(8, width)
        self.second = nn.Linear(16, 4)

    def forward(self, x):
        y = self.first(x)
        if self.kind == "sum":
            return x + y
        if self.kind == "view":
            return y.view(-1, 7)
        return self.second(y)


class Block(nn.Module):
    def __init__(self, width, kind):
        super().__init__()
        self.inner = Inner(width, kind)

    def forward(self, x):
        return self.inner(x)
"""

NET = """\
import os
import sys

import torch
from torch import nn

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "site-packages"))
import library


class Net(nn.Module):  # modellint: input=(4, 8)
    def __init__(self):
        super().__init__()
        self.block = {block}

    def forward(self, x):
        return self.block(x)
"""

#: What the library does, the line of its call, and that where it builds what does not fit.
KINDS = [("layer", 18, 10), ("sum", 15, None), ("view", 17, None)]


def linted(folder: Path, block: str) -> modellint.Report:
    package = folder / "site-packages" / "library"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(LIBRARY)
    path = folder / "net.py"
    path.write_text(NET.format(block=block))
    return modellint.lint_paths([str(path)])


@pytest.mark.parametrize(("kind", "call", "built"), KINDS)
@pytest.mark.parametrize("block", ["library.Block", "nn.Sequential(library.Inner"])
def test_a_mismatch_inside_a_library_is_told_where_the_user_built_it(
    kind: str, call: int, built: int | None, block: str, tmp_path: Path
) -> None:
    report = linted(tmp_path, f'{block}(12, "{kind}")' + ")" * block.count("("))
    (finding,) = report.findings
    assert finding.rule == "shape-mismatch"
    assert (Path(finding.path).name, finding.line) == ("net.py", 14)
    beside = {one.line for one in finding.related if one.path.endswith("library/__init__.py")}
    assert call in beside
    assert built is None or built in beside


def test_a_comment_where_the_user_built_it_counts_for_what_a_library_does(tmp_path: Path) -> None:
    block = 'library.Block(12, "sum")  # modellint: ignore[shape-mismatch] -- known'
    assert not linted(tmp_path, block).findings
