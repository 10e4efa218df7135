"""What the page's scripts are given: facts, contracts, rules, and parameters in the graph."""

import re
from dataclasses import replace
from importlib import resources
from itertools import chain

import pytest
import torch
from reports import EVEN, MODEL, REPORT
from torch import nn

from modellint import lint, trace
from modellint.graph.origins import STATED, Origins
from modellint.linting.drawing import picture
from modellint.report.excerpts import Excerpts
from modellint.report.html import SCRIPTS
from modellint.report.html.blocks import blocks
from modellint.report.html.content import details
from modellint.report.html.contract import contract, measured_at
from modellint.report.html.findings import found, rules
from modellint.results.models import ModelInput
from modellint.results.picture import PARAMETER
from modellint.results.report import Problem, Report, RulePage
from modellint.results.user_calls import UserCall


def test_no_name_of_the_scripts_is_taken_twice():
    """All scripts are one: the later of two functions of one name would stand for both."""
    folder = resources.files("modellint.report.html")
    texts = [(folder / name).read_text("ascii") for name in SCRIPTS]
    names = [*chain(*(re.findall(r"^(?:function|const|let) (\w+)", text, re.M) for text in texts))]
    assert len(names) > 80
    assert sorted(names) == sorted(set(names))


# Findings


def test_a_finding_begins_with_its_fact_and_says_the_rest_below():
    message = (
        "conv1 (Conv2d 1→6, 3×3) trims 2 px: (N, 1, H) → (N, 6, H - 2), here 28 → 26; edges count"
    )
    (entry,) = found(Report(findings=(replace(EVEN, message=message),))).entries
    assert entry["fact"] == "conv1 trims 2 px: 28 → 26"
    assert entry["more"] == [
        "conv1 (Conv2d 1→6, 3×3)",
        "(N, 1, H) → (N, 6, H - 2), here 28 → 26",
        "edges count",
    ]


def test_an_error_shows_what_raised_and_whose_calls_led_there():
    calls = tuple(UserCall("net.py", line, 5, f"f{line}") for line in (3, 2, 1))
    error = Problem("net.py", 1, "build-error", "no", column=5, end_column=8, calls=calls)
    text = "    bad(1)\n    two()\n    three()\n"
    models = (replace(MODEL, name="Net", path="net.py"),)
    report = Report(models=models, errors=(error,), texts={"net.py": text})
    assert found(report).of_model == {0: ()}
    report = replace(report, errors=(replace(error, model="Net"),))
    made = found(report)
    assert made.of_model == {0: (0,)}
    (entry,) = made.entries
    assert entry["source"] == [[1, "", "bad", "(1)"], [2, "two()", "", ""]]
    assert entry["related"] == [["net.py:3:5", "f3 calls"], ["net.py:2:5", "f2 calls"]]


def test_findings_that_models_share_stand_once_with_a_place_for_each():
    models = tuple(replace(MODEL, name=name, path=EVEN.path) for name in ("A", "B"))
    shared = tuple(replace(EVEN, model=name) for name in ("A", "B"))
    alone = replace(EVEN, model="B", severity="error")
    made = found(Report(models=models, findings=(*shared, alone)))
    assert [one["models"] for one in made.entries] == [[["B", 1]], [["A", 0], ["B", 1]]]
    assert made.of_model == {0: (1,), 1: (0, 1)}


def test_a_rule_has_its_files_and_its_page_in_paragraphs():
    page = RulePage(
        name=EVEN.rule,
        category="suspicious",
        severity="warning",
        default=True,
        summary="One.",
        text="One.\n\nTwo\nlines.\n\n    code = 1\n    more = 2\n\n- a\n- b",
        page="",
    )
    places = [("b.py", 1), ("a.py", 1), ("b.py", 2)]
    found_there = tuple(replace(EVEN, path=path, line=line) for path, line in places)
    report = Report(findings=found_there, rules=(page,))
    (rule,) = rules(report)
    assert rule["files"] == [["b.py", 2], ["a.py", 1]]
    assert rule["text"] == [
        "One.",
        "Two lines.",
        ["    code = 1", "    more = 2"],
        ["- a", "- b"],
    ]


# Contracts


def given(shape, example, name="x", batch=0):
    """An input whose samples are counted by an axis."""
    origins = Origins(STATED.rank, STATED.dtype, ("stated",) * len(shape), batch)
    return ModelInput(name, shape, example, "float32", "stated", guessed=False, origins=origins)


@pytest.mark.parametrize(
    ("inputs", "at"),
    [
        ([given(("N", 3, "H", "W"), (2, 3, 28, 32))], "28×32"),
        ([given(("L", "N", 6), (5, 2, 6), batch=1)], "L = 5"),
        ([given(("N", 784), (2, 784))], ""),
        ([given(("N", 3, "H", "W"), (2, 3, 8, 9)), given(("N", "L"), (2, 7), "t")], "8×9, L = 7"),
        (
            [given(("N", 1, "H", "W"), (2, 1, 8, 8)), given(("N2", 1, "H2", "W2"), (2, 1, 8, 8))],
            "8×8",
        ),
        ([given(("N", "256*L"), (2, 512)), given(("N", "L"), (2, 2))], "L = 2"),
        ([], ""),
    ],
)
def test_costs_say_at_which_size_they_are(inputs, at):
    assert measured_at(replace(MODEL, inputs=tuple(inputs))) == at


def test_a_contract_says_nothing_twice():
    accepts = "N any; C and C2 = 3; H and W 28 to 31 (linear at a.py:1; twice); H // 4 == 7"
    model = replace(MODEL, accepts=accepts)
    assert contract(model)["clauses"] == [
        ["N any", False],
        ["H and W 28 to 31 (linear at a.py:1; twice)", False],
        ["H // 4 == 7", True],
    ]
    assert contract(replace(MODEL, accepts=None))["clauses"] == []


# Parameters that modules hold themselves


class Scaled(nn.Module):
    """A parameter of the model, one of a block, one of a layer, and one that a function reads."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.act = nn.PReLU()
        self.token = nn.Parameter(torch.zeros(1, 8, 1))
        self.head = nn.Parameter(torch.zeros(4, 8))
        self.idle = nn.Linear(2, 2)

    def forward(self, x):
        x = self.act(self.conv(x)).flatten(2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 2)
        return nn.functional.linear(x.mean(2) + self.token.sum(), self.head)


def test_parameters_that_no_layer_holds_are_steps_before_what_reads_them():
    steps = picture(trace(Scaled(), ["2,3,8,8"])).steps
    owned = {step.key: at for at, step in enumerate(steps) if step.op == PARAMETER}
    assert [*owned] == ["token", "head"]
    readers = {
        name: [step.op for step in steps if at in step.sources] for name, at in owned.items()
    }
    assert readers == {"token": ["cat", "add"], "head": ["linear"]}
    assert steps[owned["token"]].example == (1, 8, 1)


def test_a_parameter_stands_in_the_row_above_what_reads_it_first():
    drawn = picture(trace(Scaled(), ["2,3,8,8"]))
    whole = blocks(drawn)
    row = {part: at for at, parts in enumerate(whole.rows) for part in parts}
    names = [drawn.steps[part].key.partition("@")[0] for part in whole.parts]
    assert row[names.index("token")] == row[names.index("cat")] - 1
    assert row[names.index("head")] == row[names.index("linear")] - 1
    assert row[names.index("x")] == 0


def test_what_is_held_beside_layers_is_what_they_do_not_count():
    report = lint(Scaled(), ["2,3,8,8"], pictures=True)
    (model,) = report.models
    data = details(report, 0, found(report), Excerpts(report))
    layers = sum(layer.parameters for layer in model.layers.values())
    # The functional linear is a line of the table and counts the head; the idle layer is in none.
    assert data["held"] == 8
    assert model.parameters == layers + data["held"] + 6


def test_a_report_without_pictures_holds_nothing_beside():
    assert details(REPORT, 0, found(REPORT), Excerpts(REPORT))["held"] == 0
