"""docs/ci.md: every command of its recipes is run, by the shell that would run it there."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from documents import DOCS, ROOT, block, marks
from reports import ADVICE, FINDING, REPORT
from repositories import Repository, needs_git

from modellint.report import render
from modellint.results.report import Report

#: What a runner has done by the time of the first step: this environment has modellint already.
PROLOGUE = 'pip() { :; }\ngh() { echo gh "$@"; }\n'
MATCHERS = json.loads((DOCS / "problem-matcher.json").read_text("utf-8"))["problemMatcher"]

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")


def test_every_block_is_tried_here():
    assert marks("ci.md") == [
        "github",
        "pull request",
        "code scanning",
        "problem matcher",
        "gitlab",
        "elsewhere",
    ]


@pytest.fixture
def checkout(tmp_path):
    """A repository with one file that has findings."""
    (tmp_path / "models").mkdir()
    shutil.copy(ROOT / "examples" / "digits.py", tmp_path / "models")
    return tmp_path


def run(script, folder, **environment):
    """Run a step as the runners do: by bash, which stops at the first command that fails."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-e", "-c", PROLOGUE + script],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PATH": path, "GITHUB_WORKSPACE": str(folder), **environment},
    )


def steps(text):
    (job,) = yaml.safe_load(text)["jobs"].values()
    return [step["run"] for step in job["steps"] if "run" in step]


@pytest.mark.slow
def test_github_annotates_and_summarises(checkout):
    install, annotate, summarise = steps(block("ci.md", "github"))
    assert run(install, checkout).returncode == 0
    annotated = run(annotate, checkout)
    assert annotated.returncode == 1
    assert "\n::warning file=models/digits.py,line=12," in annotated.stdout
    summary = checkout / "summary.md"
    summarised = run(summarise, checkout, GITHUB_STEP_SUMMARY=str(summary))
    assert summarised.returncode == 0, summarised.stderr
    assert summarised.stdout == ""
    assert "| accepts |" in summary.read_text("utf-8")


@pytest.mark.slow
@needs_git
def test_a_pull_request_is_told_what_it_changes(tmp_path):
    digits = (ROOT / "examples" / "digits.py").read_text("utf-8")
    repository = Repository(tmp_path / "repository", models__digits=digits)
    repository.git("update-ref", "refs/remotes/origin/main", "HEAD")
    text = block("ci.md", "pull request")
    (job,) = yaml.safe_load(text)["jobs"].values()
    base = job["env"]["BASE"].replace("${{ github.base_ref }}", "main")
    _, compare, comment = steps(text)
    repository.commit(models__digits=digits.replace("256", "128"))
    assert run(compare, repository.folder, BASE=base).returncode == 0
    told = (repository.folder / "comment.md").read_text("utf-8")
    assert "checkpoints of origin/main will not load: fc1.weight was" in told
    repository.commit(models__digits=digits.replace("nn.Conv2d(16, 32, 5)", "nn.Conv2d(16, 32, 4)"))
    assert run(compare, repository.folder, BASE=base).returncode == 1
    done = run(comment.replace("${{ github.event.number }}", "7"), repository.folder)
    assert done.stdout == "gh pr comment 7 --body-file comment.md --edit-last --create-if-none\n"


@pytest.mark.slow
def test_code_scanning_gets_its_file(checkout):
    text = block("ci.md", "code scanning")
    _, lint = steps(text)
    assert run(lint, checkout).returncode == 1
    (job,) = yaml.safe_load(text)["jobs"].values()
    name = job["steps"][-1]["with"]["sarif_file"]
    (result, *_) = json.loads((checkout / name).read_text("utf-8"))["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place["uri"] == "models/digits.py"


@pytest.mark.slow
def test_the_problem_matcher_is_registered_before_the_lines_that_it_matches(checkout):
    (step,) = yaml.safe_load(block("ci.md", "problem matcher"))
    done = run(step["run"], checkout)
    first, *lines = done.stdout.splitlines()
    assert first == "::add-matcher::.github/problem-matcher.json"
    assert {match["file"] for match in map(matched, lines) if match} == {"models/digits.py"}


@pytest.mark.slow
def test_gitlab_gets_both_its_files(checkout):
    (job,) = yaml.safe_load(block("ci.md", "gitlab")).values()
    install, junit, quality = job["script"]
    assert run(install, checkout).returncode == 0
    assert run(junit, checkout).returncode == 0
    assert run(quality, checkout).returncode == 1
    names = job["artifacts"]["reports"]
    issues = json.loads((checkout / names["codequality"]).read_text("utf-8"))
    suites = ElementTree.parse(checkout / names["junit"]).getroot()
    assert int(suites.get("tests")) == len(issues) > 0
    assert suites.get("failures") == "0"


@pytest.mark.slow
def test_others_read_junit(checkout):
    assert run(block("ci.md", "elsewhere"), checkout).returncode == 1
    assert int(ElementTree.parse(checkout / "modellint.xml").getroot().get("failures")) > 0


def matched(line):
    """What GitHub's runner makes of a line: the first matcher that it fits, as it takes them."""
    for matcher in MATCHERS:
        (pattern,) = matcher["pattern"]
        found = re.search(pattern["regexp"], line)
        if found:
            groups = {key: found[at] for key, at in pattern.items() if key != "regexp"}
            return {"severity": matcher.get("severity"), **groups}
    return None


def test_the_matchers_take_findings_remarks_and_errors_apart():
    lines = render(REPORT, "concise").splitlines()
    found = [match for match in map(matched, lines) if match]
    assert [(match["severity"], match["code"]) for match in found] == [
        ("notice", "late-norm"),
        ("warning", "even-kernel"),
        ("warning", "edge-losing-padding"),
        ("error", "shape-mismatch"),
        ("error", "import-error"),
        ("error", "timeout"),
    ]
    assert len(lines) > len(found)


def test_a_match_has_the_place_and_the_message():
    (line, *_) = render(Report(findings=(FINDING, ADVICE)), "concise").splitlines()
    assert matched(line) == {
        "severity": "warning",
        "file": "net.py",
        "line": "3",
        "column": "22",
        "code": "edge-losing-padding",
        "message": "conv1 trims 1 px from every side; help: padding=1 keeps 28×28",
    }
