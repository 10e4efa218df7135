"""What the language server takes to answer a change, beside the import of torch in the same Python.

Run from the root of the repository: `python -m benchmarks.editing`. An editor opens a file, changes
it again and again, and waits each time until the findings of the new text have arrived; the pause
in typing that the server waits for is part of it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parent.parent
# What tests share, they import from each other by its name.
sys.path.insert(0, str(ROOT / "tests"))

from language_client import Editor  # noqa: E402

#: So many changes of each file, and as many imports of torch in between.
_CHANGES = 15
_AIM, _LIMIT = 0.2, 0.5
_DEEP = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(*[self.block() for _ in range(50)])

    def block(self):
        return nn.Sequential(
            nn.Conv2d(16, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
        )

    def forward(self, x):
        return self.blocks(x)


Net()(torch.rand(1, 16, 32, 32))
"""
_PLAIN = "import torch\nfrom nets import double\n\n\ndef triple(number):\n    return 3 * number\n"


def main() -> None:
    """Print the table, as Markdown."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = [*_files(folder)]
        imports = [_import() for _ in range(3)]
        editor = Editor(folder)
        try:
            times = {path.name: [*_changes(editor, path)] for path in files}
        finally:
            editor.leave()
        imports += [_import() for _ in range(3)]
    whole = median(imports)
    print(f"`import torch` took {whole:.2f} s.\n")
    print("| a change of | aim | found | seconds | the slowest | with its fixes |")
    print("|---|---|---|---|---|---|")
    for path, found in times.items():
        first, last = [[one[at] for one in found] for at in (0, 1)]
        ratio, seconds = median(first) / whole, median(first)
        cells = f"**{ratio:.2f}** | {seconds:.2f} | {max(first):.2f} | {median(last):.2f}"
        print(f"| {path} | {_AIM} | {cells} |")
        assert ratio < _LIMIT, "slower than half of an import of torch"


def _files(folder: Path) -> Iterator[Path]:
    """The files that are edited, in a project of a hundred others."""
    (folder / "pyproject.toml").write_text("", "utf-8")
    for example in sorted((ROOT / "examples").glob("*.py")):
        yield Path(shutil.copy(example, folder))
    (folder / "deep.py").write_text(_DEEP, "utf-8")
    yield folder / "deep.py"
    for at in range(100):
        (folder / f"plain{at}.py").write_text(_PLAIN, "utf-8")


def _changes(editor: Editor, path: Path) -> Iterator[tuple[float, float]]:
    """The seconds from a change to its findings, and to the fixes of these."""
    uri = editor.open(path)
    editor.diagnostics(uri)
    text = editor.texts[uri]
    for at in range(_CHANGES):
        time.sleep(0.5)
        counted = editor.counts[uri]
        started = time.perf_counter()
        editor.change(uri, f"{text}# {at}\n")
        found = editor.diagnostics(uri)
        first = time.perf_counter() - started
        wanted = counted + 1 + bool(found)
        editor.wait(lambda wanted=wanted: editor.counts[uri] >= wanted)
        yield first, time.perf_counter() - started
    editor.close_text(uri)


def _import() -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch"], check=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
