"""Temporary files and shared memory of a file's process go when it ends, however it ends."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from modellint.config.settings import Settings
from modellint.engine import running
from modellint.engine.engine import lint_targets
from modellint.engine.subprocess_pool import SinglePool
from modellint.worker.leftovers import remove_folder

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /dev/shm")

NET = """
import atexit, os, sys, tempfile, time
from multiprocessing import shared_memory
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.scratch = tempfile.TemporaryDirectory()
        self.locked = tempfile.mkdtemp()
        open(self.locked + "/file", "w").close()
        os.chmod(self.locked, 0)
        self.memory = shared_memory.SharedMemory(create=True, size=64)
        open("made.lock", "w").close()
        atexit.register(os.remove, "made.lock")
        open("name.txt", "w").write(self.memory.name + " " + self.locked)
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        {ending}

    def forward(self, x):
        return self.conv(x)
"""
ENDINGS = {
    "as it should": ("pass", "analysed"),
    "by an error": ("1 / 0", "failed"),
    "by a crash": ("os.abort()", "failed"),
    "by a signal": ("os.kill(os.getpid(), 9)", "failed"),
    "too late": ("time.sleep(60)", "failed"),
    "while it ends": ("atexit.register(time.sleep, 60)", "analysed"),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    Path("temporary").mkdir()
    Path("pyproject.toml").touch()


def check(ending, status):
    Path("net.py").write_text(NET.format(ending=ending))
    report = lint_targets(["net.py"], Settings(timeout=6.0))
    assert [model.status for model in report.models] == [status]
    memory, locked = Path("name.txt").read_text().split()
    assert not Path("/dev/shm", memory).exists()
    assert not Path(locked).exists()
    return locked


@pytest.mark.slow
@pytest.mark.parametrize("name", ENDINGS)
def test_nothing_is_left_behind(name, folder, lasting_pool):
    check(*ENDINGS[name])
    if name == "as it should":
        assert not Path("made.lock").exists()


@pytest.mark.parametrize(("name", "depth"), [("d", 1300), ("d" * 200, 60)])
def test_a_folder_goes_however_deep_and_locked_it_is(tmp_path, monkeypatch, name, depth):
    top = tmp_path / "top"
    top.mkdir()
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "kept").touch()
    monkeypatch.chdir(top)
    for at in range(depth):
        Path(name).mkdir()
        os.chdir(name)
        if at % 20 == 0:
            Path("file").touch()
            Path("link").symlink_to(tmp_path / "beside")
    Path().chmod(0)
    os.chdir(tmp_path)
    remove_folder(str(top))
    assert not top.exists()
    assert (tmp_path / "beside" / "kept").exists()


@pytest.mark.slow
def test_nothing_is_left_behind_without_a_fork(folder, monkeypatch):
    monkeypatch.setattr(running, "open_pool", SinglePool)
    for name in ("as it should", "by a crash"):
        locked = check(*ENDINGS[name])
        assert locked.startswith(str(Path("temporary").absolute()))
        assert [*Path("temporary").iterdir()] == []


@pytest.mark.slow
def test_a_run_leaves_no_folder_of_its_own(folder, new_worker):
    check(*ENDINGS["as it should"])
    assert [*Path("temporary").iterdir()] == []


@pytest.mark.slow
def test_a_run_that_is_killed_leaves_none_either(folder):
    text = NET.format(ending="time.sleep(60)")
    Path("net.py").write_text(text)
    environment = {**os.environ, "TMPDIR": str(Path("temporary").absolute())}
    run = subprocess.Popen([sys.executable, "-m", "modellint", "net.py"], env=environment)
    for _ in range(600):
        if Path("name.txt").exists():
            break
        signal.sigtimedwait([], 0.1)
    run.kill()
    run.wait()
    for _ in range(100):
        if not [*Path("temporary").iterdir()]:
            break
        signal.sigtimedwait([], 0.1)
    assert [*Path("temporary").iterdir()] == []


@pytest.mark.slow
def test_no_folder_for_temporary_files_is_needed(tmp_path):
    (tmp_path / "net.py").write_text(
        "from torch import nn\nnet = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1))\n"
    )
    code = (
        "import sys, tempfile\n"
        "def none(): raise FileNotFoundError('No usable temporary directory found')\n"
        "tempfile.gettempdir = tempfile._get_default_tempdir = none\n"
        "sys.argv = ['modellint', 'net.py']\n"
        "from modellint.cli import main\nmain()\n"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
    assert "1 model checked" in run.stdout
