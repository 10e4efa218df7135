"""A baseline holds back what was there, wherever it moves to, and tells what is gone."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from command import modellint
from findings import NET, finding

from modellint.config.settings import Settings
from modellint.engine.engine import lint_targets
from modellint.errors import UsageError
from modellint.results.report import Report
from modellint.suppression.baseline import Baseline

TWO = """
class One:
    def __init__(self):
        self.conv = conv(1)
        self.conv = conv(1)

    class Inner:
        conv = conv(1)

class Two:
    conv = conv(1)

conv = conv(1)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def report_of(*lines, **fields):
    return Report(findings=tuple(finding(line, **fields) for line in lines))


def saved(report, path="base.json"):
    Path(path).write_text(Baseline.of(report, path).text(), "utf-8")
    return Baseline.read(path)


def new(baseline, report, settled=("net.py",), on=("even-kernel",)):
    done = baseline.without_known(report, dict.fromkeys(settled, frozenset(on)))
    assert done.baseline.known == len(report.findings) - len(done.findings)
    return [one.line for one in done.findings], [key.within for key in done.baseline.gone]


def test_entries_are_told_apart_by_class_and_line_text():
    Path("net.py").write_text(TWO, "utf-8")
    entries = saved(report_of(4, 5, 8, 11, 13)).entries
    assert {(key.within, key.source): count for key, count in entries.items()} == {
        ("One", "self.conv = conv(1)"): 2,
        ("One.Inner", "conv = conv(1)"): 1,
        ("Two", "conv = conv(1)"): 1,
        ("", "conv = conv(1)"): 1,
    }


def test_what_is_known_is_held_back_wherever_it_moves():
    Path("net.py").write_text(TWO, "utf-8")
    baseline = saved(report_of(4, 8, 11))
    assert new(baseline, report_of(4, 8, 11)) == ([], [])
    Path("net.py").write_text("import torch\n\n" + TWO.replace("    conv", "     conv"), "utf-8")
    assert new(baseline, report_of(6, 10, 13)) == ([], [])


def test_one_more_of_a_kind_is_new():
    Path("net.py").write_text(TWO, "utf-8")
    baseline = saved(report_of(4))
    assert new(baseline, report_of(4, 5)) == ([5], [])


def test_models_that_share_a_layer_flag_one_place():
    Path("net.py").write_text(TWO, "utf-8")
    baseline = saved(report_of(4))
    shared = Report(findings=(finding(4), finding(4, model="Other"), finding(4, column=30)))
    assert new(baseline, shared) == ([4], [])


@pytest.mark.parametrize(
    "changed",
    [{"rule": "over-padding"}, {"path": "other.py"}],
)
def test_another_rule_or_file_is_new(changed):
    for path in ("net.py", "other.py"):
        Path(path).write_text(TWO, "utf-8")
    baseline = saved(report_of(4))
    assert new(baseline, report_of(4, **changed), settled=())[0] == [4]


def test_another_text_or_class_is_new_and_the_old_one_gone():
    Path("net.py").write_text(TWO, "utf-8")
    baseline = saved(report_of(4, 11))
    Path("net.py").write_text(TWO.replace("conv(1)", "conv(2)", 1), "utf-8")
    assert new(baseline, report_of(4, 11)) == ([4], ["One"])
    Path("net.py").write_text(TWO.replace("class Two", "class Three"), "utf-8")
    assert new(baseline, report_of(4, 11)) == ([11], ["Two"])


def test_gone_is_told_only_of_what_the_run_checked():
    Path("net.py").write_text(TWO, "utf-8")
    baseline = saved(report_of(4, 11))
    assert new(baseline, report_of(4)) == ([], ["Two"])
    assert new(baseline, report_of(4), settled=()) == ([], [])
    assert new(baseline, report_of(4), on=("over-padding",)) == ([], [])
    Path("net.py").unlink()
    assert new(baseline, Report(), settled=())[1] == ["One", "Two"]


def test_paths_are_relative_to_the_baseline(monkeypatch):
    Path("sub").mkdir()
    Path("net.py").write_text(TWO, "utf-8")
    baseline = saved(report_of(4), "sub/base.json")
    assert [key.path for key in baseline.entries] == ["../net.py"]
    monkeypatch.chdir("sub")
    baseline = Baseline.read("base.json")
    moved = report_of(4, path=str(Path("..", "net.py").resolve()))
    assert baseline.without_known(moved, {}).findings == ()


def test_the_same_findings_give_the_same_file():
    Path("net.py").write_text(TWO, "utf-8")
    report = report_of(4, 11, 8)
    mixed = replace(report, findings=report.findings[::-1])
    assert Baseline.of(report, "base.json").text() == Baseline.of(mixed, "base.json").text()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 2, "findings": []}', "\x00"])
def test_another_file_is_refused(text):
    Path("base.json").write_text(text, "utf-8")
    with pytest.raises(UsageError, match=r"base\.json"):
        Baseline.read("base.json")


def test_only_new_findings_fail_a_run():
    Path("net.py").write_text(NET, "utf-8")
    written = modellint(".", "--write-baseline", "base.json", cwd=".")
    assert (written.returncode, written.stdout) == (0, "")
    assert modellint(".", "--baseline", "base.json", cwd=".").returncode == 0
    Path("net.py").write_text("# moved\n" + NET.replace("Net", "Other", 1), "utf-8")
    run = modellint(".", "--baseline", "base.json", "--format", "json", cwd=".")
    assert run.returncode == 1
    report = json.loads(run.stdout)
    assert [one["line"] for one in report["findings"]] == [10]
    assert report["baseline"]["known"] == 0
    assert [one["class"] for one in report["baseline"]["gone"]] == ["Net"]
    assert "no longer found" in run.stderr
    selected = lint_targets(["net.py"], Settings(baseline="base.json", select=("over-padding",)))
    assert selected.baseline.gone == ()
    named = lint_targets(["net.py::Other"], Settings(baseline="base.json"))
    assert named.baseline.gone == ()


def test_errors_of_a_file_are_reported_all_the_same():
    Path("net.py").write_text("import torch\nclass (\n", "utf-8")
    run = modellint("net.py", "--write-baseline", "base.json", cwd=".")
    assert run.returncode == 1
    assert "syntax-error" in run.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["--baseline", "nowhere.json"],
        ["--baseline", "base.json", "--write-baseline", "base.json"],
        ["--write-baseline", "base.json", "--add-ignore"],
        ["--write-baseline", "no/such/folder/base.json"],
    ],
)
def test_wrong_usage_is_told(arguments):
    Path("net.py").write_text("import torch\n", "utf-8")
    Path("base.json").write_text('{"version": 1, "findings": []}', "utf-8")
    run = modellint("net.py", *arguments, cwd=".")
    assert (run.returncode, run.stdout) == (2, "")
