"""Parts of a model that cannot be built are linted by themselves."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

import modellint
from modellint.discovery.candidates import discover, entries
from modellint.source.file import parse_source

PARTS = """
import os
import torch
from torch import nn

class Inner(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 1)
    def forward(self, x):
        return self.conv(x)

class Outer(nn.Module):
    def __init__(self):
        super().__init__()
        OUTER
        self.inner = Inner()
    def forward(self, x):
        return self.inner(x)

class Lone(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
    def forward(self, x):
        return self.conv(x)

class Whole(nn.Module):
    def __init__(self, table=None):
        super().__init__()
        WHOLE
        self.outer, self.lone = Outer(), Lone()
    def forward(self, x):
        return self.outer(x) + self.lone(x)
"""


def analysed(tmp_path: Path, whole: str, outer: str = "pass") -> dict[str, str]:
    path = tmp_path / "net.py"
    path.write_text(PARTS.replace("WHOLE", whole).replace("OUTER", outer))
    return {model.name: model.status for model in modellint.lint_paths([path]).models}


def test_parts_are_no_models_where_the_whole_can_be_built(tmp_path: Path) -> None:
    assert analysed(tmp_path, "pass") == {"Whole": "analysed"}


@pytest.mark.parametrize(
    ("whole", "status"),
    [
        ("import no_such_package", "not-analysed"),
        ("self.table = table['rows']", "not-analysed"),
        ("open('gone.csv')", "not-analysed"),
        ("self.rows = 1\n        self.columns = 2\n        raise ValueError('never')", "failed"),
    ],
)
def test_the_outermost_parts_stand_for_what_cannot_be_built(
    tmp_path: Path, whole: str, status: str
) -> None:
    expected = {"Whole": status, "Outer": "analysed", "Lone": "analysed"}
    assert analysed(tmp_path, whole) == expected


def test_so_do_the_parts_of_a_part_that_cannot_be_built_either(tmp_path: Path) -> None:
    found = analysed(tmp_path, "open('gone.csv')", outer="open('gone.csv')")
    assert found == {"Whole": "not-analysed", "Inner": "analysed", "Lone": "analysed"}


def test_a_part_that_ends_the_process_is_told_of_with_its_whole_alone(tmp_path: Path) -> None:
    found = analysed(tmp_path, "open('gone.csv')", outer="os.abort()")
    assert found["Whole"] == "not-analysed" and "Outer" not in found


def test_parts_of_a_model_that_is_not_called_right_are_no_errors(tmp_path: Path) -> None:
    found = analysed(tmp_path, "open('gone.csv')", outer="raise ValueError")
    assert "Outer" not in found
    report = modellint.lint_paths([tmp_path / "net.py"])
    assert not report.errors and report.ok


def test_nothing_but_what_is_asked_for_is_linted(tmp_path: Path) -> None:
    analysed(tmp_path, "open('gone.csv')")
    report = modellint.lint_paths([f"{tmp_path / 'net.py'}::Whole"])
    assert [model.name for model in report.models] == ["Whole"]


def test_a_part_of_two_models_is_linted_once(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    text = PARTS.replace("WHOLE", "open('gone.csv')").replace("OUTER", "pass")
    path.write_text(text + text[text.index("class Whole") :].replace("class Whole", "class Other"))
    names = sorted(model.name for model in modellint.lint_paths([path]).models)
    assert names == ["Lone", "Other", "Outer", "Whole"]


def test_a_part_whose_arguments_nobody_gives_does_not_stand_for_its_whole() -> None:
    text = dedent(PARTS).replace("WHOLE", "pass").replace("OUTER", "pass")
    text = text.replace("table=None", "table").replace(
        "Outer(nn.Module):\n    def __init__(self", "Outer(nn.Module):\n    def __init__(self, rows"
    )
    text = text.replace("Outer()", "Outer(table.rows)")
    (whole,) = entries(discover(parse_source("net.py", text.encode())))
    assert (whole.name, [part.name for part in whole.parts]) == ("Whole", ["Inner", "Lone"])
