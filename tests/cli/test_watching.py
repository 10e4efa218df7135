"""`--watch` lints again when something is saved that counts, at once, and ends when it is told."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from modellint.cli.watching import watch
from modellint.errors import UsageError


class Runs:
    """A lint that only counts, and changes files from a list while it is waited for."""

    def __init__(self, behind, changes):
        self.seen = []
        self._behind = behind
        self._changes = iter(changes)

    def __call__(self, read):
        self.seen.append(time.monotonic())
        read.update(map(str, self._behind))
        change = next(self._changes, None)
        if change is None:
            raise KeyboardInterrupt
        threading.Timer(0.2, change).start()


def saved(path, text):
    return lambda: path.write_text(text, "utf-8")


def test_it_lints_again_for_a_target_and_for_what_a_target_reads(tmp_path):
    net, part, new = (tmp_path / name for name in ("net.py", "part.py", "new.py"))
    for path in (net, part):
        path.write_text("1", "utf-8")
    changes = [saved(net, "22"), saved(part, "22"), saved(new, "1"), net.unlink]
    runs = Runs([part], changes)
    assert watch(runs, lambda: map(str, tmp_path.glob("n*.py")), quiet=True) == 0
    assert len(runs.seen) == 5


def test_it_lints_again_for_what_was_looked_for_and_for_the_names_in_a_folder(tmp_path):
    net, helper, held, listed = (tmp_path / name for name in ("net.py", "helper.py", "a", "b"))
    net.write_text("1", "utf-8")
    held.mkdir()
    listed.mkdir()
    changes = [
        lambda: (saved(held / "new", "1")(), time.sleep(0.3), saved(helper, "1")()),
        saved(listed / "new", "1"),
        held.rmdir if os.name == "nt" else lambda: held.rename(tmp_path / "c"),
    ]
    runs = Runs([helper, held, f"{listed}{os.sep}"], changes)
    watch(runs, lambda: [str(net)], quiet=True)
    assert len(runs.seen) == 4
    assert runs.seen[1] - runs.seen[0] > 0.45


def test_what_was_saved_during_a_run_is_linted_after_it(tmp_path):
    net = tmp_path / "net.py"
    net.write_text("1", "utf-8")
    seen = []

    def lint(read):
        seen.append(net.read_text("utf-8"))
        if len(seen) == 2:
            raise KeyboardInterrupt
        net.write_text("22", "utf-8")

    assert watch(lint, lambda: [str(net)], quiet=True) == 0
    assert seen == ["1", "22"]


def test_what_is_saved_to_no_effect_is_not_linted(tmp_path):
    net, other = tmp_path / "net.py", tmp_path / "other.txt"
    net.write_text("1", "utf-8")
    runs = Runs([], [lambda: (saved(other, "1")(), time.sleep(0.5), saved(net, "22")())])
    watch(runs, lambda: [str(net)], quiet=True)
    assert len(runs.seen) == 2
    assert runs.seen[1] - runs.seen[0] > 0.5


def test_what_is_wrong_at_first_is_raised_and_later_is_waited_for(tmp_path, capsys):
    net = tmp_path / "net.py"
    net.write_text("1", "utf-8")
    steps = iter([None, UsageError("unknown rule"), None])

    def lint(read):
        step = next(steps, KeyboardInterrupt)
        if step is not None:
            raise step
        threading.Timer(0.2, saved(net, f"{time.monotonic()}")).start()

    def failing(read):
        raise UsageError("no such file")

    with pytest.raises(UsageError):
        watch(failing, lambda: [str(net)], quiet=True)
    threading.Timer(0.8, saved(net, "later")).start()
    assert watch(lint, lambda: [str(net)], quiet=False) == 0
    assert "unknown rule" in capsys.readouterr().err


NET = """\
import torch
from parts import conv
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = conv(3, 8)

    def forward(self, x):
        return self.conv(x)


Net()(torch.rand(1, 3, 32, 32))
"""
PARTS = (
    "from torch import nn\n\n\ndef conv(a, b):\n    return nn.Conv2d(a, b, {kernel}, padding=1)\n"
)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="ends by SIGINT")
def test_the_second_lint_takes_a_part_of_what_torch_takes_and_ctrl_c_ends_it(tmp_path):
    (tmp_path / "net.py").write_text(NET, "utf-8")
    (tmp_path / "parts.py").write_text(PARTS.format(kernel=3), "utf-8")
    timed = "import time; t = time.perf_counter(); import torch; print(time.perf_counter() - t)"
    imports = min(
        float(subprocess.run([sys.executable, "-c", timed], capture_output=True, check=True).stdout)
        for _ in range(2)
    )
    command = [sys.executable, "-m", "modellint", "net.py", "--watch", "--format", "concise"]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "1 model checked, no findings\n"
        assert "watching 2 files" in process.stderr.readline()
        time.sleep(0.3)
        saved_at = time.perf_counter()
        saved(tmp_path / "parts.py", PARTS.format(kernel=4))()
        assert "parts.py:5:12: warning[even-kernel]" in process.stdout.readline()
        assert time.perf_counter() - saved_at < imports
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0
    assert "Traceback" not in out + err
