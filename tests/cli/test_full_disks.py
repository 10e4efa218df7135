"""Where nothing can be written no results are kept, words say so, and nothing is half."""

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest
from command import modellint

resource = pytest.importorskip("resource")

FULL = Path("/dev/full")
full = pytest.mark.skipif(not FULL.exists(), reason="no device that is always full")

GOOD = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        {body}
        self.conv = nn.Conv2d(3, 8, {kernel})

    def forward(self, x):
        return self.conv(x)

Net()(torch.rand(1, 3, 32, 32))
"""
CRASH = "import ctypes; ctypes.string_at(0)"


def write(name, body="pass", kernel="3, padding=1"):
    Path(name).write_text(GOOD.format(body=body, kernel=kernel), "utf-8")


@contextlib.contextmanager
def no_file_may_grow(size=0):
    """What `ulimit -f` does, for this process alone: a write beyond the size fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MODELLINT_NO_CACHE")
    return tmp_path


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs a fork")
def test_a_run_goes_on_where_no_file_may_grow(folder):
    write("crash.py", CRASH)
    write("good.py")
    # A process of its own, whose worker and files inherit the limit.
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "import sys; sys.argv = ['modellint', '-v', '--format', 'concise', '.']\n"
        "from modellint.cli import main; main()"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 1
    assert "crash.py:8: " in run.stdout and "crash" in run.stdout
    assert "1 model checked" in run.stdout
    assert "no results are kept" in run.stderr
    assert "Traceback" not in run.stderr
    assert [path.name for path in folder.rglob("*.json")] == []
    assert [*Path(".modellint_cache").iterdir()] == []


@pytest.mark.parametrize("size", [0, 100])
@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("-o", "report.txt"), 2),
        (("--write-baseline", "baseline.json"), 2),
        (("--add-ignore", "because"), 1),
        ((), 1),
    ],
    ids=str,
)
def test_what_a_run_would_write_is_refused_and_what_was_there_is_whole(
    arguments, status, size, folder
):
    write("net.py", kernel="4, stride=3")
    Path("report.txt").write_text("old")
    before = {path.name: path.read_text() for path in folder.iterdir()}
    with no_file_may_grow(size):
        run = modellint("net.py", *arguments, cwd=folder)
    assert run.returncode == status, run.stderr
    assert ("cannot" in run.stderr) == bool(arguments)
    assert "Traceback" not in run.stderr
    after = {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}
    assert after == before
    assert not [*Path(".modellint_cache").glob("*.json")]
    # The next one finds a cache that it can use.
    assert modellint("net.py", cwd=folder).returncode == 1
    assert [*Path(".modellint_cache").glob("*.json")]


@full
@pytest.mark.parametrize(
    ("stream", "arguments", "status"),
    [
        ("stdout", "--help", 2),
        pytest.param("stdout", "--list net.py", 2, marks=pytest.mark.slow),
        ("stderr", "--list net.py nowhere.py", 2),
        pytest.param("stderr", "--list net.py", 0, marks=pytest.mark.slow),
        pytest.param("stderr", "-v net.py", 0, marks=pytest.mark.slow),
        pytest.param("stderr", "--no-such-option", 2, marks=pytest.mark.slow),
    ],
)
def test_a_stream_that_cannot_be_written_changes_no_exit_status(stream, arguments, status):
    write("net.py")
    with FULL.open("wb") as disk:
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: disk}
        run = subprocess.run(
            [sys.executable, "-m", "modellint", *arguments.split()], text=True, **streams
        )
    assert run.returncode == status
    if stream == "stdout":
        assert run.stderr.splitlines() == [
            "modellint: cannot write to standard output: No space left on device"
        ]
    elif status == 0:
        assert run.stdout
