"""`--annotate` on the command line: where the source stands, and which options go with it."""

import json
import re

import pytest
from command import modellint

NET = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(1, width, 5)

    def forward(self, x):
        x = self.conv(x)
        return x.mean((2, 3))


def small():
    return Net(4)


def wide():
    return Net(64)


small()(torch.rand(3, 1, 28, 28))
wide()(torch.rand(3, 1, 28, 28))
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "net.py").write_text(NET, "utf-8")
    return tmp_path


def test_the_source_stands_between_the_findings_and_the_last_line(folder):
    plain = modellint("net.py", cwd=folder).stdout
    done = modellint("net.py", "--annotate", "--layers", cwd=folder)
    assert done.returncode == 1
    text = done.stdout
    order = [
        text.index("warning[edge-losing-padding]"),
        text.index("\n# small at net.py:15, input x (N, 1, H, W)"),
        text.index("\n# wide at net.py:19, input x (N, 1, H, W)"),
        text.index("\nsmall at net.py:15, input"),
        text.index("\nnote: "),
    ]
    assert order == sorted(order)
    assert text.endswith(plain.rpartition("\n\n")[2])
    assert "# (N, 4, H - 4, W - 4) 24×24" in text
    assert "# (N, 64, H - 4, W - 4) 24×24" in text


def test_quiet_leaves_the_source_and_a_file_takes_it(folder):
    quiet = modellint("net.py::small", "--annotate", "-q", "--ignore", "all", cwd=folder)
    assert quiet.returncode == 0
    assert quiet.stdout.startswith("# small at net.py:15")
    assert quiet.stdout.endswith("# (N, 4)\n")
    compile(quiet.stdout, "net.py", "exec")
    options = ("net.py::small", "--annotate", "-q", "--ignore", "all", "-o", "out.py")
    assert modellint(*options, cwd=folder).stdout == ""
    assert (folder / "out.py").read_text("utf-8") == quiet.stdout


@pytest.mark.parametrize("name", ["concise", "sarif", "gitlab", "junit"])
def test_a_format_without_a_place_for_it_is_wrong_usage(folder, name):
    done = modellint("net.py", "--annotate", "--format", name, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.search(rf"{name} has no place .* full, github, html, json and markdown", done.stderr)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--symbolic"], "give one of these"),
        (["--annotate", "--symbolic", "--concrete"], "give one of them"),
        (["--annotate", "--concrete", "--format", "json"], "has all sizes"),
        (["--annotate", "--list"], "would have no effect"),
        (["--annotate", "--diff"], "would have no effect"),
    ],
)
def test_options_that_count_for_nothing_are_wrong_usage(folder, options, told):
    done = modellint("net.py", *options, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr


def test_json_has_the_lines_as_data_when_asked(folder):
    plain = json.loads(modellint("net.py::small", "--format", "json", cwd=folder).stdout)
    assert "annotated" not in plain["models"][0]
    done = modellint("net.py::small", "--format", "json", "--annotate", cwd=folder)
    (model,) = json.loads(done.stdout)["models"]
    (source,) = model.pop("annotated")
    assert [model] == plain["models"]
    assert source["path"] == "net.py"
    first, last = source["lines"]
    assert (first["line"], first["text"]) == (11, "(N, 4, H - 4, W - 4) 24×24")
    assert first["first"] == [["", ["N", 4, "H - 4", "W - 4"], [3, 4, 24, 24], "float32"]]
    assert (last["end_line"], last["text"]) == (12, "(N, 4)")


def test_markdown_has_it_as_a_block_of_code(folder):
    text = modellint("net.py", "--format", "markdown", "--annotate", cwd=folder).stdout
    small, wide = re.findall(r"```python\n(.*?)\n```", text, re.DOTALL)
    assert small.startswith("# small at net.py:15")
    assert "# (N, 64)" in wide


def test_github_has_it_where_no_line_of_it_is_a_command(folder):
    (folder / "net.py").write_text(NET.replace("mean((2, 3))", 'mean((2, 3))  # "::error::x"'))
    text = modellint("net.py::small", "--format", "github", "--annotate", cwd=folder).stdout
    assert "# (N, 4)" in text
    assert not any(line.startswith("::error::x") for line in text.split("\n"))


def test_standard_input_is_annotated(folder):
    options = ("-", "--stdin-filename", "other.py", "--annotate", "--concrete", "-q")
    done = modellint(*options, "--ignore", "all", cwd=folder, stdin=NET)
    assert "x = self.conv(x)       # (3, 4, 24, 24)\n" in done.stdout


def test_what_fixes_make_of_a_file_is_annotated(folder):
    options = ("net.py::small", "--annotate", "--fix", "--unsafe-fixes", "-q")
    done = modellint(*options, cwd=folder)
    assert "padding=2" in done.stdout
    assert "# (N, 4, H, W)" in done.stdout
