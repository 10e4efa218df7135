"""A comparison in every format: golden texts, the schema, and nothing that acts on a reader."""

import json
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from documents import DOCS
from reports import CONV, FC, FINDING, HOSTILE, MODEL, NET

from modellint.comparing.comparison import compared
from modellint.graph import ConstructorArgument, Saved
from modellint.report import FORMATS, View, render
from modellint.report.changes import checkpoint_of, in_bytes
from modellint.results.models import Layer
from modellint.results.report import Note, Problem, Report

GOLDEN = Path(__file__).parent / "golden"
SCHEMA = json.loads((DOCS / "report.schema.json").read_text("utf-8"))


def wider(layer: Layer, **fields: object) -> Layer:
    return replace(layer, outputs=(("N", 12, "H - 2", "W - 2"),), parameters=120, **fields)


THEN = replace(
    MODEL,
    activation_memory=16_264,
    layers={"conv1": CONV, "fc": FC, "odd": replace(CONV, key="odd", path="odd")},
    saved=Saved({"conv1.weight": (6, 1, 3, 3), "conv1.bias": (6,), "fc.weight": (10, 4056),
                 "odd.weight": (6, 1, 3, 3)}),
    arguments=(ConstructorArgument("width", "6", "shown", "default"),),
)  # fmt: skip
NOW = replace(
    THEN,
    parameters=81_250,
    activation_memory=32_488,
    layers={
        "conv1": wider(CONV, padding=((1, 1), (1, 1))),
        "extra": replace(CONV, key="extra", path="extra", type=HOSTILE, op="pad"),
        "head": replace(FC, key="head", path="head"),
    },
    saved=Saved({"conv1.weight": (12, 1, 3, 3), "conv1.bias": (12,), "extra.block.a": (3,),
                 "extra.block.b": (3,), "head.weight": (10, 4056)}, custom=("extra",)),
    arguments=(ConstructorArgument("width", "12", "shown", "default"),),
    contract={},
    accepts="N any",
)  # fmt: skip
LOST = replace(MODEL, path="late.py", name="Late", class_name="Late", saved=Saved({"x": (1,)}))
BEFORE = Report(
    models=(THEN, replace(MODEL, path="gone.py", name="Gone", class_name="Gone"), LOST),
    findings=(FINDING, replace(FINDING, rule="even-kernel", line=4, end_line=4, layer="fc")),
    errors=(Problem("bad.py", 3, "import-error", "no"), Problem("ill.py", 3, "syntax-error", "x")),
    texts={"net.py": NET},
)
AFTER = Report(
    models=(
        NOW,
        replace(MODEL, path="fresh.py", name=HOSTILE, class_name="Fresh"),
        replace(LOST, status="not-analysed", reason=HOSTILE),
    ),
    findings=(FINDING, replace(FINDING, rule="over-padding", line=6, end_line=6)),
    errors=(Problem("bad.py", 3, "import-error", "no"),),
    texts={"net.py": NET},
    torch="2.13.0",
)
REPORT = compared(BEFORE, AFTER, "origin/main", "0123456789abcdef", notes=[Note("r.txt", 1, "n")])


@pytest.mark.parametrize("name", ["full", "markdown", "json"])
def test_golden(name, request):
    text = render(REPORT, name, View())
    path = GOLDEN / f"compared.{name}"
    if request.config.getoption("rewrite_golden"):
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


@pytest.mark.parametrize("name", FORMATS)
def test_no_format_lets_a_control_character_through(name):
    text = render(REPORT, name)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", text)
    assert text.encode("utf-8")


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_the_new_findings_and_no_other(name):
    assert [finding.rule for finding in REPORT.findings] == ["over-padding"]
    assert "over-padding" in render(REPORT, name)
    if name not in ("full", "github", "markdown", "json", "html"):
        assert "edge-losing-padding" not in render(REPORT, name)


def test_json_is_what_the_schema_says():
    data = json.loads(render(REPORT, "json"))
    jsonschema.Draft202012Validator(SCHEMA).validate(data)
    assert [one["change"] for one in data["comparison"]["models"]] == [
        "changed",
        "added",
        "unknown",
        "removed",
    ]
    assert "comparison" not in json.loads(render(AFTER, "json"))


def test_a_run_that_compares_nothing_says_nothing_of_it():
    for name in FORMATS:
        text = re.sub(r"(?s)<(style|script)>.*?</\1>", "", render(AFTER, name))
        assert "since" not in text.lower()


def test_a_checkpoint_is_told_of_by_module():
    change = REPORT.compared.models[0]
    told = checkpoint_of(change, "origin/main")
    assert "conv1.weight was (6, 1, 3, 3), is (12, 1, 3, 3)" in told
    assert "fc.* is now head.*" in told or "fc.weight is now head.weight" in told
    assert "gone: odd.*" in told
    assert "new: extra.*" in told
    assert "loading code of extra" in told


@pytest.mark.parametrize(
    "count, text",
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (327_720, "327.7 kB"), (5 * 10**9, "5.0 GB")],
)
def test_bytes_in_words(count, text):
    assert in_bytes(count) == text
