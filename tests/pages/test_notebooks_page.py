"""docs/notebooks.md: what it shows of a file is printed, and of a kernel runs in one."""

import shlex

import pytest
from command import modellint
from documents import block, marks
from kernels import Kernel
from notebook_files import written

NET = "\n".join(block("notebooks.md", "magic").splitlines()[1:])


def test_every_block_is_tried_here():
    assert marks("notebooks.md") == ["file", "live", "extension", "magic"]


def test_the_output_is_the_real_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cells = ["%matplotlib inline", "import torch\nfrom torch import nn", NET]
    (tmp_path / "net.ipynb").write_bytes(written([*cells, "Net()(torch.rand(1, 3, 32, 32))"]))
    command, shown = block("notebooks.md", "file").split("\n", 1)
    done = modellint(*shlex.split(command)[2:], cwd=tmp_path)
    assert done.stdout == shown


@pytest.mark.slow
def test_the_cells_run_in_a_kernel(tmp_path):
    kernel = Kernel(tmp_path)
    try:
        kernel.run("import torch\nfrom torch import nn")
        number, _ = kernel.run(NET)
        _, shown = kernel.run(block("notebooks.md", "live"))
        assert f"cell {number}:4:21" in shown["text/html"]
        kernel.run(block("notebooks.md", "extension"))
        number, shown = kernel.run(block("notebooks.md", "magic"))
        assert f"cell {number}:5:21: warning[even-kernel]" in shown["text/plain"]
        assert "edge-losing-padding" not in shown["text/plain"]
    finally:
        kernel.close()
