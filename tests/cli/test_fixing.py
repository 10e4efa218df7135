"""`--fix`, `--diff` and `--unsafe-fixes`: what they write, print and count."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from command import modellint

import modellint as package

#: Two faults that a fix mends with the same function left (`bias=False`, `dim=1`), one that it
#: mends with another (the kernel).
NET = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 4, padding=1)  # 卷积
        self.norm = nn.BatchNorm2d(8)
        self.head = nn.Linear(8, 10)

    def forward(self, x):
        x = self.norm(self.conv(x)).relu().mean((2, 3))
        return nn.functional.softmax(self.head(x))


Net()(torch.rand(1, 3, 32, 32))
"""
SAFE = NET.replace("padding=1)", "padding=1, bias=False)").replace("(x))\n\n", "(x), dim=1)\n\n")
ALL = SAFE.replace("8, 4, padding=1", "8, 5, padding=2")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments, stdin=""):
    return modellint(*arguments, cwd=".", stdin=stdin)


def last(text):
    return text.splitlines()[-1]


def test_safe_fixes_are_written_and_the_rest_is_reported():
    Path("net.py").write_text(NET)
    done = run("net.py", "--fix")
    assert Path("net.py").read_text() == SAFE
    assert done.returncode == 1
    assert "[even-kernel]" in done.stdout and "[softmax-without-dim]" not in done.stdout
    assert last(done.stdout).endswith(", 2 fixed, 1 more with --unsafe-fixes")
    # What is left is left by another run, too; nothing is kept of how the file was.
    again = run("net.py", "--fix")
    assert Path("net.py").read_text() == SAFE
    assert last(again.stdout).endswith(", 0 fixed, 1 more with --unsafe-fixes")


def test_unsafe_fixes_are_written_when_asked_for_and_what_is_fixed_does_not_fail():
    for end in ("\n", "\r\n"):
        Path("net.py").write_bytes(NET.replace("\n", end).encode("utf-8-sig"))
        done = run("net.py", "--fix", "--unsafe-fixes")
        assert Path("net.py").read_bytes() == ALL.replace("\n", end).encode("utf-8-sig")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == "1 model checked, no findings, 3 fixed\n"


def test_a_diff_is_what_would_be_written_and_writes_nothing():
    Path("net.py").write_text(NET)
    done = run("net.py", "--diff")
    assert done.returncode == 1
    assert Path("net.py").read_text() == NET
    assert done.stderr == "modellint: would fix 2, 1 more with --unsafe-fixes\n"
    everything = run("net.py", "--diff", "--fix", "--unsafe-fixes")
    assert everything.stderr == "modellint: would fix 3\n"
    if shutil.which("git") is not None:
        for text, after in ((done.stdout, SAFE), (everything.stdout, ALL)):
            Path("net.py").write_text(NET)
            subprocess.run(["git", "apply", "-p0"], input=text.encode(), check=True)
            assert Path("net.py").read_text() == after
    clean = run("net.py", "--diff")
    assert (clean.returncode, clean.stdout, clean.stderr) == (0, "", "")


def test_standard_input_comes_out_fixed_and_its_report_goes_to_stderr():
    done = run("-", "--stdin-filename", "net.py", "--fix", stdin=NET)
    assert done.stdout == SAFE
    assert "[even-kernel]" in done.stderr
    assert last(done.stderr).endswith(", 2 fixed, 1 more with --unsafe-fixes")
    assert not Path("net.py").exists()
    # What is no Python comes out as it is.
    broken = run("-", "--stdin-filename", "net.py", "--fix", stdin="import torch\nx = (\n")
    assert broken.stdout == "import torch\nx = (\n"
    assert (broken.returncode, "syntax-error" in broken.stderr) == (1, True)
    shown = run("-", "--stdin-filename", "net.py", "--diff", stdin=NET)
    assert shown.returncode == 1
    assert "+        return nn.functional.softmax(self.head(x), dim=1)\n" in shown.stdout


def test_selectors_of_one_file_fix_it_once():
    Path("net.py").write_text(NET + "\n\nwide = Net()\n\n\ndef small():\n    return Net()\n")
    done = run("net.py::Net", "net.py::small", "net.py", "--fix")
    assert Path("net.py").read_text().startswith(SAFE)
    assert ", 2 fixed" in last(done.stdout)


def test_the_rules_that_are_off_fix_nothing_and_comments_hold():
    Path("net.py").write_text(NET)
    run("net.py", "--fix", "--select", "even-kernel")
    assert Path("net.py").read_text() == NET
    Path("net.py").write_text(NET.replace("# 卷积", "# modellint: ignore[bias-before-norm]"))
    run("net.py", "--fix", "--unsafe-fixes", "--ignore", "softmax-without-dim")
    assert "8, 5, padding=2)" in Path("net.py").read_text()


def test_json_tells_how_many_were_fixed_and_what_could_be():
    Path("net.py").write_text(NET)
    plain = json.loads(run("net.py", "--format", "json").stdout)
    assert "fixed" not in plain["summary"]
    fixes = {one["rule"]: one.get("fix") for one in plain["findings"]}
    assert {rule: fix["safe"] for rule, fix in fixes.items()} == {
        "bias-before-norm": True,
        "even-kernel": False,
        "softmax-without-dim": True,
    }
    fixed = json.loads(run("net.py", "--format", "json", "--fix").stdout)
    assert fixed["summary"]["fixed"] == 2
    assert [one["rule"] for one in fixed["findings"]] == ["even-kernel"]


def test_a_cached_result_has_the_same_fixes():
    Path("net.py").write_text(NET)
    first = run("net.py", "--format", "json")
    assert run("net.py", "--format", "json").stdout == first.stdout
    # One that was kept with few trials, or of another text, is not taken for what is asked.
    shown = run("net.py", "--diff")
    Path("net.py").write_text("# moved\n" + NET)
    assert run("net.py", "--diff").stdout == shown.stdout.replace(
        "@@ -5,13 +5,13", "@@ -6,13 +6,13"
    )
    run("net.py", "--fix")
    assert Path("net.py").read_text() == "# moved\n" + SAFE


def test_a_report_of_python_makes_them_too():
    Path("net.py").write_text(NET)
    report = package.lint_paths(["net.py"])
    assert sorted((one.rule, fix.safe) for one, fix in report.fixes.items()) == [
        ("bias-before-norm", True),
        ("even-kernel", False),
        ("softmax-without-dim", True),
    ]
    done = report.fix()
    assert (done.made, done.troubles) == ({"net.py": 2}, ())
    assert Path("net.py").read_text() == SAFE
    assert [one.rule for one in done.report.findings] == ["even-kernel"]
    assert done.report.fix(unsafe=True).report.ok
    assert Path("net.py").read_text() == ALL


def test_a_file_that_cannot_be_written_fails_the_run_and_the_others_are_fixed():
    for name in ("a.py", "b.py"):
        Path(name).write_text(NET)
    Path("a.py").chmod(0o444)
    done = run("a.py", "b.py", "--fix", "--fail-level", "never", "--quiet")
    assert done.returncode == 1
    assert done.stderr == "modellint: a.py is not fixed: it is read-only\n"
    assert (Path("a.py").read_text(), Path("b.py").read_text()) == (NET, SAFE)


BLOCK = """\
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 4, padding=1)

    def forward(self, x):
        return self.conv(x)


if __name__ == "__main__":
    Block()(torch.rand(1, 3, 32, 32))
"""
USER = """\
import torch
from torch import nn
from block import Block


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block()
        self.head = nn.Linear(8 * 31 * 31, 10)

    def forward(self, x):
        return self.head(self.block(x).flatten(1))


if __name__ == "__main__":
    Net()(torch.rand(1, 3, 32, 32))
"""


def test_a_fix_that_breaks_a_model_of_another_file_is_taken_back():
    Path("block.py").write_text(BLOCK)
    Path("net.py").write_text(USER)
    done = run(".", "--fix", "--unsafe-fixes", "--select", "even-kernel")
    assert (Path("block.py").read_text(), Path("net.py").read_text()) == (BLOCK, USER)
    assert done.returncode == 1
    assert "modellint: block.py is not fixed: net.py would be worse off\n" in done.stderr
    assert "fixed" not in last(done.stdout)
    # Where nobody else uses it, it is made.
    Path("net.py").unlink()
    done = run(".", "--fix", "--unsafe-fixes", "--select", "even-kernel")
    assert "8, 5, padding=2)" in Path("block.py").read_text()
    assert last(done.stdout) == "1 model checked, no findings, 1 fixed"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--diff", "--layers"],
        ["--diff", "--format", "json"],
        ["--diff", "--fail-level", "error"],
        ["--fix", "--add-ignore"],
        ["--diff", "--write-baseline", "base.json"],
        ["--fix", "--list"],
        ["--rules", "--unsafe-fixes"],
    ],
)
def test_what_would_have_no_effect_is_wrong_usage(arguments):
    Path("net.py").write_text(NET)
    done = run("net.py", *arguments)
    assert done.returncode == 2
    assert arguments[0] in done.stderr
    assert Path("net.py").read_text() == NET
