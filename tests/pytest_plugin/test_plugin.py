"""`pytest --modellint`: which models become items, what each comes to, and what is left alone."""

from xml.etree import ElementTree

import pytest

# Before a run in this process, which forgets what it was the first to import; torch bears no second
# import.
import torch  # noqa: F401
from notebook_files import written

from modellint.pytest_plugin import collecting, fixture, verdicts  # noqa: F401
from modellint.results.report import Report

pytest_plugins = ["pytester"]
CLEAN = """
import torch
from torch import nn

open("ran", "w").close()


class Clean(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)

    def forward(self, x):
        return self.conv(x)
"""
#: A finding in line 11.
EVEN = CLEAN.replace("Clean", "Even").replace("3, padding=1", "4, padding=1")
NEEDY = CLEAN.replace("Clean", "Needy").replace("__init__(self)", "__init__(self, zork)")
TESTS = """
def test_it():
    pass
"""


@pytest.fixture
def project(pytester):
    """A project whose files are given as texts, by names in which `__` is for a slash."""

    def write(**texts):
        for name, text in texts.items():
            path = pytester.path.joinpath(*name.split("__", 1)).with_suffix(".py")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")

    pytester.write = write
    return pytester


def run(project, *arguments):
    """Outcomes by node id, and the whole output, of a run in this process."""
    result = project.inline_run("-p", "no:cacheprovider", *arguments)
    reports = result.getreports("pytest_runtest_logreport")
    outcomes = {one.nodeid: one.outcome for one in reports if one.when == "call"}
    return outcomes, result


def collected(project, *arguments):
    """The node ids that a run would run, in order."""
    result = project.inline_run("-p", "no:cacheprovider", "--collect-only", *arguments)
    return [item.nodeid for item in result.getcall("pytest_collection_finish").session.items]


def test_nothing_changes_unless_asked(project):
    project.write(models__net=EVEN, test_it=TESTS)
    assert collected(project) == ["test_it.py::test_it"]


def test_each_model_is_an_item_and_collecting_runs_nothing(project, monkeypatch):
    monkeypatch.setattr(collecting.running, "open_pool", lambda _: pytest.fail("a worker"))
    project.write(models__net=CLEAN + EVEN, models__plain="x = 1\n", test_it=TESTS)
    assert collected(project, "--modellint", "--collect-only") == [
        "models/net.py::modellint::Clean",
        "models/net.py::modellint::Even",
        "test_it.py::test_it",
    ]
    assert not (project.path / "ran").exists()


def test_models_pass_fail_and_are_skipped(project):
    project.write(clean=CLEAN, even=EVEN, needy=NEEDY, broken="import torch\ndef f(:\n")
    outcomes, _ = run(project, "--modellint")
    assert outcomes == {
        "broken.py::modellint": "failed",
        "clean.py::modellint::Clean": "passed",
        "even.py::modellint::Even": "failed",
        "needy.py::modellint::Needy": "skipped",
    }
    outcomes, _ = run(project, "--modellint-strict", "needy.py")
    assert outcomes == {"needy.py::modellint::Needy": "failed"}


def test_a_failure_reads_as_the_report_and_a_skip_has_the_models_place(project):
    project.write(even=EVEN, needy=NEEDY)
    text = project.runpytest_inprocess("--modellint", "-rsf").stdout.str()
    assert "even.py:11:21: warning[even-kernel]" in text
    assert "modellint: ignore[even-kernel]" in text
    assert "help:" in text
    assert "FAILED even.py::modellint::Even - even-kernel" in text
    assert "SKIPPED [1] needy.py:8: " in text
    assert "zork" in text
    assert "Traceback" not in text
    assert "pytest_models" not in text


def test_a_notebook_is_collected_as_a_file_is(project):
    for name, text in {"even": EVEN, "needy": NEEDY, "plain": "x = 1", "broken": "x = ("}.items():
        cells = ["import torch", "%matplotlib inline", text.replace("\nimport torch\n", "")]
        (project.path / f"{name}.ipynb").write_bytes(written(cells))
    outcomes, _ = run(project, "--modellint")
    assert outcomes == {
        "broken.ipynb::modellint": "failed",
        "even.ipynb::modellint::Even": "failed",
        "needy.ipynb::modellint::Needy": "skipped",
    }
    text = project.runpytest_inprocess("--modellint", "-rs", "--tb=line").stdout.str()
    assert "even.ipynb:cell 3:9: even-kernel" in text
    assert "broken.ipynb:cell 3:1: syntax-error" in text
    assert "SKIPPED [1] needy.ipynb:cell 3:6: " in text
    assert not (project.path / "ran").exists()


def test_one_line_a_failure_has_the_place(project):
    project.write(even=EVEN)
    text = project.runpytest_inprocess("--modellint", "--tb=line").stdout.str()
    assert "even.py:11: even-kernel" in text


def test_a_file_is_linted_once_and_its_models_told_apart(project, monkeypatch):
    linted = []
    lint = collecting.lint_targets
    monkeypatch.setattr(
        collecting,
        "lint_targets",
        lambda given, *a, **k: linted.extend(given) or lint(given, *a, **k),
    )
    project.write(net=CLEAN + EVEN)
    outcomes, _ = run(project, "--modellint")
    assert outcomes == {
        "net.py::modellint::Clean": "passed",
        "net.py::modellint::Even": "failed",
    }
    assert [path.name for path in linted] == ["net.py"]


def test_models_are_chosen_by_name_marker_and_node_id(project):
    project.write(net=CLEAN + EVEN, test_it=TESTS)
    one = ["net.py::modellint::Even"]
    assert collected(project, "--modellint", "-k", "Even") == one
    assert collected(project, "--modellint", one[0]) == one
    assert collected(project, "--modellint", "--strict-markers", "-m", "not modellint") == [
        "test_it.py::test_it"
    ]


def test_a_project_may_ask_for_it_once_and_for_all(project):
    project.makeini("[pytest]\nmodellint = true\nmodellint_strict = true\n")
    project.write(needy=NEEDY)
    assert run(project)[0] == {"needy.py::modellint::Needy": "failed"}


def test_a_file_of_tests_keeps_them(project):
    project.write(test_net=CLEAN + TESTS)
    ids = collected(project, "--modellint")
    assert sorted(ids) == ["test_net.py::modellint::Clean", "test_net.py::test_it"]
    assert collected(project, "--modellint", "test_net.py::test_it") == ["test_net.py::test_it"]


def test_a_named_file_without_tests_is_not_imported(project):
    project.write(net=CLEAN, check=CLEAN + TESTS)
    assert collected(project, "--modellint", "net.py") == ["net.py::modellint::Clean"]
    assert not (project.path / "ran").exists()
    assert "check.py::test_it" in collected(project, "--modellint", "check.py")


def test_a_package_of_models_is_not_imported(project):
    project.write(models____init__="raise RuntimeError\n", models__net=CLEAN)
    assert run(project, "--modellint")[0] == {"models/net.py::modellint::Clean": "passed"}
    assert not (project.path / "ran").exists()


def test_what_the_project_leaves_out_is_left_out_unless_named(project):
    project.makefile(".toml", modellint='exclude = ["legacy/"]\n')
    project.makefile("", **{".gitignore": "scratch/\n"})
    project.write(legacy__net=CLEAN, scratch__net=CLEAN, net=CLEAN)
    assert collected(project, "--modellint") == ["net.py::modellint::Clean"]
    named = collected(project, "--modellint", "legacy/net.py")
    assert named == ["legacy/net.py::modellint::Clean"]


def test_the_configuration_of_the_project_counts(project):
    project.makefile(".toml", modellint='fail-level = "error"\n')
    project.write(even=EVEN)
    result = project.runpytest_inprocess("--modellint", "-rP")
    result.assert_outcomes(passed=1)
    assert "warning[even-kernel]" in result.stdout.str()


def test_a_wrong_configuration_is_an_error_of_collection(project):
    project.makefile(".toml", modellint="selekt = []\n")
    project.write(net=CLEAN)
    result = project.runpytest_inprocess("--modellint")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    text = result.stdout.str()
    assert "modellint.toml" in text
    assert "select" in text
    assert "Traceback" not in text


def test_a_file_that_does_not_load_fails_with_its_line(project):
    project.write(net="import torch\nimport gone\n" + CLEAN.replace("nn.Conv2d", "gone.Conv"))
    result = project.runpytest_inprocess("--modellint", "--modellint-strict")
    result.assert_outcomes(failed=1)
    assert "gone" in result.stdout.str()


def test_junit_has_the_report_of_each_model(project):
    project.write(clean=CLEAN, even=EVEN, needy=NEEDY)
    run(project, "--modellint", "--junitxml=out.xml")
    root = ElementTree.parse(project.path / "out.xml").getroot()
    cases = {case.get("name"): [child.tag for child in case] for case in root.iter("testcase")}
    assert cases == {"Clean": [], "Even": ["failure"], "Needy": ["skipped"]}
    (failure,) = root.iter("failure")
    assert failure.get("message") == "even-kernel"
    assert "even.py:11:21: warning[even-kernel]" in failure.text


def test_a_remark_on_the_file_is_told_with_its_first_model(project):
    project.write(
        net=CLEAN + CLEAN.replace("Clean", "Other") + "# modellint: ignore-file[budget]\n"
    )
    outcomes, _ = run(project, "--modellint")
    assert set(outcomes.values()) == {"failed", "passed"}
    assert outcomes["net.py::modellint::Clean"] == "failed"


def test_what_stopped_a_file_is_told_of_every_model_that_it_kept_from_running():
    report = Report.from_dict(
        {
            **Report().to_dict(),
            "errors": [{"path": "a.py", "line": 3, "kind": "timeout", "message": "slow"}],
        }
    )
    for name in ("First", "Second"):
        assert not verdicts.about(report, name).ok


def test_models_that_fail_for_one_reason_all_fail(project):
    broken = CLEAN.replace("Clean", "Base").replace("3, padding=1)", "3)\n        raise ValueError")
    project.write(net=broken + "\n\nclass A(Base):\n    pass\n\n\nclass B(Base):\n    pass\n")
    outcomes, _ = run(project, "--modellint")
    assert outcomes == {f"net.py::modellint::{name}": "failed" for name in ("Base", "A", "B")}


def test_nothing_that_is_wrong_is_lost_when_a_report_is_split():
    from reports import REPORT

    for path in {model.path for model in REPORT.models}:
        mine = [
            [one for one in entries if one.path == path]
            for entries in (REPORT.models, REPORT.findings, REPORT.errors)
        ]
        whole = Report(*map(tuple, mine))
        parts = [verdicts.about(whole, model.name) for model in whole.models]
        assert sum(len(part.findings) for part in parts) == len(whole.findings)
        assert sum(len(part.errors) for part in parts) == len(whole.errors)
        assert all(len(part.models) == 1 for part in parts)


def test_the_plugin_costs_a_session_no_import(project):
    project.write(
        test_it=TESTS
        + "    import sys\n    heavy = {'torch', 'click', 'modellint.engine.engine'}\n"
        + "    assert not heavy & set(sys.modules)\n"
    )
    project.runpytest_subprocess().assert_outcomes(passed=1)


def test_it_can_be_left_out(project):
    project.write(test_it=TESTS + "\n\ndef test_fixture(modellint):\n    pass\n")
    result = project.runpytest_subprocess("-p", "no:modellint", "-n", "0")
    result.assert_outcomes(passed=1, errors=1)


@pytest.mark.slow
@pytest.mark.parametrize("dist", ["load", "loadfile", "loadgroup"])
def test_the_processes_of_xdist_share_the_models_out(project, dist):
    project.write(clean=CLEAN, even=EVEN, needy=NEEDY, net=CLEAN + EVEN, test_it=TESTS)
    result = project.runpytest_subprocess(
        "--modellint", "-n", "2", "--dist", dist, "--junitxml=out.xml", "-v"
    )
    result.assert_outcomes(passed=3, failed=2, skipped=1)
    text = result.stdout.str()
    assert "even.py:11:21: warning[even-kernel]" in text
    assert "Traceback" not in text
    assert len(list(ElementTree.parse(project.path / "out.xml").iter("failure"))) == 2
