"""What a person sees on a terminal, and what a pipe never pays for."""

import os
import pty
import re
import subprocess
import sys

import pytest
from command import modellint
from documents import ROOT

from modellint.cli.output import has_links

NET = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(
            3,
            8,
            kernel_size=4,
            padding=1,
        )

    def forward(self, x):
        return self.conv(x)


Net()(torch.rand(1, 3, 32, 32))
"""


@pytest.mark.parametrize(
    ("environment", "links"),
    [
        ({}, False),
        ({"TERM": "xterm-256color"}, False),
        ({"TERM": "xterm-kitty"}, True),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "vscode"}, True),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, False),
        ({"VTE_VERSION": "7200"}, True),
        ({"VTE_VERSION": "4200"}, False),
        ({"VTE_VERSION": "old"}, False),
        ({"WT_SESSION": "1"}, True),
        ({"FORCE_HYPERLINK": "1"}, True),
        ({"FORCE_HYPERLINK": "0", "TERM": "xterm-kitty"}, False),
    ],
)
def test_links_go_to_terminals_that_are_known_to_show_them(environment, links):
    assert has_links(environment) is links


def loaded(*arguments, cwd):
    """The third-party modules that a run into a pipe has imported."""
    code = (
        "import sys\n"
        f"sys.argv = ['modellint', *{arguments!r}]\n"
        "from modellint.cli import main\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True)
    return {*done.stderr.splitlines()[-1].split()}


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["--rules"], ["--explain", "even-kernel"], ["--list", "examples"]],
    ids=" ".join,
)
def test_a_page_in_a_pipe_needs_neither_torch_nor_rich(arguments):
    assert not {"torch", "rich", "pygments"} & loaded(*arguments, cwd=ROOT)


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--layers"], ["--color", "always"]], ids=" ".join)
def test_a_run_into_a_pipe_needs_no_rich(options, tmp_path):
    (tmp_path / "net.py").write_text(NET, "utf-8")
    for _ in range(2):  # The second is of what the first has kept.
        assert not {"torch", "rich", "pygments"} & loaded("net.py", *options, cwd=tmp_path)


def screen(*arguments, cwd, columns=80, **environment):
    """What a terminal of so many columns gets from the command."""
    import fcntl
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    given = {**os.environ, "TERM": "xterm-256color", **environment}
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "CI", "TERM_PROGRAM", "VTE_VERSION"):
        if name not in environment:
            given.pop(name, None)
    command = [sys.executable, "-m", "modellint", *arguments]
    process = subprocess.Popen(command, cwd=cwd, stdout=theirs, stderr=subprocess.PIPE, env=given)
    os.close(theirs)
    parts = []
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # The other end is closed.
            break
        if not part:
            break
        parts.append(part)
    process.communicate(timeout=60)
    os.close(ours)
    return b"".join(parts).decode().replace("\r\n", "\n")


@pytest.mark.slow
def test_a_terminal_gets_the_fact_first_and_a_pipe_the_place(tmp_path):
    (tmp_path / "net.py").write_text(NET, "utf-8")
    shown = screen("net.py", cwd=tmp_path, NO_COLOR="1")
    assert "\x1b" not in shown
    first, second, *_ = shown.splitlines()
    assert first == "warning[even-kernel] conv has an even kernel at stride 1: 32×32 → 31×31"
    assert second.strip() == "--> net.py:8:21 in Net"
    assert max(map(len, shown.splitlines())) <= 80
    assert [line for line in shown.splitlines() if "^" in line] == [" " * 3 + "|" + " " * 25 + "^"]
    followed = screen("net.py", cwd=tmp_path, TERM="dumb")
    piped = modellint("net.py", cwd=tmp_path).stdout
    assert followed == piped
    assert piped.startswith("net.py:8:21: warning[even-kernel] conv has an even kernel")


@pytest.mark.slow
def test_links_and_colours_are_where_they_are_wanted(tmp_path):
    (tmp_path / "net.py").write_text(NET, "utf-8")
    link = re.compile(r"\x1b\]8;;file://\S*even_kernel\.py\x1b\\")
    assert link.search(screen("net.py", cwd=tmp_path, TERM="xterm-kitty"))
    plain = screen("net.py", cwd=tmp_path)
    assert "\x1b[33m" in plain
    assert "\x1b]8" not in plain
    assert "\x1b" not in screen("net.py", cwd=tmp_path, TERM="xterm-kitty", NO_COLOR="1")
    assert "\x1b]8" not in modellint("net.py", "--color", "always", cwd=tmp_path).stdout


@pytest.mark.slow
def test_shapes_beside_the_code_have_a_colour_on_a_terminal_alone(tmp_path):
    (tmp_path / "net.py").write_text(NET, "utf-8")
    options = ("net.py", "--annotate", "--concrete", "-q", "--ignore", "all")
    noted = "return self.conv(x)  "
    assert f"{noted}\x1b[36m# (1, 8, 31, 31)\x1b[0m" in screen(*options, cwd=tmp_path)
    assert f"{noted}# (1, 8, 31, 31)\n" in screen(*options, cwd=tmp_path, NO_COLOR="1")
    assert f"{noted}# (1, 8, 31, 31)\n" in modellint(*options, cwd=tmp_path).stdout


@pytest.mark.slow
@pytest.mark.parametrize("columns", [60, 80, 120])
def test_what_is_printed_on_a_terminal_fits_it(columns, tmp_path):
    (tmp_path / "net.py").write_text(NET, "utf-8")
    for arguments in (["net.py", "--layers"], ["--rules"], ["--explain", "budget"]):
        shown = screen(*arguments, cwd=tmp_path, columns=columns, NO_COLOR="1")
        assert shown.strip()
        assert max(map(len, shown.splitlines())) <= columns


DEEP = """\
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(8, 8)
        self.b = nn.Linear(8, 8)

    def forward(self, x):
        return self.b(self.a(x).relu())


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(Block(), nn.ReLU(), Block())
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        return self.head(self.blocks(x))


Net()(torch.rand(4, 8))
"""


def rows(done):
    """The rows of a table of layers: the first cell and all of them."""
    lines = done.stdout.splitlines()
    rule = next(at for at, line in enumerate(lines) if line.startswith("---"))
    cells = [re.split(r"\s{2,}", line) for line in lines[rule + 1 :]]
    end = next(at for at, row in enumerate(cells) if row[0] == "total")
    return {row[0]: row for row in cells[: end + 1]}


def test_layers_below_a_depth_are_summed_up(tmp_path):
    (tmp_path / "net.py").write_text(DEEP, "utf-8")

    def table(*options):
        return rows(modellint("net.py", "--layers", "--ignore", "all", *options, cwd=tmp_path))

    assert list(table()) == [*(f"blocks.{n}.{k}" for n in (0, 2) for k in "ab"), "head", "total"]
    assert list(table("--depth", "2")) == ["blocks.0", "blocks.2", "head", "total"]
    whole = table("--depth", "1")
    assert list(whole) == ["blocks", "head", "total"]
    assert whole["blocks"][1:4] == ["4 layers", "8 → 8", "288"]
    assert whole["total"] == table()["total"]


@pytest.mark.parametrize(
    "options",
    [["--depth", "1"], ["--layers", "--depth", "0"], ["--symbolic"], ["--watch", "--fix"]],
    ids=" ".join,
)
def test_what_would_have_no_effect_is_refused(options, tmp_path):
    (tmp_path / "net.py").write_text(DEEP, "utf-8")
    assert modellint("net.py", *options, cwd=tmp_path).returncode == 2


def test_the_table_of_layers_says_which_input_its_numbers_are_for(tmp_path):
    (tmp_path / "net.py").write_text(NET, "utf-8")
    told = modellint("net.py", "--layers", cwd=tmp_path).stdout
    costs = "392 parameters (<0.01 MB), 369 k MACs, 0.03 MB of activations"
    assert f"{costs} for input x 1×3×32×32\n" in told
    assert "3×32×32 → 8×31×31" in told
    symbolic = modellint("net.py", "--layers", "--symbolic", cwd=tmp_path).stdout
    assert "(N, 3, H, W) → (N, 8, H - 1, W - 1)" in symbolic
