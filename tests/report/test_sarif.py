"""The `sarif` format: valid by the schema and by the validator that its authors make."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urljoin

import jsonschema
import pytest
from reports import CLEAN, EVEN, FINDING, MODEL, ODD, REPORT

from modellint.report import render
from modellint.results.report import Problem, Report

#: As the npm package @microsoft/sarif-multitool-linux 5.7.0 ships it, MIT licence.
SCHEMA = json.loads((Path(__file__).parent / "data" / "sarif-2.1.0.json").read_text("utf-8"))
MULTITOOL = "@microsoft/sarif-multitool@5.7.0"


@pytest.fixture(autouse=True)
def nowhere(monkeypatch):
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)


def run_of(report):
    log = json.loads(render(report, "sarif"))
    jsonschema.Draft202012Validator(
        SCHEMA, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    ).validate(log)
    (run,) = log["runs"]
    return run


@pytest.mark.parametrize("report", [REPORT, CLEAN, Report(), replace(REPORT, rules=())])
def test_it_is_valid(report):
    run_of(report)


def test_the_schema_refuses_what_is_wrong():
    log = json.loads(render(REPORT, "sarif"))
    region = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]
    region["startLine"] = 0
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(log, SCHEMA)


def results(report, rule):
    return [result for result in run_of(report)["results"] if result["ruleId"] == rule]


def test_a_finding_has_its_place_by_four_numbers():
    run = run_of(REPORT)
    (result,) = results(REPORT, "even-kernel")
    (location,) = result["locations"]
    region = location["physicalLocation"]["region"]
    assert run["columnKind"] == "unicodeCodePoints"
    assert [region[key] for key in ("startLine", "startColumn", "endLine", "endColumn")] == [
        3,
        26,
        3,
        44,
    ]
    assert region["snippet"]["text"] == "nn.Conv2d(3, 8, 2)"
    assert result["ruleIndex"] == [rule["id"] for rule in run["tool"]["driver"]["rules"]].index(
        "even-kernel"
    )


def test_a_snippet_may_have_several_lines():
    (result,) = results(REPORT, "shape-mismatch")
    region = result["locations"][0]["physicalLocation"]["region"]
    assert region["snippet"]["text"].splitlines() == [
        "nn.Linear(",
        "            6 * 26 * 26, 10,",
        "        )",
    ]


def test_uris_are_relative_and_come_back():
    (result,) = results(REPORT, "even-kernel")
    place = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place["uriBaseId"] in run_of(REPORT)["originalUriBaseIds"]
    assert re.fullmatch(r"[\w./%~-]+", place["uri"], re.ASCII)
    assert unquote(place["uri"]) == ODD
    # A colon in the first part would read as a scheme.
    (colon,) = results(Report(findings=(replace(FINDING, path="a:b.py"),)), FINDING.rule)
    uri = colon["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert unquote(urljoin("file:///src/", uri)) == "file:///src/a:b.py"


def test_a_file_elsewhere_has_an_absolute_uri():
    (result,) = results(REPORT, "even-kernel")
    place = result["relatedLocations"][1]["physicalLocation"]["artifactLocation"]
    assert place == {"uri": "file:///elsewhere/a%20b.py"}


def test_uris_start_at_the_checkout(monkeypatch, tmp_path):
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    (result,) = results(Report(findings=(FINDING,)), FINDING.rule)
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "sub/net.py"


def test_file_names_that_are_no_text_keep_their_bytes():
    name = os.fsdecode(b"a\xffb.py")
    (result,) = results(Report(findings=(replace(FINDING, path=name),)), FINDING.rule)
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%FFb.py"


def test_rules_describe_themselves_within_what_github_shows():
    rules = run_of(REPORT)["tool"]["driver"]["rules"]
    by_name = {rule["id"]: rule for rule in rules}
    assert list(by_name)[:2] == ["edge-losing-padding", "long-page"]
    for rule in rules:
        for key in ("shortDescription", "fullDescription"):
            assert 0 < len(rule[key]["text"]) <= 1024
        assert rule["help"]["markdown"]
        assert rule["properties"]["tags"]
    assert by_name["long-page"]["name"] == "LongPage"
    assert by_name["long-page"]["defaultConfiguration"] == {"enabled": False, "level": "note"}
    # A rule whose page the report does not have is described all the same.
    assert by_name["shape-mismatch"]["defaultConfiguration"]["level"] == "error"


def test_a_rule_of_one_word_has_no_name_besides_its_id():
    (rule,) = run_of(Report(findings=(replace(FINDING, rule="budget"),)))["tool"]["driver"]["rules"]
    assert "name" not in rule


def test_messages_link_to_the_related_locations_alone():
    (result,) = results(REPORT, "even-kernel")
    text = result["message"]["text"]
    links = re.findall(r"(?<!\\)\]\((.*?)\)", text)
    assert links == [str(related["id"]) for related in result["relatedLocations"]]


def test_models_that_share_a_finding_have_one_result():
    (result,) = results(REPORT, "late-norm")
    assert result["properties"]["models"] == ["small", "wide"]
    assert result["level"] == "note"


def test_fingerprints_are_ours_and_unique():
    twins = tuple(replace(FINDING, column=column) for column in (22, 23))
    run = run_of(Report(models=(MODEL,), findings=(*twins, EVEN)))
    marks = [result["partialFingerprints"]["ruleClassPathLine/v1"] for result in run["results"]]
    assert len(set(marks)) == 3


def test_notifications_tell_what_failed_and_what_was_not_analysed():
    (invocation,) = run_of(REPORT)["invocations"]
    told = [
        (one["descriptor"]["id"], one["level"]) for one in invocation["toolExecutionNotifications"]
    ]
    assert told == [
        ("import-error", "error"),
        ("timeout", "error"),
        ("not-analysed", "warning"),
        ("partial", "warning"),
        ("note", "note"),
    ]
    kinds = {one["id"] for one in run_of(REPORT)["tool"]["driver"]["notifications"]}
    assert kinds == {kind for kind, _ in told}
    assert invocation["executionSuccessful"] is True
    assert invocation["exitCode"] == 1


def test_a_rule_that_raises_is_no_success():
    broken = Report(errors=(Problem("a.py", 1, "plugin-error", "rule x raised"),))
    (invocation,) = run_of(broken)["invocations"]
    assert invocation["executionSuccessful"] is False
    assert invocation["exitCode"] == 2


@pytest.mark.slow
def test_the_validator_of_its_authors_finds_no_error(tmp_path):
    if shutil.which("npx") is None:
        pytest.skip("npm is not installed, so the SARIF multitool cannot be run")
    for name, report in ("full", REPORT), ("clean", CLEAN), ("empty", Report()):
        (tmp_path / f"{name}.sarif").write_text(render(report, "sarif"), "utf-8")
    broken = render(REPORT, "sarif").replace('"startLine": 3', '"startLine": 0')
    (tmp_path / "broken.sarif").write_text(broken, "utf-8")
    said = {path.stem: validated(path) for path in sorted(tmp_path.glob("*.sarif"))}
    assert said.pop("broken"), "the multitool calls a broken file right"
    assert said == {"full": [], "clean": [], "empty": []}


def validated(path):
    """The errors that the multitool tells of a file; it exits with 0 whatever they are."""
    # Its launcher passes arguments through a shell, hence the quotes within quotes.
    command = ["npx", "--yes", MULTITOOL, "validate", "--rule-kind", '"Sarif;Ghas"', str(path)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert "Done. 1 files scanned." in run.stdout, run.stdout + run.stderr
    return re.findall(r"error \w+: .*", run.stdout)


def test_a_fix_is_what_replaces_which_region():
    (result,) = results(REPORT, "edge-losing-padding")
    (fix,) = result["fixes"]
    assert fix["properties"] == {"safe": False}
    (change,) = fix["artifactChanges"]
    assert change["artifactLocation"]["uri"] == "net.py"
    assert [
        ([*one["deletedRegion"].values()], one["insertedContent"]["text"])
        for one in change["replacements"]
    ] == [([3, 39, 3, 39], ", padding=1"), ([5, 13, 5, 24], "6 * 28 * 28")]
    assert "fixes" not in results(REPORT, "shape-mismatch")[0]
