"""What is shown, how much of it fails a run, and what a search leaves out."""

import json

import pytest
from command import modellint

NET = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 4, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.last = nn.Conv2d(8, 8, 4, padding=1)

    def forward(self, x):
        return self.last(self.norm(self.conv(x)))


Net()(torch.rand(1, 3, 32, 32))
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "net.py").write_text(NET)
    return tmp_path


def severities(done):
    return {one["severity"] for one in json.loads(done.stdout)["findings"]}


def test_findings_below_a_level_are_left_out_of_report_counts_and_status(folder):
    options = ("net.py", "--select", "even-kernel,bias-before-norm", "--format", "json")
    assert severities(modellint(*options, cwd=folder)) == {"warning", "info"}
    done = modellint(*options, "--min-severity", "warning", cwd=folder)
    assert severities(done) == {"warning"}
    assert json.loads(done.stdout)["summary"]["info"] == 0
    done = modellint(*options, "--min-severity", "error", "--fail-level", "info", cwd=folder)
    assert (severities(done), done.returncode) == (set(), 0)


def test_what_a_baseline_knows_is_not_gone_because_it_is_not_shown(folder):
    options = ("net.py", "--select", "even-kernel,bias-before-norm")
    modellint(*options, "--write-baseline", "known.json", cwd=folder)
    done = modellint(*options, "--baseline", "known.json", "--min-severity", "error", cwd=folder)
    assert "gone" not in done.stdout + done.stderr
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("options", "status"),
    [
        (("--max-warnings", "2"), 0),
        (("--max-warnings", "1"), 1),
        (("--max-warnings", "1", "--fail-level", "error"), 1),
        (("--max-warnings", "1", "--fail-level", "never"), 1),
        (("--max-warnings", "2", "--fail-level", "info"), 1),
        (("--max-warnings", "0", "--min-severity", "error"), 0),
    ],
    ids=lambda given: given if isinstance(given, int) else " ".join(given),
)
def test_more_warnings_than_a_run_may_have_fail_it(folder, options, status):
    done = modellint("net.py", "--select", "even-kernel,bias-before-norm", *options, cwd=folder)
    assert done.returncode == status
    told = "modellint: 2 warnings, more than --max-warnings 1" in done.stderr
    assert told == (options[1] == "1")


def test_a_search_leaves_out_what_is_excluded_instead_of_what_the_configuration_excludes(folder):
    for name in ("old", "new"):
        (folder / name).mkdir()
        (folder / name / "net.py").write_text(NET)
    (folder / "modellint.toml").write_text('exclude = ["new/"]')

    def found(*options):
        done = modellint(".", "--list", *options, cwd=folder)
        return {line.partition(":")[0] for line in done.stdout.splitlines() if "Net" in line}

    assert {"net.py", "old/net.py"} <= found()
    assert "new/net.py" not in found()
    assert "new/net.py" in found("--exclude", "old/")
    assert "old/net.py" not in found("--exclude", "old/", "--exclude", "/net.py")
    assert "net.py" not in found("--exclude", "/net.py")
    # A file that is named is linted in any case, as with the configuration.
    done = modellint("old/net.py", "--list", "--exclude", "old/", cwd=folder)
    assert "old/net.py:6: Net" in done.stdout


@pytest.mark.parametrize(
    "options", [("--min-severity", "grave"), ("--max-warnings", "-1"), ("--max-warnings", "few")]
)
def test_what_is_no_level_and_no_count_is_refused(folder, options):
    done = modellint("net.py", *options, cwd=folder)
    assert done.returncode == 2
    assert options[0] in done.stderr
