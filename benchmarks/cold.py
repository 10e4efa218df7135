"""What a whole run of the command takes, beside the import of torch in the same Python.

Run from the root of the repository: `python -m benchmarks.cold`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

#: Each figure is the least of so many runs: what else the machine does only adds to it.
_RUNS = 5
_CONVOLUTIONS = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, {number}, 3, padding=1)
        self.norm = nn.BatchNorm2d({number})
        self.head = nn.Linear({number}, 10)

    def forward(self, x):
        x = torch.relu(self.norm(self.conv(x)))
        return self.head(x.mean((2, 3)))
"""
_EMBEDDINGS = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding({number} * 100, 64)
        self.attention = nn.MultiheadAttention(64, 4, batch_first=True)
        self.head = nn.Linear(64, 10)

    def forward(self, tokens):
        x = self.embedding(tokens)
        x = x + self.attention(x, x, x, need_weights=False)[0]
        return self.head(x.mean(1))
"""
_PLAIN = "def double(number):\n    return 2 * number\n"


def main() -> None:
    """Print the table, as Markdown."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder / "one", _CONVOLUTIONS, 1)
        _write(folder / "convolutions", _CONVOLUTIONS, 100)
        _write(folder / "embeddings", _EMBEDDINGS, 100)
        _write(folder / "plain", _PLAIN, 1000)
        rows = [*_rows(folder)]
        importing = _least(lambda: _python("-c", "import torch"))
    print(f"`import torch`: {importing:.2f} s\n")
    print("| run | aim | found | seconds |\n|---|---|---|---|")
    for title, aim, seconds in rows:
        print(f"| {title} | {aim} | **{seconds / importing:.2f}** | {seconds:.2f} |")


def _rows(folder: Path) -> Sequence[tuple[str, str, float]]:
    plain = ["--no-cache", "-j", "2"]
    kept = ["--cache-dir", str(folder / "cache")]
    for name in ("one", "convolutions"):
        _lint(folder, name, *kept)

    def timed(*arguments: str) -> float:
        return _least(lambda: _lint(folder, *arguments))

    return [
        ("one file", "1.4", timed("one", *plain)),
        ("a hundred files of convolutions", "3", timed("convolutions", *plain)),
        ("a hundred files of embeddings", "3", timed("embeddings", *plain)),
        ("one file, unchanged", "0.15", timed("one", *kept)),
        ("a hundred files, unchanged", "0.15", timed("convolutions", *kept)),
        ("a thousand files without torch", "", timed("plain", *plain)),
        ("`--help`", "0.15", timed("--help")),
        ("`--version`", "0.15", timed("--version")),
        ("`--rules`", "0.15", timed("--rules")),
        ("`--explain even-kernel`", "0.15", timed("--explain", "even-kernel")),
    ]


def _write(folder: Path, text: str, count: int) -> None:
    folder.mkdir()
    for number in range(1, count + 1):
        (folder / f"net{number}.py").write_text(text.format(number=number), "utf-8")


def _least(run: Callable[[], None]) -> float:
    seconds = []
    for _ in range(_RUNS):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def _lint(folder: Path, *arguments: str) -> None:
    _python("-m", "modellint", *arguments, cwd=folder)


def _python(*arguments: str, cwd: Path | None = None) -> None:
    # Installed code is compiled once; a checkout may be told not to keep what it compiles.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    run = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True
    )
    if run.returncode not in (0, 1) or b"Traceback" in run.stderr:
        raise RuntimeError(run.stderr.decode())


if __name__ == "__main__":
    main()
