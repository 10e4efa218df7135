"""The command line end to end: known answers, exit statuses, and that stdout stays ours.

Where a process of its own is not what is tested, `main` runs in this one, on streams of its own.
"""

import json
import os
import subprocess
import sys
from textwrap import dedent
from xml.etree import ElementTree

import pytest
from command import modellint

from modellint.report import FORMATS
from modellint.results.error_kinds import KINDS

NET = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 5, 3{padding}){comment}

    def forward(self, x):
        print("from the forward")
        return self.conv1(x)


Net()(torch.rand((1, 28, 28)))
"""


def process(*arguments, cwd, encoding="utf-8", **environment):
    """Run the command as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "modellint", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        encoding=encoding,
        env={**os.environ, **environment},
        timeout=120,
    )


def write_net(folder, padding="", comment="", name="net.py"):
    (folder / name).write_text(NET.format(padding=padding, comment=comment), encoding="utf-8")


def report_of(*arguments, cwd):
    run = modellint(*arguments, "--format", "json", cwd=cwd)
    return run.returncode, json.loads(run.stdout)


def test_a_padded_convolution_is_clean(tmp_path):
    write_net(tmp_path, ", padding=1")
    status, report = report_of("net.py", cwd=tmp_path)
    (model,) = report["models"]
    (layer,) = model["layers"]
    assert status == 0
    assert model["status"] == "analysed"
    assert model["inputs"] == [
        {
            "name": "x",
            "shape": [1, "H", "W"],
            "example": [1, 28, 28],
            "dtype": "float32",
            "source": "call at line 16",
            "guessed": False,
            "origin": "shown",
            "origins": {
                "rank": "shown",
                "dtype": "shown",
                "sizes": ["shown", "shown", "shown"],
                "batch": None,
            },
        }
    ]
    assert layer["outputs"] == [[5, "H", "W"]]
    assert layer["example_outputs"] == [[5, 28, 28]]
    assert model["parameters"] == 50
    assert report["findings"] == []


def test_a_valid_convolution_trims_its_edges(tmp_path):
    write_net(tmp_path)
    status, report = report_of("net.py", cwd=tmp_path)
    (layer,) = report["models"][0]["layers"]
    (finding,) = report["findings"]
    assert status == 1
    assert layer["outputs"] == [[5, "H - 2", "W - 2"]]
    assert layer["example_outputs"] == [[5, 26, 26]]
    assert layer["receptive_field"] == [3, 3]
    assert layer["line"] == 9
    assert finding["rule"] == "edge-losing-padding"
    assert [finding[key] for key in ("line", "column", "end_line", "end_column")] == [9, 22, 9, 40]
    assert finding["layers"] == ["conv1"]


def test_too_much_padding_is_found(tmp_path):
    write_net(tmp_path, ", padding=2")
    _, report = report_of("net.py", cwd=tmp_path)
    assert [finding["rule"] for finding in report["findings"]] == ["over-padding"]
    assert report["models"][0]["layers"][0]["example_outputs"] == [[5, 30, 30]]


@pytest.mark.slow
def test_what_the_model_prints_reaches_stderr_only_when_asked(tmp_path):
    write_net(tmp_path)
    quiet = process("net.py", cwd=tmp_path)
    assert "from the forward" not in quiet.stdout + quiet.stderr
    verbose = process("net.py", "-v", cwd=tmp_path)
    assert verbose.stdout == quiet.stdout
    assert "from the forward" in verbose.stderr


@pytest.mark.parametrize(
    ("comment", "status"),
    [
        ("  # modellint: ignore[edge-losing-padding] -- digits have a margin", 0),
        ("  # modellint: ignore[even-kernel]", 1),
    ],
)
def test_an_ignore_comment_silences_its_rule_alone(tmp_path, comment, status):
    write_net(tmp_path, comment=comment)
    assert modellint("net.py", cwd=tmp_path).returncode == status


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--ignore", "edge-losing-padding"], 0),
        (["--ignore", "suspicious"], 0),
        (["--ignore", "all", "--extend-select", "edge-losing-padding"], 1),
        (["--select", "correctness"], 0),
        (["--select", "correctness", "--extend-select", "suspicious"], 1),
        (["--fail-level", "error"], 0),
        (["--fail-level", "never"], 0),
        (["--select", "edge-loosing-padding"], 2),
        (["--input", "1,H"], 1),
        (["--input", "1,-3"], 2),
        (["--explain", "nothing-like-it"], 2),
        (["--list", "--rules"], 2),
        (["--list", "--contract"], 2),
        (["--list", "--format", "json"], 2),
        (["--list", "--write-baseline", "known.json"], 2),
        (["--explain", "even-kernel", "--add-ignore"], 2),
        (["--show-settings", "--statistics"], 2),
        (["--format", "yaml"], 2),
        (["--timeout", "0"], 2),
    ],
)
def test_options_decide_the_exit_status(tmp_path, arguments, status):
    write_net(tmp_path)
    run = modellint("net.py", *arguments, cwd=tmp_path)
    assert run.returncode == status, run.stdout + run.stderr
    if status == 2:
        assert run.stdout == ""
        assert run.stderr
        assert "Traceback" not in run.stderr


def test_an_unknown_rule_names_the_nearest(tmp_path):
    run = modellint("net.py", "--select", "edge-loosing-padding", cwd=tmp_path)
    assert "edge-losing-padding" in run.stderr


@pytest.mark.parametrize(
    "arguments",
    [[], ["nowhere.py"], ["-"], ["net.py::Nothing"], ["net.py::Net::conv1"], ["net.txt"]],
)
def test_wrong_targets_are_usage_errors(tmp_path, arguments):
    write_net(tmp_path)
    write_net(tmp_path, name="net.txt")
    run = modellint(*arguments, cwd=tmp_path, stdin="")
    assert run.returncode == 2
    assert "Traceback" not in run.stderr


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_a_fifo_is_refused_before_it_is_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.py")
    run = modellint("pipe.py", cwd=tmp_path)
    assert run.returncode == 2
    assert "not a regular file" in run.stderr


def test_standard_input_is_linted_under_its_given_name(tmp_path):
    run = modellint(
        "-",
        "--stdin-filename",
        "models/net.py",
        cwd=tmp_path,
        stdin=NET.format(padding="", comment=""),
    )
    assert run.returncode == 1
    assert run.stdout.startswith("models/net.py:9:22: warning[edge-losing-padding]")
    assert "9 |         self.conv1 = nn.Conv2d(1, 5, 3)" in run.stdout


def test_a_selector_lints_one_model(tmp_path):
    write_net(tmp_path)
    source = (tmp_path / "net.py").read_text("utf-8")
    other = dedent(source).replace("Net", "Other").replace("import torch\n", "", 1)
    (tmp_path / "net.py").write_text(source + other, "utf-8")
    _, report = report_of("net.py::Other", cwd=tmp_path)
    assert [model["name"] for model in report["models"]] == ["Other"]


def test_output_goes_to_a_file(tmp_path):
    write_net(tmp_path)
    run = modellint("net.py", "--format", "json", "-o", "report.json", cwd=tmp_path)
    assert run.stdout == ""
    assert json.loads((tmp_path / "report.json").read_text("utf-8"))["summary"]["warning"] == 1


ODD_NAMES = [
    os.fsdecode(b"no \xff text.py"),
    "100%: a,b ::error:: é|`*.py",
    "new\nline.py",
    "'\".py",
]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse these names")
@pytest.mark.parametrize("name", FORMATS)
def test_odd_file_names_come_out_of_every_format(tmp_path, name):
    for odd in ODD_NAMES:
        write_net(tmp_path, name=odd)
    run = modellint(".", "--format", name, cwd=tmp_path)
    assert run.returncode == 1, run.stderr
    if name in ("json", "sarif", "gitlab"):
        assert json.loads(run.stdout)
        assert run.stdout.isascii()
    elif name == "junit":
        suites = ElementTree.fromstring(run.stdout)
        assert len(suites) == len(ODD_NAMES)
    else:
        assert "\\udcff" in run.stdout
        assert "new\\nline.py" in run.stdout.replace("\\\\", "\\")


def test_the_contract_is_confirmed_when_asked_for(tmp_path):
    write_net(tmp_path)
    _, plain = report_of("net.py", cwd=tmp_path)
    _, asked = report_of("net.py", "--contract", cwd=tmp_path)
    (before,), (after,) = plain["models"], asked["models"]
    assert (before["confirmed"], after["confirmed"]) == (False, True)
    assert before["contract"] == after["contract"]
    assert after["contract"]["H"] == {"min": 3, "max": None, "multiple_of": 1, "values": None}
    assert " accepts " in modellint("net.py", "--contract", cwd=tmp_path).stdout


def test_colour_needs_a_terminal_or_a_wish(tmp_path):
    write_net(tmp_path)
    assert "\x1b[" not in modellint("net.py", cwd=tmp_path).stdout
    assert "\x1b[" in modellint("net.py", "--color", "always", cwd=tmp_path).stdout


@pytest.mark.slow
def test_a_terminal_without_unicode_gets_escapes(tmp_path):
    write_net(tmp_path)
    run = process("net.py", cwd=tmp_path, PYTHONIOENCODING="latin-1", encoding="latin-1")
    assert run.returncode == 1
    assert "\\u2192" in run.stdout


def test_the_list_needs_no_user_code(tmp_path):
    (tmp_path / "net.py").write_text(
        NET.format(padding="", comment="") + "\nraise SystemExit(3)\n", "utf-8"
    )
    run = modellint("net.py", "--list", cwd=tmp_path)
    assert run.returncode == 0
    assert run.stdout == (
        "net.py:6: Net (class)\n"
        "  build: Net() (defaults)\n"
        "  input: (1, 28, 28) float32 (call at line 16)\n"
    )


def test_rules_and_pages_are_printed(tmp_path):
    listed = modellint("--rules", cwd=tmp_path)
    assert listed.returncode == 0
    assert "even-kernel" in listed.stdout
    page = modellint("--explain", "even-kernel", cwd=tmp_path)
    assert page.returncode == 0
    assert page.stdout.startswith("even-kernel\n")
    assert "class " in page.stdout


def test_every_kind_of_error_is_explained(tmp_path):
    for kind in KINDS:
        page = modellint("--explain", kind, cwd=tmp_path)
        assert page.returncode == 0
        assert page.stdout.startswith(f"{kind}\n")
    near = modellint("--explain", "build-eror", cwd=tmp_path)
    assert near.returncode == 2
    assert "build-error" in near.stderr


def test_a_script_of_any_suffix_is_linted(tmp_path):
    write_net(tmp_path, name="net.cgi")
    script = tmp_path / "net.cgi"
    script.write_text("#!/usr/bin/env python3\n" + script.read_text("utf-8"), "utf-8")
    status, report = report_of("net.cgi", cwd=tmp_path)
    assert (status, len(report["models"])) == (1, 1)


def test_a_forward_that_fails_is_not_to_be_silenced(tmp_path):
    write_net(tmp_path)
    net = tmp_path / "net.py"
    assert "modellint: ignore[" in modellint("net.py", cwd=tmp_path).stdout
    net.write_text(net.read_text("utf-8").replace("(1, 28, 28)", "(3, 28, 28)"), "utf-8")
    run = modellint("net.py", cwd=tmp_path)
    assert run.returncode == 1
    assert "modellint: ignore[" not in run.stdout


def test_a_missing_path_leaves_the_others_linted(tmp_path):
    write_net(tmp_path)
    done = modellint("net.py", "gone.py", "--format", "json", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "modellint: gone.py: no such file or directory\n"
    assert [one["rule"] for one in json.loads(done.stdout)["findings"]] == ["edge-losing-padding"]


@pytest.mark.slow
def test_files_of_the_users_do_not_stand_in_for_the_standard_library(tmp_path):
    for name in ("random.py", "email.py", "torch.py", "click.py"):
        (tmp_path / name).write_text("raise SystemExit('not the real one')\n")
    write_net(tmp_path, ", padding=1")
    for arguments in (["--rules"], ["net.py"]):
        done = process(*arguments, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("target", ["", "::Net"])
def test_an_empty_target_is_not_the_current_folder(tmp_path, target):
    run = modellint(target, cwd=tmp_path)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr


@pytest.mark.skipif(os.name == "nt", reason="there, no folder is deleted that one is in")
def test_a_folder_that_is_gone_is_said(tmp_path):
    (tmp_path / "gone").mkdir()
    code = "import os; from modellint.cli import main; os.rmdir(os.getcwd()); main()"
    run = subprocess.run(
        [sys.executable, "-c", code, "--rules"],
        cwd=tmp_path / "gone",
        capture_output=True,
        text=True,
    )
    assert run.returncode == 2
    assert len(run.stderr.splitlines()) == 1
