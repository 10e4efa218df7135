"""How a user says what a model is built with: expressions, comments, nested arguments, files."""

from __future__ import annotations

from pathlib import Path

import pytest

import modellint
from modellint.errors import UsageError
from modellint.results.models import ModelReport
from modellint.results.report import Report

FILE = """
import torch
from torch import nn

class Tower(nn.Module):{tower}
    def __init__(self, width=16):
        super().__init__()
        self.fc = nn.Linear(8, width)
    def forward(self, x):
        return self.fc(x)

class Settled(nn.Module):{settled}
    def __init__(self, cfg):
        super().__init__()
        self.a, self.b = nn.Linear(cfg.width, cfg["out"]), nn.Linear(cfg.out, cfg.blocks[0].n)
        self.last = nn.Linear(vars(cfg)["blocks"][0]["n"], cfg.get("end", 5))
    def forward(self, x):
        return self.last(self.b(self.a(x).relu()).relu())

KINDS = {{"tower": Tower}}
def chosen(kind, **words):{chosen}
    return KINDS[kind](**words)
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def linted(
    target: str, tower: str = "", settled: str = "", chosen: str = "", configured: str = ""
) -> Report:
    Path("net.py").write_text(FILE.format(tower=tower, settled=settled, chosen=chosen))
    if configured:
        Path("modellint.toml").write_text(
            f'[[models]]\npath = "net.py"\nmodel = "Settled"\nargs = {configured}\n'
        )
    return modellint.lint_paths([target])


def model(report: Report) -> ModelReport:
    (found,) = report.models
    return found


EXPRESSIONS = {
    "keyword": ("Tower(width=32)", 9 * 32),
    "place": ("Tower(3)", 27),
    "of a table": ('KINDS["tower"](width=2)', 18),
    "of a function": ("chosen('tower', width=4)", 36),
    "inside another": ("nn.Sequential(Tower(4), nn.Linear(4, 1))", 41),
    "a part": ("Tower(6).fc", 54),
    "with a slice": ("nn.Sequential(Tower(4), nn.Tanh())[::2]", 36),
}


@pytest.mark.parametrize(("text", "parameters"), EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_an_expression_selects_what_it_builds(text: str, parameters: int) -> None:
    found = model(linted(f"net.py::{text}"))
    assert (found.name, found.status, found.parameters) == (text, "analysed", parameters)


@pytest.mark.parametrize("text", ["Tower(", "Towr(3)", "3 + 4", "Tower Tower"])
def test_an_expression_of_nothing_in_the_file_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match=r"net\.py"):
        linted(f"net.py::{text}")


def test_an_expression_that_fails_fails_as_a_call_of_the_file_does() -> None:
    found = model(linted("net.py::Tower(depth=3)"))
    assert found.status == "not-analysed" and "depth" in (found.reason or "")


COMMENTS = {
    "a class": ({"tower": "  # modellint: build=Tower(width=32)"}, "Tower", 9 * 32),
    "with a reason": ({"tower": "  # modellint: build=Tower(3) -- as trained"}, "Tower", 27),
    "beside an input": (
        {"tower": "  # modellint: build=Tower(3) # modellint: input=(4, 8)"},
        "Tower",
        27,
    ),
    "a function": ({"chosen": '  # modellint: build=chosen("tower", width=2)'}, "chosen", 18),
}


@pytest.mark.parametrize(("comment", "name", "parameters"), COMMENTS.values(), ids=COMMENTS)
def test_a_comment_says_how_its_model_is_built(
    comment: dict[str, str], name: str, parameters: int
) -> None:
    models = {one.name: one for one in linted("net.py", **comment).models}
    assert (models[name].status, models[name].parameters) == ("analysed", parameters)


def test_a_comment_that_is_no_python_is_told() -> None:
    report = linted("net.py::Tower", tower="  # modellint: build=Tower(")
    assert "build= comment at line 5" in (model(report).reason or "")


TABLE = "{cfg = {width = 8, out = 4, blocks = [{n = 3}]}}"


def test_nested_arguments_answer_by_attribute_and_by_key() -> None:
    found = model(linted("net.py::Settled", configured=TABLE))
    assert (found.status, found.parameters) == ("analysed", 36 + 15 + 20)


def test_what_a_table_does_not_say_is_asked_for() -> None:
    for less, missing in ((", out = 4", "out"), ("[{n = 3}]", "n")):
        report = linted(
            "net.py::Settled", configured=TABLE.replace(less, "[{}]" * (less[0] == "["))
        )
        found = model(report)
        assert found.status == "not-analysed" and not report.errors
        assert f"needs {missing} " in (found.reason or "")


def test_arguments_may_lie_in_a_file() -> None:
    pytest.importorskip("yaml")
    Path("conf").mkdir()
    Path("conf/net.yaml").write_text("width: 8\nout: 4\nblocks:\n- n: 3\n")
    found = model(linted("net.py::Settled", configured='{cfg = "conf/net.yaml"}'))
    assert (found.status, found.parameters) == ("analysed", 36 + 15 + 20)
    # A result that is remembered counts no more where the file is another.
    Path("conf/net.yaml").write_text("width: 8\nout: 5\nblocks:\n- n: 3\n")
    assert model(modellint.lint_paths(["net.py::Settled"])).parameters == 45 + 18 + 20
    Path("conf/net.yaml").write_text("width: [")
    assert "no valid YAML" in (model(modellint.lint_paths(["net.py::Settled"])).reason or "")


def test_a_file_of_arguments_that_is_not_there_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"gone\.yaml"):
        linted("net.py::Settled", configured='{cfg = "gone.yaml"}')
