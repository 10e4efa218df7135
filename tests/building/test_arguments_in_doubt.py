"""A constructor that fails for arguments that nobody gave is not called broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from modellint.building.builder import build
from modellint.building.loader import load
from modellint.discovery.candidates import discover, find
from modellint.errors import FileError, NotAnalysed
from modellint.source.file import read_source

BASE = """
from torch import nn

class Base(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, padding=1)

    def forward(self, x):
        return self.conv(x)

class Net(Base):
"""


def built(folder: Path, text: str) -> None:
    path = folder / "net.py"
    path.write_text(BASE + text)
    source = read_source(path)
    candidates = discover(source)
    build(load(source, candidates, root=str(folder)), find(candidates, "Net"))


@pytest.mark.parametrize(
    ("parameters", "passed", "named"),
    [
        ("*args, **kwargs", "*args, **kwargs", r"\*args, \*\*kwargs"),
        ("**options", "**options", r"\*\*options"),
        ("bias=True, *sizes", "*sizes", r"\*sizes"),
    ],
)
def test_what_is_passed_on_is_asked_for(
    tmp_path: Path, parameters: str, passed: str, named: str
) -> None:
    with pytest.raises(NotAnalysed, match=f"passes on as {named}.*'width'.*call Net"):
        built(
            tmp_path,
            f"    def __init__(self, {parameters}):\n        super().__init__({passed})\n",
        )


def test_what_fails_with_all_that_the_file_gives_is_an_error(tmp_path: Path) -> None:
    head = "    def __init__(self, *args):\n"
    with pytest.raises(FileError, match="multiple values"):
        built(tmp_path, f"{head}        super().__init__(*args, width=9)\n\nmodel = Net(8)\n")
    with pytest.raises(FileError, match="'width'"):
        built(tmp_path, "    def __init__(self):\n        super().__init__()\n")
