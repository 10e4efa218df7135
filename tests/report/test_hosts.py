"""The formats for machines and their hosts: golden reports, and what each host makes of them."""

import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from reports import ADVICE, CLEAN, EVEN, FINDING, HOSTILE, MODEL, ODD, REPORT, moved

from modellint.report import FORMATS, View, render
from modellint.results.report import Report

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(autouse=True)
def nowhere(monkeypatch):
    """Not in a checkout of GitHub's or GitLab's, though these tests may run in one."""
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    monkeypatch.delenv("CI_PROJECT_DIR", raising=False)


@pytest.mark.parametrize("name", FORMATS)
def test_golden(name, request):
    text = render(REPORT, name, View(layers=True, contract=True, statistics=True))
    # The page's own style and scripts are no part of what it reports.
    text = re.sub(r"(?s)<(style|script)>.*?</\1>", r"<\1></\1>", text)
    text = re.sub(r"sha256-[^']*", "sha256-", text)
    path = GOLDEN / f"report.{name}"
    if request.config.getoption("rewrite_golden"):
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


@pytest.mark.parametrize("name", FORMATS)
def test_no_format_lets_a_control_character_through(name):
    text = render(REPORT, name)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", text)
    assert text.encode("utf-8")
    assert text.endswith("\n")


@pytest.mark.parametrize("name", FORMATS)
def test_quiet_formats_for_people_say_nothing_of_nothing(name):
    for report in CLEAN, Report(), REPORT:
        for parts in range(8):
            shown = View(
                layers=bool(parts & 1), contract=bool(parts & 2), statistics=bool(parts & 4)
            )
            text = render(report, name, replace(shown, quiet=True))
            assert len(text) <= len(render(report, name, shown))
    said = render(Report(), name, View(quiet=True))
    assert (said == "") is (name in ("full", "concise", "github", "markdown"))


# GitHub


def commands(report):
    lines = render(report, "github").splitlines()
    found = [re.fullmatch(r"::(error|warning|notice) (.*?)::(.*)", line) for line in lines]
    return [match.groups() for match in found if match is not None]


def unescaped(text):
    """What the runner reads: it undoes the escapes in this order, the percent last."""
    for escape, character in ("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","):
        text = text.replace(escape, character)
    return text.replace("%25", "%")


def properties(text):
    return {
        key: unescaped(value) for key, value in (pair.split("=", 1) for pair in text.split(","))
    }


def test_github_reads_the_properties_that_were_written():
    found = [(level, properties(given)) for level, given, _ in commands(REPORT)]
    (even,) = [(level, one) for level, one in found if one["title"] == "modellint: even-kernel"]
    level, given = even
    assert level == "warning"
    assert given["file"] == ODD.replace("\t", "\\t").replace("\n", "\\n")
    assert [given[key] for key in ("line", "endLine", "col", "endColumn")] == ["3", "3", "26", "44"]


def test_github_has_columns_only_within_a_line():
    found = [properties(given) for _, given, _ in commands(REPORT)]
    (mismatch,) = [given for given in found if given["title"] == "modellint: shape-mismatch"]
    assert (mismatch["line"], mismatch["endLine"]) == ("4", "6")
    assert not {"col", "endColumn"} & set(mismatch)


def test_github_shows_ten_of_a_level_and_the_worst_first():
    wide = replace(FINDING, category="efficiency", rule="wide")
    many = [moved(wide, line) for line in range(1, 15)]
    few = [moved(ADVICE, line) for line in range(1, 4)]
    report = replace(REPORT, findings=(*many, moved(FINDING, 99), *few))
    levels = [level for level, _, _ in commands(report)]
    assert levels == ["error"] * 2 + ["warning"] * 10 + ["notice"] * 3
    first = next(given for level, given, _ in commands(report) if level == "warning")
    assert properties(first)["line"] == "99"


def test_github_runs_no_command_of_the_linted_files():
    lines = render(REPORT, "github").splitlines()
    (start,) = [n for n, line in enumerate(lines) if line.startswith("::stop-commands::")]
    token = lines[start].removeprefix("::stop-commands::")
    end = lines.index(f"::{token}::")
    outside = lines[:start] + lines[end + 1 :]
    assert not any("##[" in line for line in lines[:start])
    assert all(line.startswith(("::error ", "::warning ", "::notice ")) for line in outside)
    assert sum(token in line for line in lines) == 2


def test_github_text_is_left_alone_where_nothing_reads_as_a_command():
    assert render(CLEAN, "github") == render(CLEAN, "full")


# GitLab


def test_gitlab_has_no_issue_where_all_is_well():
    assert json.loads(render(CLEAN, "gitlab")) == []
    assert json.loads(render(Report(), "gitlab")) == []


def test_gitlab_maps_the_levels():
    issues = json.loads(render(REPORT, "gitlab"))
    severities = {issue["check_name"]: issue["severity"] for issue in issues}
    assert severities == {
        "shape-mismatch": "major",
        "edge-losing-padding": "minor",
        "even-kernel": "minor",
        "late-norm": "info",
        "import-error": "major",
        "timeout": "major",
        "not-analysed": "minor",
        "partial": "minor",
    }
    strict = json.loads(render(replace(REPORT, strict=True), "gitlab"))
    assert {i["severity"] for i in strict if i["check_name"] in ("partial", "not-analysed")} == {
        "major"
    }


def fingerprint_of(report, rule="edge-losing-padding"):
    return [
        i["fingerprint"] for i in json.loads(render(report, "gitlab")) if i["check_name"] == rule
    ]


def test_fingerprints_are_unique():
    twins = [replace(FINDING, column=column) for column in (22, 23, 24)]
    report = replace(REPORT, findings=(*twins, *REPORT.findings))
    marks = [issue["fingerprint"] for issue in json.loads(render(report, "gitlab"))]
    assert len(set(marks)) == len(marks)


def test_fingerprints_follow_the_line_and_what_stands_on_it():
    (mark,) = fingerprint_of(Report(models=(MODEL,), findings=(FINDING,), texts=REPORT.texts))
    later = replace(moved(FINDING, 5), message="now 3 px", help=None)
    text = "\n\n" + REPORT.texts["net.py"]
    for texts, finding, same in (
        ({"net.py": text}, later, True),
        ({"net.py": text.replace("6, 3", "6, 5")}, later, False),
        ({"net.py": text.replace("class Net", "class Other")}, later, False),
        ({"net.py": text}, replace(later, rule="another"), False),
        ({"other.py": text}, replace(later, path="other.py"), False),
    ):
        report = Report(models=(MODEL,), findings=(finding,), texts=texts)
        assert (fingerprint_of(report, finding.rule) == [mark]) is same


@pytest.mark.parametrize(
    ("name", "variable"), [("github", "GITHUB_WORKSPACE"), ("gitlab", "CI_PROJECT_DIR")]
)
def test_paths_start_at_the_checkout(name, variable, monkeypatch, tmp_path):
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    monkeypatch.setenv(variable, str(tmp_path))
    text = render(Report(findings=(FINDING,)), name)
    if name == "github":
        assert "::warning file=sub/net.py," in text
    else:
        assert json.loads(text)[0]["location"]["path"] == "sub/net.py"


# JUnit


def cases(report):
    root = ElementTree.fromstring(render(report, "junit"))
    return {
        suite.get("name"): {
            case.get("name"): [child.tag for child in case] for case in suite.iter("testcase")
        }
        for suite in root
    }


def test_junit_has_a_suite_a_file_and_tells_what_became_of_each_model():
    odd = ODD.replace("\t", "\\t").replace("\n", "\\n")
    assert cases(REPORT) == {
        "bad.py": {"import-error": ["error"]},
        "both.py": {
            "small.conv1: late-norm": ["system-out"],
            "wide.conv1: late-norm": ["system-out"],
        },
        "clean.py": {"Clean": []},
        "late.py": {"Late": ["skipped"]},
        odd: {"Odd.層: even-kernel": ["failure"]},
        "net.py": {
            "Net.conv1: edge-losing-padding": ["failure"],
            "Net.fc: shape-mismatch": ["failure"],
        },
        "slow.py": {"Slow": ["error"]},
    }


def test_junit_counts_agree_with_its_cases():
    root = ElementTree.fromstring(render(REPORT, "junit"))
    for suite in (root, *root):
        tests = list(suite.iter("testcase"))
        assert suite.get("tests") == str(len(tests))
        for attribute, tag in ("failures", "failure"), ("errors", "error"), ("skipped", "skipped"):
            assert suite.get(attribute) == str(sum(case.find(tag) is not None for case in tests))


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("level", ["error", "warning", "info", "never"])
@pytest.mark.parametrize("parts", range(16))
def test_junit_is_red_when_the_run_fails(strict, level, parts):
    report = Report(
        models=REPORT.models[:5] if parts & 1 else (MODEL,),
        findings=((FINDING,) if parts & 2 else ()) + ((ADVICE,) if parts & 4 else ()),
        errors=REPORT.errors if parts & 8 else (),
        fail_level=level,
        strict=strict,
    )
    root = ElementTree.fromstring(render(report, "junit"))
    red = int(root.get("failures")) + int(root.get("errors"))
    assert bool(red) is not report.ok


def test_junit_tells_cases_of_one_name_apart():
    twice = Report(models=(MODEL,), findings=(FINDING, moved(FINDING, 4)))
    assert list(cases(twice)["net.py"]) == [
        "Net.conv1: edge-losing-padding",
        "Net.conv1: edge-losing-padding #2",
    ]


# Markdown and notebooks


def cells(line):
    return re.split(r"(?<!\\)\|", line)


def test_markdown_rows_have_the_columns_of_their_table():
    text = render(REPORT, "markdown", View(layers=True, statistics=True))
    tables = [block for block in text.split("\n\n") if block.startswith("| ")]
    assert len(tables) >= 4
    for table in tables:
        lines = table.splitlines()
        assert len({len(cells(line)) for line in lines}) == 1
        assert len(lines) > 2


def test_markdown_says_what_a_text_says_and_no_more():
    text = render(Report(models=(MODEL,), findings=(EVEN,)), "markdown")
    assert "<b>" not in text.replace(r"\<b\>", "")
    assert r"\[go\](http" in text
    assert "[go](" not in text.replace(r"\[go\]", "")


def test_a_notebook_gets_a_table_that_runs_nothing():
    html = REPORT._repr_html_()
    assert ElementTree.fromstring(html.replace("<br>", "<br/>")).tag == "div"
    assert "<script" not in html
    assert "<b>|" not in html
    assert "&lt;b&gt;|" in html
    for model in REPORT.models:
        assert model.name in html


def test_a_report_prints_as_its_full_text_and_is_short_in_a_list():
    assert str(REPORT) + "\n" == render(REPORT, "full")
    assert repr(CLEAN) == "<Report: 1 model checked, no findings>"


def test_hostile_text_is_what_it_claims():
    assert {"\x1b", "\n", "\x00", "\ud800", "\u202e"} <= set(HOSTILE)
