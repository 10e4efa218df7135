"""What a file costs in a project of a thousand files, beside what it costs in one of three.

Run from the root of the repository: `python -m benchmarks.projects`. Processor time of whole runs
of the command, with the index that an earlier run has left.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

#: Each figure is the least of so many runs.
_RUNS = 7
_FILES = 1_000
_NET = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.conv = nn.Conv2d(config["channels"], config["width"], 3, padding=1)
        self.norm = nn.BatchNorm2d(config["width"])
        self.head = nn.Linear(config["width"], 10)

    def forward(self, x):
        x = torch.relu(self.norm(self.conv(x)))
        return self.head(x.mean((2, 3)))
"""
_ENGINE = """\
from net import Net


class Engine:
    def __init__(self, config):
        self.model = Net(config)

    def step(self, images):
        return self.model(images)
"""
_TRAIN = """\
import argparse

import torch

from engine import Engine

parser = argparse.ArgumentParser()
parser.add_argument("--width", type=int, default=16)
args = parser.parse_args()
engine = Engine({"channels": 3, "width": args.width})
engine.step(torch.rand(8, 3, 32, 32)).mean().backward()
"""
#: Others of the project, which import each other and torch, and not the model.
_OTHER = '''\
"""A module of many."""

import os
import torch
import torch.nn.functional as F

from package{other}.module{number} import compute as compute_before

SCALE = {number}


class Processing:
    """Holds {number} settings."""

    def __init__(self, scale=SCALE, name="processing"):
        self.scale = scale
        self.name = os.path.join(name, str(scale))

    def __call__(self, batch):
        return F.relu(batch * self.scale) + compute_before(batch)


def compute(batch):
    """Scales a batch."""
    return torch.sum(batch) * SCALE


''' + "".join(f"def helper_{at}(a, b):\n    return a * {at} + b\n\n\n" for at in range(40))


def main() -> None:
    """Print the table, as Markdown."""
    with tempfile.TemporaryDirectory() as name:
        small, large = Path(name, "small"), Path(name, "large")
        for folder in (small, large):
            _write(folder)
        _fill(large)
        rows = [*_rows(small, large)]
    print(f"| run | alone | among {_FILES:,} files | ratio | aim |\n|---|---|---|---|---|")
    for title, alone, among in rows:
        ratio = among / alone
        print(f"| {title} | {alone:.2f} s | {among:.2f} s | **{ratio:.2f}** | 1.1 |")


def _rows(small: Path, large: Path) -> Iterator[tuple[str, float, float]]:
    def both(run: Callable[[Path], float]) -> tuple[float, float]:
        # In turn, so that what else the machine does falls on both.
        times = [(run(small), run(large)) for _ in range(_RUNS)]
        return min(alone for alone, _ in times), min(among for _, among in times)

    for folder in (small, large):
        _lint(folder)
    yield "the file has changed", *both(_changed)
    for folder in (small, large):
        _lint(folder)
    yield "nothing has changed", *both(_lint)
    yield "nothing is kept", *both(lambda folder: _lint(folder, "--no-cache"))


def _changed(folder: Path) -> float:
    with (folder / "net.py").open("a") as file:
        file.write("# changed\n")
    return _lint(folder)


def _lint(folder: Path, *options: str) -> float:
    """Lint the model's file, and give the processor time of the run with its workers."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "modellint", "--fail-level", "never", *options, "net.py"]
    done = subprocess.run(
        command, cwd=folder, env={**os.environ}, capture_output=True, text=True, check=True
    )
    assert "1 model checked" in done.stdout, done.stdout + done.stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _write(folder: Path) -> None:
    (folder / ".git").mkdir(parents=True)
    for name, text in (("net.py", _NET), ("engine.py", _ENGINE), ("train.py", _TRAIN)):
        (folder / name).write_text(text)


def _fill(folder: Path) -> None:
    for number in range(_FILES):
        package = folder / f"package{number % 40}"
        package.mkdir(exist_ok=True)
        (package / "__init__.py").touch()
        before = max(number - 1, 0)
        text = _OTHER.replace("{other}", str(before % 40)).replace("{number}", str(before))
        (package / f"module{number}.py").write_text(text)


if __name__ == "__main__":
    main()
